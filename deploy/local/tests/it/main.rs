//! The stand-in as the real SDKs see it, over loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod binary;
mod faults;
mod s3;
mod server;
mod sqs;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use holdpoint_local::aws::Aws;
use holdpoint_platform::Clients;

const BUCKET: &str = "pushes";

async fn start() -> (Aws, Clients) {
    let aws = Aws::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a free port");
    let clients = Clients::of_stand_in(aws.endpoint(), "test");
    (aws, clients)
}

/// A stand-in with a bucket that keeps versions.
async fn start_with_bucket() -> (Aws, Clients) {
    let (aws, clients) = start().await;
    clients.s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    clients.s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(enabled).send().await.unwrap();
    (aws, clients)
}

/// AWS's code of a refusal, as the SDK names it.
fn code<T, E, R>(outcome: Result<T, SdkError<E, R>>) -> Option<String>
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    outcome.err().map(|error| error.code().map_or_else(|| format!("{error:?}"), ToOwned::to_owned))
}
