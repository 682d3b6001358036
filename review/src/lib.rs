//! The language that all services share, and a review's life as a pure function.
//!
//! Contracts (what crosses a process border as JSON), words (ids, rates, routes, rights) and rules (`step`). No I/O, no
//! async, no AWS types: whatever decides can be tested in milliseconds, in any order of events. How evidence looks is here
//! too, because the page and the analyzer's own report must show the same.

mod cause;
mod decision;
pub mod evidence;
mod execution;
mod id;
mod life;
mod link;
mod notice;
mod rate;
mod report;
mod request;
mod rights;
mod round;
mod route;
mod seconds;
mod token;
#[cfg(test)]
mod trial;
pub mod words;

pub use cause::cause;
pub use decision::{
    Answer, AnswerMark, Closing, Decision, Outcome, REVIEW_BAD_INPUT, REVIEW_EXPIRED, REVIEW_REJECTED, UnknownVerdict,
    Verdict,
};
pub use execution::{
    Acceptance, CopyObject, ExecutionInput, HOLDPOINT_TAG, PushReference, PutObjectTagging, Refused, Tag, Tagging,
    baseline_key, baseline_prefix, baseline_since,
};
pub use id::{ContentHash, NotAnId, PushHash, PushId, ReviewId};
pub use life::{
    Action, Admission, ExecutionFacts, Input, Refusal, Step, admit, owed, own_vote, refused, renewed, step, vote,
};
pub use link::{BadKeys, Holder, Link, LinkKeys};
pub use notice::{Channel, ClockMessage, Notice, Purpose};
pub use rate::{NotAThreshold, Share, Threshold};
pub use report::{
    BaselineMember, BaselineSummary, ColumnPlot, Finding, ObjectVersion, PageData, PlotBin, REPORT_VERSION, Report,
    SampleRecord,
};
pub use request::{
    ACTIVITY_INPUT_VERSION, ActivityInput, BadInput, Evidence, Measure, RequestFinding, ReviewRequest, Visit,
};
pub use rights::{NotAllowed, Voter, Way, Who, may_decide};
pub use round::{Entry, Event, Newer, Round};
pub use route::{AtDeadline, BadRoutes, Escalation, Reviewer, Route, Routes, WhenReplaced};
pub use seconds::{NotADuration, Seconds};
pub use token::TaskToken;
