//! What the fuzzer and the tests do with a file: read it, judge it alone, take it for accepted, judge it by itself.
//!
//! Whatever the bytes are, the end is a verdict or an error that has a name. It has no extension, so that what it is taken for
//! depends on its bytes alone.

use std::collections::BTreeMap;

use holdpoint_analyzer::{Analysis, Baseline, Declared, Push, Settings, analyze, profile};
use holdpoint_review::ObjectVersion;
use jiff::Timestamp;

/// Judges a push of these bytes.
pub(crate) fn judge(bytes: &[u8]) -> Analysis {
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    std::fs::write(file.path(), bytes).expect("there is room for a file");
    let settings = Settings::default();
    let alone = analyze(file.path(), &push(1), &Baseline::default(), &settings).expect("the machine is not at fault");
    // A push that cannot be read is held, and teaches nothing.
    let Ok(accepted) = profile(file.path(), &push(0), &Declared::default()) else {
        assert!(alone.report.needs_review, "{:?}", alone.report.findings);
        return alone;
    };
    let json = serde_json::to_vec(&accepted).expect("a profile is plain data");
    let accepted = serde_json::from_slice(&json).expect("a profile is read as it was written");
    let baseline = Baseline::learn(vec![accepted], push(1).delivered_at);
    analyze(file.path(), &push(1), &baseline, &settings).expect("the machine is not at fault")
}

fn push(version: i64) -> Push {
    Push {
        source: ObjectVersion { bucket: "b".to_owned(), key: "push".to_owned(), version_id: version.to_string() },
        dataset: "d".to_owned(),
        customer: "c".to_owned(),
        delivered_at: Timestamp::from_second(version).expect("a small number is a time"),
        tags: BTreeMap::new(),
    }
}
