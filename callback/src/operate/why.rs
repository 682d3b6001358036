//! Why a push was held, and what its review waits for, in sentences.

use std::io::Write;

use aws_sdk_s3::error::DisplayErrorContext;
use holdpoint_platform::{Clients, now};
use holdpoint_review::{Event, ObjectVersion, Purpose, Report, ReviewId, Round, words};

use super::{
    OperationError,
    show::{place, stands, what},
};
use crate::app::App;

/// Open reviews among which a push's is looked for.
const READ: usize = 10_000;

pub(super) async fn why(app: &App, clients: &Clients, what: &str, out: &mut impl Write) -> Result<(), OperationError> {
    if let Ok(review) = what.parse::<ReviewId>()
        && let Some(stored) = app.reviews.ledger.latest(&review).await?
    {
        return of_round(clients, &stored.round, out).await;
    }
    let push = if what.contains('/') { push_of_key(app, what).await? } else { what.to_owned() };
    let report = report(app, &push).await?;
    writeln!(out, "{}", of_report(&report))?;
    for finding in report.findings.iter().take(5) {
        writeln!(out, "  {}: {}", finding.share, words::visible(&finding.reason, 300))?;
    }
    if !report.needs_review {
        return Ok(());
    }
    let open = app.reviews.ledger.open_rounds(READ).await?;
    match open.rounds.iter().find(|round| round.request.key == push) {
        Some(round) => of_round(clients, round, out).await,
        None => Ok(writeln!(out, "No review of it is open: it was closed, or its execution has not asked yet.")?),
    }
}

/// The push that the newest version under a key is.
async fn push_of_key(app: &App, key: &str) -> Result<String, OperationError> {
    let bucket = &app.config.common.bucket;
    let head = app.s3.head_object().bucket(bucket).key(key).send().await;
    let head = head.map_err(|error| OperationError::Unknown(format!("{key}: {}", DisplayErrorContext(error))))?;
    let version_id = head.version_id.unwrap_or_default();
    Ok(ObjectVersion { bucket: bucket.clone(), key: key.to_owned(), version_id }.push_id().to_string())
}

async fn report(app: &App, push: &str) -> Result<Report, OperationError> {
    let none = || {
        OperationError::Unknown(format!(
            "there is no review and no report of {push}: nothing of that name came, or the analyzer has not judged it; look at the pushes queue and its dead letters"
        ))
    };
    let get = app.s3.get_object().bucket(&app.config.common.bucket).key(format!("reports/{push}/report.json"));
    let object = get.send().await.map_err(|_| none())?;
    let bytes = object.body.collect().await.map_err(|_| none())?.into_bytes();
    serde_json::from_slice(&bytes).map_err(|_| none())
}

fn of_report(report: &Report) -> String {
    let held = if report.needs_review { "Held" } else { "Let through" };
    let (push, measure) = (&report.push, words::measure(&report.measure()));
    format!("{held}: push {push}, {}. {measure}", words::visible(&report.source.key, 300))
}

async fn of_round(clients: &Clients, round: &Round, out: &mut impl Write) -> Result<(), OperationError> {
    let request = &round.request;
    writeln!(out, "Asked {}: {}", words::moment(round.opened_at()), words::visible(&request.title, 300))?;
    if let Some(measure) = &request.measure {
        writeln!(out, "{}", words::measure(measure))?;
    }
    writeln!(out, "{}", words::without_mentions(&stands(round)))?;
    for line in hindrances(round) {
        writeln!(out, "{line}")?;
    }
    let execution = &round.visit().execution;
    let described = clients.sfn.describe_execution().execution_arn(execution).send().await;
    let status =
        described.map_or_else(|_| "cannot be looked at".to_owned(), |reply| format!("is {}", reply.status().as_str()));
    writeln!(out, "Its execution {status}: {}", words::visible(execution, 300))?;
    Ok(())
}

/// What keeps it from going on.
fn hindrances(round: &Round) -> Vec<String> {
    let mut lines = Vec::new();
    if round.is_open() {
        let unasked = round.asked().filter(|channel| round.receipt(channel, Purpose::Request).is_none());
        lines.extend(unasked.map(|channel| format!("{} was not asked yet.", place(&channel))));
        if now() >= round.deadline {
            lines.push("Its deadline has passed, and no worker's clock has noticed: is a worker running? `rebuild-clock` helps if its clock message is lost.".to_owned());
        }
    } else if !round.is_finished() {
        if round.resolved().is_none() {
            lines.push("The workflow has not heard it yet; the clock tells it again at each tick.".to_owned());
        }
        let untold = round.told().into_iter().filter(|channel| round.said(channel) != round.outcome());
        lines.extend(untold.map(|channel| format!("{} does not show yet how it ended.", place(&channel))));
    }
    lines.extend(round.events.iter().filter_map(|entry| match &entry.event {
        Event::Undelivered { channel, purpose, reason } => Some(format!(
            "The {} for {} could not be delivered: {reason}. When that is mended: `dead-letters --move-back`.",
            what(*purpose),
            place(channel)
        )),
        _ => None,
    }));
    lines
}
