//! Setting going what stands still: notices, dead letters, the clock. All of it may be done twice.

use std::io::Write;

use holdpoint_platform::{ReadError, now};
use holdpoint_review::{Action, Event, Notice, Purpose, Round, evidence::counted, owed};

use super::{
    OperationError,
    show::{place, what},
};
use crate::app::App;

/// Asks again, or tells those who were not told yet.
pub(super) async fn resend(app: &App, round: &Round, out: &mut impl Write) -> Result<(), OperationError> {
    for notice in again(round) {
        app.reviews.notify(&notice).await?;
        writeln!(out, "{} for {} is queued", what(notice.purpose), place(&notice.channel))?;
    }
    Ok(())
}

/// For an open round a reminder, numbered by the minute, which is after all that the route asks for: an answer in the thread
/// of the question, or a question where there is none.
fn again(round: &Round) -> Vec<Notice> {
    if !round.is_open() {
        let owed = owed(round).into_iter().filter_map(|action| match action {
            Action::Notify(notice) => Some(notice),
            _ => None,
        });
        return owed.collect();
    }
    let purpose = Purpose::Reminder(u32::try_from(now().as_second() / 60).unwrap_or(u32::MAX));
    let reminder =
        |channel| Notice { review_id: round.review_id.clone(), round: round.round, channel, purpose, says: None };
    round.asked().map(reminder).collect()
}

pub(super) async fn dead_letters(app: &App, move_back: bool, out: &mut impl Write) -> Result<(), OperationError> {
    let dead = app.reviews.notices.dead_letters().await?;
    let dead = dead.ok_or_else(|| OperationError::Unknown("the notices queue has no dead-letter queue".to_owned()))?;
    let letters = dead.look().await?;
    for letter in &letters {
        writeln!(out, "{}", described(app, letter).await)?;
    }
    writeln!(out, "{}", counted(letters.len() as u64, "dead letter"))?;
    if move_back && !letters.is_empty() {
        dead.move_back().await?;
        writeln!(out, "they are moved back to the notices queue")?;
    }
    Ok(())
}

/// What it was to tell, and why it could not.
async fn described(app: &App, letter: &str) -> String {
    let Ok(notice) = serde_json::from_str::<Notice>(letter) else { return "something that is no notice".to_owned() };
    let stored = app.reviews.ledger.read(&notice.review_id, notice.round).await.ok().flatten();
    let reason =
        stored.and_then(|stored| reason(&stored.round, &notice)).unwrap_or_else(|| "why is only in the log".to_owned());
    let (what, place) = (what(notice.purpose), place(&notice.channel));
    format!("{} round {}: {what} for {place}: {reason}", notice.review_id, notice.round)
}

fn reason(round: &Round, notice: &Notice) -> Option<String> {
    round.events.iter().rev().find_map(|entry| match &entry.event {
        Event::Undelivered { channel, purpose, reason } if *channel == notice.channel && *purpose == notice.purpose => {
            Some(reason.clone())
        }
        _ => None,
    })
}

pub(super) async fn rebuild_clock(app: &App, everything: bool, out: &mut impl Write) -> Result<(), OperationError> {
    let ledger = &app.reviews.ledger;
    let listed = if everything { ledger.list_all().await? } else { ledger.list_open(usize::MAX).await?.0 };
    let (mut started, mut foreign) = (0, 0);
    for (review, number) in listed {
        let stored = match ledger.read(&review, number).await {
            Ok(Some(stored)) => stored,
            Ok(None) => continue,
            // One document that another version wrote must not cost all the others their clock.
            Err(error @ ReadError::Foreign { .. }) => {
                writeln!(out, "{error}")?;
                foreign += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if !stored.round.is_finished() {
            app.reviews.start_clock(&stored.round, stored.round.generation()).await?;
            started += 1;
        }
    }
    writeln!(out, "{} got a clock message", counted(started, "review"))?;
    if foreign > 0 {
        return Err(OperationError::NotDone(format!("{} could not be read, and got none", counted(foreign, "round"))));
    }
    Ok(())
}
