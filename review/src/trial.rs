//! A request to try things with.

use crate::ReviewRequest;

/// A push of one customer, nothing measured and nothing found.
pub(crate) fn request() -> ReviewRequest {
    ReviewRequest {
        key: "push-7".into(),
        dataset: "orders".into(),
        customer: "acme".into(),
        title: "acme delivered orders".into(),
        measure: None,
        findings: vec![],
        if_approved: "a".into(),
        if_rejected: "r".into(),
        submitter: None,
        source: None,
        evidence: None,
    }
}
