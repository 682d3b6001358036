//! What `check` prints: a line of JSON for a program, or what a person reads in ten seconds.

use std::{fmt::Write, path::Path};

use holdpoint_review::{Finding, Report, Share, words};
use serde::Serialize;

/// Causes shown to a person; the rest is in the JSON.
const SHOWN: usize = 8;

#[derive(Serialize)]
struct Line<'a> {
    push: String,
    records: u64,
    anomalous: u64,
    rate: f64,
    row_rate: f64,
    batch_mass: f64,
    threshold: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<f64>,
    verdict: &'static str,
    findings: Vec<LineFinding<'a>>,
}

#[derive(Serialize)]
struct LineFinding<'a> {
    check: &'a str,
    columns: &'a [String],
    records: u64,
    share: f64,
    reason: &'a str,
}

/// One object, without a line feed.
pub(super) fn json(file: &Path, report: &Report) -> String {
    let findings = report.findings.iter().map(|finding| LineFinding {
        check: &finding.check,
        columns: &finding.columns,
        records: if finding.share.of == report.records { finding.share.count } else { report.records },
        share: finding.share.as_f64(),
        reason: &finding.reason,
    });
    let line = Line {
        push: file.to_string_lossy().into_owned(),
        records: report.records,
        anomalous: report.anomalous,
        rate: report.rate().as_f64(),
        row_rate: report.row_rate.as_f64(),
        batch_mass: report.batch_mass.as_f64(),
        threshold: report.threshold.as_f64(),
        expected: report.baseline.expected.map(Share::as_f64),
        verdict: if report.needs_review { "review" } else { "pass" },
        findings: findings.collect(),
    };
    serde_json::to_string(&line).expect("numbers and strings always make JSON")
}

/// The verdict first, then what speaks against the push, the gravest first.
pub(super) fn text(file: &Path, report: &Report) -> String {
    let verdict = if report.needs_review { "REVIEW" } else { "pass  " };
    let mut text = format!(
        "{verdict}  {}  {} anomalous, limit {} ({} of {} records have a reason each; as a whole, {} differ)\n",
        printable(&file.to_string_lossy()),
        report.rate(),
        report.threshold,
        report.anomalous,
        report.records,
        report.batch_mass,
    );
    if let Some(warning) = words::limit_warning(report) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {warning}");
    }
    let causes = report.by_cause();
    for cause in causes.iter().take(SHOWN) {
        tell(&mut text, cause);
    }
    if causes.len() > SHOWN {
        let _ = writeln!(text, "             and {} more", causes.len() - SHOWN);
    }
    text
}

/// The gravest finding about a column in full, the others by name.
fn tell(text: &mut String, cause: &[&Finding]) {
    let first = cause[0];
    let examples = if first.examples.is_empty() { String::new() } else { format!(" ({})", first.examples.join(", ")) };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "    {:>7}  {}{}", first.share.to_string(), printable(&first.reason), printable(&examples));
    if cause.len() > 1 {
        let mut others: Vec<&str> = Vec::new();
        for finding in &cause[1..] {
            if !others.contains(&finding.check.as_str()) {
                others.push(&finding.check);
            }
        }
        let _ = writeln!(text, "             also: {}", others.join(", "));
    }
}

/// A customer's text must not move the cursor of whoever reads it, nor turn what is around it.
pub(super) fn printable(text: &str) -> String {
    words::visible(text, usize::MAX)
}
