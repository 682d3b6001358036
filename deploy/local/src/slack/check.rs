//! What Slack refuses in blocks, views and metadata, so that it is refused here as well.
//!
//! Limits: <https://docs.slack.dev/reference/block-kit/blocks>, `…/block-elements/button-element`,
//! `…/composition-objects/confirmation-dialog-object`, `…/views/modal-views`. A refusal is a sentence that names the place.

use std::collections::HashSet;

use serde_json::Value;

type Checked = Result<(), String>;

/// Undocumented; what a message may hold in all, with room to spare. Slack answers `msg_blocks_too_long` somewhat above it.
pub(super) const BLOCKS_BYTES: usize = 12_000;

pub(super) fn blocks(blocks: &[Value], at_most: usize) -> Checked {
    ensure(blocks.len() <= at_most, || format!("no more than {at_most} items allowed [json-pointer:/blocks]"))?;
    let named = |block: &Value| block["block_id"].as_str().map(ToOwned::to_owned);
    unique(blocks.iter().filter_map(named), "block_id")?;
    for (index, found) in blocks.iter().enumerate() {
        block(found).map_err(|problem| format!("{problem} [json-pointer:/blocks/{index}]"))?;
    }
    Ok(())
}

/// A modal: `views.open`.
pub(super) fn view(view: &Value) -> Checked {
    ensure(view["type"] == "modal", || "type must be modal [json-pointer:/view/type]".into())?;
    plain(&view["title"], 24)?;
    short(&view["callback_id"], 255)?;
    short(&view["private_metadata"], 3000)?;
    let Some(content) = view["blocks"].as_array() else { return Err("missing required field: blocks".into()) };
    let asks = content.iter().any(|block| block["type"] == "input");
    for (label, is_required) in [("submit", asks), ("close", false)] {
        if is_required || !view[label].is_null() {
            plain(&view[label], 24)?;
        }
    }
    blocks(content, 100)
}

/// `{"event_type": "…", "event_payload": {…}}` and nothing else; `{}` takes what there is away.
pub(super) fn is_metadata(metadata: &Value) -> bool {
    let Some(fields) = metadata.as_object() else { return false };
    fields.is_empty()
        || (fields.len() == 2 && metadata["event_type"].is_string() && metadata["event_payload"].is_object())
}

fn block(block: &Value) -> Checked {
    short(&block["block_id"], 255)?;
    match block["type"].as_str().unwrap_or_default() {
        "divider" => Ok(()),
        "header" => plain(&block["text"], 150),
        "section" => section(block),
        "context" => elements(block, 10, |element| text(element, 3000)),
        "actions" => {
            elements(block, 25, button)?;
            let ids =
                block["elements"].as_array().into_iter().flatten().filter_map(|element| element["action_id"].as_str());
            unique(ids.map(ToOwned::to_owned), "action_id")
        }
        "input" => {
            plain(&block["label"], 2000)?;
            let element = &block["element"];
            ensure(element["type"] == "plain_text_input", || format!("unsupported element: {}", element["type"]))?;
            short(&element["action_id"], 255)
        }
        other => Err(format!("unsupported type: {other:?}")),
    }
}

fn section(block: &Value) -> Checked {
    let fields = block["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure(!block["text"].is_null() || !fields.is_empty(), || "a section needs text or fields".into())?;
    ensure(fields.len() <= 10, || "no more than 10 fields".into())?;
    fields.iter().try_for_each(|field| text(field, 2000))?;
    if block["text"].is_null() { Ok(()) } else { text(&block["text"], 3000) }
}

fn elements(block: &Value, at_most: usize, check: fn(&Value) -> Checked) -> Checked {
    let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure((1..=at_most).contains(&elements.len()), || format!("elements: between 1 and {at_most}"))?;
    elements.iter().try_for_each(check)
}

fn button(button: &Value) -> Checked {
    ensure(button["type"] == "button", || format!("unsupported element: {}", button["type"]))?;
    plain(&button["text"], 75)?;
    short(&button["action_id"], 255)?;
    short(&button["value"], 2000)?;
    short(&button["url"], 3000)?;
    let style = button["style"].as_str();
    ensure(matches!(style, None | Some("primary" | "danger")), || format!("invalid style: {style:?}"))?;
    let dialog = &button["confirm"];
    if dialog.is_null() {
        return Ok(());
    }
    plain(&dialog["title"], 100)?;
    plain(&dialog["text"], 300)?;
    plain(&dialog["confirm"], 30)?;
    plain(&dialog["deny"], 30)
}

fn plain(object: &Value, most_chars: usize) -> Checked {
    ensure(object["type"] == "plain_text", || "must be of type plain_text".into())?;
    text(object, most_chars)
}

fn text(object: &Value, most_chars: usize) -> Checked {
    let kind = object["type"].as_str().unwrap_or_default();
    ensure(matches!(kind, "plain_text" | "mrkdwn"), || format!("unsupported text type: {kind:?}"))?;
    let length = object["text"].as_str().unwrap_or_default().chars().count();
    ensure(length > 0, || "must be more than 0 characters".into())?;
    ensure(length <= most_chars, || format!("must be less than {} characters", most_chars + 1))
}

/// An optional string.
fn short(value: &Value, most_chars: usize) -> Checked {
    ensure(value.is_null() || value.is_string(), || "must be a string".into())?;
    let length = value.as_str().unwrap_or_default().chars().count();
    ensure(length <= most_chars, || format!("must be less than {} characters", most_chars + 1))
}

fn unique(ids: impl Iterator<Item = String>, name: &str) -> Checked {
    let mut seen = HashSet::new();
    for id in ids {
        ensure(seen.insert(id.clone()), || format!("{name} already exists: {id:?}"))?;
    }
    Ok(())
}

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(problem()) }
}
