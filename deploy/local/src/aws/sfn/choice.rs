//! The rules of a Choice state.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use super::path::{Path, Scope};

#[derive(Debug, Clone)]
pub(crate) enum Rule {
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Box<Rule>),
    Test { variable: Path, test: Test },
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// `IsPresent`, `IsNull`, …: whether the variable is of that kind must equal the flag.
    Is(Kind, bool),
    Compare {
        kind: Kind,
        holds: Relation,
        against: Operand,
    },
    Matches(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Present,
    Null,
    Boolean,
    Numeric,
    String,
    Timestamp,
}

type Relation = fn(Ordering) -> bool;

#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Fixed(Value),
    At(Path),
}

const KINDS: [(&str, Kind); 6] = [
    ("Present", Kind::Present),
    ("Null", Kind::Null),
    ("Boolean", Kind::Boolean),
    ("Numeric", Kind::Numeric),
    ("String", Kind::String),
    ("Timestamp", Kind::Timestamp),
];

const RELATIONS: [(&str, Relation); 5] = [
    ("Equals", Ordering::is_eq),
    ("LessThan", Ordering::is_lt),
    ("GreaterThan", Ordering::is_gt),
    ("LessThanEquals", Ordering::is_le),
    ("GreaterThanEquals", Ordering::is_ge),
];

impl Rule {
    /// Reads a rule; `Next` is the reader's of the state, which takes it away before.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("A choice rule must be an object")?;
        let mut operators = fields.iter().filter(|(name, _)| *name != "Variable" && *name != "Comment");
        let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
            return Err(format!("A choice rule has one comparison: {value}"));
        };
        let all = || {
            operand.as_array().ok_or("And and Or take an array")?.iter().map(Self::parse).collect::<Result<_, String>>()
        };
        match operator.as_str() {
            "And" => all().map(Self::And),
            "Or" => all().map(Self::Or),
            "Not" => Self::parse(operand).map(|rule| Self::Not(Box::new(rule))),
            _ => {
                let variable = fields
                    .get("Variable")
                    .and_then(Value::as_str)
                    .ok_or_else(|| format!("Variable is missing in {value}"))?;
                Ok(Self::Test { variable: Path::parse(variable)?, test: Test::parse(operator, operand)? })
            }
        }
    }

    /// Whether the rule holds. A variable that is not there is an error for all but `IsPresent`, as on AWS.
    pub(crate) fn holds(&self, scope: Scope<'_>) -> Result<bool, String> {
        match self {
            Self::And(rules) => {
                for rule in rules {
                    if !rule.holds(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.holds(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => rule.holds(scope).map(|held| !held),
            Self::Test { variable, test } => test.holds(variable, scope),
        }
    }
}

impl Test {
    fn parse(operator: &str, operand: &Value) -> Result<Self, String> {
        let unsupported = || format!("The comparison '{operator}' is not supported");
        let wrong = || format!("The comparison '{operator}' cannot take {operand}");
        if operator == "StringMatches" {
            return operand.as_str().map(|pattern| Self::Matches(pattern.to_owned())).ok_or_else(wrong);
        }
        if let Some(name) = operator.strip_prefix("Is") {
            let kind = KINDS.iter().find(|(kind, _)| *kind == name).ok_or_else(unsupported)?.1;
            return operand.as_bool().map(|flag| Self::Is(kind, flag)).ok_or_else(wrong);
        }
        let (kind_name, kind) =
            *KINDS[2..].iter().find(|(name, _)| operator.starts_with(name)).ok_or_else(unsupported)?;
        let relation = &operator[kind_name.len()..];
        let (relation, against) = match relation.strip_suffix("Path") {
            Some(relation) => (relation, Operand::At(Path::parse(operand.as_str().ok_or_else(wrong)?)?)),
            None => (relation, Operand::Fixed(operand.clone())),
        };
        let holds = RELATIONS.iter().find(|(name, _)| *name == relation).ok_or_else(unsupported)?.1;
        let is_ordered = kind != Kind::Boolean || relation == "Equals";
        let fits = !matches!(&against, Operand::Fixed(value) if !kind.is_of(value));
        if is_ordered && fits { Ok(Self::Compare { kind, holds, against }) } else { Err(wrong()) }
    }

    fn holds(&self, variable: &Path, scope: Scope<'_>) -> Result<bool, String> {
        let found = variable.find(scope);
        if let Self::Is(Kind::Present, flag) = self {
            return Ok(found.is_some() == *flag);
        }
        let missing = |path: &Path| {
            format!("Invalid path '{}': The choice state's condition path references an invalid value", path.text())
        };
        let found = found.ok_or_else(|| missing(variable))?;
        Ok(match self {
            Self::Is(kind, flag) => kind.is_of(found) == *flag,
            Self::Matches(pattern) => found.as_str().is_some_and(|text| matches_pattern(pattern, text)),
            Self::Compare { kind, holds, against } => {
                let against = match against {
                    Operand::Fixed(value) => value,
                    Operand::At(path) => path.find(scope).ok_or_else(|| missing(path))?,
                };
                kind.compare(found, against).is_some_and(holds)
            }
        })
    }
}

impl Kind {
    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Numeric => value.is_number(),
            Self::String => value.is_string(),
            Self::Timestamp => timestamp(value).is_some(),
        }
    }

    /// How the two stand to each other; `None` when one is of another kind.
    fn compare(self, left: &Value, right: &Value) -> Option<Ordering> {
        match self {
            Self::Present | Self::Null => None,
            Self::Boolean => Some(left.as_bool()?.cmp(&right.as_bool()?)),
            Self::Numeric => match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
            },
            Self::String => Some(left.as_str()?.cmp(right.as_str()?)),
            Self::Timestamp => Some(timestamp(left)?.cmp(&timestamp(right)?)),
        }
    }
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// `*` is any text, `\*` is a star.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && matches_pattern(rest.as_str(), &text[at..]))
        }
        Some('\\') => {
            rest.next().is_some_and(|c| text.strip_prefix(c).is_some_and(|text| matches_pattern(rest.as_str(), text)))
        }
        Some(c) => text.strip_prefix(c).is_some_and(|text| matches_pattern(rest.as_str(), text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(rule: &Value) -> Result<bool, String> {
        let input =
            json!({"n": 5, "f": 0.5, "s": "log-1.txt", "b": true, "null": null, "t": "2026-01-01T00:00:00Z", "m": 6});
        Rule::parse(rule)?.holds(Scope { input: &input, context: &json!({}) })
    }

    #[test]
    fn comparisons_hold_or_not() {
        for (variable, operator, operand, expected) in [
            ("$.n", "NumericEquals", json!(5), true),
            ("$.n", "NumericEquals", json!(5.0), true),
            ("$.n", "NumericLessThan", json!(5), false),
            ("$.n", "NumericLessThanEquals", json!(5), true),
            ("$.f", "NumericGreaterThan", json!(0.4), true),
            ("$.n", "NumericLessThanPath", json!("$.m"), true),
            ("$.s", "NumericEquals", json!(5), false),
            ("$.s", "StringEquals", json!("log-1.txt"), true),
            ("$.s", "StringGreaterThanEquals", json!("log-0"), true),
            ("$.s", "StringMatches", json!("log-*.txt"), true),
            ("$.s", "StringMatches", json!("log-*.csv"), false),
            ("$.b", "BooleanEquals", json!(true), true),
            ("$.t", "TimestampLessThan", json!("2026-01-01T01:00:00.5Z"), true),
            ("$.t", "TimestampEquals", json!("2026-01-01T02:00:00+02:00"), true),
            ("$.t", "TimestampGreaterThanEqualsPath", json!("$.t"), true),
            ("$.x", "IsPresent", json!(false), true),
            ("$.null", "IsPresent", json!(true), true),
            ("$.null", "IsNull", json!(true), true),
            ("$.n", "IsNumeric", json!(true), true),
            ("$.n", "IsString", json!(true), false),
            ("$.n", "IsBoolean", json!(false), true),
            ("$.t", "IsTimestamp", json!(true), true),
            ("$.s", "IsTimestamp", json!(false), true),
        ] {
            assert_eq!(
                holds(&json!({"Variable": variable, operator: operand})),
                Ok(expected),
                "{variable} {operator} {operand}"
            );
        }
    }

    #[test]
    fn rules_combine_and_stop_at_the_first_that_decides() {
        let present = json!({"Variable": "$.x", "IsPresent": true});
        let equal = json!({"Variable": "$.x", "StringEquals": "a"});
        assert_eq!(holds(&json!({"And": [present, equal]})), Ok(false));
        assert_eq!(holds(&json!({"Or": [{"Not": present}, equal]})), Ok(true));
        assert!(holds(&equal).unwrap_err().contains("'$.x'"));
    }

    #[test]
    fn a_star_can_be_meant_as_a_star() {
        for (pattern, text, expected) in
            [("a\\*b", "a*b", true), ("a\\*b", "axb", false), ("*", "", true), ("a*b*c", "aXbYbZc", true)]
        {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_refused_when_read() {
        for rule in [
            json!({"Variable": "$.n"}),
            json!({"Variable": "$.n", "NumericEquals": "5"}),
            json!({"Variable": "$.n", "BooleanLessThan": true}),
            json!({"Variable": "$.n", "NumericNear": 5}),
            json!({"NumericEquals": 5}),
            json!({"Variable": "$.n", "NumericEquals": 5, "IsPresent": true}),
        ] {
            assert!(Rule::parse(&rule).is_err(), "{rule}");
        }
    }
}
