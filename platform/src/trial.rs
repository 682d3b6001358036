//! A round to try things with.

use holdpoint_review::{ActivityInput, Admission, ReviewRequest, Round, Routes, TaskToken, Visit, admit};

pub(crate) fn input(entered: &str, redrives: u32) -> ActivityInput {
    let visit = Visit { execution: "e".into(), state: "s".into(), entered: entered.into(), redrives };
    let request = ReviewRequest {
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
    };
    ActivityInput { version: 1, visit, request }
}

/// Open for one reviewer, whose vote decides.
pub(crate) fn opened(input: &ActivityInput) -> Round {
    let routes = Routes::parse("[[reviewer]]\nname='d'\nmail='d@e'\n[[route]]\nreviewers=['d']").unwrap();
    let route = || routes.for_request(&input.request).cloned();
    match admit(None, &TaskToken::new("one"), input, route, crate::now()) {
        Ok(Admission::Open(round)) => round,
        other => panic!("{other:?}"),
    }
}
