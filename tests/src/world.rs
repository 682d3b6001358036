//! A world: what people and pushes do in it, and what can be seen of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use holdpoint_local::{
    deployment::Times,
    local::{Local, SLACK_CHANNEL},
    mail::Mail,
    person::{Page, Person},
    slack::SlackMessage,
};
use holdpoint_platform::Clients;
use holdpoint_review::{
    BaselineMember, BaselineSummary, ContentHash, Evidence, ExecutionInput, Finding, ObjectVersion, PageData, PushHash,
    PushId, REPORT_VERSION, Report, ReviewId, Seconds, Share, Threshold,
};
use jiff::Timestamp;

use crate::{
    elsewhere,
    roles::{Asked, Grant},
    service::{Log, Running, Service},
};

mod delivery;
mod seen;
mod time;

pub use delivery::several_customers;
pub use seen::{is_settled, link_in_message, shown};

const WAIT: Duration = Duration::from_mins(1);

/// What is different in a world.
#[derive(Debug, Clone)]
pub struct Options {
    /// The routes file.
    pub routes: String,
    /// How fast its clocks run.
    pub times: Times,
    /// Environment variables of the services.
    pub environment: BTreeMap<String, String>,
    /// Where its services log to.
    pub log: Option<Log>,
}

impl Default for Options {
    fn default() -> Self {
        let routes = format!(
            "[[reviewer]]\nname = \"dana\"\nmail = \"dana@example.com\"\nslack = \"U0DANA\"\n\n\
             [[route]]\nslack = [\"{SLACK_CHANNEL}\"]\nreviewers = [\"dana\"]\ndeadline = \"1h\"\n"
        );
        let times = Times { tick: Seconds(1), heartbeat: Seconds(60), retry: Seconds(1) };
        Self { routes, times, environment: BTreeMap::new(), log: None }
    }
}

impl Options {
    /// A route's deadline other than an hour.
    #[must_use]
    pub fn deadline(mut self, deadline: &str) -> Self {
        self.routes = self.routes.replace("\"1h\"", &format!("\"{deadline}\""));
        self
    }

    /// A heartbeat other than a minute.
    #[must_use]
    pub fn heartbeat(mut self, seconds: u32) -> Self {
        self.times.heartbeat = Seconds(seconds);
        self
    }
}

/// The world.
pub struct World {
    /// The stand-in and the catchers.
    pub local: Local,
    /// Clients of somebody who looks on.
    pub clients: Clients,
    person: Person,
    services: Vec<Running>,
    overrides: BTreeMap<String, String>,
    log: Option<Log>,
    asked: Arc<Asked>,
}

/// A push whose execution was started as the analyzer does, over the limit.
#[derive(Debug, Clone)]
pub struct Held {
    /// The push.
    pub push: PushId,
    /// Its execution's ARN.
    pub execution: String,
    /// Its object version.
    pub source: ObjectVersion,
    /// Its report's hash.
    pub report_hash: ContentHash,
}

impl Held {
    /// The review that its execution asks for.
    pub fn review_id(&self) -> ReviewId {
        ReviewId::of(&self.execution, "AwaitReview", self.push.as_str())
    }
}

impl World {
    /// A world in which these services run.
    pub async fn start(services: &[Service], options: Options) -> Self {
        let local = elsewhere::start(options.times, &options.routes).await.expect("the world starts");
        let clients = local.clients("onlooker");
        let asked = Arc::new(Asked::of_stack());
        if !elsewhere::is_asked_for() {
            let judge = asked.clone();
            local.aws().guard(move |access_key, permission| judge.is_allowed(access_key, permission));
        }
        let mut world = Self {
            local,
            clients,
            person: Person::new(),
            services: Vec::new(),
            overrides: options.environment,
            log: options.log,
            asked,
        };
        for service in services {
            world.run(*service);
        }
        world
    }

    /// A world in which reviews are asked for and decided; nothing is analyzed.
    pub async fn of_reviews(options: Options) -> Self {
        Self::start(&[Service::Worker, Service::Callback], options).await
    }

    /// Starts a service.
    pub fn run(&mut self, service: Service) {
        self.services.push(Running::start(service, &self.local, &self.overrides, self.log.as_ref()));
    }

    /// Kills every process of a service, as a crash does.
    pub fn kill(&mut self, service: Service) {
        for running in self.take(service) {
            running.kill();
        }
    }

    /// Asks every process of a service to stop, and waits until it has.
    pub async fn stop(&mut self, service: Service) {
        for running in self.take(service) {
            running.stop().await;
        }
    }

    fn take(&mut self, service: Service) -> Vec<Running> {
        let (taken, kept) =
            std::mem::take(&mut self.services).into_iter().partition(|running| running.service == service);
        self.services = kept;
        taken
    }

    /// What the stack's roles allow and nobody asked for in this world.
    pub fn unused_grants(&self) -> Vec<Grant> {
        self.asked.unused()
    }

    /// What the stack's roles allow with a wildcard that one name could stand for in this world, and the name.
    pub fn too_wide_grants(&self) -> Vec<(Grant, String)> {
        self.asked.too_wide()
    }

    /// Starts an execution for a push over the limit, with evidence in S3, as the analyzer does.
    pub async fn held_push(&self) -> Held {
        let input = self.store_held_push().await;
        self.start_execution(input).await
    }

    /// The report and evidence of a push over the limit; no execution yet. Under a prefix of which nobody is told.
    pub async fn store_held_push(&self) -> ExecutionInput {
        self.store_held_version(format!("parts/orders/acme/outside/{}.csv", holdpoint_platform::now().as_nanosecond()))
            .await
    }

    /// The same for a version of the object under this key.
    pub async fn store_held_version(&self, key: String) -> ExecutionInput {
        let bucket = &self.local.deployment.bucket;
        let put = self.clients.s3.put_object().bucket(bucket).key(&key).body(b"id,amount\n1,10\n".to_vec().into());
        let version_id = put.send().await.expect("S3 takes it").version_id.expect("the bucket keeps versions");
        let source = ObjectVersion { bucket: bucket.clone(), key, version_id };
        let report = report(source);
        let folder = format!("reports/{}", report.push);
        let bytes = serde_json::to_vec(&report).expect("a report is plain data");
        let page =
            serde_json::to_vec(&PageData { version: REPORT_VERSION, ..PageData::default() }).expect("plain data");
        let evidence = Evidence {
            bucket: bucket.clone(),
            report: format!("{folder}/report.json"),
            report_hash: ContentHash::of(&bytes),
            page: format!("{folder}/page.json"),
            flagged: format!("{folder}/flagged.csv"),
            delivered_at: None,
        };
        let profile = format!("{folder}/profile.json");
        let objects = [
            (&evidence.report, bytes),
            (&evidence.page, page),
            (&evidence.flagged, b"record,reasons\n".to_vec()),
            (&profile, b"{}".to_vec()),
        ];
        for (key, body) in objects {
            self.clients.s3.put_object().bucket(bucket).key(key).body(body.into()).send().await.expect("S3 takes it");
        }
        ExecutionInput::of(&report, evidence, &profile)
    }

    /// Starts the execution of a stored push.
    pub async fn start_execution(&self, input: ExecutionInput) -> Held {
        let json = serde_json::to_string(&input).expect("an input is plain data");
        let start = self.clients.sfn.start_execution().state_machine_arn(&self.local.deployment.state_machine);
        let started = start.name(input.push.id.as_str()).input(json).send().await.expect("it starts");
        Held {
            execution: started.execution_arn,
            report_hash: input.push.report_hash,
            source: input.push.source,
            push: input.push.id,
        }
    }

    /// The mail in which dana is asked, once it is there.
    pub async fn request_mail(&self) -> Mail {
        self.mail(|mail| mail.recipient == "dana@example.com").await
    }

    /// The first mail that fits, once it is there.
    pub async fn mail(&self, fits: impl Fn(&Mail) -> bool) -> Mail {
        self.local.mail.wait_for(fits, WAIT).await.expect("the mail comes")
    }

    /// The link in the mail in which dana is asked.
    pub async fn link(&self) -> String {
        link_in(&self.request_mail().await)
    }

    /// The message in which the channel is asked, once it is there.
    pub async fn slack_request(&self) -> SlackMessage {
        let asks = |message: &SlackMessage| message.thread_ts.is_none() && !message.deleted;
        self.local.slack.wait_for(SLACK_CHANNEL, asks, WAIT).await.expect("Slack is asked")
    }

    /// Somebody with a browser.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// Opens a link as a browser does.
    pub async fn open(&self, link: &str) -> Page {
        self.person.open(link).await.expect("the page answers")
    }

    /// Approves by a link.
    pub async fn approve(&self, link: &str) -> Page {
        self.person.decide(link, "approve", "").await.expect("the page answers")
    }

    /// Rejects by a link.
    pub async fn reject(&self, link: &str, reason: &str) -> Page {
        self.person.decide(link, "reject", reason).await.expect("the page answers")
    }
}

impl Drop for World {
    /// Whatever the scenario was about, no service asked for more than its role allows; and nothing is left elsewhere.
    fn drop(&mut self) {
        self.services.clear();
        elsewhere::delete(&self.local.deployment);
        let denied = self.asked.denied();
        let said = format!("denied by deploy/aws/stack.yaml: {denied:#?}");
        match (denied.is_empty(), std::thread::panicking()) {
            (true, _) => {}
            (false, true) => eprintln!("{said}"),
            (false, false) => panic!("{said}"),
        }
    }
}

/// The link in a mail's text.
///
/// # Panics
/// There is none.
pub fn link_in(mail: &Mail) -> String {
    let link = mail.text.split_whitespace().find(|word| word.contains("/r/"));
    link.unwrap_or_else(|| panic!("no link in:\n{}", mail.text)).to_owned()
}

fn report(source: ObjectVersion) -> Report {
    let member = |number: u32| BaselineMember {
        push: PushId::of("b", "k", &number.to_string()),
        delivered_at: Timestamp::UNIX_EPOCH,
        records: 1_000,
        rate: Some(Share::new(u64::from(number), 1_000)),
        replayed: None,
    };
    Report {
        version: REPORT_VERSION,
        push: source.push_id(),
        source,
        dataset: "orders".into(),
        customer: "acme".into(),
        delivered_at: "2026-11-22T08:14:00Z".parse().expect("a time"),
        tags: BTreeMap::new(),
        content: PushHash::of_blake3([0; 32]),
        records: 12_480,
        anomalous: 5_154,
        row_rate: Share::new(5_154, 12_480),
        batch_mass: Share::NONE,
        threshold: Threshold::SIX_PERCENT,
        needs_review: true,
        findings: vec![Finding {
            check: "outside the learned range".into(),
            columns: vec!["amount".into()],
            hard: true,
            share: Share::new(4_855, 12_480),
            reason: "amount is 100 times what it was: median 4,120.00, before 39.90 to 43.10".into(),
            examples: vec!["3990.00".into()],
        }],
        baseline: BaselineSummary { members: (1..=30).map(member).collect(), expected: None },
    }
}
