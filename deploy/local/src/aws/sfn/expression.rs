//! The right-hand side of a field whose name ends in `.$`: a path, or an intrinsic function over paths, literals and
//! other functions.

use serde_json::Value;

use super::{
    intrinsic::{self, Function},
    path::{Path, Scope},
};

#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Path(Path),
    Literal(Value),
    Call { name: String, function: Function, arguments: Vec<Expression> },
}

impl Expression {
    /// Reads `$.a` or `States.Format('{}', $.a)`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('$') {
            return Ok(Self::Path(Path::parse(text)?));
        }
        let mut reader = Reader { text, rest: text.trim() };
        let call = reader.call()?;
        if reader.rest.is_empty() { Ok(call) } else { Err(reader.wrong()) }
    }

    /// The value, or a sentence that says what went wrong; `field` is where the expression stands.
    pub(crate) fn value(&self, scope: Scope<'_>, field: &str) -> Result<Value, String> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Path(path) => path.find(scope).cloned().ok_or_else(|| {
                let (path, input) = (path.text(), scope.input);
                format!(
                    "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{input}'"
                )
            }),
            Self::Call { name, function, arguments } => {
                let arguments =
                    arguments.iter().map(|argument| argument.value(scope, field)).collect::<Result<Vec<_>, _>>()?;
                function(&arguments)
                    .map_err(|problem| format!("The function '{name}' in the field '{field}' failed: {problem}"))
            }
        }
    }

    /// The name of the function that gives the value, if one does.
    pub(crate) fn function_name(&self) -> Option<&str> {
        match self {
            Self::Call { name, .. } => Some(name),
            Self::Path(_) | Self::Literal(_) => None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn wrong(&self) -> String {
        format!("The intrinsic function '{}' cannot be read", self.text)
    }

    fn call(&mut self) -> Result<Expression, String> {
        let (name, rest) = self.rest.split_once('(').ok_or_else(|| self.wrong())?;
        let function =
            intrinsic::named(name).ok_or_else(|| format!("The intrinsic function '{name}' is not supported"))?;
        self.rest = rest.trim_start();
        let mut arguments = Vec::new();
        while !self.take(')') {
            if !arguments.is_empty() && !self.take(',') {
                return Err(self.wrong());
            }
            arguments.push(self.argument()?);
        }
        Ok(Expression::Call { name: name.to_owned(), function, arguments })
    }

    fn take(&mut self, mark: char) -> bool {
        let taken = self.rest.strip_prefix(mark).map(str::trim_start);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn argument(&mut self) -> Result<Expression, String> {
        if self.rest.starts_with('\'') {
            return self.string();
        }
        if self.rest.starts_with("States.") {
            return self.call();
        }
        let word = self.word();
        match word.strip_prefix('$') {
            Some(_) => Path::parse(word).map(Expression::Path),
            None => serde_json::from_str(word).map(Expression::Literal).map_err(|_| self.wrong()),
        }
    }

    /// `'it\'s'`. Only the quote is unescaped here; `States.Format` reads the other escapes of its template itself.
    fn string(&mut self) -> Result<Expression, String> {
        let mut text = String::new();
        let mut chars = self.rest[1..].chars();
        while let Some(c) = chars.next() {
            match c {
                '\'' => {
                    self.rest = chars.as_str().trim_start();
                    return Ok(Expression::Literal(Value::String(text)));
                }
                '\\' if chars.as_str().starts_with('\'') => text.extend(chars.next()),
                '\\' => text.extend(std::iter::once('\\').chain(chars.next())),
                c => text.push(c),
            }
        }
        Err(self.wrong())
    }

    /// Up to the next comma or bracket that is not inside `['…']`.
    fn word(&mut self) -> &'a str {
        let mut quoted = false;
        let end = self.rest.find(|c| {
            quoted ^= c == '\'';
            !quoted && (c == ',' || c == ')')
        });
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word.trim_end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Result<Value, String> {
        let (input, context) = (json!({"a": 1, "b,)": "x", "s": "it's {fine}"}), json!({"State": {"Name": "S"}}));
        Expression::parse(text)?.value(Scope { input: &input, context: &context }, "f.$")
    }

    #[test]
    fn functions_nest_and_take_paths_and_literals() {
        assert_eq!(value("$.a"), Ok(json!(1)));
        assert_eq!(
            value("States.Array($.a, $['b,)'], 'y', 2.5, true, null)"),
            Ok(json!([1, "x", "y", 2.5, true, null]))
        );
        assert_eq!(value("States.Format( '{}: {}' ,$$.State.Name,States.Array( 1 ) )"), Ok(json!("S: [1]")));
        assert_eq!(value(r"States.Format('it\'s \{{}\}', $.s)"), Ok(json!("it's {it's {fine}}")));
        assert_eq!(value("States.Array()"), Ok(json!([])));
    }

    #[test]
    fn a_missing_place_is_named_as_step_functions_names_it() {
        let problem = value("$.nowhere").unwrap_err();
        assert!(
            problem
                .starts_with("The JSONPath '$.nowhere' specified for the field 'f.$' could not be found in the input")
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "a",
            "States.Nope(1)",
            "States.Array(1",
            "States.Array(1 2)",
            "States.Array('x)",
            "States.Array(x)",
            "States.Array(1) 2",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
