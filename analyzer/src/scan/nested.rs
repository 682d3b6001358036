//! Nested cells of typed files, written as JSON, as those of NDJSON are.

use polars::prelude::*;
use serde_json::Value;

/// A nested cell as JSON; none where it has no value.
pub(super) fn written_out(cell: AnyValue) -> Option<String> {
    Some(json(cell)).filter(|value| !value.is_null()).map(|value| value.to_string())
}

fn json(cell: AnyValue) -> Value {
    match cell {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(truth) => truth.into(),
        AnyValue::String(text) => text.into(),
        AnyValue::StringOwned(text) => text.as_str().into(),
        AnyValue::Float32(number) => number.into(),
        AnyValue::Float64(number) => number.into(),
        AnyValue::List(elements) => elements.iter().map(json).collect(),
        AnyValue::Struct(..) => json(cell.into_static()),
        AnyValue::StructOwned(fields) => {
            let (cells, fields) = *fields;
            fields.into_iter().map(|field| field.name.to_string()).zip(cells.into_iter().map(json)).collect()
        }
        number if number.is_integer() => number.extract::<i64>().map_or_else(|| number.to_string().into(), Value::from),
        other => other.to_string().into(),
    }
}
