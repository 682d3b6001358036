//! The proof that a form was shown: sealed by us, of what it was shown for and when.
//!
//! A decision takes two forms: the choice, and its confirmation. Each carries a proof of its link; the second one's also
//! of what was to be confirmed. So a scanner that presses buttons gets no further than a question, and no other site can
//! make a browser decide.

use holdpoint_platform::{nonce, now};
use holdpoint_review::Verdict;
use jiff::SignedDuration;

use crate::app::App;

/// How long a form that was shown may be sent.
const FORM_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// Why a form is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadProof {
    /// Not of this link, or of another form.
    Foreign,
    /// Shown too long ago.
    Old,
}

/// Which of a review's forms a proof is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Choose.
    Choice,
    /// Confirm this choice.
    Confirmation(Verdict),
    /// Have a reviewer's own link mailed.
    Link,
}

impl Asking {
    /// As a proof names it.
    pub(crate) fn of(self, sealed: &str) -> String {
        match self {
            Self::Choice => sealed.to_owned(),
            Self::Confirmation(Verdict::Approve) => format!("{sealed} approve"),
            Self::Confirmation(Verdict::Reject) => format!("{sealed} reject"),
            Self::Link => format!("{sealed} link"),
        }
    }
}

/// A proof that a review's form is shown now.
pub(crate) fn proof(app: &App, sealed: &str, asking: Asking) -> String {
    proof_of(app, &asking.of(sealed))
}

/// A proof that a form for this is shown now.
pub(crate) fn proof_of(app: &App, what: &str) -> String {
    app.config.common.link_keys.seal_form(what, now(), nonce())
}

/// Checks that a form for this was shown, not too long ago.
pub(crate) fn check(app: &App, proof: &str, what: &str) -> Result<(), BadProof> {
    let shown = app.config.common.link_keys.unseal_form(what, proof).ok_or(BadProof::Foreign)?;
    if now().duration_since(shown) > FORM_LIFE { Err(BadProof::Old) } else { Ok(()) }
}
