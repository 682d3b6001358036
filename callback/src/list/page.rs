//! How the open list looks: causes as headings, the largest rate first, one form around all of it.

use axum::{http::StatusCode, response::Response};
use holdpoint_platform::now;
use holdpoint_review::{
    Round, Verdict,
    evidence::{counted, line},
    words,
};
use maud::{Markup, html};

use super::{AT_ONCE, Filter, Groups, Item, One, READ, SHOWN, door::Door};
use crate::{
    decide::Decided,
    page::REASON_LIMIT,
    page::{choices, reply},
};

/// So many need no filter.
const FEW: usize = 10;

/// What the list is made from.
pub(super) struct List<'a> {
    pub(super) door: &'a Door,
    pub(super) groups: &'a Groups,
    /// More are open than were read.
    pub(super) more: bool,
    pub(super) filter: &'a Filter,
    pub(super) proof: &'a str,
}

/// What is to be confirmed.
pub(super) struct Chosen<'a> {
    pub(super) door: &'a Door,
    pub(super) items: &'a [Item],
    pub(super) verdict: Verdict,
    pub(super) reason: Option<&'a str>,
    pub(super) cut: bool,
    pub(super) proof: &'a str,
}

pub(super) fn list(list: &List) -> Response {
    let open: usize = list.groups.values().map(Vec::len).sum();
    let mut groups: Vec<_> = list.groups.iter().collect();
    groups.sort_by_key(|(_, items)| std::cmp::Reverse(items.len()));
    let heading = match (open, list.filter.is_set()) {
        (0, false) => "Nothing is open for you".to_owned(),
        (0, true) => "Nothing that is open for you fits".to_owned(),
        (open, _) => format!("{} open for you", counted(open as u64, "review")),
    };
    let decidable = list.groups.values().flatten().any(|item| item.decidable);
    let body = html! {
        section.card {
            h1 { (heading) }
            @if list.more {
                p.error {
                    "There are more. " (words::grouped(READ as u64)) " open reviews were looked through for yours; filter by "
                    "customer or dataset to look through others."
                }
            }
            @if open > FEW || list.more || list.filter.is_set() { (filter(list)) }
        }
        @if open > 0 {
            form method="post" action={ (list.door.path) "/confirm" } {
                input type="hidden" name="form" value=(list.proof);
                // A cause that is ticked means the reviews that are shown under it.
                input type="hidden" name="customer" value=(list.filter.customer);
                input type="hidden" name="dataset" value=(list.filter.dataset);
                @for (cause, items) in groups { (group(cause, items)) }
                @if decidable { (decision()) }
            }
        }
    };
    reply(StatusCode::OK, &heading, &body)
}

fn filter(list: &List) -> Markup {
    html! {
        form.filter method="get" action=(list.door.path) {
            label { "Customer " input name="customer" value=(line(&list.filter.customer)) autocomplete="off"; }
            label { "Dataset " input name="dataset" value=(line(&list.filter.dataset)) autocomplete="off"; }
            button { "Filter" }
            @if list.filter.is_set() { p { a href=(list.door.path) { "Show all" } } }
        }
    }
}

fn group(cause: &str, items: &[Item]) -> Markup {
    let decidable = items.iter().filter(|item| item.decidable).count();
    html! {
        section.card {
            h2.value { (line(cause)) }
            @if decidable > 1 {
                label.tick {
                    input type="checkbox" name="cause" value=(cause);
                    span { b { "All " (decidable) " of this cause" } }
                }
            }
            ul.items { @for item in items.iter().take(SHOWN) { li { (item_line(item)) } } }
            @if items.len() > SHOWN { p.soft { "and " (items.len() - SHOWN) " more" } }
        }
    }
}

fn item_line(item: &Item) -> Markup {
    let (round, request) = (&item.round, &item.round.request);
    let text = html! {
        @if let Some(measure) = &request.measure { b { (measure.rate) } " " }
        a.value href=(item.page) { (line(&request.title)) }
        span.soft {
            @if let Some(name) = file_name(round) { " " span.value { (line(name)) } " ·" }
            " " (words::left(round.deadline, now()))
            @if let Some(progress) = words::progress(round) { " · " (words::without_mentions(&progress)) }
            @if round.replaced_by().is_some() { " · replaced by a newer version" }
            @if !item.decidable { " · not for you to decide, or decided by you already" }
        }
    };
    html! {
        @if item.decidable {
            label.tick { input type="checkbox" name="review" value=(item.name()); span { (text) } }
        } @else { p { (text) } }
    }
}

/// What tells two pushes of one customer and day apart.
fn file_name(round: &Round) -> Option<&str> {
    round.request.source.as_ref()?.key.rsplit('/').next()
}

fn decision() -> Markup {
    html! {
        section.card {
            fieldset {
                legend { "Your decision on what is ticked" }
                (choices("Each goes on as it is.", "None goes on."))
            }
            label.reason for="reason" { "Reason, needed to reject" }
            textarea #reason name="reason" rows="3" maxlength=(REASON_LIMIT) autocomplete="off" {}
            button { "Go on to confirm" }
            p.soft { "Nothing is decided yet: you see what was ticked and are asked once more. Fewer than " (AT_ONCE) " at once." }
        }
    }
}

pub(super) fn confirmation(chosen: &Chosen) -> Response {
    let number = counted(chosen.items.len() as u64, "review");
    let (word, heading, class) = match chosen.verdict {
        Verdict::Approve => ("approve", format!("Approve {number}?"), "go"),
        Verdict::Reject => ("reject", format!("Reject {number}?"), "halt"),
    };
    let body = html! {
        form.card method="post" action={ (chosen.door.path) "/decide" } {
            h1 { (heading) }
            ol { @for item in chosen.items {
                li.value {
                    (line(&item.round.request.title))
                    @if let Some(name) = file_name(&item.round) { " · " (line(name)) }
                    @if let Some(measure) = &item.round.request.measure { " · " (measure.rate) }
                    input type="hidden" name="review" value=(item.name());
                }
            } }
            @if let Some(reason) = chosen.reason { p.value { "Reason: " (words::visible(reason, 2_000)) } }
            @if chosen.cut { p.error { "The reason was longer than 8,000 characters and was cut." } }
            input type="hidden" name="form" value=(chosen.proof);
            input type="hidden" name="decision" value=(word);
            input type="hidden" name="reason" value=(chosen.reason.unwrap_or_default());
            div.confirm {
                button.(class) { (if chosen.verdict == Verdict::Approve { "Approve" } else { "Reject" }) " " (number) }
                a href=(chosen.door.path) { "Back, decide nothing" }
            }
        }
    };
    reply(StatusCode::OK, &heading, &body)
}

/// What became of each.
pub(super) fn decided(door: &Door, decided: &[One]) -> Response {
    let recorded = decided.iter().filter(|one| matches!(one.decided, Some(Decided::Recorded(_)))).count();
    let heading = format!("{} of {} recorded", recorded, counted(decided.len() as u64, "decision"));
    let body = html! {
        section.card {
            h1 { (heading) }
            ol { @for one in decided { li { (outcome(one)) } } }
            p { a href=(door.path) { "Back to the open list" } }
        }
    };
    reply(StatusCode::OK, &heading, &body)
}

fn outcome(one: &One) -> Markup {
    let text = match &one.decided {
        Some(Decided::Recorded(round)) => words::outcome(round).or_else(|| words::progress(round)).unwrap_or_default(),
        Some(Decided::Refused(refusal, round)) => format!("Not taken. {}", words::refusal(refusal, round)),
        Some(Decided::EvidenceChanged) => crate::page::EVIDENCE_CHANGED.to_owned(),
        Some(Decided::NotRecorded) | None => words::NOT_RECORDED.to_owned(),
    };
    html! {
        @if let Some(title) = &one.title { span.value { (line(title)) } ": " }
        strong { (words::without_mentions(&text)) }
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_review::Who;

    use super::*;

    #[tokio::test]
    async fn who_may_have_more_open_than_was_looked_through_is_told_so_and_can_filter() {
        let shown = async |more: bool| {
            let door = Door { who: Who::MailOwner("dana@example.com".to_owned()), path: "/reviews".to_owned() };
            let (groups, filter) = (Groups::new(), Filter::default());
            let page = super::list(&List { door: &door, groups: &groups, more, filter: &filter, proof: "" });
            let bytes = axum::body::to_bytes(page.into_body(), usize::MAX).await.unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let cut = shown(true).await;
        assert!(cut.contains("There are more. 2,000 open reviews were looked through"), "{cut}");
        assert!(cut.contains("name=\"customer\""), "{cut}");
        let whole = shown(false).await;
        assert!(!whole.contains("There are more.") && !whole.contains("name=\"customer\""), "{whole}");
    }
}
