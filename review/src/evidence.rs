//! How evidence is shown: the same on the page where a push is decided and in the report of `check`.
//!
//! Plain HTML and SVG, readable on a phone, with a screen reader and without a script. Everything from outside passes
//! through [`words::visible`] and is escaped by `maud`. No `style` attribute: the page's policy allows one stylesheet by its
//! hash and nothing else.

mod findings;
mod plots;
mod records;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use findings::findings;
pub use records::records;

use crate::{Measure, Report, RequestFinding, words};

/// The one stylesheet.
pub const STYLE: &str = include_str!("evidence/style.css");

/// Characters of a line from outside.
const LINE: usize = 300;

/// A whole page.
pub fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex, nofollow";
                meta name="color-scheme" content="light dark";
                title { (title) " – Holdpoint" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}

/// The rate in large, its limit, and the rates of the pushes before.
pub fn how_much(measure: &Measure, report: Option<&Report>) -> Markup {
    html! {
        p.big {
            b { (measure.rate) }
            " "
            span {
                @if measure.records == 0 { "No record can be read." }
                @else { "of " (counted(measure.records, "record")) " are anomalous." }
                br; span.soft { (words::limits(measure)) }
            }
        }
        @if let Some(report) = report {
            (plots::rates(report))
            @if let Some(warning) = words::limit_warning(report) { p { (warning) } }
        }
    }
}

/// What is wrong as far as the request itself says it, where the report cannot be shown.
pub fn findings_of_request(request: &[RequestFinding]) -> Markup {
    findings::section(request.iter().map(findings::of_request), &[])
}

/// A line from outside as a person should see it.
pub fn line(text: &str) -> String {
    words::visible(text, LINE)
}

/// `1 record`, `12 records`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", words::grouped(number), if number == 1 { "" } else { "s" })
}
