//! Paths into JSON: `$`, `$.a.b[0]['c']`, and the same into the context object, `$$.…`.
//!
//! Step Functions allows all of `JSONPath` in some fields; only what names one place is here, which is all that a
//! reference path may be and all that a review needs.
//! Wildcards, slices and filters are refused when the definition is read.

use serde_json::{Map, Value};

/// What a path can point into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) input: &'a Value,
    pub(crate) context: &'a Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    text: String,
    into_context: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

impl Path {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unsupported = || format!("The path '{text}' is not supported here; $, $$, .name, ['name'] and [index] are");
        let after_root = text.strip_prefix('$').ok_or_else(unsupported)?;
        let (into_context, mut rest) = match after_root.strip_prefix('$') {
            Some(rest) => (true, rest),
            None => (false, after_root),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = take_step(rest).ok_or_else(unsupported)?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { text: text.to_owned(), into_context, steps })
    }

    /// `$`: all of the input.
    pub(crate) fn whole_input() -> Self {
        Self { text: "$".to_owned(), into_context: false, steps: Vec::new() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn points_into_context(&self) -> bool {
        self.into_context
    }

    pub(crate) fn find<'a>(&self, scope: Scope<'a>) -> Option<&'a Value> {
        let root = if self.into_context { scope.context } else { scope.input };
        self.steps.iter().try_fold(root, |value, step| match step {
            Step::Name(name) => value.as_object()?.get(name),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// `ResultPath`: `input` with `result` at this place; what is missing on the way there is made.
    pub(crate) fn place(&self, mut input: Value, result: Value) -> Result<Value, String> {
        let mismatch = |path: &str| format!("Unable to apply ReferencePath {path} to input");
        let mut slot = &mut input;
        for step in &self.steps {
            slot = match step {
                Step::Name(name) => {
                    if slot.is_null() {
                        *slot = Value::Object(Map::new());
                    }
                    let object = slot.as_object_mut().ok_or_else(|| mismatch(&self.text))?;
                    object.entry(name.as_str()).or_insert(Value::Null)
                }
                Step::Index(index) => {
                    slot.as_array_mut().and_then(|array| array.get_mut(*index)).ok_or_else(|| mismatch(&self.text))?
                }
            };
        }
        *slot = result;
        Ok(input)
    }
}

fn take_step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix("['") {
        let (name, rest) = rest.split_once("']")?;
        return Some((Step::Name(name.to_owned()), rest));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), rest));
    }
    let rest = text.strip_prefix('.')?;
    let (name, rest) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    is_plain.then(|| (Step::Name(name.to_owned()), rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_finds_its_place_in_input_or_context() {
        let (input, context) = (json!({"a": {"b": [10, {"c d": 20}]}}), json!({"Execution": {"Id": "arn"}}));
        let find = |path: &str| {
            let path = Path::parse(path).unwrap();
            path.find(Scope { input: &input, context: &context }).cloned()
        };
        assert_eq!(find("$"), Some(input.clone()));
        assert_eq!(find("$.a.b[0]"), Some(json!(10)));
        assert_eq!(find("$['a'].b[1]['c d']"), Some(json!(20)));
        assert_eq!(find("$$.Execution.Id"), Some(json!("arn")));
        assert_eq!(find("$.a.b[2]"), None);
        assert_eq!(find("$.a.x"), None);
    }

    #[test]
    fn what_names_more_than_one_place_is_refused() {
        for text in ["", "a", "$.", "$..a", "$.a[*]", "$.a[?(@.x)]", "$.a[-1]", "$.a[1:2]", "$a"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_result_is_placed_beside_what_was_there() {
        let place = |path: &str, input: Value| Path::parse(path).unwrap().place(input, json!("result"));
        assert_eq!(place("$", json!({"a": 1})), Ok(json!("result")));
        assert_eq!(place("$.b.c", json!({"a": 1})), Ok(json!({"a": 1, "b": {"c": "result"}})));
        assert_eq!(place("$.a[0]", json!({"a": [1, 2]})), Ok(json!({"a": ["result", 2]})));
        assert!(place("$.a.b", json!({"a": 1})).is_err());
        assert!(place("$.a", json!("text")).is_err());
    }
}
