//! Starting, stopping, and the binary.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::start;

#[tokio::test]
async fn stopping_cuts_a_long_poll_and_frees_the_port() {
    let (aws, clients) = start().await;
    let queue = clients.sqs.create_queue().queue_name("q").send().await.unwrap().queue_url.unwrap();
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    aws.faults().on_request(move |request| {
        let _ = arrived.send(request.action.clone());
        holdpoint_local::aws::Verdict::Serve
    });
    let poll = clients.sqs.receive_message().queue_url(queue).wait_time_seconds(20);
    let poll = poll.customize().config_override(
        aws_sdk_sqs::config::Config::builder().retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled()),
    );
    let poll = tokio::spawn(poll.send());
    assert_eq!(arrivals.recv().await.as_deref(), Some("AmazonSQS.ReceiveMessage"));
    let address = aws.endpoint().strip_prefix("http://").unwrap().to_owned();
    let stopping = Instant::now();
    aws.stop().await;
    assert!(poll.await.unwrap().is_err());
    assert!(stopping.elapsed() < Duration::from_secs(5));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
