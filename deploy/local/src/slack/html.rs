//! Slack's blocks and markup as HTML, close to what Slack shows.
//!
//! Also what nobody should see: an `<!channel>` or a link that came in with the data looks here as it would there. Everything
//! is escaped; a link is one only to http and https. Deliberately absent: emoji by name.

use std::fmt::Write;

use maud::{Escaper, Markup, PreEscaped, html};
use serde_json::Value;

/// The blocks that say something; `actions` gives the form of a button.
pub(crate) fn blocks(blocks: &[Value], actions: &dyn Fn(&Value) -> Markup) -> Markup {
    html! {
        @for block in blocks {
            @match block["type"].as_str().unwrap_or_default() {
                "header" => h3 { (text(&block["text"])) },
                "divider" => hr;,
                "context" => p .context { @for element in elements(block) { span { (text(element)) } " " } },
                "actions" => div .actions { @for element in elements(block) { (actions(element)) } },
                _ => {
                    @if !block["text"].is_null() { p { (text(&block["text"])) } }
                    @if let Some(fields) = block["fields"].as_array() {
                        div .fields { @for field in fields { p { (text(field)) } } }
                    }
                }
            }
        }
    }
}

/// A text object: `mrkdwn` or `plain_text`.
pub(crate) fn text(object: &Value) -> Markup {
    let content = object["text"].as_str().unwrap_or_default();
    if object["type"] == "mrkdwn" { mrkdwn(content) } else { PreEscaped(escaped(content).replace('\n', "<br>")) }
}

/// Slack's markup: `*bold*`, `_italic_`, `~struck~`, code, quotes, `<https://…|links>`, `<@U1>`, `<!channel>`.
pub(crate) fn mrkdwn(text: &str) -> Markup {
    let mut out = String::new();
    for (index, part) in text.split("```").enumerate() {
        if index % 2 == 1 {
            let _ = write!(out, "<pre>{}</pre>", escaped(&unescaped(part)));
            continue;
        }
        for (index, line) in part.split('\n').enumerate() {
            let quote = line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>'));
            if let Some(quoted) = quote {
                let _ = write!(out, "<blockquote>{}</blockquote>", inline(quoted));
            } else {
                out.push_str(if index > 0 { "<br>" } else { "" });
                out.push_str(&inline(line));
            }
        }
    }
    PreEscaped(out)
}

fn elements(block: &Value) -> impl Iterator<Item = &Value> {
    block["elements"].as_array().into_iter().flatten()
}

fn inline(line: &str) -> String {
    let (mut out, mut rest, mut before) = (String::new(), line, ' ');
    while let Some(first) = rest.chars().next() {
        let (html, after) = span(rest, before).unwrap_or_else(|| plain(rest));
        out.push_str(&html);
        before = rest[..rest.len() - after.len()].chars().next_back().unwrap_or(first);
        rest = after;
    }
    out
}

/// What begins here and is more than a character: a link, a mention, an emphasis, an address. With what comes after it.
fn span(rest: &str, before: char) -> Option<(String, &str)> {
    if let Some(inside) = rest.strip_prefix('<') {
        let (inside, after) = inside.split_once('>')?;
        return Some((angle(inside), after));
    }
    if before.is_alphanumeric() {
        return None;
    }
    if rest.starts_with("https://") || rest.starts_with("http://") {
        let (url, after) =
            rest.split_at(rest.find(|c: char| c.is_whitespace() || "<>|".contains(c)).unwrap_or(rest.len()));
        return Some((link(&unescaped(url), &escaped(&unescaped(url))), after));
    }
    let (mark, tag) =
        [('*', "b"), ('_', "i"), ('~', "s"), ('`', "code")].into_iter().find(|(mark, _)| rest.starts_with(*mark))?;
    let inside = &rest[1..];
    let closes = |at: &usize| !inside[at + 1..].starts_with(char::is_alphanumeric) && !inside[..*at].ends_with(' ');
    let end = inside.match_indices(mark).map(|(at, _)| at).find(closes).filter(|end| *end > 0)?;
    if inside.starts_with(' ') {
        return None;
    }
    let content = if mark == '`' { escaped(&unescaped(&inside[..end])) } else { inline(&inside[..end]) };
    Some((format!("<{tag}>{content}</{tag}>"), &inside[end + 1..]))
}

/// The next character, or one of the three entities that Slack knows.
fn plain(rest: &str) -> (String, &str) {
    let entity = ["&amp;", "&lt;", "&gt;"].into_iter().find(|entity| rest.starts_with(entity));
    let length = entity.map_or_else(|| rest.chars().next().map_or(0, char::len_utf8), str::len);
    let (first, after) = rest.split_at(length);
    (escaped(&unescaped(first)), after)
}

/// What stands in `<…>`.
fn angle(inside: &str) -> String {
    let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
    let or = |label: &str, otherwise: &str| escaped(&unescaped(if label.is_empty() { otherwise } else { label }));
    match target.split_at(target.chars().next().map_or(0, char::len_utf8)) {
        ("@" | "#", id) => format!("<mark>{}{}</mark>", escaped(&target[..1]), or(label, id)),
        ("!", special) if special.starts_with("date^") => or(label, special),
        ("!", special) => format!("<mark>@{}</mark>", or(label, special)),
        _ => link(&unescaped(target), &or(label, target)),
    }
}

fn link(url: &str, label: &str) -> String {
    if !is_web(url) {
        return label.to_owned();
    }
    format!(r#"<a href="{}" target="_blank" rel="noopener noreferrer">{label}</a>"#, escaped(url))
}

/// An address that may become a link on the page: no `javascript:`.
pub(crate) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    let _ = Escaper::new(&mut out).write_str(text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_looks_as_in_slack_and_nothing_of_it_is_html() {
        let check = |text: &str, html: &str| assert_eq!(mrkdwn(text).into_string(), html, "{text}");
        check("*held*: 7_5 of _9_ `a<b`", "<b>held</b>: 7_5 of <i>9</i> <code>a&lt;b</code>");
        check("*_both_* ~gone~ 2 * 3 * 4", "<b><i>both</i></b> <s>gone</s> 2 * 3 * 4");
        check("a\n&gt; said", "a<blockquote> said</blockquote>");
        check("&lt;b&gt; &amp;amp; <b>", "&lt;b&gt; &amp;amp; b");
        check("<!channel> <@U1>", "<mark>@channel</mark> <mark>@U1</mark>");
        check("<javascript:alert(1)|Approve>", "Approve");
        check("```a *b*\n<x>```", "<pre>a *b*\n&lt;x&gt;</pre>");
        let link = r#"<a href="https://e.test/?a=1&amp;b=&quot;" target="_blank" rel="noopener noreferrer">"#;
        check("<https://e.test/?a=1&amp;b=\"|see>", &format!("{link}see</a>"));
        check("https://e.test/?a=1&amp;b=\" now", &format!("{link}https://e.test/?a=1&amp;b=&quot;</a> now"));
    }
}
