//! What customers and operators do: deliver, overwrite, replay, learn.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use holdpoint_local::{aws::execution_arn, demo::Story};
use holdpoint_review::{ContentHash, ObjectVersion, PushId, baseline_key};
use jiff::Timestamp;
use serde_json::Value;

use super::{Held, World};
use crate::eventually;

const DATASET: &str = "departures";
const CUSTOMER: &str = "EWR";
/// The bucket of the operators' settings, of which no event tells.
const ARTIFACTS: &str = "artifacts";

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/local/samples").join(name)
}

/// A day's departures of EWR, forty of JFK, and three of which nobody says where: one file, customer after customer.
///
/// # Panics
/// The sample is not in the repository.
pub fn several_customers() -> String {
    let clean = std::fs::read_to_string(sample("clean.csv")).expect("the sample is in the repository");
    let records = || clean.lines().skip(1);
    let of = |customer: &'static str| records().map(move |line| line.replacen(",EWR,", &format!(",{customer},"), 1));
    let lines = clean.lines().map(str::to_owned).chain(of("JFK").take(40)).chain(of("").take(3));
    lines.map(|line| line + "\n").collect()
}

impl World {
    /// Takes the sample history as accepted.
    pub async fn learn_samples(&self) {
        let story = Story::of_samples().expect("the samples are in the repository");
        let learned = holdpoint_local::demo::learn(&self.local, &story).await.expect("it is learned");
        assert_eq!(learned, 30);
    }

    /// Delivers a sample as a customer does.
    pub async fn deliver_sample(&self, name: &str) -> Held {
        self.deliver_as(name, name).await
    }

    /// Delivers a sample under another name.
    pub async fn deliver_as(&self, name: &str, sample_name: &str) -> Held {
        self.deliver(name, std::fs::read(sample(sample_name)).expect("the sample is in the repository")).await
    }

    /// Delivers bytes as a customer does.
    pub async fn deliver(&self, name: &str, body: Vec<u8>) -> Held {
        self.put(&format!("incoming/{DATASET}/{CUSTOMER}/{name}"), body).await
    }

    /// Delivers bytes under any key.
    pub async fn put(&self, key: &str, body: Vec<u8>) -> Held {
        let report_hash = ContentHash::of(&[]);
        let bucket = &self.local.deployment.bucket;
        let put =
            self.clients.s3.put_object().bucket(bucket).key(key).body(body.into()).send().await.expect("S3 takes it");
        let version_id = put.version_id.expect("the bucket keeps versions");
        let source = ObjectVersion { bucket: bucket.clone(), key: key.to_owned(), version_id };
        let push = source.push_id();
        let execution = execution_arn(&self.local.deployment.state_machine, push.as_str());
        Held { push, execution, source, report_hash }
    }

    /// Uploads a setting as an operator does, into the stand-in's bucket `artifacts`.
    pub async fn upload(&self, key: &str, text: &str) {
        let _ = self.clients.s3.create_bucket().bucket(ARTIFACTS).send().await; // it may be there
        let put = self.clients.s3.put_object().bucket(ARTIFACTS).key(key).body(text.as_bytes().to_vec().into());
        put.send().await.expect("S3 takes it");
    }

    /// The parts that a push was taken apart into, by customer; a key with two versions would be two pushes, and is none here.
    pub async fn parts_of(&self, push: &Held) -> BTreeMap<String, Held> {
        let bucket = &self.local.deployment.bucket;
        let list = self.clients.s3.list_object_versions().bucket(bucket).prefix("parts/");
        let versions = list.send().await.expect("S3 lists").versions.unwrap_or_default();
        let mut parts = BTreeMap::new();
        for version in versions {
            let (key, version_id) = (version.key.expect("it has one"), version.version_id.expect("it has one"));
            let ["parts", _, customer, whole, _] = key.split('/').collect::<Vec<_>>()[..] else { panic!("{key}") };
            if whole == push.push.as_str() {
                let (customer, id) = (customer.to_owned(), PushId::of(bucket, &key, &version_id));
                let part = Held {
                    execution: execution_arn(&self.local.deployment.state_machine, id.as_str()),
                    push: id,
                    source: ObjectVersion { bucket: bucket.clone(), key, version_id },
                    report_hash: ContentHash::of(&[]),
                };
                assert!(parts.insert(customer, part).is_none(), "a part is written once");
            }
        }
        parts
    }

    /// Delivers other bytes under the key of a push.
    pub async fn overwrite(&self, push: &Held, body: &[u8]) -> Held {
        self.put(&push.source.key, body.to_vec()).await
    }

    /// Deletes the version of a push for good.
    pub async fn delete_version(&self, push: &Held) {
        let ObjectVersion { bucket, key, version_id } = &push.source;
        self.clients
            .s3
            .delete_object()
            .bucket(bucket)
            .key(key)
            .version_id(version_id)
            .send()
            .await
            .expect("it is deleted");
    }

    /// Sends the event of a push again, as an operator does.
    pub async fn replay_event(&self, push: &Held) {
        let ObjectVersion { bucket, key, version_id } = &push.source;
        let event = serde_json::json!({ "Records": [{ "s3": {
            "bucket": { "name": bucket },
            "object": { "key": key, "versionId": version_id },
        } }] });
        self.send_event(&event.to_string()).await;
    }

    /// Sends anything to the pushes queue.
    pub async fn send_event(&self, body: &str) {
        self.clients.sqs.send_message().queue_url(self.pushes_url()).message_body(body).send().await.expect("sent");
    }

    /// Empties the pushes queue.
    pub async fn forget_events(&self) {
        self.clients.sqs.purge_queue().queue_url(self.pushes_url()).send().await.expect("it is emptied");
    }

    /// Receives what is in the pushes queue so many times, as an analyzer does that dies each time.
    pub async fn receive_pushes_in_vain(&self, times: usize) {
        for _ in 0..times {
            let receive = self.clients.sqs.receive_message().queue_url(self.pushes_url()).wait_time_seconds(5);
            let received =
                receive.max_number_of_messages(10).send().await.expect("it answers").messages.unwrap_or_default();
            assert!(!received.is_empty(), "the event came");
            self.let_time_pass();
        }
    }

    fn pushes_url(&self) -> String {
        self.local.environment()["HOLDPOINT_PUSHES_QUEUE_URL"].clone()
    }

    /// How many profiles say what is normal, for anybody.
    pub async fn baseline_members(&self) -> usize {
        let list = self.clients.s3.list_objects_v2().bucket(&self.local.deployment.bucket);
        let listed = list.prefix("baseline/").send().await.expect("S3 lists");
        listed.contents().len()
    }

    /// A profile of the baseline.
    pub async fn some_profile(&self) -> Value {
        let known = self.texts_under("baseline/").await.into_values().next().expect("something was learned");
        serde_json::from_str(&known).expect("a profile is JSON")
    }

    /// Adds a profile to the baseline of who delivers as that of pushes at all these times.
    pub async fn add_profiles(&self, mut profile: Value, times: impl Iterator<Item = Timestamp>) {
        for at in times {
            let push = PushId::of("history", "any", &at.to_string());
            profile["push"] = push.as_str().into();
            profile["delivered_at"] = at.to_string().into();
            let put = self.clients.s3.put_object().bucket(&self.local.deployment.bucket);
            let put = put.key(baseline_key(DATASET, CUSTOMER, at, &push)).body(profile.to_string().into_bytes().into());
            put.send().await.expect("S3 takes it");
        }
    }

    /// Every object under a prefix as text, by key.
    pub async fn texts_under(&self, prefix: &str) -> BTreeMap<String, String> {
        let bucket = &self.local.deployment.bucket;
        let listed = self.clients.s3.list_objects_v2().bucket(bucket).prefix(prefix).send().await.expect("S3 lists");
        let mut texts = BTreeMap::new();
        for key in listed.contents().iter().filter_map(|object| object.key()) {
            let object = self.clients.s3.get_object().bucket(bucket).key(key).send().await.expect("it is there");
            let bytes = object.body.collect().await.expect("it can be read").to_vec();
            texts.insert(key.to_owned(), String::from_utf8_lossy(&bytes).into_owned());
        }
        texts
    }

    /// Waits until what is delivered now came after this push for S3 too, whose times are whole seconds.
    pub async fn a_second_later(&self, push: &Held) {
        let ObjectVersion { bucket, key, version_id } = &push.source;
        let of_push = self.clients.s3.head_object().bucket(bucket).key(key).version_id(version_id);
        let of_push = of_push.send().await.expect("it is there").last_modified;
        eventually("a later second", || async {
            self.upload("clock", "").await;
            let now = self.clients.s3.head_object().bucket(ARTIFACTS).key("clock").send().await.expect("it is there");
            (now.last_modified > of_push).then_some(())
        })
        .await;
    }

    /// Deletes the report of a push, so that it is judged again.
    pub async fn forget_report(&self, push: &Held) {
        let delete = self.clients.s3.delete_object().bucket(&self.local.deployment.bucket).key(report_key(push));
        delete.send().await.expect("it is deleted");
    }

    /// Whether a push has a report.
    pub async fn has_report(&self, push: &Held) -> bool {
        let head = self.clients.s3.head_object().bucket(&self.local.deployment.bucket).key(report_key(push));
        head.send().await.is_ok()
    }

    /// The bytes of a push's report.
    pub async fn report_bytes(&self, push: &Held) -> Vec<u8> {
        let get = self.clients.s3.get_object().bucket(&self.local.deployment.bucket).key(report_key(push));
        let object = get.send().await.expect("there is a report");
        object.body.collect().await.expect("it can be read").to_vec()
    }

    /// The versions of a push's report: more than one if it was ever written again.
    pub async fn report_versions(&self, push: &Held) -> Vec<String> {
        self.versions_under(&report_key(push)).await
    }

    /// All versions of all objects under a prefix.
    pub async fn versions_under(&self, prefix: &str) -> Vec<String> {
        let list = self.clients.s3.list_object_versions().bucket(&self.local.deployment.bucket);
        let versions = list.prefix(prefix).send().await.expect("S3 lists").versions.unwrap_or_default();
        versions.into_iter().filter_map(|version| version.version_id).collect()
    }

    /// How many executions there ever were.
    pub async fn executions(&self) -> usize {
        let list = self.clients.sfn.list_executions().state_machine_arn(&self.local.deployment.state_machine);
        list.send().await.expect("they are listed").executions.len()
    }
}

fn report_key(push: &Held) -> String {
    format!("reports/{}/report.json", push.push)
}
