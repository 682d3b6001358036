//! Rules that an owner declares for a dataset: they add to what is learned and never soften it.
//!
//! A small TOML file. A word that is not known is an error that names the line: a rule that is misspelt and silently left out
//! would be worse than none. There is no expression language: what cannot be said here belongs in the pipeline.
//!
//! ```toml
//! columns = ["id", "day", "paid", "currency", "amount"]
//! key = ["id", "day"]
//!
//! [column.amount]
//! required = true
//! type = "number"
//! range = [0, 10_000]
//!
//! [column.currency]
//! list = "currencies.txt"
//!
//! [column.day]
//! type = "date"
//! not_after = "paid"
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use regex::Regex;
use serde::{Deserialize, Deserializer};

use crate::{
    baseline::Weighed,
    rules::{Check, Quantity, Rule, Test},
    value::DateOrder,
};

/// What an owner declared; the default is nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Exactly these columns, in any order.
    #[serde(default, deserialize_with = "names")]
    columns: Option<BTreeSet<String>>,
    /// Columns that together never come twice.
    #[serde(default)]
    key: Vec<String>,
    #[serde(default)]
    column: BTreeMap<String, Column>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    #[serde(default)]
    required: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    personal: bool,
    #[serde(default, rename = "type")]
    kind: Option<Kind>,
    /// The order of a date's parts.
    #[serde(default)]
    format: Option<DateOrder>,
    #[serde(default)]
    range: Option<[f64; 2]>,
    #[serde(default)]
    set: Option<BTreeSet<String>>,
    #[serde(default)]
    regex: Option<Pattern>,
    /// A file with one value per line.
    #[serde(default)]
    list: Option<PathBuf>,
    /// The column that this one is never above.
    #[serde(default, alias = "not_after")]
    not_above: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Number,
    Integer,
    Date,
    Text,
}

/// A pattern that a whole value must match.
#[derive(Debug, Clone)]
struct Pattern(Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Regex::new(&format!("^(?:{text})$")).map(Self).map_err(serde::de::Error::custom)
    }
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeSet<String>>, D::Error> {
    const MEANT: &str = "`columns` is a list of names; the rules of one column stand under `[column.NAME]`";
    BTreeSet::deserialize(deserializer).map(Some).map_err(|_| serde::de::Error::custom(MEANT))
}

/// Why a file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotDeclared {
    /// The file, or a list that it refers to, cannot be read.
    #[error("{}: {why}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// The system's words.
        why: io::Error,
    },
    /// Not what a file of rules may say; names the line.
    #[error("{}: {why}", file.display())]
    Words {
        /// Which.
        file: PathBuf,
        /// The line and what is wrong with it.
        why: String,
    },
}

impl Declared {
    /// Reads a file of rules and the lists that it refers to.
    ///
    /// # Errors
    /// In words for its owner.
    pub fn read(file: &Path) -> Result<Self, NotDeclared> {
        let mut declared =
            Self::parse(&text_of(file)?).map_err(|why| NotDeclared::Words { file: file.to_owned(), why })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        for list in declared.lists() {
            declared.fill(&list, &text_of(&folder.join(&list))?);
        }
        Ok(declared)
    }

    /// Reads the text of a file of rules, without the lists that it refers to; or the line and what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            format!("line {line}: {}", error.message())
        })
    }

    /// The lists that it refers to, as paths from where it lies itself.
    pub(crate) fn lists(&self) -> BTreeSet<PathBuf> {
        self.column.values().filter_map(|column| column.list.clone()).collect()
    }

    /// Takes in a list: one value per line.
    pub(crate) fn fill(&mut self, list: &Path, text: &str) {
        for column in self.column.values_mut().filter(|column| column.list.as_deref() == Some(list)) {
            let values = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned);
            column.set.get_or_insert_default().extend(values);
        }
    }

    /// The declared rules, hard all of them.
    pub(crate) fn rules(&self) -> Vec<Weighed> {
        let mut rules: Vec<Rule> =
            self.column.iter().flat_map(|(name, column)| column.rules(name, &self.column)).collect();
        if !self.key.is_empty() {
            let test = Test::RepeatedKey(self.key.clone());
            rules.push(rule(Check::DuplicateKey, "", test, &format!("{} is the declared key", self.key.join(", "))));
        }
        rules.into_iter().map(|rule| Weighed { rule, is_hard: true, allowance: 0.0 }).collect()
    }

    /// Columns that are declared and not among these, and columns that are not declared where all are.
    pub(crate) fn amiss<'a>(&'a self, columns: &'a [String]) -> (Vec<&'a String>, Vec<&'a String>) {
        let required = self.column.iter().filter(|(_, column)| column.required).map(|(name, _)| name);
        let named: BTreeSet<&String> = required.chain(&self.key).chain(self.columns.iter().flatten()).collect();
        let missing = named.into_iter().filter(|name| !columns.contains(name)).collect();
        let new = columns.iter().filter(|name| self.columns.as_ref().is_some_and(|all| !all.contains(*name))).collect();
        (missing, new)
    }

    /// Whether a column's values may not be shown.
    pub(crate) fn is_personal(&self, column: &str) -> bool {
        self.column.get(column).is_some_and(|column| column.personal)
    }
}

fn text_of(file: &Path) -> Result<String, NotDeclared> {
    std::fs::read_to_string(file).map_err(|why| NotDeclared::File { file: file.to_owned(), why })
}

fn rule(check: Check, column: &str, test: Test, before: &str) -> Rule {
    Rule { check, column: column.to_owned(), test, before: format!("declared: {before}"), expected: 0.0 }
}

impl Column {
    fn rules(&self, name: &str, all: &BTreeMap<String, Self>) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut add = |check, test, before: &str| rules.push(rule(check, name, test, before));
        if self.required {
            add(Check::Null, Test::Null, "required");
        }
        if self.unique {
            add(Check::DuplicateKey, Test::RepeatedValue, "unique");
        }
        if let Some(quantity) = self.quantity() {
            add(Check::Type, Test::NotA(quantity), "its type");
        }
        if self.kind == Some(Kind::Integer) {
            add(Check::Decimals, Test::Decimals(0), "an integer");
        }
        if let Some([low, high]) = self.range {
            add(Check::Range, Test::Outside(Quantity::Number, low, high), &format!("{low} to {high}"));
        }
        if let Some(set) = &self.set {
            add(Check::Category, Test::Value(Arc::new(set.clone())), "one of its set");
        }
        if let Some(Pattern(regex)) = &self.regex {
            add(Check::Pattern, Test::Unlike(regex.clone()), "its regex");
        }
        if let Some(other) = &self.not_above {
            let of = |column: Option<&Self>| column.and_then(Self::quantity).unwrap_or(Quantity::Number);
            let test = Test::Above(other.clone(), of(Some(self)), of(all.get(other)));
            add(Check::Order, test, &format!("not above {other}"));
        }
        rules
    }

    fn quantity(&self) -> Option<Quantity> {
        match self.kind? {
            Kind::Number | Kind::Integer => Some(Quantity::Number),
            Kind::Date => Some(Quantity::Moment(self.format.unwrap_or(DateOrder::YearFirst))),
            Kind::Text => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_an_error_that_names_its_line() {
        let check = |text: &str, expected: &str| {
            let error = Declared::parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        };
        check("[column.id]\nrequired = true\nuniqe = true\n", "line 3: unknown field `uniqe`");
        check("[column.id]\ntype = \"numbr\"\n", "line 2: unknown variant `numbr`");
        check("colums = []\n", "line 1: unknown field `colums`");
        check(
            "key = [\"id\"]\n[columns.id]\nunique = true\n",
            "line 2: `columns` is a list of names; the rules of one",
        );
        check("[column.id]\nregex = \"(\"\n", "line 2: regex parse error");
    }
}
