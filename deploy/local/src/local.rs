//! The whole deployment on one machine: the stand-in, the catchers for mail and Slack, and what the services are told.
//!
//! The services themselves are run by who needs them: all in this process for trying out, one by one in tests that kill them.

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::Context;
use holdpoint_platform::{Clients, Stop};
use holdpoint_review::PushId;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    aws::{Aws, execution_arn},
    deployment::{Deployment, Names, Times},
    mail::MailCatcher,
    slack::{self, SlackCatcher},
};

/// Any free port of this machine.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// A secret that guards nothing: everything here listens on loopback and holds sample data.
const LINK_KEYS: &str = "1:3030303030303030303030303030303030303030303030303030303030303030";
/// The one Slack channel that reviewers share.
pub const SLACK_CHANNEL: &str = "C0REVIEWS";
/// The one Slack webhook, as routes name it.
pub const SLACK_WEBHOOK: &str = "announcements";
/// What its address ends with, and the catcher's channel for it: whoever knows it can post.
pub const SLACK_WEBHOOK_SECRET: &str = "holdpoint-local-webhook";

/// The deployment without its services.
#[derive(Debug)]
pub struct Local {
    aws: Site,
    /// What was created there.
    pub deployment: Deployment,
    /// Catches mails.
    pub mail: MailCatcher,
    /// Catches Slack messages.
    pub slack: SlackCatcher,
    callback: SocketAddr,
    routes: tempfile::TempDir,
}

/// Where S3, SQS and Step Functions are.
#[derive(Debug)]
enum Site {
    StandIn(Aws),
    Elsewhere(Clients),
}

impl Local {
    /// Starts the stand-in and the catchers, and creates what the services need. `routes` is the text of a routes file.
    ///
    /// # Errors
    /// Names what could not be started.
    pub async fn start(times: Times, routes: &str) -> anyhow::Result<Self> {
        let aws = Aws::start(ANY_PORT).await.context("the stand-in for AWS cannot listen")?;
        let clients = Clients::of_stand_in(aws.endpoint(), "deploy");
        Self::on(Site::StandIn(aws), &clients, times, routes, Names::default()).await
    }

    /// The same with another S3, SQS and Step Functions than the stand-in, reached by these clients, under names that nobody
    /// else has. Without a role for the state machine it is an emulator.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_elsewhere(
        clients: Clients,
        role: Option<String>,
        times: Times,
        routes: &str,
    ) -> anyhow::Result<Self> {
        let prefix = format!("holdpoint-e2e-{:08x}-", fastrand::u32(..));
        let no_redrives = role.is_none();
        let machine_role = role.unwrap_or_else(|| Names::default().machine_role);
        let names = Names { prefix, machine_role, no_redrives };
        Self::on(Site::Elsewhere(clients.clone()), &clients, times, routes, names).await
    }

    async fn on(aws: Site, clients: &Clients, times: Times, routes: &str, names: Names) -> anyhow::Result<Self> {
        let deployment = Deployment::create(clients, times, names).await?;
        let mail = MailCatcher::start(ANY_PORT).await.context("the mail catcher cannot listen")?;
        let slack = SlackCatcher::start(ANY_PORT).await.context("the Slack catcher cannot listen")?;
        let callback = free_port().await?;
        slack.interactions_url(&format!("http://{callback}/slack/interactions"));
        let folder = tempfile::tempdir()?;
        tokio::fs::write(folder.path().join("routes.toml"), routes).await?;
        Ok(Self { aws, deployment, mail, slack, callback, routes: folder })
    }

    /// The stand-in.
    ///
    /// # Panics
    /// AWS is elsewhere.
    pub fn aws(&self) -> &Aws {
        match &self.aws {
            Site::StandIn(aws) => aws,
            Site::Elsewhere(_) => panic!("only the stand-in can do this"),
        }
    }

    /// Clients for a service; on the stand-in, requests can be told apart by its name.
    pub fn clients(&self, service: &str) -> Clients {
        match &self.aws {
            Site::StandIn(aws) => Clients::of_stand_in(aws.endpoint(), service),
            Site::Elsewhere(clients) => clients.clone(),
        }
    }

    /// Where reviewers' links lead.
    pub fn public_url(&self) -> String {
        format!("http://{}", self.callback)
    }

    /// The environment variables of the services.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let routes = self.routes.path().join("routes.toml");
        let mut environment = self.deployment.environment();
        environment.extend(
            [
                ("HOLDPOINT_LINK_KEYS", LINK_KEYS.to_owned()),
                ("HOLDPOINT_PUBLIC_URL", self.public_url()),
                ("HOLDPOINT_LISTEN", self.callback.to_string()),
                ("HOLDPOINT_ROUTES", routes.display().to_string()),
                ("HOLDPOINT_SMTP_URL", self.mail.url()),
                ("HOLDPOINT_MAIL_FROM", "Holdpoint <holdpoint@example.com>".to_owned()),
                ("HOLDPOINT_SLACK_API_URL", self.slack.api_url()),
                ("HOLDPOINT_SLACK_BOT_TOKEN", slack::BOT_TOKEN.to_owned()),
                ("HOLDPOINT_SLACK_SIGNING_SECRET", slack::SIGNING_SECRET.to_owned()),
                ("HOLDPOINT_SLACK_TEAM", slack::TEAM.to_owned()),
                (
                    "HOLDPOINT_SLACK_WEBHOOKS",
                    format!("{SLACK_WEBHOOK}={}", self.slack.webhook_url(SLACK_WEBHOOK_SECRET)),
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        environment
    }

    /// Runs the three services in this process until asked to stop.
    ///
    /// # Errors
    /// A setting that does not fit, or the first service that cannot run.
    pub async fn run_services(&self, stop: Stop) -> anyhow::Result<()> {
        let environment = self.environment();
        let lookup = |name: &str| environment.get(name).cloned();
        let analyzer = holdpoint_analyzer::Config::read(&lookup)?;
        let worker = holdpoint_worker::Config::read(&lookup)?;
        let callback = holdpoint_callback::Config::read(&lookup)?;
        let mut services = JoinSet::<anyhow::Result<()>>::new();
        let (clients, until) = (self.clients("analyzer"), stop.clone());
        services.spawn(async { holdpoint_analyzer::run(analyzer, clients, until).await.context("the analyzer") });
        let (clients, until) = (self.clients("worker"), stop.clone());
        services.spawn(async { holdpoint_worker::run(worker, clients, until).await.context("the worker") });
        let clients = self.clients("callback");
        services.spawn(async { holdpoint_callback::run(callback, clients, stop).await.context("the callback") });
        while let Some(ended) = services.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Delivers a file as a customer does; the push's id and its execution's ARN.
    ///
    /// # Errors
    /// The stand-in refused it.
    pub async fn deliver(&self, key: &str, body: Vec<u8>) -> anyhow::Result<(PushId, String)> {
        let put = self.clients("customer").s3.put_object().bucket(&self.deployment.bucket).key(key).body(body.into());
        let version = put.send().await?.version_id.context("the bucket keeps versions")?;
        let push = PushId::of(&self.deployment.bucket, key, &version);
        let execution = execution_arn(&self.deployment.state_machine, push.as_str());
        Ok((push, execution))
    }
}

/// A port that was free a moment ago. Links are made before the callback listens, and it must come back to the same port
/// after a restart, so it cannot choose one itself. Below the range from which outgoing connections take theirs, or one of
/// them might sit on it when the callback comes back.
async fn free_port() -> anyhow::Result<SocketAddr> {
    for _ in 0..100 {
        let port = SocketAddr::new(ANY_PORT.ip(), fastrand::u16(20_000..32_000));
        if TcpListener::bind(port).await.is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no port between 20000 and 32000 is free on this machine")
}
