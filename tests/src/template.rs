//! Reads a `CloudFormation` template, as far as tests need it: YAML, with the functions that name things carried out.
//!
//! Conditions are not worked out: each holds, so that what is read is the most that a stack can be. Where a template names
//! what is not known here, reading it panics: better than a policy that is believed and not understood.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

/// A template, and what the things in it are called.
pub(crate) struct Template<'a> {
    root: Yaml<'a>,
    /// What `!Ref THING` and `!GetAtt THING.PART` say, by `THING` and `THING.PART`.
    names: BTreeMap<&'a str, String>,
}

impl<'a> Template<'a> {
    /// Reads the text of a template.
    pub(crate) fn read(text: &'a str, names: BTreeMap<&'a str, String>) -> Self {
        let mut documents = Yaml::load_from_str(text).expect("the template is YAML");
        Self { root: documents.remove(0), names }
    }

    /// A property of a resource, carried out.
    ///
    /// # Panics
    /// The template has no such resource.
    pub(crate) fn property(&self, resource: &str, property: &str) -> Value {
        let path = ["Resources", resource, "Properties", property];
        let found = path.iter().try_fold(&self.root, |node, field| node.as_mapping_get(field));
        self.value(found.unwrap_or_else(|| panic!("the template has no {resource} with {property}")))
    }

    fn value(&self, node: &Yaml<'_>) -> Value {
        match node {
            Yaml::Tagged(tag, argument) => self.carry_out(&tag.suffix, argument),
            Yaml::Sequence(items) => {
                Value::Array(items.iter().map(|item| self.value(item)).filter(|item| !item.is_null()).collect())
            }
            Yaml::Mapping(fields) => {
                let field = |(key, value): (&Yaml, &Yaml)| Some((key.as_str()?.to_owned(), self.value(value)));
                Value::Object(fields.iter().filter_map(field).collect::<Map<_, _>>())
            }
            Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
            Yaml::Value(Scalar::Integer(number)) => (*number).into(),
            Yaml::Value(Scalar::Boolean(truth)) => (*truth).into(),
            other => panic!("a template holds no {other:?}"),
        }
    }

    fn carry_out(&self, function: &str, argument: &Yaml<'_>) -> Value {
        match (function, argument.as_str(), argument.as_vec().map(Vec::as_slice)) {
            ("Ref", Some("AWS::NoValue"), _) => Value::Null,
            ("Ref" | "GetAtt", Some(name), _) => self.name(name).into(),
            ("Sub", Some(text), _) => self.substitute(text).into(),
            ("If", _, Some([_, so, _])) => self.value(so),
            _ => panic!("!{function} {argument:?} is not known here"),
        }
    }

    fn substitute(&self, text: &str) -> String {
        let mut pieces = text.split("${");
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |so_far, piece| {
            let (name, rest) = piece.split_once('}').expect("a substitution ends");
            so_far + &self.name(name) + rest
        })
    }

    fn name(&self, of: &str) -> String {
        self.names.get(of).cloned().or_else(|| self.default_of(of)).unwrap_or_else(|| panic!("{of} has no name here"))
    }

    fn default_of(&self, parameter: &str) -> Option<String> {
        let parameter = self.root.as_mapping_get("Parameters")?.as_mapping_get(parameter)?;
        parameter.as_mapping_get("Default")?.as_str().map(ToOwned::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn functions_are_carried_out_and_aliases_followed() {
        const TEMPLATE: &str = "Parameters:\n  Key: { Type: String, Default: config/a }\n\
                    Resources:\n  A:\n    Type: T\n    Properties:\n      P:\n        - !Sub ${B.Arn}/${Key}\n        - &x !If\n\
                    \x20         - C\n          - { R: !Ref B, N: 3 }\n          - !Ref AWS::NoValue\n        - *x\n        - !Ref AWS::NoValue\n";
        let names = [("B.Arn", "arn:b".to_owned()), ("B", "b".to_owned())].into();
        let read = Template::read(TEMPLATE, names).property("A", "P");
        let shared = json!({ "R": "b", "N": 3 });
        assert_eq!(read, json!(["arn:b/config/a", shared, shared]));
    }
}
