//! The calls that a state machine makes on other services, without a wire between: Step Functions' native integrations.
//!
//! They pass the faults like a request on the wire, under the access key `states`, so that a test can refuse a state's copy or
//! lose its reply. [`Verdict::ServeLate`] is served at once: nothing here waits.

use std::sync::Arc;

use serde_json::Value;

use super::ServiceError;
use super::faults::{Faults, Request, Verdict};
use super::permission::{self, Guard};
use super::s3::{S3, as_states_name_it};
use super::sns::Sns;

/// The access key of a state machine's own calls.
const STATES: &str = "states";

/// What a state machine calls: `s3:copyObject` and its parameters, answered with the API's output, or with an error under the
/// name by which the state machine catches it.
pub(crate) type Integrations = Arc<dyn Fn(&str, Value) -> Result<Value, ServiceError> + Send + Sync>;

/// Everything that states can call.
pub(crate) fn integrations(faults: Faults, guard: Guard, s3: Arc<S3>, sns: Arc<Sns>) -> Integrations {
    Arc::new(move |resource, parameters| match resource.split_once(':') {
        Some(("s3", action)) => {
            let request = request(action, &parameters);
            let outcome = under_faults(&faults, &request, || call(&guard, &s3, action, parameters));
            outcome.map_err(|error| as_states_name_it(&error))
        }
        Some(("sns", "publish")) => {
            let topic = parameters["TopicArn"].as_str().unwrap_or_default().to_owned();
            let request =
                Request { action: "sns.Publish".to_owned(), resource: topic.clone(), access_key: STATES.to_owned() };
            let outcome = under_faults(&faults, &request, || publish(&guard, &sns, &topic, parameters));
            // Assumed: the names of the Java SDK, as for S3.
            outcome.map_err(|error| ServiceError { code: "SNS.SnsException".to_owned(), ..error })
        }
        _ => {
            let message = format!("the stand-in has no integration {resource}");
            Err(ServiceError::bad_request("States.Runtime", message))
        }
    })
}

fn under_faults(
    faults: &Faults,
    request: &Request,
    call: impl FnOnce() -> Result<Value, ServiceError>,
) -> Result<Value, ServiceError> {
    match faults.judge(request) {
        Verdict::Serve | Verdict::ServeLate(_) => call(),
        Verdict::LoseReply | Verdict::HoldReply => call().and(Err(lost())),
        Verdict::LoseRequest => Err(lost()),
        Verdict::Throttle => Err(ServiceError::slow_down()),
        Verdict::FailInternally => Err(ServiceError::internal()),
        Verdict::Refuse(error) => Err(error),
    }
}

fn publish(guard: &Guard, sns: &Sns, topic: &str, parameters: Value) -> Result<Value, ServiceError> {
    if guard.denied(STATES, &permission::of_publishing(topic)).is_some() {
        return Err(permission::access_denied());
    }
    Ok(sns.publish(parameters))
}

fn call(guard: &Guard, s3: &S3, action: &str, parameters: Value) -> Result<Value, ServiceError> {
    if guard.denied(STATES, &permission::of_state(action, &parameters)).is_some() {
        return Err(permission::access_denied());
    }
    let bucket = parameters["Bucket"].as_str().unwrap_or_default().to_owned();
    s3.integrate(action, parameters).map_err(|error| {
        let is_hidden = error.status == 404 && guard.hides_absence(STATES, &bucket);
        if is_hidden { permission::access_denied() } else { error }
    })
}

fn request(action: &str, parameters: &Value) -> Request {
    let part = |name: &str| parameters[name].as_str().unwrap_or_default();
    let (first, rest) = action.split_at_checked(1).unwrap_or_default();
    Request {
        action: format!("s3.{}{rest}", first.to_ascii_uppercase()),
        resource: format!("{}/{}", part("Bucket"), part("Key")),
        access_key: STATES.to_owned(),
    }
}

fn lost() -> ServiceError {
    ServiceError::new(500, "SdkClientException", "Unable to execute HTTP request: the connection was cut")
}
