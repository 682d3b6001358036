//! What the analyzer found in one push, and what a page shows of it.
//!
//! `report.json` is the whole judgement and is written once; its hash is what a reviewer approves.
//! `page.json` holds what only a page needs (sample records, plots), so that a decision never depends on it.
//! Both are JSON that the analyzer writes and the callback reads: two services that share nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Measure, PushHash, PushId, Share, Threshold};

/// The version of [`Report`] and [`PageData`] that this code writes.
pub const REPORT_VERSION: u32 = 1;

/// One version of one S3 object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectVersion {
    /// Bucket name.
    pub bucket: String,
    /// Object key, decoded.
    pub key: String,
    /// The version that S3 gave it.
    pub version_id: String,
}

impl ObjectVersion {
    /// The push that this object version is.
    pub fn push_id(&self) -> PushId {
        PushId::of(&self.bucket, &self.key, &self.version_id)
    }
}

/// The judgement of one push.
///
/// Same bytes, same baseline, same rules: the same report, byte for byte, so it holds no time but the delivery's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// [`REPORT_VERSION`] at the time of writing.
    pub version: u32,
    /// Which push.
    pub push: PushId,
    /// The object version that was analyzed, and that Accept tags.
    pub source: ObjectVersion,
    /// Dataset and customer, from the key.
    pub dataset: String,
    /// See `dataset`.
    pub customer: String,
    /// When S3 stored the version.
    #[schemars(with = "String")]
    pub delivered_at: Timestamp,
    /// The tags that the version had when it was analyzed; Accept and Reject keep them beside their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// BLAKE3 of the object's bytes.
    pub content: PushHash,
    /// Records in the push.
    pub records: u64,
    /// Records with at least one hard finding; each counted once.
    pub anomalous: u64,
    /// `anomalous` of `records`; the whole for a push that could not be read.
    pub row_rate: Share,
    /// The largest share that no single record is guilty of: missing records, excess nulls, a shifted distribution.
    pub batch_mass: Share,
    /// The limit that was applied.
    pub threshold: Threshold,
    /// Whether a person must look: the larger of the two rates is strictly above the threshold.
    pub needs_review: bool,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// What the push was compared with.
    pub baseline: BaselineSummary,
}

impl Report {
    /// The anomaly rate: the larger of the two shares.
    pub fn rate(&self) -> Share {
        self.row_rate.max(self.batch_mass)
    }

    /// The findings by what they are about, the gravest first: what is wrong with one column fails many checks. Each about the
    /// push as a whole stands alone.
    pub fn by_cause(&self) -> Vec<Vec<&Finding>> {
        let mut causes: Vec<Vec<&Finding>> = Vec::new();
        for finding in &self.findings {
            let known =
                causes.iter_mut().find(|cause| !finding.columns.is_empty() && cause[0].columns == finding.columns);
            match known {
                Some(cause) => cause.push(finding),
                None => causes.push(vec![finding]),
            }
        }
        causes
    }

    /// Whether a push that is fine may well be above the limit.
    pub fn is_limit_too_low(&self) -> bool {
        self.baseline.expected.is_some_and(|expected| self.threshold.is_exceeded_by(expected))
    }

    /// How much is anomalous, beside what is allowed and what is usual.
    pub fn measure(&self) -> Measure {
        Measure { records: self.records, rate: self.rate(), threshold: self.threshold, usual: self.baseline.usual() }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// The check's name, for example `category never seen`.
    pub check: String,
    /// The columns it speaks of; empty for the push as a whole.
    pub columns: Vec<String>,
    /// Whether single records are guilty (a hard finding) or only the push as a whole.
    pub hard: bool,
    /// Records concerned, of all.
    pub share: Share,
    /// One sentence for a reviewer, with figures of before and now.
    pub reason: String,
    /// Up to three values that show it.
    pub examples: Vec<String>,
}

/// What is normal for a customer: which pushes say so, and how they fared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaselineSummary {
    /// The accepted pushes that were compared with, oldest first.
    pub members: Vec<BaselineMember>,
    /// What a push that is fine may reach: the highest rate in replay, where each of the later members was judged by those before
    /// it. None while there are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Share>,
}

impl BaselineSummary {
    /// The lowest and the highest rate of its members, as far as they were judged or replayed.
    fn usual(&self) -> Option<(Share, Share)> {
        let rates = || self.members.iter().filter_map(BaselineMember::known_rate);
        // `max` gives its first argument unless the second is larger.
        let lowest = rates().reduce(|lowest, rate| if rate.max(lowest) == rate { lowest } else { rate })?;
        Some((lowest, rates().reduce(Share::max)?))
    }
}

/// One accepted push.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaselineMember {
    /// Which.
    pub push: PushId,
    /// When it was delivered.
    #[schemars(with = "String")]
    pub delivered_at: Timestamp,
    /// Its records.
    pub records: u64,
    /// Its anomaly rate when it was judged; none for one that was trusted as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Share>,
    /// Its rate in replay: under today's rules, learned from the members before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Share>,
}

impl BaselineMember {
    /// Its rate when it was judged, or else in replay.
    pub(crate) fn known_rate(&self) -> Option<Share> {
        self.rate.or(self.replayed)
    }
}

/// What a page shows beside the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PageData {
    /// [`REPORT_VERSION`] at the time of writing.
    pub version: u32,
    /// Names of the columns of `sample`, in the push's order.
    pub columns: Vec<String>,
    /// Some of the anomalous records.
    pub sample: Vec<SampleRecord>,
    /// Each guilty column beside what it usually looks like.
    pub plots: Vec<ColumnPlot>,
}

/// One anomalous record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Its 0-based place in the push.
    pub record: u64,
    /// One value per column of [`PageData::columns`]; null where the record has none.
    pub values: Vec<Option<String>>,
    /// Which of those columns are guilty, by index.
    pub guilty: Vec<usize>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// The distribution of one column, before and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnPlot {
    /// Which column.
    pub column: String,
    /// Bins of its values in order (of size, or of frequency for categories).
    pub bins: Vec<PlotBin>,
}

/// One bin of a plot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlotBin {
    /// The value or range that it stands for.
    pub label: String,
    /// Share of the records of the baseline's pushes.
    pub before: f64,
    /// Share of this push's records.
    pub now: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{execution::tests::report, words};

    #[test]
    fn a_limit_is_too_low_when_what_is_fine_lies_strictly_above_it() {
        let warning = |expected: Share| {
            let mut report = report();
            report.baseline.expected = Some(expected);
            words::limit_warning(&report)
        };
        assert_eq!(warning(Share::new(6, 100)), None);
        let text = "The limit of 6 % is below what accepted pushes reach by the same rules, 7.0 %: it will hold pushes that are fine.";
        assert_eq!(warning(Share::new(7, 100)).as_deref(), Some(text));
    }

    #[test]
    fn findings_about_one_column_are_one_cause() {
        let mut report = report();
        report.findings = [("a", &["x"][..]), ("b", &[]), ("c", &["y"]), ("d", &["x"]), ("e", &[])]
            .map(|(reason, columns)| crate::execution::tests::found(columns, reason))
            .into();
        let causes: Vec<String> = report
            .by_cause()
            .iter()
            .map(|cause| cause.iter().map(|finding| finding.reason.as_str()).collect())
            .collect();
        assert_eq!(causes, ["ad", "b", "c", "e"]);
    }

    #[test]
    fn what_was_never_judged_is_as_usual_as_its_replay() {
        let mut report = report();
        for (member, count) in report.baseline.members.iter_mut().zip([3, 1, 2]) {
            (member.rate, member.replayed) = (None, Some(Share::new(count, 100)));
        }
        assert_eq!(report.measure().usual, Some((Share::new(1, 100), Share::new(3, 100))));
    }
}
