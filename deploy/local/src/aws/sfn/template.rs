//! Payload templates (`Parameters`, `ResultSelector`, `ItemSelector`): JSON in which a field `"x.$"` is an expression
//! that gives `"x"`.

use serde_json::{Map, Value};

use super::{expression::Expression, path::Scope};

#[derive(Debug, Clone)]
pub(crate) enum Template {
    Value(Value),
    Array(Vec<Template>),
    Object(Vec<Field>),
}

#[derive(Debug, Clone)]
pub(crate) enum Field {
    Fixed(String, Template),
    /// The field's full name, `x.$`, for what is said when it fails; and its expression.
    Dynamic(String, Expression),
}

const DYNAMIC: &str = ".$";

impl Template {
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| field(name, value)).collect::<Result<_, _>>().map(Self::Object)
            }
            Value::Array(items) => items.iter().map(Self::parse).collect::<Result<_, _>>().map(Self::Array),
            other => Ok(Self::Value(other.clone())),
        }
    }

    pub(crate) fn fill(&self, scope: Scope<'_>) -> Result<Value, String> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Array(items) => items.iter().map(|item| item.fill(scope)).collect(),
            Self::Object(fields) => {
                let mut filled = Map::new();
                for field in fields {
                    match field {
                        Field::Fixed(name, template) => filled.insert(name.clone(), template.fill(scope)?),
                        Field::Dynamic(name, expression) => filled.insert(
                            name.strip_suffix(DYNAMIC).unwrap_or(name).to_owned(),
                            expression.value(scope, name)?,
                        ),
                    };
                }
                Ok(Value::Object(filled))
            }
        }
    }
}

fn field(name: &str, value: &Value) -> Result<Field, String> {
    if !name.ends_with(DYNAMIC) {
        return Template::parse(value).map(|template| Field::Fixed(name.to_owned(), template));
    }
    let text = value.as_str().ok_or_else(|| format!("The value of the field '{name}' must be a string"))?;
    Ok(Field::Dynamic(name.to_owned(), Expression::parse(text)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions_are_filled_in_however_deep_they_stand() {
        let template = json!({
            "fixed": "$.a",
            "a.$": "$.a",
            "deep": [{"name.$": "$$.Name", "n": 1}],
            "text.$": "States.Format('<{}>', $.a)",
        });
        let (input, context) = (json!({"a": 7}), json!({"Name": "S"}));
        let filled = Template::parse(&template).unwrap().fill(Scope { input: &input, context: &context });
        assert_eq!(filled, Ok(json!({"fixed": "$.a", "a": 7, "deep": [{"name": "S", "n": 1}], "text": "<7>"})));
    }

    #[test]
    fn a_dynamic_field_must_hold_an_expression() {
        assert!(Template::parse(&json!({"a.$": 1})).is_err());
        assert!(Template::parse(&json!({"a.$": "plain"})).is_err());
    }
}
