//! Who reviews what: routes match a request's dataset and customer and name channels, reviewers and times.
//!
//! A round keeps the route it was opened with, so that a changed file never changes the rules of a question already put.

use globset::GlobBuilder;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{ReviewRequest, Seconds};

/// The state machine's own `TimeoutSeconds`: a deadline must come before it, or nobody could be told any more.
const MACHINE_GIVES_UP: Seconds = Seconds(30 * 24 * 3600);

/// The routes file, parsed and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    environment: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    dataset: String,
    customer: String,
    route: Route,
}

/// What a matching request gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Slack channels that get the request.
    pub slack: Vec<String>,
    /// People; those with an address get a mail with a personal link.
    pub reviewers: Vec<Reviewer>,
    /// Only `reviewers` may decide; a channel's link then only shows.
    pub named_only: bool,
    /// How many different people must approve.
    pub quorum: u32,
    /// From opening to expiry.
    pub deadline: Seconds,
    /// Reminders, each so long after opening.
    pub remind_after: Vec<Seconds>,
    /// Whom to wake, and when, if nobody has decided.
    pub escalate: Option<Escalation>,
    /// What happens at the deadline.
    pub at_deadline: AtDeadline,
    /// What happens once a newer version of the same object is there.
    #[serde(default)]
    pub when_replaced: WhenReplaced,
    /// Mail addresses that hear the outcome without being asked.
    pub tell: Vec<String>,
}

/// A person who may decide. One person through two channels is still one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reviewer {
    /// How the person is called on every surface.
    pub name: String,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Slack user id (`U…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<String>,
}

/// Whom to wake, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// So long after opening.
    pub after: Seconds,
    /// Slack channels.
    #[serde(default)]
    pub slack: Vec<String>,
}

/// What happens to a review that nobody decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtDeadline {
    /// It expires, and the workflow fails cleanly.
    #[default]
    Expire,
    /// It is approved although nobody looked. Named so that nobody chooses it by accident.
    ApproveUnseen,
}

/// What happens to an open review once a newer version of what it is about was delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenReplaced {
    /// It says so, and can still be decided.
    #[default]
    Keep,
    /// It is closed undecided, and its workflow ends as if it had expired.
    Withdraw,
}

/// Why a routes file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRoutes {
    /// Not TOML, or an unknown, missing or wrongly typed word; the parser names the line.
    #[error("{0}")]
    Syntax(String),
    /// A route that cannot work.
    #[error("line {line}, route {number}: {problem}")]
    Route {
        /// Where, counted from 1.
        line: usize,
        /// Which, counted from 1.
        number: usize,
        /// What is wrong with it, by the name of the key.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whose routes these are.
    environment: Option<String>,
    #[serde(default)]
    reviewer: Vec<Reviewer>,
    route: Vec<Spanned<FileRoute>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRoute {
    #[serde(default = "any")]
    dataset: String,
    #[serde(default = "any")]
    customer: String,
    #[serde(default)]
    slack: Vec<String>,
    #[serde(default)]
    reviewers: Vec<String>,
    #[serde(default)]
    named_only: bool,
    #[serde(default = "one")]
    quorum: u32,
    deadline: Option<Spanned<Seconds>>,
    #[serde(default)]
    remind_after: Vec<Spanned<Seconds>>,
    escalate: Option<Spanned<Escalation>>,
    #[serde(default)]
    at_deadline: AtDeadline,
    #[serde(default)]
    when_replaced: WhenReplaced,
    #[serde(default)]
    tell: Vec<String>,
}

fn any() -> String {
    "*".to_owned()
}

fn one() -> u32 {
    1
}

/// Where the route names none.
const USUAL_DEADLINE: Seconds = Seconds(24 * 3600);

/// What is wrong with a route, and at which byte of the file; none: somewhere in it.
struct Problem {
    at: Option<usize>,
    text: String,
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self { at: None, text }
    }
}

impl Routes {
    /// Reads a routes file.
    ///
    /// # Errors
    /// [`BadRoutes`] says which route and what to change; whoever had routes before keeps them.
    pub fn parse(text: &str) -> Result<Self, BadRoutes> {
        let file: File = toml::from_str(text).map_err(|error| {
            // Not as a whole: it would repeat the line, and addresses do not belong into logs.
            let line = 1 + text[..error.span().map_or(0, |span| span.start)].matches('\n').count();
            BadRoutes::Syntax(format!("line {line}: {}", error.message()))
        })?;
        let entries = (1..).zip(&file.route).map(|(number, route)| {
            route.get_ref().resolve(&file.reviewer).map_err(|problem| {
                let before = &text[..problem.at.unwrap_or(route.span().start)];
                BadRoutes::Route { line: 1 + before.matches('\n').count(), number, problem: problem.text }
            })
        });
        Ok(Self { environment: file.environment, entries: entries.collect::<Result<_, _>>()? })
    }

    /// Whether these routes are for this environment; a file that names none is for any.
    ///
    /// # Errors
    /// The environment that they are for.
    pub fn check_environment(&self, ours: &str) -> Result<(), &str> {
        self.environment.as_deref().filter(|theirs| *theirs != ours).map_or(Ok(()), Err)
    }

    /// All routes, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.entries.iter().map(|entry| &entry.route)
    }

    /// The first route that matches, in the file's order.
    pub fn for_request(&self, request: &ReviewRequest) -> Option<&Route> {
        let matches = |entry: &&Entry| {
            glob_matches(&entry.dataset, &request.dataset) && glob_matches(&entry.customer, &request.customer)
        };
        self.entries.iter().find(matches).map(|entry| &entry.route)
    }
}

impl FileRoute {
    fn resolve(&self, people: &[Reviewer]) -> Result<Entry, Problem> {
        for glob in [&self.dataset, &self.customer] {
            GlobBuilder::new(glob).build().map_err(|error| error.to_string())?;
        }
        let find = |name: &String| {
            let unknown = || format!("no [[reviewer]] is called {name:?}");
            people.iter().find(|person| person.name == *name).cloned().ok_or_else(unknown)
        };
        let reviewers = self.reviewers.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        self.check_people(&reviewers).map_err(str::to_owned)?;
        let deadline = self.check_times()?;
        let route = Route {
            slack: self.slack.clone(),
            reviewers,
            named_only: self.named_only,
            quorum: self.quorum,
            deadline,
            remind_after: sorted(self.remind_after.iter().map(|after| *after.get_ref())),
            escalate: self.escalate.as_ref().map(|escalation| escalation.get_ref().clone()),
            at_deadline: self.at_deadline,
            when_replaced: self.when_replaced,
            tell: self.tell.clone(),
        };
        Ok(Entry { dataset: self.dataset.clone(), customer: self.customer.clone(), route })
    }

    fn check_people(&self, reviewers: &[Reviewer]) -> Result<(), &'static str> {
        let reachable = !self.slack.is_empty() || reviewers.iter().any(|reviewer| reviewer.mail.is_some());
        if !reachable {
            return Err("nobody would be asked; name slack channels, or reviewers with a mail address");
        }
        if self.quorum == 0 {
            return Err("quorum must be at least 1");
        }
        if self.named_only && (reviewers.len() as u64) < u64::from(self.quorum) {
            return Err("quorum is larger than the number of reviewers who may decide");
        }
        Ok(())
    }

    /// The deadline: after nothing, before the machine's own end, and after everything that comes before it.
    fn check_times(&self) -> Result<Seconds, Problem> {
        let deadline = self.deadline.as_ref().map_or(USUAL_DEADLINE, |deadline| *deadline.get_ref());
        let at = self.deadline.as_ref().map(|deadline| deadline.span().start);
        if deadline.0 == 0 {
            return Err(Problem { at, text: "deadline must be longer than 0s".to_owned() });
        }
        if deadline >= MACHINE_GIVES_UP {
            let text =
                format!("deadline must be shorter than {MACHINE_GIVES_UP}, when the state machine itself gives up");
            return Err(Problem { at, text });
        }
        let reminders = self.remind_after.iter().map(|after| ("remind_after", *after.get_ref(), after.span()));
        let escalation =
            self.escalate.iter().map(|escalation| ("escalate.after", escalation.get_ref().after, escalation.span()));
        match reminders.chain(escalation).find(|(_, after, _)| *after >= deadline) {
            Some((key, after, span)) => {
                let text = format!("{key}: {after} is not before the deadline of {deadline}");
                Err(Problem { at: Some(span.start), text })
            }
            None => Ok(deadline),
        }
    }
}

fn sorted(times: impl Iterator<Item = Seconds>) -> Vec<Seconds> {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times
}

fn glob_matches(glob: &str, name: &str) -> bool {
    GlobBuilder::new(glob).build().is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

#[cfg(test)]
mod tests;
