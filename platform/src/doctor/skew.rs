//! How far this machine's clock is from AWS's: deadlines, links and signatures go by it.
//!
//! The SDK corrects its own signatures and says nothing; the header of any reply tells.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::{Client, error::DisplayErrorContext};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use crate::now;

/// Slack takes a signature for five minutes, and people read deadlines to the minute.
const TOLERATED: SignedDuration = SignedDuration::from_secs(30);

#[derive(Debug, Clone, Default)]
struct DateOfReply(
    /// Guards the last reply's header.
    Arc<Mutex<Option<String>>>,
);

impl Intercept for DateOfReply {
    fn name(&self) -> &'static str {
        "DateOfReply"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

pub(super) async fn check(s3: &Client, bucket: &str) -> Result<(), String> {
    let date = DateOfReply::default();
    let head = s3.head_bucket().bucket(bucket).customize().interceptor(date.clone());
    let asked = head.send().await;
    let date = date.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (date, asked) {
        (Some(date), _) => compare(&date, now()),
        (None, Ok(_)) => Err("AWS does not say what time it is".to_owned()),
        (None, Err(error)) => Err(DisplayErrorContext(error).to_string()),
    }
}

fn compare(date: &str, now: Timestamp) -> Result<(), String> {
    let theirs = rfc2822::parse(date).map_err(|_| format!("AWS's time cannot be read: {date:?}"))?.timestamp();
    let apart = now.duration_since(theirs);
    if apart.abs() <= TOLERATED { Ok(()) } else { Err(format!("it is {} s ahead of AWS's", apart.as_secs())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_minute_is_tolerated_and_no_more() {
        let now: Timestamp = "2026-11-22T09:14:30Z".parse().unwrap();
        assert_eq!(compare("Sun, 22 Nov 2026 09:14:00 GMT", now), Ok(()));
        assert_eq!(compare("Sun, 22 Nov 2026 09:15:00 GMT", now), Ok(()));
        assert_eq!(compare("Sun, 22 Nov 2026 09:13:30 GMT", now), Err("it is 60 s ahead of AWS's".to_owned()));
        assert_eq!(compare("Sun, 22 Nov 2026 09:15:30 GMT", now), Err("it is -60 s ahead of AWS's".to_owned()));
        assert!(compare("now", now).is_err());
    }
}
