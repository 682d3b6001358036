//! Settings: environment variables, read once, every problem reported together, by name and never by secret value.

mod common;
mod names;
mod values;

use std::{convert::Infallible, fmt, str::FromStr};

pub use self::{
    common::{Common, SlackApi},
    values::{Secret, WebUrl},
};

/// Reads settings through a lookup, so that tests bring their own environment, and remembers what was wrong.
pub struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<String>,
}

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings cannot be used: {}", self.problems.join("; "))
    }
}

impl<'a> Settings<'a> {
    /// Reads through this lookup; a variable set to nothing counts as not set.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// The process's environment, for [`Settings::new`].
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn environment(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Reads a service's settings from the process's environment.
    ///
    /// A variable that looks like ours and that no service reads is refused, not only warned of: it is a setting that somebody
    /// relies on, and a service that starts without it does less than was asked for. A roll-back brings its own variables.
    ///
    /// # Errors
    /// [`SettingsError`] names everything that is wrong, such variables included.
    pub fn of_process<C>(
        read: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<C, SettingsError>,
    ) -> Result<C, SettingsError> {
        let unknown = names::unknown(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
        let unknown: Vec<_> = unknown.into_iter().map(|name| format!("{name} is no setting of any service")).collect();
        match read(&Self::environment) {
            Ok(config) if unknown.is_empty() => Ok(config),
            Ok(_) => Err(SettingsError { problems: unknown }),
            Err(SettingsError { problems }) => {
                Err(SettingsError { problems: problems.into_iter().chain(unknown).collect() })
            }
        }
    }

    /// A value that must be there.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.optional(name);
        if value.is_none() && self.get(name).is_none() {
            self.problems.push(format!("{name} is not set"));
        }
        value
    }

    /// A value that may be there.
    pub fn optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let parsed = self.get(name)?.parse();
        parsed.map_err(|error| self.problems.push(format!("{name}: {error}"))).ok()
    }

    /// A value with a default.
    pub fn or<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> T {
        self.optional(name).unwrap_or(default)
    }

    /// A secret: `NAME`, or the content of the file that `NAME_FILE` names. A refusal never repeats it.
    pub fn secret<T, E: fmt::Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = match (self.get(name), self.get(&format!("{name}_FILE"))) {
            (Some(text), _) => text,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) => {
                    self.problems.push(format!("{name}_FILE: {path}: {error}"));
                    return None;
                }
            },
            (None, None) => return None,
        };
        if text.trim().is_empty() {
            self.problems.push(format!("{name}_FILE: the file is empty"));
            return None;
        }
        parse(text.trim()).map_err(|error| self.problems.push(format!("{name}: {error}"))).ok()
    }

    /// A secret of any form.
    pub fn hidden(&mut self, name: &str) -> Option<Secret> {
        self.secret(name, |text| Ok::<_, Infallible>(Secret::new(text)))
    }

    /// A secret that must be there.
    pub fn required_secret<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let before = self.problems.len();
        let value = self.secret(name, parse);
        if value.is_none() && self.problems.len() == before {
            self.problems.push(format!("{name} (or {name}_FILE) is not set"));
        }
        value
    }

    /// Notes a problem that only shows between settings.
    pub fn refuse(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// The configuration, or everything that is wrong.
    ///
    /// `config` returns none only where a required value was missing, which is on the list then.
    ///
    /// # Errors
    /// [`SettingsError`] names each variable; the process should print it and exit.
    pub fn finish<C>(self, config: impl FnOnce() -> Option<C>) -> Result<C, SettingsError> {
        if !self.problems.is_empty() {
            return Err(SettingsError { problems: self.problems });
        }
        Ok(config().expect("what is missing was reported"))
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_review::{LinkKeys, Seconds};

    use super::*;

    #[test]
    fn all_problems_are_named_at_once_and_no_secret_is_repeated() {
        let lookup = |name: &str| match name {
            "TICK" => Some("soon".to_owned()),
            "KEYS" => Some("1:hunter2".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut settings = Settings::new(&lookup);
        let tick = settings.or("TICK", Seconds(60));
        let bucket = settings.required::<String>("BUCKET");
        let empty = settings.required::<String>("EMPTY");
        settings.required_secret("KEYS", |text| LinkKeys::parse("test", text));
        settings.required_secret("OTHER", |text| LinkKeys::parse("test", text));
        let error = settings.finish(|| Some((tick, bucket?, empty?))).unwrap_err().to_string();
        for part in
            ["TICK: \"soon\"", "BUCKET is not set", "EMPTY is not set", "KEYS: a link key", "OTHER (or OTHER_FILE)"]
        {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn a_value_that_is_there_is_used() {
        let lookup = |name: &str| (name == "TICK").then(|| "5s".to_owned());
        let mut settings = Settings::new(&lookup);
        let tick = settings.required::<Seconds>("TICK");
        assert_eq!(settings.finish(|| tick), Ok(Seconds(5)));
    }
}
