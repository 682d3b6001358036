//! The open reviews, one line each, those that end first at the top.

use std::io::Write;

use holdpoint_review::{Round, words};

use super::OperationError;
use crate::app::App;

/// More than anybody reads; of more it says so.
const READ: usize = 10_000;

pub(super) async fn list(app: &App, out: &mut impl Write) -> Result<(), OperationError> {
    let mut open = app.reviews.ledger.open_rounds(READ).await?;
    open.rounds.sort_by_key(|round| round.deadline);
    for round in &open.rounds {
        writeln!(out, "{}", line(round))?;
    }
    let more = if open.more { " and more" } else { "" };
    writeln!(out, "{}{more} open", holdpoint_review::evidence::counted(open.rounds.len() as u64, "review"))?;
    Ok(())
}

fn line(round: &Round) -> String {
    let request = &round.request;
    let rate = request.measure.as_ref().map(|measure| format!("  {}", measure.rate)).unwrap_or_default();
    let [customer, dataset] = [&request.customer, &request.dataset].map(|name| words::visible(name, 60));
    let stands = words::progress(round).map(|text| format!("  {text}")).unwrap_or_default();
    let replaced = if round.replaced_by().is_some() { "  replaced by a newer version" } else { "" };
    let until = words::moment(round.deadline);
    format!("{} round {}{rate}  {customer} · {dataset}  until {until}{stands}{replaced}", round.review_id, round.round)
}
