//! What many reviews have in common: the gravest finding without its figures.
//!
//! When one fault spoils a thousand pushes, its figures differ from push to push and its words do not. So `amount is 100
//! times what it was: median 4,120.00, before 39.90` and the same with other figures are one cause.

use crate::ReviewRequest;

/// Characters of a cause: enough to tell causes apart, and short enough for a heading.
const LONGEST: usize = 120;

/// The cause of a review, as far as its request says it; reviews of one cause have the same.
pub fn cause(request: &ReviewRequest) -> String {
    match request.findings.first() {
        Some(finding) => without_figures(&finding.text),
        None => "Nothing was found; somebody asks".to_owned(),
    }
}

/// Up to the first semicolon or colon, with each number and each quoted value as `…`. A colon after one or two words only
/// names a column, and what is wrong with it follows.
fn without_figures(text: &str) -> String {
    let text = crate::words::visible(text, LONGEST);
    let clause = text.split("; ").next().unwrap_or_default();
    let parts: Vec<_> = clause.splitn(3, ": ").collect();
    let names_a_column = parts[0].split(' ').count() < 3;
    let head = parts[..parts.len().min(if names_a_column { 2 } else { 1 })].join(": ");
    let mut out = String::new();
    let mut quoted = false;
    let mut last_was_figure = false;
    for c in head.chars() {
        quoted |= c == '“';
        let figure = quoted || c.is_ascii_digit() || (last_was_figure && matches!(c, '.' | ','));
        if figure && !last_was_figure {
            out.push('…');
        } else if !figure {
            out.push(c);
        }
        quoted &= c != '”';
        last_was_figure = figure;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_values_make_no_other_cause() {
        let check = |text: &str, cause: &str| assert_eq!(without_figures(text), cause, "{text}");
        check(
            "amount is 100 times what it was: median 4,120.00, before 39.90 to 43.10",
            "amount is … times what it was",
        );
        check("41.5 % of dep_time is empty; it never was", "… % of dep_time is empty");
        check("has a value never seen: “¢”", "has a value never seen");
        check("country “DE, 1” is 1,200 times more frequent", "country … is … times more frequent");
        check("col_7 lies before col_8", "col_… lies before col_…");
        check(
            "air_time: outside the learned range in 32.3 % of the records; before: 20 to 667 in 31 pushes",
            "air_time: outside the learned range in … % of the records",
        );
        check("", "");
    }
}
