//! Creates on the stand-in what a deployment needs on AWS: bucket, queues, activity, state machine.
//!
//! Through the same APIs, from the same `review.asl.json`; only its times are shorter, so that nobody waits five minutes.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_sdk_s3::types::{
    BucketVersioningStatus, Event, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use holdpoint_platform::Clients;
use holdpoint_review::Seconds;
use holdpoint_worker::NOTICE_RECEIVES;

const REVIEW_ASL: &str = include_str!("../../aws/review.asl.json");
const BUCKET: &str = "holdpoint";
const TWO_WEEKS_SECONDS: &str = "1209600";

/// How fast the deployment's clocks run.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Between two ticks of an open review.
    pub tick: Seconds,
    /// After so long without a heartbeat Step Functions times a task out.
    pub heartbeat: Seconds,
    /// So long after that it asks for the review again.
    pub retry: Seconds,
}

/// What the services need to know of the deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// One bucket for pushes, evidence, baselines and the ledger.
    pub bucket: String,
    /// ARN of the state machine.
    pub state_machine: String,
    /// ARN of the activity.
    pub activity: String,
    pushes: String,
    clock: String,
    notices: String,
    times: Times,
}

impl Deployment {
    /// Creates everything.
    ///
    /// # Errors
    /// Names the call that failed.
    pub async fn create(clients: &Clients, times: Times) -> anyhow::Result<Self> {
        let pushes = queue(clients, "pushes", &[("VisibilityTimeout", "900")], Some(5)).await?;
        let clock = queue(clients, "clock", &[("MessageRetentionPeriod", TWO_WEEKS_SECONDS)], None).await?;
        let notices = queue(clients, "notices.fifo", &[("FifoQueue", "true")], Some(NOTICE_RECEIVES)).await?;
        bucket(clients, &arn(clients, &pushes).await?).await?;
        let activity = clients.sfn.create_activity().name("review").send().await.context("CreateActivity")?;
        let definition = definition(activity.activity_arn(), times)?;
        let machine = clients.sfn.create_state_machine().name("review").definition(definition);
        let machine = machine.role_arn("arn:aws:iam::000000000000:role/review").send().await;
        Ok(Self {
            bucket: BUCKET.to_owned(),
            state_machine: machine.context("CreateStateMachine")?.state_machine_arn,
            activity: activity.activity_arn,
            pushes,
            clock,
            notices,
            times,
        })
    }

    /// The environment variables of all three services.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let variables = [
            ("HOLDPOINT_ENVIRONMENT", "local".to_owned()),
            ("HOLDPOINT_BUCKET", self.bucket.clone()),
            ("HOLDPOINT_PUSHES_QUEUE_URL", self.pushes.clone()),
            ("HOLDPOINT_CLOCK_QUEUE_URL", self.clock.clone()),
            ("HOLDPOINT_NOTICES_QUEUE_URL", self.notices.clone()),
            ("HOLDPOINT_ACTIVITY_ARN", self.activity.clone()),
            ("HOLDPOINT_STATE_MACHINE_ARN", self.state_machine.clone()),
            ("HOLDPOINT_TICK", self.times.tick.to_string()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// `review.asl.json` with what a deployment fills in.
fn definition(activity: &str, times: Times) -> anyhow::Result<String> {
    let mut definition: serde_json::Value = serde_json::from_str(&REVIEW_ASL.replace("${ReviewActivity}", activity))?;
    let review = &mut definition["States"]["AwaitReview"];
    review["HeartbeatSeconds"] = times.heartbeat.0.into();
    review["Retry"][0]["IntervalSeconds"] = times.retry.0.into();
    Ok(definition.to_string())
}

async fn queue(
    clients: &Clients,
    name: &str,
    attributes: &[(&str, &str)],
    receives_before_dead: Option<u32>,
) -> anyhow::Result<String> {
    let mut create = clients.sqs.create_queue().queue_name(name);
    for (attribute, value) in attributes {
        create = create.attributes(QueueAttributeName::from(*attribute), *value);
    }
    if let Some(receives) = receives_before_dead {
        let dead = match name.strip_suffix(".fifo") {
            Some(stem) => format!("{stem}-dead.fifo"),
            None => format!("{name}-dead"),
        };
        let kept: Vec<_> = attributes.iter().copied().filter(|(attribute, _)| *attribute == "FifoQueue").collect();
        let dead = Box::pin(queue(clients, &dead, &kept, None)).await?;
        let target = arn(clients, &dead).await?;
        let policy = serde_json::json!({ "deadLetterTargetArn": target, "maxReceiveCount": receives });
        create = create.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
    }
    let created = create.send().await.with_context(|| format!("CreateQueue {name}"))?;
    created.queue_url.context("a created queue has a URL")
}

async fn arn(clients: &Clients, url: &str) -> anyhow::Result<String> {
    let get = clients.sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
    let attributes = get.send().await.context("GetQueueAttributes")?.attributes.unwrap_or_default();
    attributes.get(&QueueAttributeName::QueueArn).cloned().context("a queue has an ARN")
}

async fn bucket(clients: &Clients, pushes_arn: &str) -> anyhow::Result<()> {
    clients.s3.create_bucket().bucket(BUCKET).send().await.context("CreateBucket")?;
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let put = clients.s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(versioning);
    put.send().await.context("PutBucketVersioning")?;
    // Only what customers deliver makes events; evidence, profiles and the ledger in the same bucket do not.
    let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value("incoming/").build();
    let filter =
        NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build()).build();
    let queue =
        QueueConfiguration::builder().queue_arn(pushes_arn).events(Event::from("s3:ObjectCreated:*")).filter(filter);
    let notify = NotificationConfiguration::builder().queue_configurations(queue.build()?).build();
    let put = clients.s3.put_bucket_notification_configuration().bucket(BUCKET).notification_configuration(notify);
    put.send().await.context("PutBucketNotificationConfiguration")?;
    Ok(())
}
