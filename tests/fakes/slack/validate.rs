//! What Slack refuses about a message, with Slack's own error codes.
//!
//! Limits: docs.slack.dev, Block Kit and `chat.postMessage`/`chat.update`, 2026.

use serde_json::Value;

pub struct Limits {
    pub text: usize,
}

pub const POST: Limits = Limits { text: 40_000 };
pub const UPDATE: Limits = Limits { text: 4_000 };

/// The code of the refusal and a sentence for `response_metadata.messages`.
pub type Refusal = (&'static str, String);

pub fn message(arguments: &Value, limits: &Limits) -> Result<(), Refusal> {
    let text = arguments["text"].as_str().unwrap_or_default();
    let none = Vec::new();
    let blocks = match &arguments["blocks"] {
        Value::Null => &none,
        Value::Array(blocks) => blocks,
        _ => return Err(("invalid_blocks_format", "blocks is no array".into())),
    };
    if text.trim().is_empty() && blocks.is_empty() {
        return Err(("no_text", "neither text nor blocks".into()));
    }
    if length(text) > limits.text {
        return Err(("msg_too_long", format!("text has {}", length(text))));
    }
    if blocks.len() > 50 {
        return invalid(format!("{} blocks", blocks.len()));
    }
    let tables = blocks.iter().filter(|b| b["type"] == "table").count();
    if tables > 1 {
        return Err(("invalid_attachments", "only_one_table_allowed".into()));
    }
    let markdown: usize = blocks
        .iter()
        .filter(|b| b["type"] == "markdown")
        .map(|b| length(b["text"].as_str().unwrap_or_default()))
        .sum();
    if markdown > 12_000 {
        return Err(("markdown_text_too_long", format!("{markdown} characters")));
    }
    blocks.iter().try_for_each(block)
}

fn block(block: &Value) -> Result<(), Refusal> {
    match block["type"].as_str().unwrap_or_default() {
        "section" => text_object(&block["text"], 3_000),
        "header" => text_object(&block["text"], 150),
        "markdown" => Ok(()),
        "divider" => Ok(()),
        "context" => {
            let elements = list(&block["elements"])?;
            if elements.is_empty() || elements.len() > 10 {
                return invalid(format!("{} context elements", elements.len()));
            }
            elements.iter().try_for_each(|e| text_object(e, 3_000))
        }
        "table" => table(block),
        "context_actions" => {
            let elements = list(&block["elements"])?;
            if elements.is_empty() || elements.len() > 5 {
                return invalid(format!("{} context actions", elements.len()));
            }
            elements.iter().try_for_each(feedback)
        }
        other => invalid(format!("unsupported type: {other}")),
    }
}

fn text_object(text: &Value, limit: usize) -> Result<(), Refusal> {
    if !matches!(text["type"].as_str(), Some("mrkdwn" | "plain_text")) {
        return invalid("text object without a type".into());
    }
    let text = text["text"].as_str().unwrap_or_default();
    match length(text) {
        0 => invalid("must be more than 0 characters".into()),
        n if n > limit => invalid(format!("must be less than {limit} characters, has {n}")),
        _ => Ok(()),
    }
}

fn table(table: &Value) -> Result<(), Refusal> {
    let rows = list(&table["rows"])?;
    if rows.is_empty() || rows.len() > 100 {
        return invalid(format!("{} rows", rows.len()));
    }
    let mut total = 0;
    for row in rows {
        let cells = list(row)?;
        if cells.is_empty() || cells.len() > 20 {
            return invalid(format!("{} cells", cells.len()));
        }
        for cell in cells {
            let text = cell["text"].as_str().unwrap_or_default();
            if cell["type"] != "raw_text" || text.is_empty() {
                return invalid("empty or untyped cell".into());
            }
            total += length(text);
        }
    }
    if total > 10_000 {
        return invalid(format!("{total} characters in a table"));
    }
    Ok(())
}

fn feedback(element: &Value) -> Result<(), Refusal> {
    if element["type"] != "feedback_buttons" {
        return invalid("unsupported context action".into());
    }
    if length(element["action_id"].as_str().unwrap_or_default()) > 255 {
        return invalid("action_id".into());
    }
    for name in ["positive_button", "negative_button"] {
        let button = &element[name];
        text_object(&button["text"], 75)?;
        let value = length(button["value"].as_str().unwrap_or_default());
        let label = length(button["accessibility_label"].as_str().unwrap_or_default());
        if value == 0 || value > 2_000 || label > 75 {
            return invalid(format!("{name}: value {value}, label {label}"));
        }
    }
    Ok(())
}

fn list(value: &Value) -> Result<&Vec<Value>, Refusal> {
    value
        .as_array()
        .ok_or_else(|| ("invalid_blocks", "no array".to_string()))
}

fn invalid(why: String) -> Result<(), Refusal> {
    Err(("invalid_blocks", why))
}

/// In UTF-16 units, the strictest reading of "characters".
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whoever a message would notify: mentions in any text that Slack parses.
pub fn pings(arguments: &Value) -> Vec<String> {
    let mut pings = Vec::new();
    find_pings(&arguments["text"], &mut pings);
    find_pings(&arguments["blocks"], &mut pings);
    if arguments["link_names"].as_bool() == Some(true) || arguments["parse"] == "full" {
        pings.push("link_names".into());
    }
    pings
}

fn find_pings(value: &Value, pings: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            for opening in ["<!", "<@", "<#"] {
                pings.extend(
                    text.match_indices(opening)
                        .map(|(at, _)| text[at..].chars().take(20).collect()),
                );
            }
        }
        Value::Array(values) => values.iter().for_each(|v| find_pings(v, pings)),
        Value::Object(fields) => {
            let is_mrkdwn = value["type"] == "mrkdwn";
            let text = value["text"].as_str().unwrap_or_default();
            // Without `verbatim` Slack makes pings out of bare words.
            if is_mrkdwn && value["verbatim"] != true && text.contains('@') {
                pings.push("text without verbatim".into());
            }
            for field in fields.values() {
                find_pings(field, pings);
            }
        }
        _ => {}
    }
}
