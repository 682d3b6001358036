//! The input of one push's execution: where the analyzer and `review.asl.json` meet.
//!
//! The state machine computes nothing: every S3 call that it makes finds its arguments here, ready made, and a contract
//! test holds each of its paths against these types. The same report and evidence give the same bytes, so that a
//! second `StartExecution` under the push's id is recognised as the same.

mod request;

use std::collections::BTreeMap;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::{ContentHash, Evidence, ObjectVersion, PushId, Report, ReviewRequest};

/// The tag that says how a push ended; what is read downstream is what has it `accepted`.
pub const HOLDPOINT_TAG: &str = "holdpoint";

/// S3 allows an object ten tags; ours is one of them.
const TAG_LIMIT: usize = 10;

/// All but what RFC 3986 leaves unreserved, and the slash: a `CopySource` is a path.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What an execution of `review.asl.json` starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionInput {
    /// What the gate tests: a person must look.
    pub needs_review: bool,
    /// What the reviewers are asked, should they be.
    pub review: ReviewRequest,
    /// Which push it is about, for the states of one's own.
    pub push: PushReference,
    /// What acceptance does.
    pub accept: Acceptance,
    /// What a rejection does.
    pub reject: Refused,
    /// What an expiry does.
    pub expire: Refused,
}

/// A push as the states after Accept see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushReference {
    /// Its id.
    pub id: PushId,
    /// The object version that was analyzed: the one to go on with.
    pub source: ObjectVersion,
    /// Dataset.
    pub dataset: String,
    /// Customer.
    pub customer: String,
    /// When S3 stored the version.
    pub delivered_at: Timestamp,
    /// Hash of the report that the decision is about.
    pub report_hash: ContentHash,
}

/// The arguments of what acceptance does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// Mark the version.
    pub tag: PutObjectTagging,
    /// Take its profile into the baseline.
    pub learn: CopyObject,
}

/// The arguments of what a rejection or an expiry does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Mark the version.
    pub tag: PutObjectTagging,
}

/// Arguments of S3's `PutObjectTagging`, in Step Functions' spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutObjectTagging {
    /// Bucket name.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Exactly the version that was analyzed.
    pub version_id: String,
    /// What replaces the version's tags.
    pub tagging: Tagging,
}

/// A whole tag set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tagging {
    /// At most ten.
    pub tag_set: Vec<Tag>,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Arguments of S3's `CopyObject`, in Step Functions' spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CopyObject {
    /// Bucket to copy into.
    pub bucket: String,
    /// Key to copy to.
    pub key: String,
    /// `bucket/key` to copy from, percent-encoded.
    pub copy_source: String,
}

impl ExecutionInput {
    /// The input for a push: its report, and where the evidence lies.
    ///
    /// `profile` is the key of the push's profile in the evidence's bucket, which holds the baseline too. Tags beyond S3's
    /// ten give way to ours, the last in order of their names first.
    pub fn of(report: &Report, evidence: Evidence, profile: &str) -> Self {
        let tag = |ended| PutObjectTagging {
            bucket: report.source.bucket.clone(),
            key: report.source.key.clone(),
            version_id: report.source.version_id.clone(),
            tagging: tagging(&report.tags, ended),
        };
        Self {
            needs_review: report.needs_review,
            push: PushReference {
                id: report.push.clone(),
                source: report.source.clone(),
                dataset: report.dataset.clone(),
                customer: report.customer.clone(),
                delivered_at: report.delivered_at,
                report_hash: evidence.report_hash.clone(),
            },
            accept: Acceptance { tag: tag("accepted"), learn: learn(report, &evidence.bucket, profile) },
            reject: Refused { tag: tag("rejected") },
            expire: Refused { tag: tag("expired") },
            review: request::request(report, evidence),
        }
    }
}

/// Where the profiles of a customer's accepted pushes lie; listed in order of delivery.
pub fn baseline_prefix(dataset: &str, customer: &str) -> String {
    format!("baseline/{dataset}/{customer}/")
}

/// Where the profile of one accepted push lies.
pub fn baseline_key(dataset: &str, customer: &str, delivered_at: Timestamp, push: &PushId) -> String {
    format!("{}-{push}", baseline_since(dataset, customer, delivered_at))
}

/// What lies between the profiles of what was delivered before a time, and those of what was delivered then or later.
pub fn baseline_since(dataset: &str, customer: &str, since: Timestamp) -> String {
    // All of one width and without a fraction, so that S3's order of keys is the order of delivery.
    format!("{}{}", baseline_prefix(dataset, customer), since.strftime("%Y%m%dT%H%M%SZ"))
}

fn tagging(tags: &BTreeMap<String, String>, ended: &str) -> Tagging {
    let ours = Tag { key: HOLDPOINT_TAG.to_owned(), value: ended.to_owned() };
    let theirs = tags.iter().filter(|(key, _)| *key != HOLDPOINT_TAG).take(TAG_LIMIT - 1);
    let theirs = theirs.map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    Tagging { tag_set: std::iter::once(ours).chain(theirs).collect() }
}

fn learn(report: &Report, bucket: &str, profile: &str) -> CopyObject {
    CopyObject {
        bucket: bucket.to_owned(),
        key: baseline_key(&report.dataset, &report.customer, report.delivered_at, &report.push),
        copy_source: utf8_percent_encode(&format!("{bucket}/{profile}"), COPY_SOURCE).to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::PushHash;
    use crate::{BaselineMember, BaselineSummary, Finding, Share, Threshold};

    pub(crate) fn report() -> Report {
        let source = ObjectVersion {
            bucket: "in".into(),
            key: "incoming/orders/acme/a b+c.csv".into(),
            version_id: "v7".into(),
        };
        Report {
            version: 1,
            push: source.push_id(),
            source,
            dataset: "orders".into(),
            customer: "acme".into(),
            delivered_at: "2026-11-22T08:14:00.5Z".parse().unwrap(),
            tags: std::collections::BTreeMap::new(),
            content: PushHash::of_blake3([0; 32]),
            records: 12_480,
            anomalous: 5_154,
            row_rate: Share::new(5_154, 12_480),
            batch_mass: Share::new(1, 100),
            threshold: Threshold::SIX_PERCENT,
            needs_review: true,
            findings: vec![
                found(&["amount"], "amount is 100 times what it was: median 4,120.00, before 39.90 to 43.10"),
                found(&["currency"], "has a value never seen: “¢”"),
            ],
            baseline: BaselineSummary {
                members: [(11, 1_000), (2, 1_000), (9, 1_000)].map(member).into(),
                expected: None,
            },
        }
    }

    pub(crate) fn found(columns: &[&str], reason: &str) -> Finding {
        Finding {
            check: "range".into(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            hard: true,
            share: Share::new(4_855, 12_480),
            reason: reason.into(),
            examples: vec![],
        }
    }

    fn member((count, of): (u64, u64)) -> BaselineMember {
        let push = PushId::of("in", "earlier", &count.to_string());
        BaselineMember {
            push,
            delivered_at: Timestamp::UNIX_EPOCH,
            records: of,
            rate: Some(Share::new(count, of)),
            replayed: None,
        }
    }

    pub(crate) fn evidence() -> Evidence {
        Evidence {
            bucket: "evidence".into(),
            report: "reports/p/report.json".into(),
            report_hash: ContentHash::of(b"report"),
            page: "reports/p/page.json".into(),
            flagged: "reports/p/flagged.csv".into(),
            delivered_at: None,
        }
    }

    fn input(report: &Report, tags: &[(&str, &str)]) -> ExecutionInput {
        let tags = tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        ExecutionInput::of(&Report { tags, ..report.clone() }, evidence(), "reports/p/profile +1.json")
    }

    #[test]
    fn our_tag_joins_the_others_and_is_never_the_one_too_many() {
        let tags = |present: &[(&str, &str)]| input(&report(), present).reject.tag.tagging.tag_set;
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let rejected = tag("holdpoint", "rejected");
        assert_eq!(tags(&[]), std::slice::from_ref(&rejected));
        assert_eq!(tags(&[("holdpoint", "accepted")]), std::slice::from_ref(&rejected), "replayed after acceptance");
        assert_eq!(tags(&[("team", "x")]), [rejected.clone(), tag("team", "x")]);
        let ten: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map(|key| (key, "")).into();
        let kept = tags(&ten);
        assert_eq!(kept.len(), 10);
        assert!(kept.contains(&rejected));
    }

    #[test]
    fn the_profile_is_copied_to_where_order_is_delivery() {
        let learn = input(&report(), &[]).accept.learn;
        assert_eq!(learn.copy_source, "evidence/reports/p/profile%20%2B1.json");
        assert_eq!(learn.bucket, "evidence");
        assert_eq!(learn.key, format!("baseline/orders/acme/20261122T081400Z-{}", report().push));
        assert_eq!(input(&report(), &[]).accept.tag.version_id, "v7");
    }
}
