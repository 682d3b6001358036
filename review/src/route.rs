//! Who reviews what: routes match a request's dataset and customer and name channels, reviewers and times.
//!
//! A round keeps the route it was opened with, so that a changed file never changes the rules of a question already put.

use globset::GlobBuilder;
use serde::{Deserialize, Serialize};

use crate::{ReviewRequest, Seconds};

/// Longest deadline: the state machine's own `TimeoutSeconds`, after which nobody could answer any more.
const LONGEST_DEADLINE: Seconds = Seconds(30 * 24 * 3600);

/// The routes file, parsed and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
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

/// Why a routes file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRoutes {
    /// Not TOML, or an unknown, missing or wrongly typed word; the parser names the line.
    #[error("{0}")]
    Syntax(String),
    /// A route that cannot work.
    #[error("route {number}: {problem}")]
    Route {
        /// Which, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    reviewer: Vec<Reviewer>,
    route: Vec<FileRoute>,
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
    #[serde(default = "one_day")]
    deadline: Seconds,
    #[serde(default)]
    remind_after: Vec<Seconds>,
    escalate: Option<Escalation>,
    #[serde(default)]
    at_deadline: AtDeadline,
    #[serde(default)]
    tell: Vec<String>,
}

fn any() -> String {
    "*".to_owned()
}

fn one() -> u32 {
    1
}

fn one_day() -> Seconds {
    Seconds(24 * 3600)
}

impl Routes {
    /// Reads a routes file.
    ///
    /// # Errors
    /// [`BadRoutes`] says which route and what to change; whoever had routes before keeps them.
    pub fn parse(text: &str) -> Result<Self, BadRoutes> {
        let file: File = toml::from_str(text).map_err(|error| BadRoutes::Syntax(error.to_string()))?;
        let entries = file.route.iter().enumerate().map(|(index, route)| {
            route.resolve(&file.reviewer).map_err(|problem| BadRoutes::Route { number: index + 1, problem })
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
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
    fn resolve(&self, people: &[Reviewer]) -> Result<Entry, String> {
        for glob in [&self.dataset, &self.customer] {
            GlobBuilder::new(glob).build().map_err(|error| error.to_string())?;
        }
        let find = |name: &String| {
            let unknown = || format!("no [[reviewer]] is called {name:?}");
            people.iter().find(|person| person.name == *name).cloned().ok_or_else(unknown)
        };
        let reviewers = self.reviewers.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let reachable = !self.slack.is_empty() || reviewers.iter().any(|reviewer| reviewer.mail.is_some());
        let problem = if !reachable {
            Some("nobody would be asked; name slack channels, or reviewers with a mail address")
        } else if self.quorum == 0 {
            Some("quorum must be at least 1")
        } else if self.named_only && (reviewers.len() as u64) < u64::from(self.quorum) {
            Some("quorum is larger than the number of reviewers who may decide")
        } else if self.deadline > LONGEST_DEADLINE {
            Some("deadline is longer than 30 days, when the state machine itself gives up")
        } else if self.deadline.0 == 0 {
            Some("deadline must be longer than 0s")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(problem.to_owned());
        }
        let route = Route {
            slack: self.slack.clone(),
            reviewers,
            named_only: self.named_only,
            quorum: self.quorum,
            deadline: self.deadline,
            remind_after: sorted(&self.remind_after),
            escalate: self.escalate.clone(),
            at_deadline: self.at_deadline,
            tell: self.tell.clone(),
        };
        Ok(Entry { dataset: self.dataset.clone(), customer: self.customer.clone(), route })
    }
}

fn sorted(times: &[Seconds]) -> Vec<Seconds> {
    let mut times = times.to_vec();
    times.sort();
    times
}

fn glob_matches(glob: &str, name: &str) -> bool {
    GlobBuilder::new(glob).build().is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
        [[reviewer]]
        name = "dana"
        mail = "dana@example.com"
        slack = "U1"

        [[route]]
        dataset = "orders*"
        customer = "acme"
        slack = ["C1"]
        reviewers = ["dana"]
        deadline = "2h"
        remind_after = ["30m", "1h"]

        [[route]]
        slack = ["C2"]
    "#;

    fn request(dataset: &str, customer: &str) -> ReviewRequest {
        ReviewRequest {
            key: "k".into(),
            dataset: dataset.into(),
            customer: customer.into(),
            title: "t".into(),
            measure: None,
            findings: vec![],
            if_approved: "a".into(),
            if_rejected: "r".into(),
            submitter: None,
            evidence: None,
        }
    }

    #[test]
    fn the_first_matching_route_wins() {
        let routes = Routes::parse(TWO).unwrap();
        let check = |dataset, customer, channel: &str| {
            assert_eq!(routes.for_request(&request(dataset, customer)).unwrap().slack, [channel]);
        };
        check("orders", "acme", "C1");
        check("orders-eu", "acme", "C1");
        check("orders", "other", "C2");
        let first = routes.for_request(&request("orders", "acme")).unwrap();
        assert_eq!(first.deadline, Seconds(7200));
        assert_eq!(first.remind_after, [Seconds(1800), Seconds(3600)]);
        assert_eq!(first.at_deadline, AtDeadline::Expire);
    }

    #[test]
    fn a_bad_file_says_what_to_change() {
        let check = |text: &str, part: &str| {
            let error = Routes::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check("[[route]]\nslak = []", "slak");
        check("[[route]]", "route 1: nobody would be asked");
        check("[[route]]\nreviewers = [\"lee\"]", "no [[reviewer]] is called \"lee\"");
        check("[[route]]\nslack = [\"C\"]\ndeadline = \"31d\"", "30 days");
        check("[[route]]\nslack = [\"C\"]\ndeadline = \"5\"", "duration");
        check("[[route]]\nslack = [\"C\"]\nquorum = 0", "quorum");
        check("[[route]]\nslack = [\"C\"]\nat_deadline = \"approve\"", "approve-unseen");
        check("[[route]]\nslack = [\"C\"]\ndataset = \"[\"", "route 1");
    }
}
