//! What `check` prints: a line of JSON for a program, or what a person reads in ten seconds.

use std::{fmt::Write, path::Path};

use holdpoint_review::{Report, Share, words};
use serde::Serialize;

/// Findings shown to a person; the rest is in the JSON.
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
        "{verdict}  {}  {} anomalous, limit {} ({} of {} records, {} as a whole)\n",
        file.display(),
        report.rate(),
        report.threshold,
        report.anomalous,
        report.records,
        report.batch_mass,
    );
    if let Some(warning) = words::limit_warning(report) {
        let _ = writeln!(text, "    {warning}");
    }
    for finding in report.findings.iter().take(SHOWN) {
        let examples =
            if finding.examples.is_empty() { String::new() } else { format!(" ({})", finding.examples.join(", ")) };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "    {:>7}  {}{}",
            finding.share.to_string(),
            printable(&finding.reason),
            printable(&examples)
        );
    }
    if report.findings.len() > SHOWN {
        let _ = writeln!(text, "             and {} more", report.findings.len() - SHOWN);
    }
    text
}

/// A customer's text must not move the cursor of whoever reads it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
