//! S3 by its SDK.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Event, FilterRule, FilterRuleName,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, Tag, Tagging,
};
use serde_json::Value;

use crate::{BUCKET, code, start_with_bucket};

async fn put(s3: &Client, key: &str, body: &'static str) -> PutObjectOutput {
    s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(body.as_bytes())).send().await.unwrap()
}

async fn get(s3: &Client, key: &str, version: Option<&str>) -> Option<String> {
    let object = s3.get_object().bucket(BUCKET).key(key).set_version_id(version.map(ToOwned::to_owned)).send().await;
    let body = object.ok()?.body.collect().await.expect("the SDK compares the body with its checksum");
    Some(String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let (_aws, clients) = start_with_bucket().await;
    let put = clients.s3.put_object().bucket(BUCKET).key("a b/ü+?.csv").content_type("text/csv").metadata("m", "1");
    let put = put.tagging("k=v%20w").checksum_algorithm(ChecksumAlgorithm::Sha256);
    let put = put.body(ByteStream::from_static(b"hello")).send().await.unwrap();
    assert_eq!(put.checksum_sha256(), Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="));

    let head = clients.s3.head_object().bucket(BUCKET).key("a b/ü+?.csv").send().await.unwrap();
    assert_eq!(head.content_length(), Some(5));
    assert_eq!(head.content_type(), Some("text/csv"));
    assert_eq!(head.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(head.metadata().and_then(|metadata| metadata.get("m")).map(String::as_str), Some("1"));
    assert_eq!(head.version_id(), put.version_id());
    assert_eq!(get(&clients.s3, "a b/ü+?.csv", None).await.as_deref(), Some("hello"));
    assert_eq!(get(&clients.s3, "a b/ü", None).await, None);
}

#[tokio::test]
async fn every_version_is_read_tagged_and_copied_on_its_own() {
    let (_aws, clients) = start_with_bucket().await;
    let one = put(&clients.s3, "k", "1").await.version_id.unwrap();
    let two = put(&clients.s3, "k", "2").await.version_id.unwrap();
    assert_eq!(get(&clients.s3, "k", Some(&one)).await.as_deref(), Some("1"));
    assert_eq!(get(&clients.s3, "k", None).await.as_deref(), Some("2"));

    let accepted = Tag::builder().key("holdpoint").value("accepted").build().unwrap();
    let tagging = Tagging::builder().tag_set(accepted.clone()).build().unwrap();
    let tag = clients.s3.put_object_tagging().bucket(BUCKET).key("k").version_id(&one).tagging(tagging);
    tag.send().await.unwrap();
    let tags = |version| clients.s3.get_object_tagging().bucket(BUCKET).key("k").version_id(version).send();
    assert_eq!(tags(&one).await.unwrap().tag_set(), [accepted]);
    assert_eq!(tags(&two).await.unwrap().tag_set(), []);

    let copy = clients.s3.copy_object().bucket(BUCKET).key("copy").copy_source(format!("{BUCKET}/k?versionId={one}"));
    assert_eq!(copy.send().await.unwrap().copy_source_version_id(), Some(one.as_str()));
    assert_eq!(get(&clients.s3, "copy", None).await.as_deref(), Some("1"));

    clients.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(get(&clients.s3, "k", None).await, None);
    assert_eq!(get(&clients.s3, "k", Some(&two)).await.as_deref(), Some("2"));
    let listed = clients.s3.list_object_versions().bucket(BUCKET).prefix("k").send().await.unwrap();
    assert_eq!((listed.versions().len(), listed.delete_markers().len()), (2, 1));
}

#[tokio::test]
async fn of_two_conditional_writes_one_wins() {
    let (_aws, clients) = start_with_bucket().await;
    let write = || clients.s3.put_object().bucket(BUCKET).key("reviews/r/1.json");
    let (a, b) = tokio::join!(write().if_none_match("*").send(), write().if_none_match("*").send());
    let codes = [code(a), code(b)];
    assert!(codes.contains(&None) && codes.contains(&Some("PreconditionFailed".to_owned())), "{codes:?}");

    let etag = put(&clients.s3, "reviews/r/1.json", "new").await.e_tag.unwrap();
    assert_eq!(code(write().if_match("\"stale\"").send().await).as_deref(), Some("PreconditionFailed"));
    assert_eq!(code(write().if_match(&etag).send().await), None);
    assert_eq!(code(write().key("none").if_match(&etag).send().await).as_deref(), Some("NoSuchKey"));
}

#[tokio::test]
async fn a_multipart_upload_becomes_one_object() {
    const PART_BYTES: usize = 5 * 1024 * 1024;
    let (_aws, clients) = start_with_bucket().await;
    let created = clients.s3.create_multipart_upload().bucket(BUCKET).key("big").send().await.unwrap();
    let upload_id = created.upload_id().unwrap();
    let mut parts = CompletedMultipartUpload::builder();
    for (number, body) in [(1, vec![b'a'; PART_BYTES]), (2, b"tail".to_vec())] {
        let part = clients.s3.upload_part().bucket(BUCKET).key("big").upload_id(upload_id).part_number(number);
        let etag = part.body(body.into()).send().await.unwrap().e_tag.unwrap();
        parts = parts.parts(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let complete = clients.s3.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(upload_id);
    let completed = complete.multipart_upload(parts.build()).if_none_match("*").send().await.unwrap();
    assert!(completed.e_tag().unwrap().ends_with("-2\""));

    let tail = clients.s3.get_object().bucket(BUCKET).key("big").range(format!("bytes={PART_BYTES}-"));
    let tail = tail.send().await.unwrap();
    assert_eq!(tail.content_range(), Some("bytes 5242880-5242883/5242884"));
    assert_eq!(tail.body.collect().await.unwrap().to_vec(), b"tail");
    assert_eq!(get(&clients.s3, "big", None).await.map(|body| body.len()), Some(PART_BYTES + 4));
}

#[tokio::test]
async fn a_presigned_url_is_an_attachment_and_dies_when_it_is_changed() {
    let (_aws, clients) = start_with_bucket().await;
    let version = put(&clients.s3, "reports/a b.csv", "x,y").await.version_id.unwrap();
    let get = clients.s3.get_object().bucket(BUCKET).key("reports/a b.csv").version_id(version);
    let get = get.response_content_disposition("attachment; filename=\"a b.csv\"");
    let signed = get.presigned(PresigningConfig::expires_in(Duration::from_mins(5)).unwrap()).await.unwrap();
    let fetch = async |url: &str| {
        let reply = reqwest::get(url).await.unwrap();
        let disposition = reply.headers().get("content-disposition").map(|value| value.to_str().unwrap().to_owned());
        (reply.status().as_u16(), disposition, reply.text().await.unwrap())
    };
    let (status, disposition, body) = fetch(signed.uri()).await;
    assert_eq!((status, disposition.as_deref()), (200, Some("attachment; filename=\"a b.csv\"")));
    assert_eq!(body, "x,y");
    let (status, _, body) = fetch(&signed.uri().replace("a%20b.csv?", "a%20c.csv?")).await;
    assert_eq!(status, 403);
    assert!(body.contains("SignatureDoesNotMatch"), "{body}");
    let unsigned = signed.uri().split('?').next().unwrap();
    assert_eq!(fetch(unsigned).await.0, 403);
}

#[tokio::test]
async fn a_listing_comes_in_pages_and_folds_at_the_delimiter() {
    let (_aws, clients) = start_with_bucket().await;
    for key in ["l/1/x", "l/1/y", "l/2/x", "l/3", "m"] {
        put(&clients.s3, key, "").await;
    }
    let mut pages = clients.s3.list_objects_v2().bucket(BUCKET).prefix("l/").max_keys(2).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(keys, ["l/1/x", "l/1/y", "l/2/x", "l/3"]);
    let folded = clients.s3.list_objects_v2().bucket(BUCKET).prefix("l/").delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = folded.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap()).collect();
    assert_eq!((prefixes, folded.contents()[0].key()), (vec!["l/1/", "l/2/"], Some("l/3")));
}

#[tokio::test]
async fn a_new_object_is_told_to_the_queue_with_its_version() {
    let (aws, clients) = start_with_bucket().await;
    let queue = clients.sqs.create_queue().queue_name("events").send().await.unwrap().queue_url.unwrap();
    let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value("incoming/").build();
    let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build());
    let target = QueueConfiguration::builder()
        .queue_arn("arn:aws:sqs:us-east-1:000000000000:events")
        .events(Event::from("s3:ObjectCreated:*"))
        .filter(filter.build())
        .build()
        .unwrap();
    let configuration = NotificationConfiguration::builder().queue_configurations(target).build();
    let configure = clients.s3.put_bucket_notification_configuration().bucket(BUCKET);
    configure.notification_configuration(configuration).send().await.unwrap();
    put(&clients.s3, "reports/x", "not told").await;
    let version = put(&clients.s3, "incoming/cust 1/a+b.csv", "12345").await.version_id;

    let received = clients.sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await.unwrap();
    let bodies = received.messages().iter().map(|message| serde_json::from_str(message.body().unwrap()).unwrap());
    let [test, event] = &bodies.collect::<Vec<Value>>()[..] else { panic!("{received:?}") };
    assert_eq!(test["Event"], "s3:TestEvent");
    let [record] = &event["Records"].as_array().unwrap()[..] else { panic!("{event}") };
    assert_eq!(record["eventName"], "ObjectCreated:Put");
    assert_eq!(record["s3"]["object"]["key"], "incoming/cust+1/a%2Bb.csv");
    assert_eq!(record["s3"]["object"]["size"], 5);
    assert_eq!(record["s3"]["object"]["versionId"].as_str(), version.as_deref());
    assert_eq!(aws.queue_depth("events").unwrap().visible, 0);
}
