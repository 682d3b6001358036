//! A queue's attributes: AWS's strings on the outside, types on the inside, ranges as AWS refuses them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::invalid_value;
use crate::aws::ServiceError;

pub(crate) type Attributes = BTreeMap<String, String>;

/// Numeric attributes: name, default, least, most.
///
/// AWS now takes messages up to 1 MiB; the default here stays at the 256 KiB that it was for long, which is what the product
/// promises to stay under.
const NUMBERS: [(&str, u64, u64, u64); 5] = [
    ("VisibilityTimeout", 30, 0, 43_200),
    ("DelaySeconds", 0, 0, 900),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("MaximumMessageSize", 262_144, 1_024, 1_048_576),
];

/// Attributes that are taken and given back, and have no effect here.
const KEPT: [&str; 8] = [
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "RedrivePolicy",
];

/// What a queue was told to be.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) fifo: bool,
    pub(crate) deduplicates_by_content: bool,
    pub(crate) visibility: Duration,
    pub(crate) delay: Duration,
    pub(crate) wait: Duration,
    pub(crate) retention: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) redrive: Option<Redrive>,
    attributes: Attributes,
}

/// Where a message goes that was received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub(crate) target_arn: String,
    pub(crate) max_receives: u64,
}

impl Settings {
    pub(crate) fn new(given: &Attributes) -> Result<Self, ServiceError> {
        let mut attributes = given.clone();
        let flags = ["FifoQueue", "ContentBasedDeduplication"];
        let known = |name: &str| {
            KEPT.contains(&name) || flags.contains(&name) || NUMBERS.iter().any(|(number, ..)| *number == name)
        };
        if let Some(name) = attributes.keys().find(|name| !known(name)) {
            return Err(ServiceError::bad_request("InvalidAttributeName", format!("Unknown Attribute {name}.")));
        }
        let mut numbers = [0; NUMBERS.len()];
        for ((name, default, least, most), number) in NUMBERS.into_iter().zip(&mut numbers) {
            let value = attributes.entry(name.to_owned()).or_insert_with(|| default.to_string());
            *number = value
                .parse()
                .ok()
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| invalid_attribute(name, value))?;
        }
        let [visibility, delay, wait, retention, max_bytes] = numbers;
        let is_set = |name: &str| attributes.get(name).is_some_and(|value| value == "true");
        Ok(Self {
            fifo: is_set("FifoQueue"),
            deduplicates_by_content: is_set("ContentBasedDeduplication"),
            visibility: Duration::from_secs(visibility),
            delay: Duration::from_secs(delay),
            wait: Duration::from_secs(wait),
            retention: Duration::from_secs(retention),
            max_bytes: usize::try_from(max_bytes).expect("at most 1 MiB"),
            redrive: redrive(attributes.get("RedrivePolicy"))?,
            attributes,
        })
    }

    /// With some attributes set anew; an empty `RedrivePolicy` or `Policy` takes it away.
    pub(crate) fn with(&self, given: Attributes) -> Result<Self, ServiceError> {
        let mut attributes = self.attributes.clone();
        attributes.extend(given);
        attributes.retain(|_, value| !value.is_empty());
        Self::new(&attributes)
    }

    /// Whether a second `CreateQueue` asks for the queue that is there.
    pub(crate) fn agree_with(&self, given: &Attributes) -> bool {
        given.iter().all(|(name, value)| self.attributes.get(name) == Some(value))
    }

    pub(crate) fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

fn redrive(policy: Option<&String>) -> Result<Option<Redrive>, ServiceError> {
    let Some(policy) = policy else { return Ok(None) };
    let parsed: Option<Redrive> = serde_json::from_str(policy).ok().and_then(|json: Value| {
        let max_receives = &json["maxReceiveCount"];
        let max_receives = max_receives.as_u64().or_else(|| max_receives.as_str()?.parse().ok())?;
        let target_arn = json["deadLetterTargetArn"].as_str()?.to_owned();
        (1..=1_000).contains(&max_receives).then_some(Redrive { target_arn, max_receives })
    });
    parsed.map(Some).ok_or_else(|| invalid_attribute("RedrivePolicy", policy))
}

fn invalid_attribute(name: &str, value: &str) -> ServiceError {
    match name {
        "RedrivePolicy" => invalid_value(name, value, "It must hold a deadLetterTargetArn and a maxReceiveCount."),
        _ => ServiceError::bad_request("InvalidAttributeValue", format!("Invalid value for the parameter {name}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str, refused_with: Option<&str>) {
        let given = Attributes::from([(name.to_owned(), value.to_owned())]);
        let code = Settings::new(&given).err().map(|error| error.code);
        assert_eq!(code.as_deref(), refused_with, "{name}={value}");
    }

    #[test]
    fn attributes_out_of_range_are_refused() {
        check("VisibilityTimeout", "43200", None);
        check("VisibilityTimeout", "43201", Some("InvalidAttributeValue"));
        check("DelaySeconds", "900", None);
        check("DelaySeconds", "901", Some("InvalidAttributeValue"));
        check("ReceiveMessageWaitTimeSeconds", "21", Some("InvalidAttributeValue"));
        check("MessageRetentionPeriod", "59", Some("InvalidAttributeValue"));
        check("Visibility", "30", Some("InvalidAttributeName"));
        check("Policy", "{}", None);
        check("RedrivePolicy", r#"{"deadLetterTargetArn":"a","maxReceiveCount":"3"}"#, None);
        check("RedrivePolicy", r#"{"deadLetterTargetArn":"a","maxReceiveCount":0}"#, Some("InvalidParameterValue"));
    }

    #[test]
    fn an_empty_redrive_policy_takes_it_away() {
        let policy = r#"{"deadLetterTargetArn":"a","maxReceiveCount":3}"#.to_owned();
        let settings = Settings::new(&Attributes::from([("RedrivePolicy".to_owned(), policy)])).unwrap();
        assert_eq!(settings.redrive, Some(Redrive { target_arn: "a".to_owned(), max_receives: 3 }));
        let settings = settings.with(Attributes::from([("RedrivePolicy".to_owned(), String::new())])).unwrap();
        assert_eq!(settings.redrive, None);
    }
}
