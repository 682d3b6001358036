//! AWS clients, with the time limits that the services rest on.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_s3::{config::Credentials, error::DisplayErrorContext, types::BucketVersioningStatus};

/// AWS holds a poll for up to 60 s and asks clients to wait at least 65; the Rust SDK has no limit of its own.
const POLL_TIMEOUT: Duration = Duration::from_secs(70);
/// A `ReceiveMessage` is held for up to 20 s; everything else answers long before.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The clients of a service.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Reports, pushes, the ledger.
    pub s3: aws_sdk_s3::Client,
    /// Pushes, clock and notices.
    pub sqs: aws_sdk_sqs::Client,
    /// Everything but polling.
    pub sfn: aws_sdk_sfn::Client,
    /// Only `GetActivityTask`: its own connections, no retries of its own, since each poller backs off by itself.
    pub polling: aws_sdk_sfn::Client,
}

impl Clients {
    /// Clients set up by the SDK's own environment variables, `AWS_ENDPOINT_URL` included.
    pub async fn from_environment() -> Self {
        Self::new(&aws_config::defaults(BehaviorVersion::latest()).load().await)
    }

    /// Clients of a stand-in on this machine, with credentials that are none; by `access_key` it tells services apart.
    pub fn of_stand_in(endpoint: &str, access_key: &str) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(Credentials::new(
                access_key, "test", None, None, "stand-in",
            )))
            .build();
        Self::new(&config)
    }

    fn new(config: &SdkConfig) -> Self {
        let timeouts = |attempt| {
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(attempt).build()
        };
        let config = config
            .to_builder()
            .timeout_config(timeouts(CALL_TIMEOUT))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .build();
        let polling = aws_sdk_sfn::config::Builder::from(&config)
            .timeout_config(timeouts(POLL_TIMEOUT))
            .retry_config(RetryConfig::disabled())
            // Watches that bytes flow, which in a long poll they do not; without it an idle poll wakes nobody.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        // Stand-ins answer at one host, not at one per bucket.
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(config.endpoint_url().is_some()).build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            sqs: aws_sdk_sqs::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
            polling: aws_sdk_sfn::Client::from_conf(polling),
        }
    }
}

/// Refuses a bucket that does not keep versions: what was reviewed could be overwritten while a person thinks.
///
/// # Errors
/// One line that names the bucket, for the operator.
pub async fn require_versioning(s3: &aws_sdk_s3::Client, bucket: &str) -> Result<(), String> {
    let reply = s3.get_bucket_versioning().bucket(bucket).send().await;
    let status = reply.map_err(|error| format!("bucket {bucket}: {}", DisplayErrorContext(error)))?;
    match status.status() {
        Some(BucketVersioningStatus::Enabled) => Ok(()),
        _ => Err(format!(
            "bucket {bucket} does not keep versions; enable versioning, or a push could change during its review"
        )),
    }
}
