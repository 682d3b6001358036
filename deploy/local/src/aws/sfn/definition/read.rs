//! From the JSON text of a definition to [`Definition`], with the checks that AWS makes when a state machine is
//! created.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{Catcher, Definition, Flow, Kind, Resource, Retrier, Seconds, State, Wait, fields::Fields};
use crate::aws::sfn::{choice::Rule, expression::Expression, path::Path};

pub(super) fn definition(text: &str) -> Result<Definition, String> {
    let value = serde_json::from_str(text).map_err(|error| format!("INVALID_JSON_DESCRIPTION: {error}"))?;
    let mut fields = Fields::of(value, "/".to_owned())?;
    json_path_only(&mut fields)?;
    fields.text("Version")?;
    let timeout = fields.whole("TimeoutSeconds", 1)?.map(Duration::from_secs);
    let flow = flow(&mut fields, "")?;
    fields.finish()?;
    Ok(Definition { flow: Arc::new(flow), timeout })
}

fn json_path_only(fields: &mut Fields) -> Result<(), String> {
    match fields.text("QueryLanguage")?.as_deref() {
        None | Some("JSONPath") => Ok(()),
        Some(language) => Err(fields.wrong(format_args!("QueryLanguage '{language}' is not supported"))),
    }
}

/// `StartAt` and `States`, wherever they stand.
fn flow(fields: &mut Fields, at: &str) -> Result<Flow, String> {
    let start_at = fields.required_text("StartAt")?;
    let Value::Object(states) = fields.required("States")? else {
        return Err(fields.wrong("States must be an object"));
    };
    let states = states.into_iter().map(|(name, value)| {
        let state = state(&name, value, &format!("{at}/States/{name}"))?;
        Ok((name, Arc::new(state)))
    });
    let flow = Flow { start_at, states: states.collect::<Result<_, String>>()? };
    check_targets(&flow, at)?;
    Ok(flow)
}

/// In AWS's words, which call every target a `Next`: <https://github.com/floci-io/floci/pull/2786> recorded them for all
/// four places. A `Catch` that leads nowhere is refused like the others.
fn check_targets(flow: &Flow, at: &str) -> Result<(), String> {
    let mut reached = BTreeSet::new();
    let mut to_visit = vec![(flow.start_at.as_str(), format!("{at}/StartAt"))];
    while let Some((name, named_at)) = to_visit.pop() {
        let missing = || format!("MISSING_TRANSITION_TARGET: Missing 'Next' target: {name} at {named_at}");
        let state = flow.states.get(name).ok_or_else(missing)?;
        if reached.insert(name) {
            to_visit.extend(targets(state).map(|(target, place)| (target, format!("{at}/States/{name}/{place}"))));
        }
    }
    match flow.states.keys().find(|name| !reached.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => {
            Err(format!("MISSING_TRANSITION_TARGET: State \"{name}\" is not reachable. at {at}/States/{name}"))
        }
    }
}

/// What a state leads to, and where in the state that is said.
fn targets(state: &State) -> impl Iterator<Item = (&str, String)> {
    let (rules, default) = match &state.kind {
        Kind::Choice { rules, default } => (rules.as_slice(), default.as_deref()),
        _ => (&[][..], None),
    };
    let next = state.next.as_deref().map(|next| (next, "Next".to_owned()));
    let default = default.map(|next| (next, "Default".to_owned()));
    let chosen = rules.iter().enumerate().map(|(at, (_, next))| (next.as_str(), format!("Choices[{at}]/Next")));
    let caught = state.catchers.iter().enumerate();
    let caught = caught.map(|(at, catcher)| (catcher.next.as_str(), format!("Catch[{at}]/Next")));
    next.into_iter().chain(default).chain(chosen).chain(caught)
}

fn state(name: &str, value: Value, at: &str) -> Result<State, String> {
    let mut fields = Fields::of(value, at.to_owned())?;
    if name.chars().count() > 80 {
        return Err(fields.wrong("A state's name has at most 80 characters"));
    }
    json_path_only(&mut fields)?;
    let type_name = fields.required_text("Type")?;
    let kind = match type_name.as_str() {
        "Task" => task(&mut fields)?,
        "Choice" => choice(&mut fields)?,
        "Pass" => Kind::Pass { result: fields.take("Result") },
        "Wait" => Kind::Wait(wait(&mut fields)?),
        "Succeed" => Kind::Succeed,
        "Fail" => fail(&mut fields)?,
        "Map" => map(&mut fields, at)?,
        other => return Err(fields.wrong(format_args!("The state type '{other}' is not supported"))),
    };
    shaped(name, kind, fields, at)
}

/// The fields that several kinds of state share; those a kind does not have stay behind and are refused.
fn shaped(name: &str, kind: Kind, mut fields: Fields, at: &str) -> Result<State, String> {
    let is_fail = matches!(kind, Kind::Fail { .. });
    let works = matches!(kind, Kind::Task { .. } | Kind::Map { .. });
    let has_result = works || matches!(kind, Kind::Pass { .. });
    let mut state = State {
        name: name.to_owned(),
        input_path: if is_fail { Some(Path::whole_input()) } else { fields.nullable_path("InputPath")? },
        output_path: if is_fail { Some(Path::whole_input()) } else { fields.nullable_path("OutputPath")? },
        parameters: if has_result { fields.template("Parameters")? } else { None },
        result_selector: if works { fields.template("ResultSelector")? } else { None },
        result_path: if has_result { result_path(&mut fields)? } else { Some(Path::whole_input()) },
        retriers: if works { retriers(&mut fields, at)? } else { Vec::new() },
        catchers: if works { catchers(&mut fields, at)? } else { Vec::new() },
        next: if has_result || matches!(kind, Kind::Wait(_)) { next(&mut fields)? } else { None },
        kind,
    };
    if let Kind::Map { .. } = state.kind
        && let Some(selector) = fields.template("ItemSelector")?
        && state.parameters.replace(selector).is_some()
    {
        return Err(fields.wrong("ItemSelector and Parameters exclude each other"));
    }
    fields.finish()?;
    Ok(state)
}

fn next(fields: &mut Fields) -> Result<Option<String>, String> {
    match (fields.text("Next")?, fields.flag("End")?) {
        (None, false) => Err(fields.wrong("One of Next and End is required")),
        (Some(_), true) => Err(fields.wrong("Next and End exclude each other")),
        (next, _) => Ok(next),
    }
}

fn result_path(fields: &mut Fields) -> Result<Option<Path>, String> {
    match fields.nullable_path("ResultPath")? {
        Some(path) if path.points_into_context() => {
            Err(fields.wrong("ResultPath must not point into the context object"))
        }
        path => Ok(path),
    }
}

fn task(fields: &mut Fields) -> Result<Kind, String> {
    let arn = fields.required_text("Resource")?;
    let resource = resource(&arn).ok_or_else(|| fields.wrong(format_args!("The resource '{arn}' is not supported")))?;
    let timeout = seconds(fields, "TimeoutSeconds")?;
    let heartbeat = seconds(fields, "HeartbeatSeconds")?;
    if let (Some(Seconds::Fixed(timeout)), Some(Seconds::Fixed(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        return Err(fields.wrong("HeartbeatSeconds must be smaller than TimeoutSeconds"));
    }
    Ok(Kind::Task { resource, timeout, heartbeat })
}

fn resource(arn: &str) -> Option<Resource> {
    if arn.starts_with("arn:aws:states:") && arn.contains(":activity:") {
        return Some(Resource::Activity(arn.to_owned()));
    }
    if arn == "arn:aws:states:::sns:publish" {
        return Some(Resource::Publish);
    }
    let action = arn.strip_prefix("arn:aws:states:::aws-sdk:s3:")?;
    let is_plain = !action.is_empty() && action.chars().all(char::is_alphanumeric);
    is_plain.then(|| Resource::S3(action.to_owned()))
}

/// `name` or `namePath`.
fn seconds(fields: &mut Fields, name: &str) -> Result<Option<Seconds>, String> {
    match (fields.whole(name, 1)?, fields.path(&format!("{name}Path"))?) {
        (Some(_), Some(_)) => Err(fields.wrong(format_args!("{name} and {name}Path exclude each other"))),
        (fixed, path) => Ok(fixed.map(Seconds::Fixed).or(path.map(Seconds::At))),
    }
}

fn wait(fields: &mut Fields) -> Result<Wait, String> {
    let fixed = fields.whole("Seconds", 0)?.map(|seconds| Wait::For(Seconds::Fixed(seconds)));
    let seconds_at = fields.path("SecondsPath")?.map(|path| Wait::For(Seconds::At(path)));
    let until = match fields.text("Timestamp")? {
        None => None,
        Some(text) => {
            Some(Wait::Until(text.parse().map_err(|_| fields.wrong("Timestamp must be a time in RFC 3339"))?))
        }
    };
    let until_at = fields.path("TimestampPath")?.map(Wait::UntilAt);
    let mut given = [fixed, seconds_at, until, until_at].into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(wait), None) => Ok(wait),
        _ => Err(fields.wrong("One of Seconds, SecondsPath, Timestamp and TimestampPath is required")),
    }
}

fn choice(fields: &mut Fields) -> Result<Kind, String> {
    let rules = fields.list("Choices")?;
    if rules.is_empty() {
        return Err(fields.wrong("Choices must not be empty"));
    }
    let rules = rules.into_iter().map(|mut rule| {
        let next = rule.as_object_mut().and_then(|rule| rule.remove("Next"));
        let Some(Value::String(next)) = next else { return Err(fields.wrong("Every choice needs Next")) };
        let rule = Rule::parse(&rule).map_err(|problem| fields.wrong(problem))?;
        Ok((rule, next))
    });
    Ok(Kind::Choice { rules: rules.collect::<Result<_, _>>()?, default: fields.text("Default")? })
}

fn fail(fields: &mut Fields) -> Result<Kind, String> {
    Ok(Kind::Fail { error: said(fields, "Error")?, cause: said(fields, "Cause")? })
}

/// `name`, or `namePath` with a path or one of the functions that give a string.
fn said(fields: &mut Fields, name: &str) -> Result<Option<Expression>, String> {
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html>
    const ALLOWED: [&str; 4] = ["States.Format", "States.JsonToString", "States.ArrayGetItem", "States.UUID"];
    let fixed = fields.text(name)?.map(|text| Expression::Literal(Value::String(text)));
    let Some(text) = fields.text(&format!("{name}Path"))? else { return Ok(fixed) };
    let expression = Expression::parse(&text).map_err(|problem| fields.wrong(problem))?;
    if fixed.is_some() || expression.function_name().is_some_and(|function| !ALLOWED.contains(&function)) {
        return Err(
            fields.wrong(format_args!("{name}Path excludes {name} and takes a path or a function that gives a string"))
        );
    }
    Ok(Some(expression))
}

fn map(fields: &mut Fields, at: &str) -> Result<Kind, String> {
    let ((Some(processor), None) | (None, Some(processor))) = (fields.take("ItemProcessor"), fields.take("Iterator"))
    else {
        return Err(fields.wrong("One of ItemProcessor and Iterator is required"));
    };
    let at = format!("{at}/ItemProcessor");
    let mut inner = Fields::of(processor, at.clone())?;
    let config = inner.take("ProcessorConfig").unwrap_or(Value::Object(Map::new()));
    if config.get("Mode").is_some_and(|mode| mode != "INLINE") {
        return Err(inner.wrong("Only the inline Map is supported"));
    }
    let flow = Arc::new(flow(&mut inner, &at)?);
    inner.finish()?;
    let items_path = fields.path("ItemsPath")?.unwrap_or_else(Path::whole_input);
    let limit = fields.whole("MaxConcurrency", 0)?.unwrap_or(0);
    let max_concurrency = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    Ok(Kind::Map { items_path, max_concurrency, flow })
}

fn retriers(fields: &mut Fields, at: &str) -> Result<Vec<Retrier>, String> {
    let mut retriers = Vec::new();
    for value in fields.list("Retry")? {
        let mut inner = Fields::of(value, format!("{at}/Retry"))?;
        retriers.push(Retrier {
            errors: errors(&mut inner)?,
            interval_seconds: inner.whole("IntervalSeconds", 1)?.unwrap_or(1),
            max_attempts: inner.whole("MaxAttempts", 0)?.unwrap_or(3),
            backoff_rate: match inner.take("BackoffRate") {
                None => 2.0,
                Some(rate) => rate
                    .as_f64()
                    .filter(|rate| *rate >= 1.0)
                    .ok_or_else(|| inner.wrong("BackoffRate must be at least 1.0"))?,
            },
            max_delay_seconds: inner.whole("MaxDelaySeconds", 1)?,
            full_jitter: match inner.text("JitterStrategy")?.as_deref() {
                None | Some("NONE") => false,
                Some("FULL") => true,
                Some(_) => return Err(inner.wrong("JitterStrategy must be FULL or NONE")),
            },
        });
        inner.finish()?;
    }
    all_comes_last(fields, retriers.iter().map(|retrier| &retrier.errors))?;
    Ok(retriers)
}

fn catchers(fields: &mut Fields, at: &str) -> Result<Vec<Catcher>, String> {
    let mut catchers = Vec::new();
    for value in fields.list("Catch")? {
        let mut inner = Fields::of(value, format!("{at}/Catch"))?;
        catchers.push(Catcher {
            errors: errors(&mut inner)?,
            result_path: result_path(&mut inner)?,
            next: inner.required_text("Next")?,
        });
        inner.finish()?;
    }
    all_comes_last(fields, catchers.iter().map(|catcher| &catcher.errors))?;
    Ok(catchers)
}

fn errors(fields: &mut Fields) -> Result<Vec<String>, String> {
    let names: Vec<_> =
        fields.list("ErrorEquals")?.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    if names.is_empty() { Err(fields.wrong("ErrorEquals must name an error")) } else { Ok(names) }
}

/// `States.ALL` stands alone in its `ErrorEquals`, and in the last one.
fn all_comes_last<'a>(fields: &Fields, lists: impl Iterator<Item = &'a Vec<String>>) -> Result<(), String> {
    let lists: Vec<_> = lists.collect();
    let is_all = |list: &&&Vec<String>| list.iter().any(|name| name == "States.ALL");
    let misplaced =
        lists.iter().enumerate().any(|(at, list)| is_all(&list) && (list.len() > 1 || at + 1 < lists.len()));
    if misplaced { Err(fields.wrong("States.ALL must stand alone and last")) } else { Ok(()) }
}
