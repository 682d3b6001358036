//! Intrinsic functions of the Amazon States Language: those that build and take apart what states hand on.
//!
//! The others are refused by name when a definition is read.

use serde_json::{Value, json};

pub(crate) type Function = fn(&[Value]) -> Result<Value, String>;

/// The function of that name.
pub(crate) fn named(name: &str) -> Option<Function> {
    Some(match name {
        "States.Format" => format,
        "States.StringToJson" => string_to_json,
        "States.JsonToString" => json_to_string,
        "States.JsonMerge" => json_merge,
        "States.Array" => |arguments| Ok(Value::Array(arguments.to_vec())),
        "States.ArrayLength" => array_length,
        "States.ArrayGetItem" => array_get_item,
        "States.UUID" => |_| Ok(Value::String(uuid())),
        _ => return None,
    })
}

/// A random version 4 UUID, as text.
pub(crate) fn uuid() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn format(arguments: &[Value]) -> Result<Value, String> {
    let [Value::String(template), values @ ..] = arguments else { return Err(expected("a template")) };
    let mut values = values.iter();
    let mut text = String::new();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '{' if chars.as_str().starts_with('}') => {
                chars.next();
                let value = values.next().ok_or("the template has more placeholders than there are arguments")?;
                text.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            '{' | '}' => return Err("a brace that is no placeholder must be escaped".to_owned()),
            c => text.push(c),
        }
    }
    if values.next().is_some() {
        return Err("the template has fewer placeholders than there are arguments".to_owned());
    }
    Ok(Value::String(text))
}

fn string_to_json(arguments: &[Value]) -> Result<Value, String> {
    let [Value::String(text)] = arguments else { return Err(expected("one string")) };
    serde_json::from_str(text).map_err(|error| format!("the string is not JSON: {error}"))
}

fn json_to_string(arguments: &[Value]) -> Result<Value, String> {
    let [value] = arguments else { return Err(expected("one value")) };
    Ok(Value::String(value.to_string()))
}

/// Shallow, as AWS's is: its third argument must be `false`.
fn json_merge(arguments: &[Value]) -> Result<Value, String> {
    let [Value::Object(first), Value::Object(second), Value::Bool(false)] = arguments else {
        return Err(expected("two objects and false"));
    };
    Ok(Value::Object(first.clone().into_iter().chain(second.clone()).collect()))
}

fn array_length(arguments: &[Value]) -> Result<Value, String> {
    let [Value::Array(items)] = arguments else { return Err(expected("one array")) };
    Ok(json!(items.len()))
}

fn array_get_item(arguments: &[Value]) -> Result<Value, String> {
    let [Value::Array(items), index] = arguments else { return Err(expected("an array and an index")) };
    let item = index.as_u64().and_then(|index| items.get(usize::try_from(index).ok()?));
    item.cloned().ok_or_else(|| format!("the array has no item {index}"))
}

fn expected(what: &str) -> String {
    format!("it takes {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_gives_what_the_developer_guide_says() {
        let check = |name: &str, arguments: Value, expected: Value| {
            let arguments = arguments.as_array().unwrap();
            assert_eq!(named(name).unwrap()(arguments), Ok(expected), "{name} {arguments:?}");
        };
        check("States.Format", json!(["Hello, my name is {}, {}.", "Arnav", 3]), json!("Hello, my name is Arnav, 3."));
        check("States.Format", json!([r"\{{}\} \\", {"a": 1}]), json!(r#"{{"a":1}} \"#));
        check("States.StringToJson", json!([r#"{"a":1}"#]), json!({"a": 1}));
        check("States.JsonToString", json!([{"a": 1}]), json!(r#"{"a":1}"#));
        check(
            "States.JsonMerge",
            json!([{"a": {"x": 1}, "b": 1}, {"a": {"y": 2}}, false]),
            json!({"a": {"y": 2}, "b": 1}),
        );
        check("States.ArrayLength", json!([[1, 2, 3]]), json!(3));
        check("States.ArrayGetItem", json!([[1, 2, 3], 2]), json!(3));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for (name, arguments) in [
            ("States.Format", json!(["{} {}", 1])),
            ("States.Format", json!(["{}", 1, 2])),
            ("States.Format", json!(["{"])),
            ("States.StringToJson", json!([""])),
            ("States.JsonMerge", json!([{}, {}, true])),
            ("States.ArrayGetItem", json!([[1], 1])),
        ] {
            assert!(named(name).unwrap()(arguments.as_array().unwrap()).is_err(), "{name} {arguments}");
        }
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let uuid = uuid();
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(uuid[14..].starts_with('4') && "89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
