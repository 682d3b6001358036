//! Creates what a deployment needs on AWS: bucket, queues, activity, state machine; on the stand-in, or wherever clients lead.
//!
//! Through the same APIs, from the same `review.asl.json`; only its times are shorter, so that nobody waits five minutes. For
//! trying out and for tests: who means it takes `deploy/aws`.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Event, FilterRule, FilterRuleName,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use holdpoint_platform::Clients;
use holdpoint_review::Seconds;
use holdpoint_worker::NOTICE_RECEIVES;

const REVIEW_ASL: &str = include_str!("../../aws/review.asl.json");
/// Only of such pushes does the state machine announce that they are held: elsewhere the topic is not there.
const ANNOUNCED_KEYS: &str = "incoming/announced/*";
/// No topic has to be made in the stand-in.
const ANNOUNCEMENTS: &str = "arn:aws:sns:us-east-1:000000000000:announcements";
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

/// What is created where there may be others.
#[derive(Debug, Clone)]
pub struct Names {
    /// What each name begins with.
    pub prefix: String,
    /// The role of the state machine.
    pub machine_role: String,
    /// Step Functions' context object lacks `Execution.RedriveCount`, as with the emulators that are not ours.
    pub no_redrives: bool,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            machine_role: "arn:aws:iam::000000000000:role/review".to_owned(),
            no_redrives: false,
        }
    }
}

impl Names {
    /// A name among these.
    pub fn of(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A definition that can be carried out there.
    pub fn fit(&self, definition: &serde_json::Value) -> String {
        let definition = definition.to_string();
        if !self.no_redrives {
            return definition;
        }
        definition.replace(r#""redrives.$":"$$.Execution.RedriveCount""#, r#""redrives":0"#)
    }
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
    /// What its things are called.
    pub names: Names,
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
    pub async fn create(clients: &Clients, times: Times, names: Names) -> anyhow::Result<Self> {
        let (bucket, review) = (names.of("holdpoint"), names.of("review"));
        let pushes = queue(clients, &names.of("pushes"), &[("VisibilityTimeout", "900")], Some(5)).await?;
        let clock = queue(clients, &names.of("clock"), &[("MessageRetentionPeriod", TWO_WEEKS_SECONDS)], None).await?;
        let notices =
            queue(clients, &names.of("notices.fifo"), &[("FifoQueue", "true")], Some(NOTICE_RECEIVES)).await?;
        let pushes_arn = arn(clients, &pushes).await?;
        let_bucket_send(clients, &bucket, &pushes, &pushes_arn).await?;
        create_bucket(clients, &bucket, &pushes_arn).await?;
        let activity = clients.sfn.create_activity().name(&review).send().await.context("CreateActivity")?;
        let definition = names.fit(&definition(activity.activity_arn(), times)?);
        let machine = clients.sfn.create_state_machine().name(&review).definition(definition);
        let machine = machine.role_arn(&names.machine_role).send().await;
        Ok(Self {
            bucket,
            state_machine: machine.context("CreateStateMachine")?.state_machine_arn,
            activity: activity.activity_arn,
            pushes,
            clock,
            notices,
            times,
            names,
        })
    }

    /// Deletes everything, with all that is in it; other state machines too whose names begin with the prefix.
    ///
    /// # Errors
    /// Names the call that failed; what was not deleted stays.
    pub async fn delete(&self, clients: &Clients) -> anyhow::Result<()> {
        let mut machines = clients.sfn.list_state_machines().into_paginator().items().send();
        while let Some(machine) = machines.next().await.transpose().context("ListStateMachines")? {
            if machine.name.starts_with(&self.names.prefix) {
                let delete = clients.sfn.delete_state_machine().state_machine_arn(machine.state_machine_arn);
                delete.send().await.context("DeleteStateMachine")?;
            }
        }
        clients.sfn.delete_activity().activity_arn(&self.activity).send().await.context("DeleteActivity")?;
        for queue in ["pushes", "pushes-dead", "clock", "notices.fifo", "notices-dead.fifo"] {
            let url = self.queue_url(clients, queue).await?;
            clients.sqs.delete_queue().queue_url(url).send().await.with_context(|| format!("DeleteQueue {queue}"))?;
        }
        empty(clients, &self.bucket).await?;
        clients.s3.delete_bucket().bucket(&self.bucket).send().await.context("DeleteBucket")?;
        Ok(())
    }

    /// The URL of one of its queues, by the name that it has on the stand-in.
    ///
    /// # Errors
    /// SQS did not say.
    pub async fn queue_url(&self, clients: &Clients, name: &str) -> anyhow::Result<String> {
        let get = clients.sqs.get_queue_url().queue_name(self.names.of(name));
        get.send().await.with_context(|| format!("GetQueueUrl {name}"))?.queue_url.context("a queue has a URL")
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
fn definition(activity: &str, times: Times) -> anyhow::Result<serde_json::Value> {
    let filled = [
        ("${Partition}", "aws"),
        ("${ReviewActivity}", activity),
        ("${AnnouncedKeys}", ANNOUNCED_KEYS),
        ("${AnnouncementsTopic}", ANNOUNCEMENTS),
    ];
    let text = filled.iter().fold(REVIEW_ASL.to_owned(), |text, (name, value)| text.replace(name, value));
    let mut definition: serde_json::Value = serde_json::from_str(&text)?;
    let review = &mut definition["States"]["AwaitReview"];
    review["HeartbeatSeconds"] = times.heartbeat.0.into();
    review["Retry"][0]["IntervalSeconds"] = times.retry.0.into();
    Ok(definition)
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

/// S3 may send to a queue what that queue's own policy lets it.
async fn let_bucket_send(clients: &Clients, bucket: &str, url: &str, arn: &str) -> anyhow::Result<()> {
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "s3.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": { "ArnLike": { "aws:SourceArn": format!("arn:aws:s3:::{bucket}") } },
        }],
    });
    let set = clients.sqs.set_queue_attributes().queue_url(url);
    let set = set.attributes(QueueAttributeName::Policy, policy.to_string());
    set.send().await.map(drop).context("SetQueueAttributes")
}

async fn create_bucket(clients: &Clients, name: &str, pushes_arn: &str) -> anyhow::Result<()> {
    // The first region of all has no name here.
    let region = clients.s3.config().region().map(AsRef::as_ref).filter(|region| *region != "us-east-1");
    let place = region.map(|region| {
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
    });
    let create = clients.s3.create_bucket().bucket(name).set_create_bucket_configuration(place);
    create.send().await.context("CreateBucket")?;
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let put = clients.s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning);
    put.send().await.context("PutBucketVersioning")?;
    // Only what customers deliver makes events; evidence, profiles and the ledger in the same bucket do not.
    let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value("incoming/").build();
    let filter =
        NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build()).build();
    let queue =
        QueueConfiguration::builder().queue_arn(pushes_arn).events(Event::from("s3:ObjectCreated:*")).filter(filter);
    let notify = NotificationConfiguration::builder().queue_configurations(queue.build()?).build();
    let put = clients.s3.put_bucket_notification_configuration().bucket(name).notification_configuration(notify);
    put.send().await.context("PutBucketNotificationConfiguration")?;
    Ok(())
}

async fn empty(clients: &Clients, bucket: &str) -> anyhow::Result<()> {
    loop {
        let page = clients.s3.list_object_versions().bucket(bucket).send().await.context("ListObjectVersions")?;
        let versions = page.versions.unwrap_or_default().into_iter().map(|version| (version.key, version.version_id));
        let markers = page.delete_markers.unwrap_or_default().into_iter().map(|marker| (marker.key, marker.version_id));
        let listed: Vec<_> = versions.chain(markers).collect();
        if listed.is_empty() {
            return Ok(());
        }
        for (key, version) in listed {
            let delete = clients.s3.delete_object().bucket(bucket).set_key(key).set_version_id(version);
            delete.send().await.context("DeleteObject")?;
        }
    }
}
