//! What messages say, whatever carries them.
//!
//! In the order in which a person on a phone needs it: who and what, how bad against the limit and the usual, three
//! findings, what each choice does, until when. All that came from outside is cut and made visible here, once; each
//! surface escapes it in its own way. Of the records themselves nothing but the findings' words.

use holdpoint_review::{Notice, Outcome, Purpose, Round, words};

/// More are on the page.
const FINDINGS: usize = 3;

/// A question.
pub(crate) struct Asking {
    /// Why this message comes now; none for the first.
    pub(crate) lead: Option<&'static str>,
    /// That a newer version is there.
    pub(crate) replaced: Option<&'static str>,
    /// Who and what.
    pub(crate) title: String,
    /// Customer, dataset, environment.
    pub(crate) about: String,
    /// How bad.
    pub(crate) measure: Option<String>,
    /// The gravest, in words.
    pub(crate) findings: Vec<String>,
    /// What approving does.
    pub(crate) if_approved: String,
    /// What rejecting does.
    pub(crate) if_rejected: String,
    /// Until when.
    pub(crate) until: String,
    /// Who approved so far, where one is not enough.
    pub(crate) progress: Option<String>,
}

/// How it ended.
pub(crate) struct Ended {
    /// Who and what.
    pub(crate) title: String,
    /// Customer, dataset, environment.
    pub(crate) about: String,
    /// The outcome. May hold Slack's mention of who decided.
    pub(crate) outcome: String,
    /// Why.
    pub(crate) reason: Option<String>,
}

impl Asking {
    pub(crate) fn of(round: &Round, purpose: Purpose, environment: &str) -> Self {
        let request = &round.request;
        let findings = request.findings.iter().take(FINDINGS);
        let mut findings: Vec<_> =
            findings.map(|finding| format!("{}: {}", finding.share, words::visible(&finding.text, 240))).collect();
        match request.findings.len().saturating_sub(FINDINGS) {
            0 => {}
            1 => findings.push("One more on the page.".to_owned()),
            more => findings.push(format!("{more} more on the page.")),
        }
        Self {
            lead: match purpose {
                Purpose::Reminder(_) => Some("Still open: nobody has decided yet."),
                Purpose::Escalation => Some("Nobody has decided yet, so you are asked."),
                Purpose::Link(_) => Some("You asked for your own link."),
                Purpose::Request | Purpose::Outcome | Purpose::Change(_) | Purpose::Digest(_) => None,
            },
            replaced: words::replaced(round),
            title: title(round),
            about: about(round, environment),
            measure: request.measure.as_ref().map(words::measure),
            findings,
            if_approved: words::visible(&request.if_approved, 240),
            if_rejected: words::visible(&request.if_rejected, 240),
            until: words::if_nobody(round),
            progress: words::progress(round),
        }
    }
}

impl Ended {
    /// None while the round is open.
    pub(crate) fn of(round: &Round, environment: &str) -> Option<Self> {
        Some(Self {
            title: title(round),
            about: about(round, environment),
            outcome: words::outcome(round)?,
            reason: words::reason(round),
        })
    }
}

/// The title of a round, as on every surface.
pub(crate) fn title(round: &Round) -> String {
    words::visible(&round.request.title, 160)
}

fn about(round: &Round, environment: &str) -> String {
    let [customer, dataset] = [&round.request.customer, &round.request.dataset].map(|name| words::visible(name, 60));
    format!("{customer} · {dataset} · {}", words::visible(environment, 40))
}

/// The purpose as one word, as in a message's metadata and in its `Message-ID`.
pub(crate) fn purpose_word(notice: &Notice) -> String {
    word(notice.purpose, notice.says)
}

/// The same, from its parts.
pub(crate) fn word(purpose: Purpose, says: Option<Outcome>) -> String {
    match purpose {
        Purpose::Request => "request".to_owned(),
        Purpose::Reminder(number) => format!("reminder-{number}"),
        Purpose::Escalation => "escalation".to_owned(),
        Purpose::Digest(minute) => format!("digest-{minute}"),
        Purpose::Change(number) => format!("change-{number}"),
        Purpose::Link(number) => format!("link-{number}"),
        Purpose::Outcome => format!("outcome-{}", says.map_or("unknown", Outcome::as_str)),
    }
}
