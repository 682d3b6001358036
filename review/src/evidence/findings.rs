//! What is wrong with it, the gravest first, each with its share and the plot of its column.

use maud::{Markup, html};

use super::{counted, line, plots};
use crate::{ColumnPlot, Finding, PageData, Report, RequestFinding, Share, words};

/// Findings that are seen at once; the rest unfolds.
const FIRST: usize = 8;

/// Findings on one page; the report has them all.
const FINDING_LIMIT: usize = 40;

/// Plots on one page.
const PLOT_LIMIT: usize = 12;

/// What is wrong with the push, each finding with the plot of its column.
pub fn findings(report: &Report, page: &PageData) -> Markup {
    let mut plots: Vec<_> = page.plots.iter().take(PLOT_LIMIT).collect();
    let causes = report.by_cause();
    let findings: Vec<_> =
        causes.iter().enumerate().map(|(place, cause)| of_cause(cause, place == 0, &mut plots)).collect();
    section(findings.into_iter(), &plots)
}

pub(super) fn section(mut findings: impl ExactSizeIterator<Item = Markup>, plots: &[&ColumnPlot]) -> Markup {
    let count = findings.len();
    let first: Vec<_> = findings.by_ref().take(FIRST).collect();
    let rest: Vec<_> = findings.take(FINDING_LIMIT - FIRST).collect();
    html! {
        section.card aria-labelledby="wrong" {
            h2 #wrong { "What is wrong with it" }
            @if count == 0 { p { "No single finding is named." } }
            (list(&first))
            @if !rest.is_empty() {
                details {
                    summary { (counted(rest.len() as u64, "more finding")) }
                    (list(&rest))
                    @if count > FINDING_LIMIT { p.soft { "And " (count - FINDING_LIMIT) " in the report." } }
                }
            }
            @for plot in plots { (folded(plot, count > 0)) }
        }
    }
}

fn list(findings: &[Markup]) -> Markup {
    html! { ol.findings { @for finding in findings { li { (finding) } } } }
}

pub(super) fn of_request(finding: &RequestFinding) -> Markup {
    html! { p.value { (line(&finding.text)) } (share(finding.share)) }
}

/// The first finding about a column in full, the others in a line each.
fn of_cause(cause: &[&Finding], is_first: bool, plots: &mut Vec<&ColumnPlot>) -> Markup {
    html! {
        (of_report(cause[0], is_first, plots))
        @if cause.len() > 1 {
            ul.also {
                @for finding in &cause[1..] { li.value { b { (finding.share) } " " (line(&finding.reason)) } }
            }
        }
    }
}

fn of_report(finding: &Finding, is_first: bool, plots: &mut Vec<&ColumnPlot>) -> Markup {
    let columns = finding.columns.join(", ");
    let names_itself = finding.columns.iter().all(|column| finding.reason.contains(column));
    let (own, rest): (Vec<_>, Vec<_>) = plots.drain(..).partition(|plot| finding.columns.contains(&plot.column));
    *plots = rest;
    html! {
            p.value { @if !names_itself { b { (words::visible(&columns, 120)) } ": " } (line(&finding.reason)) }
            (share(finding.share))
            @if !finding.hard { p.soft { "True of the push as a whole; no single record is guilty." } }
            @if !finding.examples.is_empty() {
                p.soft {
                    "For example "
                    @for (place, example) in finding.examples.iter().take(3).enumerate() {
                        @if place > 0 { ", " }
                        q.value { (words::visible(example, 80)) }
                    }
                }
            }
            @for plot in own { (folded(plot, !is_first)) }
    }
}

/// Only the gravest column's plot is seen at once: on a phone each is a screen.
fn folded(plot: &ColumnPlot, is_folded: bool) -> Markup {
    if !is_folded {
        return plots::column(plot);
    }
    html! {
        details {
            summary { (words::visible(&plot.column, 80)) ", before and in this push" }
            (plots::column(plot))
        }
    }
}

/// A share as a number and a bar, one thing to a screen reader.
fn share(share: Share) -> Markup {
    let label = format!("{}: {} of {} records", share, words::grouped(share.count), words::grouped(share.of));
    html! {
        div.share role="img" aria-label=(label) {
            b { (share) }
            (plots::bar(share.as_f64(), "hot"))
        }
    }
}
