//! What the reviewers are asked about a push, in words that read well on a phone.

use crate::{Evidence, Finding, Report, RequestFinding, ReviewRequest};

/// Findings that travel to the reviewers; the report has them all.
const FINDING_LIMIT: usize = 10;

/// Characters of one text in the request. Ten findings, six bytes to a control character in JSON: far below 64 KiB.
const TEXT_LIMIT: usize = 300;

pub(super) fn request(report: &Report, evidence: Evidence) -> ReviewRequest {
    ReviewRequest {
        key: report.push.to_string(),
        dataset: report.dataset.clone(),
        customer: report.customer.clone(),
        title: title(report),
        measure: Some(report.measure()),
        findings: one_of_each_cause_first(report).take(FINDING_LIMIT).map(finding).collect(),
        if_approved: cut(&if_approved(report)),
        if_rejected: "It goes no further, and what is normal stays as it was.".to_owned(),
        submitter: None,
        source: Some(report.source.clone()),
        evidence: Some(Evidence { delivered_at: Some(report.delivered_at), ..evidence }),
    }
}

/// A message has room for few: they should not all be about one column.
fn one_of_each_cause_first(report: &Report) -> impl Iterator<Item = &Finding> {
    let causes = report.by_cause();
    let rest: Vec<&Finding> = causes.iter().flat_map(|cause| &cause[1..]).copied().collect();
    causes.into_iter().map(|cause| cause[0]).chain(rest)
}

/// What could not be read teaches nothing.
fn if_approved(report: &Report) -> String {
    if report.records == 0 {
        return "It goes on as it is.".to_owned();
    }
    format!("It goes on as it is, and becomes part of what is normal for {}.", report.customer)
}

/// Who delivered what, and what is odd about it at first sight.
fn title(report: &Report) -> String {
    let oddity = if !report.needs_review {
        ""
    } else if report.records == 0 {
        ", and no record of it can be read"
    } else if report.baseline.members.is_empty() {
        ", and there is nothing yet to compare it with"
    } else {
        ", and it does not look like theirs"
    };
    let day = report.delivered_at.strftime("%-d %B");
    let what = cut(&format!("{} delivered {}", report.customer, report.dataset));
    format!("{what} of {day}{oddity}")
}

fn finding(finding: &Finding) -> RequestFinding {
    let columns = finding.columns.join(", ");
    let names_itself = finding.columns.iter().all(|column| finding.reason.contains(column));
    let text = if names_itself { finding.reason.clone() } else { format!("{columns}: {}", finding.reason) };
    RequestFinding { text: cut(&text), share: finding.share }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_LIMIT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ActivityInput, Share, Visit,
        execution::tests::{evidence, found, report},
    };

    #[test]
    fn the_request_reads_as_a_person_would_say_it() {
        let review = request(&report(), evidence());
        let said = (&review.title, review.findings.iter().map(|finding| &finding.text).collect::<Vec<_>>());
        insta::assert_debug_snapshot!(said, @r#"
        (
            "acme delivered orders of 22 November, and it does not look like theirs",
            [
                "amount is 100 times what it was: median 4,120.00, before 39.90 to 43.10",
                "currency: has a value never seen: “¢”",
            ],
        )
        "#);
        assert_eq!(review.measure.unwrap().usual, Some((Share::new(2, 1_000), Share::new(11, 1_000))));
        assert_eq!(review.evidence.unwrap().delivered_at, Some(report().delivered_at));
    }

    #[test]
    fn each_cause_is_told_before_any_is_told_twice() {
        let mut report = report();
        report.findings = vec![found(&["a"], "a: 1"), found(&["a"], "a: 2"), found(&["b"], "b: 1")];
        let texts: Vec<_> = request(&report, evidence()).findings.into_iter().map(|finding| finding.text).collect();
        assert_eq!(texts, ["a: 1", "b: 1", "a: 2"]);
    }

    #[test]
    fn the_title_says_why_a_push_is_held() {
        let check = |change: fn(&mut Report), end: &str| {
            let mut report = report();
            change(&mut report);
            assert_eq!(title(&report), format!("acme delivered orders of 22 November{end}"));
        };
        check(|_| {}, ", and it does not look like theirs");
        check(|report| report.baseline.members.clear(), ", and there is nothing yet to compare it with");
        check(|report| report.records = 0, ", and no record of it can be read");
        check(|report| report.needs_review = false, "");
    }

    #[test]
    fn the_longest_report_makes_a_request_that_the_worker_takes() {
        let hostile = "\u{1}".repeat(480);
        let mut report = report();
        let longest = "é".repeat(128);
        (report.dataset, report.customer) = (longest.clone(), longest);
        report.findings = vec![found(&[&hostile, &hostile], &hostile); 1_000];
        let visit = Visit { execution: "e".into(), state: "s".into(), entered: "t".into(), redrives: 0 };
        let input = ActivityInput { version: 1, visit, request: request(&report, evidence()) };
        let read = ActivityInput::parse(&serde_json::to_string(&input).unwrap()).unwrap();
        assert_eq!(read.request.findings.len(), 10);
    }
}
