//! A decision at the command line: in the name of one reviewer, by the same rule and in the same order as on the page. The
//! vote says that it came by command.

use std::io::Write;

use holdpoint_review::{Reviewer, Verdict, Who, words};

use super::{InNameOf, OperationError, find, show::stands};
use crate::{
    app::App,
    decide::{self, Decided, Wish},
    form, page,
};

pub(super) async fn decide(
    app: &App,
    asked: &InNameOf,
    verdict: Verdict,
    out: &mut impl Write,
) -> Result<(), OperationError> {
    let stored = find(app, &asked.which).await?;
    let who = one_of(&stored.round.route.reviewers, &asked.reviewer)?;
    let (reason, _) = form::reason(&asked.reason);
    let reason = reason.ok_or_else(|| OperationError::NotDone("give a reason".to_owned()))?;
    let wish = Wish { who, verdict, reason: Some(reason) };
    match Box::pin(decide::decide(app, stored, wish)).await {
        Decided::Recorded(round) => Ok(writeln!(out, "{}", words::without_mentions(&stands(&round)))?),
        Decided::Refused(refusal, round) => {
            Err(OperationError::NotDone(words::without_mentions(&words::refusal(&refusal, &round))))
        }
        Decided::EvidenceChanged => Err(OperationError::NotDone(page::EVIDENCE_CHANGED.to_owned())),
        Decided::NotRecorded => Err(OperationError::NotDone(words::NOT_RECORDED.to_owned())),
    }
}

/// The one reviewer of the route who is called so: by name, or by an address that is nobody else's.
fn one_of(reviewers: &[Reviewer], called: &str) -> Result<Who, OperationError> {
    let is_called = |name: &String| name.eq_ignore_ascii_case(called);
    let meant =
        reviewers.iter().filter(|reviewer| is_called(&reviewer.name) || reviewer.mail.as_ref().is_some_and(is_called));
    let mut names: Vec<_> = meant.map(|reviewer| reviewer.name.as_str()).collect();
    if names.contains(&called) {
        names = vec![called];
    }
    match names[..] {
        [name] => Ok(Who::InNameOf(name.to_owned())),
        [] => Err(OperationError::NotDone(format!("the review's route names no reviewer {called:?}"))),
        _ => Err(OperationError::NotDone(format!("{called:?} stands for several reviewers: {}", names.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_review::Routes;

    use super::*;

    #[test]
    fn an_operator_names_one_reviewer_or_nobody() {
        let people = [("dana", "team@example.com"), ("lee", "team@example.com"), ("Lee", "lee@example.com")];
        let people = people.map(|(name, mail)| format!("[[reviewer]]\nname = \"{name}\"\nmail = \"{mail}\"\n"));
        let routes = format!("{}[[route]]\nreviewers = [\"dana\", \"lee\", \"Lee\"]", people.concat());
        let routes = Routes::parse(&routes).unwrap();
        let reviewers = &routes.iter().next().unwrap().reviewers;
        let check = |called: &str, expected: Result<&str, &str>| {
            let named = one_of(reviewers, called).map_err(|error| error.to_string());
            assert_eq!(named, expected.map(|name| Who::InNameOf(name.to_owned())).map_err(str::to_owned), "{called}");
        };
        check("dana", Ok("dana"));
        check("DANA", Ok("dana"));
        check("Lee", Ok("Lee"));
        check("lee", Ok("lee"));
        check("LEE@example.com", Ok("Lee"));
        check("LEE", Err("\"LEE\" stands for several reviewers: lee, Lee"));
        check("team@example.com", Err("\"team@example.com\" stands for several reviewers: dana, lee"));
        check("eve", Err("the review's route names no reviewer \"eve\""));
    }
}
