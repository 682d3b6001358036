//! What `--report` writes: one page per push, with the same evidence as a reviewer sees, that needs no other file.

use std::path::Path;

use holdpoint_review::{
    Report,
    evidence::{self, counted, findings, how_much, line, records},
};
use maud::{Markup, html};

use crate::Analysis;

pub(super) fn page(file: &Path, analysis: &Analysis) -> String {
    let report = &analysis.report;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let body = html! {
        section.card aria-labelledby="what" {
            p.where { (verdict(report)) }
            h1 #what { (line(&name)) }
            p.soft { (counted(report.records, "record")) ", judged by " (history(report)) }
            (how_much(&report.measure(), Some(report)))
            (parts(report))
        }
        (findings(report, &analysis.page))
        (records(report, &analysis.page, &html! { span.soft { "All of them, with reasons: " code { "--flagged DIR" } } }))
        footer { p { "SHA-256 of the file: " (report.content) } }
    };
    evidence::page(&format!("{} · {}", verdict(report), line(&name)), &body)
}

fn verdict(report: &Report) -> &'static str {
    if report.needs_review { "A person must look" } else { "Passes" }
}

fn history(report: &Report) -> String {
    match report.baseline.members.len() {
        0 => "itself alone: no accepted push was named".to_owned(),
        1 => "1 accepted push".to_owned(),
        pushes => format!("{pushes} accepted pushes"),
    }
}

/// What the rate is the larger one of.
fn parts(report: &Report) -> Markup {
    html! {
        p {
            b { (report.row_rate) } " of the records have something wrong with them each; "
            b { (report.batch_mass) } " would have to differ for the push as a whole to look as usual. The larger one counts."
        }
    }
}
