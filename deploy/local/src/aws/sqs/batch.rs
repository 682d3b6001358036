//! A batch is its action once per entry, with AWS's limits on the whole.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::aws::ServiceError;

/// All entries of a batch together, and also a single message.
const MAX_BYTES: usize = 262_144;

/// Does `one` with each entry, and reports which went well.
pub(crate) fn for_each(
    entries: Vec<Value>,
    mut one: impl FnMut(Value) -> Result<Value, ServiceError>,
) -> Result<Value, ServiceError> {
    check(&entries)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = entry["Id"].clone();
        match one(entry) {
            Ok(mut output) => {
                output["Id"] = id;
                successful.push(output);
            }
            Err(ServiceError { code, message, .. }) => {
                failed.push(json!({ "Id": id, "Code": code, "Message": message, "SenderFault": true }));
            }
        }
    }
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

fn check(entries: &[Value]) -> Result<(), ServiceError> {
    let refuse = |code: &str, message: String| Err(ServiceError::bad_request(code, message));
    let ids: Vec<&str> = entries.iter().map(|entry| entry["Id"].as_str().unwrap_or_default()).collect();
    let bytes: usize = entries.iter().filter_map(|entry| entry["MessageBody"].as_str()).map(str::len).sum();
    let is_valid =
        |id: &str| (1..=80).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if entries.is_empty() {
        return refuse("EmptyBatchRequest", "There should be at least one entry in the request.".to_owned());
    }
    if entries.len() > 10 {
        let message = format!("Maximum number of entries per request are 10. You have sent {}.", entries.len());
        return refuse("TooManyEntriesInBatchRequest", message);
    }
    if let Some(id) = ids.iter().find(|id| !is_valid(id)) {
        return refuse("InvalidBatchEntryId", format!("{id:?} is not a batch entry id."));
    }
    if ids.iter().collect::<HashSet<_>>().len() < ids.len() {
        return refuse("BatchEntryIdsNotDistinct", "Two or more batch entries have the same id.".to_owned());
    }
    if bytes > MAX_BYTES {
        let message = format!("Batch requests cannot be longer than {MAX_BYTES} bytes. You have sent {bytes} bytes.");
        return refuse("BatchRequestTooLong", message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(entries: Vec<Value>) -> Option<String> {
        for_each(entries, |_| Ok(json!({}))).err().map(|error| error.code)
    }

    #[test]
    fn a_batch_beyond_the_limits_is_refused_as_a_whole() {
        let entries =
            |n: usize, body: &str| (0..n).map(|i| json!({ "Id": i.to_string(), "MessageBody": body })).collect();
        assert_eq!(refusal(entries(10, "x")), None);
        assert_eq!(refusal(entries(0, "x")).as_deref(), Some("EmptyBatchRequest"));
        assert_eq!(refusal(entries(11, "x")).as_deref(), Some("TooManyEntriesInBatchRequest"));
        assert_eq!(refusal(entries(2, &"x".repeat(131_072))), None);
        assert_eq!(refusal(entries(2, &"x".repeat(131_073))).as_deref(), Some("BatchRequestTooLong"));
        assert_eq!(
            refusal(vec![json!({ "Id": "a" }), json!({ "Id": "a" })]).as_deref(),
            Some("BatchEntryIdsNotDistinct")
        );
        assert_eq!(refusal(vec![json!({ "Id": "a b" })]).as_deref(), Some("InvalidBatchEntryId"));
    }

    #[test]
    fn one_bad_entry_does_not_take_the_others_along() {
        let outcome = for_each(vec![json!({ "Id": "good" }), json!({ "Id": "bad" })], |entry| {
            if entry["Id"] == "good" { Ok(json!({})) } else { Err(ServiceError::bad_request("Reason", "text")) }
        });
        let failed = json!([{ "Id": "bad", "Code": "Reason", "Message": "text", "SenderFault": true }]);
        assert_eq!(outcome, Ok(json!({ "Successful": [{ "Id": "good" }], "Failed": failed })));
    }
}
