//! The open list: all that somebody may decide now, grouped by cause, and several decided at once.
//!
//! Two doors: a login at the load balancer (`/reviews`), or one's own link (`/r/{sealed}/reviews`, until the deadline of the
//! round that it was made for). Either says who stands before us, and no more: each review is listed only to who was asked,
//! and each is decided for itself, by the same rule and the same two forms as on its own page.

mod door;
mod page;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use holdpoint_platform::{ReadError, now};
use holdpoint_review::{ContentHash, Link, ReviewId, Round, Verdict, cause, vote};
use serde::Deserialize;
use tokio::task::JoinSet;
use tracing::Instrument;

use self::door::Door;
use crate::{
    app::App,
    decide::{Decided, Wish, decide_in_time},
    form::{Filled, bad_proof_at, reason},
    page as pages,
    proof::proof_of,
    visitor::{review_span, unreadable},
};

/// Open reviews that are read for one page. Only a review itself says whom it asks, so that of more than these a reviewer's
/// own may not be among them: the page says so, and a filter reaches the others.
const READ: usize = 2_000;
/// Reviews shown of one cause; the others are counted.
const SHOWN: usize = 50;
/// Reviews decided by one form. Each takes a fraction of a second, and a person waits.
const AT_ONCE: usize = 200;
/// Decisions under way at once.
const DECIDING: usize = 8;

/// What is looked for: parts of names.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    customer: String,
    #[serde(default)]
    dataset: String,
}

/// One open review, for somebody who was asked.
struct Item {
    round: Round,
    /// The address of its own page, with this person's link.
    page: String,
    /// Whether this person may decide it now.
    decidable: bool,
}

/// Reviews of one cause, the largest rate first.
type Groups = BTreeMap<String, Vec<Item>>;

impl Item {
    fn rate(&self) -> f64 {
        self.round.request.measure.as_ref().map_or(0.0, |measure| measure.rate.as_f64())
    }

    /// As a form names it.
    fn name(&self) -> String {
        format!("{}/{}", self.round.review_id, self.round.round)
    }
}

impl Filter {
    fn is_set(&self) -> bool {
        !self.customer.is_empty() || !self.dataset.is_empty()
    }

    fn takes(&self, round: &Round) -> bool {
        has(&round.request.customer, &self.customer) && has(&round.request.dataset, &self.dataset)
    }

    /// Whether it may take a review of these names, which stand in one text.
    fn may_take(&self, names: &str) -> bool {
        has(names, &self.customer) && has(names, &self.dataset)
    }
}

fn has(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(&part.trim().to_lowercase())
}

/// `GET …/reviews`.
pub(crate) async fn show(State(app): State<Arc<App>>, door: Door, Query(filter): Query<Filter>) -> Response {
    match read(&app, &door, &filter).await {
        Ok((groups, more)) => page::list(&page::List {
            door: &door,
            groups: &groups,
            more,
            filter: &filter,
            proof: &proof_of(&app, &door.choosing()),
        }),
        Err(error) => unreadable(&error),
    }
}

/// `POST …/reviews/confirm`: asks to confirm each that was ticked. Changes nothing.
pub(crate) async fn confirm(State(app): State<Arc<App>>, door: Door, filled: Filled) -> Response {
    let Ok(verdict) = filled.decision.parse::<Verdict>() else { return pages::unknown_choice_at(&door.path) };
    if let Err(bad) = filled.check_shown(&app, &door.choosing()) {
        return bad_proof_at(&door.path, bad);
    }
    let (groups, _) =
        match read(&app, &door, &Filter { customer: filled.customer.clone(), dataset: filled.dataset.clone() }).await {
            Ok(read) => read,
            Err(error) => return unreadable(&error),
        };
    let ticked = |cause: &String, item: &Item| filled.causes.contains(cause) || filled.reviews.contains(&item.name());
    let all = groups.into_iter().flat_map(|(cause, items)| items.into_iter().map(move |item| (cause.clone(), item)));
    let chosen: Vec<_> =
        all.filter(|(cause, item)| item.decidable && ticked(cause, item)).map(|(_, item)| item).collect();
    let (reason, cut) = reason(&filled.reason);
    let trouble = match (chosen.len(), verdict, &reason) {
        (0, ..) => Some("Nothing was chosen that you can decide. Tick at least one review."),
        (AT_ONCE.., ..) => Some("That is too much at once: choose fewer than 200 reviews."),
        (_, Verdict::Reject, None) => {
            Some("A rejection needs a reason. Go back and write one; it is kept with each review.")
        }
        _ => None,
    };
    if let Some(text) = trouble {
        return pages::answer_at(&door.path, StatusCode::BAD_REQUEST, "Nothing was decided", &[text]);
    }
    let names: Vec<_> = chosen.iter().map(Item::name).collect();
    let proof = proof_of(&app, &door.confirming(verdict, &selection(&names)));
    page::confirmation(&page::Chosen {
        door: &door,
        items: &chosen,
        verdict,
        reason: reason.as_deref(),
        cut,
        proof: &proof,
    })
}

/// `POST …/reviews/decide`: decides each for itself.
pub(crate) async fn decide(State(app): State<Arc<App>>, door: Door, filled: Filled) -> Response {
    let Ok(verdict) = filled.decision.parse::<Verdict>() else { return pages::unknown_choice_at(&door.path) };
    if let Err(bad) = filled.check_shown(&app, &door.confirming(verdict, &selection(&filled.reviews))) {
        return bad_proof_at(&door.path, bad);
    }
    let (reason, _) = reason(&filled.reason);
    if verdict == Verdict::Reject && reason.is_none() {
        let text = "A rejection needs a reason. Go back and write one; it is kept with each review.";
        return pages::answer_at(&door.path, StatusCode::BAD_REQUEST, "Nothing was decided", &[text]);
    }
    let wish = Wish { who: door.who.clone(), verdict, reason };
    let mut waiting = filled.reviews.iter().filter_map(|name| parse(name));
    let (mut deciding, mut decided) = (JoinSet::new(), Vec::new());
    loop {
        for (review, round) in waiting.by_ref().take(DECIDING - deciding.len()) {
            deciding.spawn(decide_one(app.clone(), review, round, wish.clone()));
        }
        match deciding.join_next().await {
            Some(one) => decided.push(one.unwrap_or_default()),
            None => return page::decided(&door, &decided),
        }
    }
}

/// What became of one review.
#[derive(Default)]
struct One {
    /// None where it could not be read.
    title: Option<String>,
    /// None where nothing is known.
    decided: Option<Decided>,
}

async fn decide_one(app: Arc<App>, review: ReviewId, round: u32, wish: Wish) -> One {
    let span = review_span(&review, round);
    let read = app.reviews.ledger.read(&review, round).instrument(span.clone()).await;
    let Ok(Some(stored)) = read else { return One::default() };
    let title = Some(stored.round.request.title.clone());
    One { title, decided: Some(decide_in_time(app, stored, wish, span).await) }
}

/// The open reviews that this person was asked, by cause; and whether there are more than were read.
async fn read(app: &App, door: &Door, filter: &Filter) -> Result<(Groups, bool), ReadError> {
    let open = app.reviews.ledger.open_rounds_of(|names| filter.may_take(names), READ).await?;
    let mut groups = Groups::new();
    for round in open.rounds {
        let Some(channel) = door.asked_in(&round).filter(|_| filter.takes(&round)) else { continue };
        let sealed = app.config.common.link_keys.seal(&Link::of(&round, &channel), holdpoint_platform::nonce());
        // Asked in vain, as on the page: whoever can tick it may send it.
        let decidable = vote(&round, &door.who, Verdict::Approve, None, now()).is_ok();
        let item = Item { page: format!("/r/{sealed}"), decidable, round };
        groups.entry(cause(&item.round.request)).or_default().push(item);
    }
    for items in groups.values_mut() {
        items.sort_by(|a, b| b.rate().total_cmp(&a.rate()));
    }
    Ok((groups, open.more))
}

fn parse(name: &str) -> Option<(ReviewId, u32)> {
    let (review, round) = name.split_once('/')?;
    Some((review.parse().ok()?, round.parse().ok()?))
}

/// What a confirmation is for, in whatever order it comes back.
fn selection(names: &[String]) -> String {
    let mut names: Vec<_> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    ContentHash::of(names.join(" ").as_bytes()).as_str().to_owned()
}
