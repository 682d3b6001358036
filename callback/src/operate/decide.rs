//! A decision at the command line: in the name of a reviewer, by the same rule and in the same order as on the page.

use std::io::Write;

use holdpoint_review::{Round, Verdict, Who, words};

use super::{InNameOf, OperationError, find, show::stands};
use crate::{
    decide::{self, Decided, Wish},
    form, page,
    server::App,
};

/// Says in the ledger, and to the workflow, which way the decision came.
const BY_COMMAND: &str = "(by command) ";

pub(super) async fn decide(
    app: &App,
    asked: &InNameOf,
    verdict: Verdict,
    out: &mut impl Write,
) -> Result<(), OperationError> {
    let stored = find(app, &asked.which).await?;
    let who = reviewer(&stored.round, &asked.reviewer)?;
    let (reason, _) = form::reason(&asked.reason);
    let reason = reason.ok_or_else(|| OperationError::NotDone("give a reason".to_owned()))?;
    let wish = Wish { who, verdict, reason: Some(format!("{BY_COMMAND}{reason}")) };
    match Box::pin(decide::decide(app, stored, wish)).await {
        Decided::Recorded(round) => Ok(writeln!(out, "{}", words::without_mentions(&stands(&round)))?),
        Decided::Refused(refusal, round) => {
            Err(OperationError::NotDone(words::without_mentions(&words::refusal(&refusal, &round))))
        }
        Decided::EvidenceChanged => Err(OperationError::NotDone(page::EVIDENCE_CHANGED.to_owned())),
        Decided::NotRecorded => Err(OperationError::NotDone(words::NOT_RECORDED.to_owned())),
    }
}

/// Who that is for the rule of rights: known by mail, or else by Slack id.
fn reviewer(round: &Round, called: &str) -> Result<Who, OperationError> {
    let is_called = |name: &String| name.eq_ignore_ascii_case(called);
    let mut known = round.route.reviewers.iter();
    let found = known.find(|reviewer| is_called(&reviewer.name) || reviewer.mail.as_ref().is_some_and(is_called));
    let who = found.and_then(|reviewer| match (&reviewer.mail, &reviewer.slack) {
        (Some(mail), _) => Some(Who::MailOwner(mail.clone())),
        (None, Some(user)) => Some(Who::SlackUser { user: user.clone(), channel: String::new() }),
        (None, None) => None,
    });
    who.ok_or_else(|| OperationError::NotDone(format!("the review's route names no reviewer {called:?}")))
}
