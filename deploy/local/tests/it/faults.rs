//! What faults do to a real SDK with its own retries.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use holdpoint_local::aws::{Fault, ServiceError, Verdict};
use holdpoint_platform::Clients;

use crate::{BUCKET, code, start, start_with_bucket};

fn fault(action: &'static str, times: usize, verdict: Verdict) -> Fault {
    Fault { action, resource: String::new(), times, verdict }
}

#[tokio::test]
async fn a_lost_reply_took_effect_and_the_retry_finds_it() {
    let (aws, clients) = start_with_bucket().await;
    aws.faults().inject(fault("s3.PutObject", 1, Verdict::LoseReply));
    let put = clients.s3.put_object().bucket(BUCKET).key("once").if_none_match("*");
    let put = put.body(ByteStream::from_static(b"mine")).send().await;
    assert_eq!(code(put).as_deref(), Some("PreconditionFailed"));
    let body = clients.s3.get_object().bucket(BUCKET).key("once").send().await.unwrap().body.collect().await.unwrap();
    assert_eq!(body.to_vec(), b"mine");
}

#[tokio::test]
async fn a_lost_request_took_no_effect_and_the_retry_succeeds() {
    let (aws, clients) = start_with_bucket().await;
    aws.faults().inject(fault("s3.PutObject", 1, Verdict::LoseRequest));
    let put = clients.s3.put_object().bucket(BUCKET).key("once").if_none_match("*").send().await;
    assert_eq!(code(put), None);
    assert_eq!(aws.faults().waiting(), 0);
}

#[tokio::test]
async fn a_throttled_or_failing_service_is_retried_by_its_sdk() {
    let (aws, clients) = start_with_bucket().await;
    let queue = clients.sqs.create_queue().queue_name("q").send().await.unwrap().queue_url.unwrap();
    for action in ["s3.PutObject", "AmazonSQS.SendMessage", "AWSStepFunctions.CreateActivity"] {
        aws.faults().inject(fault(action, 1, Verdict::Throttle));
        aws.faults().inject(fault(action, 1, Verdict::FailInternally));
    }
    let (put, sent, created) = tokio::join!(
        clients.s3.put_object().bucket(BUCKET).key("k").send(),
        clients.sqs.send_message().queue_url(&queue).message_body("m").send(),
        clients.sfn.create_activity().name("review").send(),
    );
    assert_eq!((code(put), code(sent), code(created)), (None, None, None));
    assert_eq!(aws.faults().waiting(), 0);
    assert_eq!(aws.queue_depth("q").unwrap().visible, 1);
}

#[tokio::test]
async fn throttling_reads_as_the_services_own() {
    let (aws, clients) = start_with_bucket().await;
    aws.faults().inject(fault("s3.HeadBucket", 9, Verdict::Throttle));
    aws.faults().inject(fault("s3.ListObjectsV2", 9, Verdict::Throttle));
    aws.faults().inject(fault("AWSStepFunctions.GetActivityTask", 9, Verdict::Throttle));
    let list = clients.s3.list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(code(list).as_deref(), Some("SlowDown"));
    let poll = clients.polling.get_activity_task().activity_arn("arn").send().await;
    assert_eq!(code(poll).as_deref(), Some("ThrottlingException"));
    assert_eq!(aws.faults().waiting(), 9 + 5 + 8);
}

#[tokio::test]
async fn any_error_can_be_put_in_and_only_where_the_key_matches() {
    let (aws, clients) = start_with_bucket().await;
    let conflict = ServiceError::new(409, "ConditionalRequestConflict", "try again");
    let resource = format!("{BUCKET}/reviews/");
    aws.faults().inject(Fault { action: "s3.PutObject", resource, times: 9, verdict: Verdict::Refuse(conflict) });
    let put = |key: &str| clients.s3.put_object().bucket(BUCKET).key(key).send();
    assert_eq!(code(put("open/r").await), None);
    assert_eq!(code(put("reviews/r/1.json").await).as_deref(), Some("ConditionalRequestConflict"));
}

/// What the crash matrix does: count the requests of one service, then cut the k-th of them.
#[tokio::test]
async fn an_observer_counts_the_requests_of_one_service_and_cuts_the_second() {
    let (aws, clients) = start_with_bucket().await;
    let worker = Clients::of_stand_in(aws.endpoint(), "worker");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    aws.faults().on_request(move |request| {
        if request.access_key != "worker" {
            return Verdict::Serve;
        }
        let mut log = log.lock().unwrap();
        log.push(format!("{} {}", request.action, request.resource));
        if log.len() == 2 { Verdict::LoseRequest } else { Verdict::Serve }
    });
    worker.s3.head_bucket().bucket(BUCKET).send().await.unwrap();
    clients.s3.head_bucket().bucket(BUCKET).send().await.unwrap();
    worker.s3.put_object().bucket(BUCKET).key("a/b").send().await.unwrap();
    let put = "s3.PutObject pushes/a/b";
    assert_eq!(*seen.lock().unwrap(), ["s3.HeadBucket pushes", put, put]);
}

#[tokio::test]
async fn a_late_answer_is_late_and_takes_no_effect_when_nobody_waits_for_it() {
    const DELAY: Duration = Duration::from_millis(400);
    let (aws, clients) = start_with_bucket().await;
    aws.faults().inject(fault("s3.PutObject", 2, Verdict::ServeLate(DELAY)));
    let put = |key: &str| clients.s3.put_object().bucket(BUCKET).key(key).send();
    let abandoned = tokio::time::timeout(DELAY / 4, put("abandoned")).await;
    assert!(abandoned.is_err());
    let started = Instant::now();
    put("waited-for").await.unwrap();
    assert!(started.elapsed() >= DELAY);
    // The first would have taken effect before the second.
    let head = clients.s3.head_object().bucket(BUCKET).key("abandoned").send().await;
    assert_eq!(code(head).as_deref(), Some("NotFound"));
}

#[tokio::test]
async fn a_poll_whose_reply_is_lost_has_taken_the_task() {
    let (aws, clients) = start().await;
    let activity = clients.sfn.create_activity().name("review").send().await.unwrap().activity_arn;
    let definition = format!(
        r#"{{"StartAt":"A","States":{{"A":{{"Type":"Task","Resource":"{activity}","TimeoutSeconds":60,"End":true}}}}}}"#
    );
    let create = clients.sfn.create_state_machine().name("m").role_arn("arn:aws:iam::000000000000:role/r");
    let machine = create.definition(definition).send().await.unwrap().state_machine_arn;
    let execution = clients.sfn.start_execution().state_machine_arn(machine).send().await.unwrap().execution_arn;
    aws.faults().inject(fault("AWSStepFunctions.GetActivityTask", 1, Verdict::LoseReply));
    let poll = clients.polling.get_activity_task().activity_arn(&activity).send().await;
    assert!(poll.is_err_and(|error| error.as_service_error().is_none()), "no answer, not a refusal");
    let history = clients.sfn.get_execution_history().execution_arn(execution).send().await.unwrap();
    assert_eq!(history.events().last().map(|event| event.r#type().as_str()), Some("ActivityStarted"));
}
