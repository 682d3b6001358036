//! What `cargo run` shows: a month of history, a clean push that flows through, a spoiled one that is held for a person.
//!
//! Each line it prints was seen on the stand-in, by the same APIs that an operator has on AWS.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use aws_sdk_sfn::{operation::describe_execution::DescribeExecutionError, types::ExecutionStatus};
use clap::ValueEnum;
use holdpoint_platform::{Clients, Stop};
use holdpoint_review::{Decision, REVIEW_EXPIRED, REVIEW_REJECTED, Seconds};

use crate::{
    deployment::Times,
    local::{Local, SLACK_CHANNEL},
    outbox::Outbox,
    person::Person,
};

const TIMES: Times = Times { tick: Seconds(1), heartbeat: Seconds(30), retry: Seconds(1) };
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Who plays the reviewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Decide {
    /// Follows the mailed link and approves
    Approve,
    /// Follows the mailed link and rejects
    Reject,
    /// Looks at nothing, until the review expires
    Nobody,
}

/// The pushes of one customer.
#[derive(Debug, Clone)]
pub struct Story {
    /// Trusted pushes, oldest first.
    pub history: Vec<PathBuf>,
    /// Pushes to deliver, one after the other.
    pub delivered: Vec<PathBuf>,
    /// Who delivers.
    pub customer: &'static str,
    /// What.
    pub dataset: &'static str,
}

impl Story {
    /// The samples in the repository: departures of one airport, day by day.
    ///
    /// # Errors
    /// The samples are not where they were when this was built.
    pub fn of_samples() -> anyhow::Result<Self> {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
        let missing =
            || format!("{} is missing: run this from a checkout, or name files of your own", samples.display());
        let history = std::fs::read_dir(samples.join("history")).with_context(missing)?;
        let mut history = history.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        history.sort();
        let delivered = vec![samples.join("clean.csv"), samples.join("spoiled.csv")];
        Ok(Self { history, delivered, customer: "EWR", dataset: "departures" })
    }

    /// A user's own files: the last is judged, the others are history.
    ///
    /// # Errors
    /// There is no file, or one cannot be opened.
    pub fn of_files(mut files: Vec<PathBuf>) -> anyhow::Result<Self> {
        for file in &files {
            std::fs::File::open(file).with_context(|| file.display().to_string())?;
        }
        let judged = files.pop().context("name at least one file")?;
        Ok(Self { history: files, delivered: vec![judged], customer: "my-customer", dataset: "files" })
    }
}

/// Tells the story. With `decide` it plays the reviewer; otherwise it waits for a person.
///
/// # Errors
/// Something failed, or the execution ended otherwise than was decided.
pub async fn tell(story: Story, decide: Option<Decide>, stop: Stop) -> anyhow::Result<()> {
    let local = Local::start(TIMES, &routes(decide)).await?;
    let outbox = Outbox::start(local.mail.clone(), local.slack.clone()).await?;
    say(&format!("Holdpoint runs on this machine. Mails and Slack messages: {}", outbox.url()));
    match learn(&local, &story).await? {
        0 => say("There is no history, so there is nothing to compare the push with."),
        1 => say(&format!("One earlier push of {} says what is normal.", story.customer)),
        learned => say(&format!("{learned} earlier pushes of {} say what is normal.", story.customer)),
    }
    let services = local.run_services(Stop::new());
    let told = async {
        let told = deliver_all(&local, &story, decide, &stop).await;
        if told.is_ok() && decide.is_none() && !stop.is_requested() {
            say("Look around; Ctrl-C ends it.");
            stop.requested().await;
        }
        told
    };
    // The services are not asked to stop, which would take as long as their last long poll: their whole world goes with them.
    tokio::select! {
        told = told => told,
        ended = services => bail!("a service ended early: {ended:?}"),
    }
}

/// Everybody is asked in one channel, and one reviewer by mail. Nobody's turn comes after three seconds.
fn routes(decide: Option<Decide>) -> String {
    let deadline = if decide == Some(Decide::Nobody) { "3s" } else { "24h" };
    format!(
        "[[reviewer]]\nname = \"dana\"\nmail = \"dana@example.com\"\nslack = \"U0DANA\"\n\n\
         [[route]]\nslack = [\"{SLACK_CHANNEL}\"]\nreviewers = [\"dana\"]\ndeadline = \"{deadline}\"\n"
    )
}

/// Takes a story's history as accepted pushes; how many there are.
///
/// # Errors
/// A file cannot be read, or the stand-in refused it.
pub async fn learn(local: &Local, story: &Story) -> anyhow::Result<usize> {
    let clients = local.clients("operator");
    for (number, file) in story.history.iter().enumerate() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let body = tokio::fs::read(file).await.with_context(|| file.display().to_string())?;
        let put = clients.s3.put_object().bucket(&local.deployment.bucket).key(format!("trusted/{number:04}-{name}"));
        put.body(body.into()).send().await?;
    }
    let environment = local.environment();
    let config = holdpoint_analyzer::Config::read(&|name: &str| environment.get(name).cloned())?;
    let trusted = holdpoint_analyzer::Trusted::Prefix("trusted/".to_owned());
    Ok(holdpoint_analyzer::learn(&config, &local.clients("history"), &trusted, story.dataset, Some(story.customer))
        .await?)
}

async fn deliver_all(local: &Local, story: &Story, decide: Option<Decide>, stop: &Stop) -> anyhow::Result<()> {
    let mut last = None;
    for file in &story.delivered {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let body = tokio::fs::read(file).await.with_context(|| file.display().to_string())?;
        let key = format!("incoming/{}/{}/{name}", story.dataset, story.customer);
        say(&format!("\n{} delivers {name}.", story.customer));
        let (_, execution) = local.deliver(&key, body).await?;
        last = follow(local, &name, &execution, decide, stop).await?;
    }
    match decide {
        None => Ok(()),
        Some(decide) => {
            let as_decided = last.is_some_and(|end| end.is_what(decide));
            anyhow::ensure!(as_decided, "the last execution did not end as --decide says");
            Ok(())
        }
    }
}

/// How an execution ended.
struct End {
    status: ExecutionStatus,
    error: Option<String>,
    cause: Option<String>,
}

impl End {
    fn is_what(&self, decide: Decide) -> bool {
        match decide {
            Decide::Approve => self.status == ExecutionStatus::Succeeded,
            Decide::Reject => self.error.as_deref() == Some(REVIEW_REJECTED),
            Decide::Nobody => self.error.as_deref() == Some(REVIEW_EXPIRED),
        }
    }
}

/// Follows a push's execution to its end; none where asked to stop before.
async fn follow(
    local: &Local,
    name: &str,
    execution: &str,
    decide: Option<Decide>,
    stop: &Stop,
) -> anyhow::Result<Option<End>> {
    let clients = local.clients("operator");
    let mails = local.mail.mails().len();
    let mut asked = false;
    while !stop.is_requested() {
        if let Some(end) = look(&clients, execution).await? {
            tell_end(name, &end, asked);
            return Ok(Some(end));
        }
        let link = local.mail.mails().get(mails).and_then(|mail| link_in(&mail.text));
        if let Some(link) = link.filter(|_| !asked) {
            asked = true;
            say(&format!("{name} is held for review. dana was asked by mail, {SLACK_CHANNEL} in Slack:\n  {link}"));
            play(decide, &link).await?;
        }
        stop.pause(LOOK_AGAIN_AFTER).await;
    }
    Ok(None)
}

/// How an execution ended; none while it runs, or has not started yet.
async fn look(clients: &Clients, execution: &str) -> anyhow::Result<Option<End>> {
    match clients.sfn.describe_execution().execution_arn(execution).send().await {
        Ok(described) if described.status == ExecutionStatus::Running => Ok(None),
        Ok(described) => Ok(Some(End { status: described.status, error: described.error, cause: described.cause })),
        Err(error) if error.as_service_error().is_some_and(DescribeExecutionError::is_execution_does_not_exist) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

async fn play(decide: Option<Decide>, link: &str) -> anyhow::Result<()> {
    let (decision, reason) = match decide {
        Some(Decide::Approve) => ("approve", ""),
        Some(Decide::Reject) => ("reject", "rejected by --decide reject"),
        Some(Decide::Nobody) | None => return Ok(()),
    };
    let page = Person::new().decide(link, decision, reason).await?;
    anyhow::ensure!(page.status == 200, "the page answered {} to the decision:\n{}", page.status, page.html);
    Ok(())
}

fn tell_end(name: &str, end: &End, asked: bool) {
    let cause = end.cause.as_deref();
    let decision = cause.and_then(|cause| serde_json::from_str::<Decision>(cause).ok());
    let told = match (&end.status, asked, decision) {
        (ExecutionStatus::Succeeded, false, _) => "is within the limit: it went on without a person.".to_owned(),
        (ExecutionStatus::Succeeded, true, _) => "was approved: the workflow went on.".to_owned(),
        (_, _, Some(Decision { reviewer: Some(reviewer), reason, .. })) => {
            let why = reason.map_or_else(String::new, |reason| format!(", because: {reason}"));
            format!("was rejected by {reviewer}{why}. The workflow ended cleanly.")
        }
        (_, _, Some(_)) => "expired: nobody decided in time. The workflow ended cleanly.".to_owned(),
        (status, _, None) => format!("did not go on: {}", cause.unwrap_or(status.as_str())),
    };
    say(&format!("{name} {told}"));
}

/// The first link into the callback in a mail's text.
fn link_in(text: &str) -> Option<String> {
    text.split_whitespace().find(|word| word.starts_with("http") && word.contains("/r/")).map(str::to_owned)
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn say(line: &str) {
    println!("{line}");
}
