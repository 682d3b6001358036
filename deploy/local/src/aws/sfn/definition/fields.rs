//! Takes the fields of one JSON object of a definition one by one, so that what is left over in the end is what the
//! stand-in does not know.

use serde_json::{Map, Value};

use crate::aws::sfn::{path::Path, template::Template};

pub(super) struct Fields {
    at: String,
    left: Map<String, Value>,
}

impl Fields {
    pub(super) fn of(value: Value, at: String) -> Result<Self, String> {
        match value {
            Value::Object(left) => Ok(Self { at, left }),
            _ => Err(format!("SCHEMA_VALIDATION_FAILED: Expected an object at {at}")),
        }
    }

    /// A problem with this object, in AWS's form.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("SCHEMA_VALIDATION_FAILED: {what} at {}", self.at)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    pub(super) fn required(&mut self, name: &str) -> Result<Value, String> {
        self.take(name).ok_or_else(|| self.wrong(format_args!("These fields are required: [{name}]")))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(format_args!("{name} must be a string"))),
        }
    }

    pub(super) fn required_text(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| self.wrong(format_args!("These fields are required: [{name}]")))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.wrong(format_args!("{name} must be true or false"))),
        }
    }

    /// A whole number from `least` to AWS's 99,999,999.
    pub(super) fn whole(&mut self, name: &str, least: u64) -> Result<Option<u64>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = value.as_u64().filter(|number| (least..=99_999_999).contains(number));
        number
            .map(Some)
            .ok_or_else(|| self.wrong(format_args!("{name} must be a whole number from {least} to 99999999")))
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>, String> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(format_args!("{name} must be an array"))),
        }
    }

    pub(super) fn path(&mut self, name: &str) -> Result<Option<Path>, String> {
        let text = self.text(name)?;
        text.map(|text| Path::parse(&text).map_err(|problem| self.wrong(format_args!("{name}: {problem}")))).transpose()
    }

    /// A path that is `$` when it is not there and nothing when it is `null`.
    pub(super) fn nullable_path(&mut self, name: &str) -> Result<Option<Path>, String> {
        if self.left.get(name) == Some(&Value::Null) {
            self.take(name);
            return Ok(None);
        }
        Ok(Some(self.path(name)?.unwrap_or_else(Path::whole_input)))
    }

    pub(super) fn template(&mut self, name: &str) -> Result<Option<Template>, String> {
        let value = self.take(name);
        value
            .map(|value| Template::parse(&value).map_err(|problem| self.wrong(format_args!("{name}: {problem}"))))
            .transpose()
    }

    /// Every field was known.
    pub(super) fn finish(mut self) -> Result<(), String> {
        self.take("Comment");
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.wrong(format_args!("The field '{name}' is not supported"))),
        }
    }
}
