//! The Atlassian Document Format (version 1), in which Jira's REST API v3
//! gives descriptions and comments.

use super::{DEPTH, fenced, item, quoted, table};
use chrono::DateTime;
use serde_json::Value;

/// A whole document. A plain text, as older fields have it, stays as it is.
pub fn to_markdown(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        document => blocks(document, 0).trim().to_string(),
    }
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["content"].as_array().into_iter().flatten()
}

fn kind(node: &Value) -> &str {
    node["type"].as_str().unwrap_or_default()
}

fn attribute<'a>(node: &'a Value, name: &str) -> &'a str {
    node["attrs"][name].as_str().unwrap_or_default()
}

/// The blocks inside a node, an empty line between them.
fn blocks(node: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    let blocks = children(node).map(|child| block(child, depth + 1));
    let blocks: Vec<String> = blocks.filter(|text| !text.trim().is_empty()).collect();
    blocks.join("\n\n")
}

fn block(node: &Value, depth: usize) -> String {
    match kind(node) {
        "paragraph" => inlines(node, depth),
        "heading" => {
            let level = node["attrs"]["level"].as_u64().unwrap_or(1).clamp(1, 6);
            format!("{} {}", "#".repeat(level as usize), inlines(node, depth))
        }
        "bulletList" | "decisionList" => list(node, depth, |_, _| "- ".into()),
        "orderedList" => {
            let first = node["attrs"]["order"].as_u64().unwrap_or(1);
            list(node, depth, |n, _| {
                format!("{}. ", first.saturating_add(n as u64))
            })
        }
        "taskList" => list(node, depth, |_, task| {
            let done = attribute(task, "state") == "DONE";
            if done { "- [x] " } else { "- [ ] " }.into()
        }),
        "codeBlock" => fenced(attribute(node, "language"), &plain(node, depth)),
        "blockquote" | "panel" => quoted(&blocks(node, depth)),
        "expand" | "nestedExpand" => {
            let title = attribute(node, "title");
            match title.is_empty() {
                true => blocks(node, depth),
                false => format!("**{title}**\n\n{}", blocks(node, depth)),
            }
        }
        "rule" => "---".into(),
        "table" => {
            let cells = |row: &Value| {
                let cells = children(row).map(|cell| blocks(cell, depth + 1));
                cells.collect::<Vec<_>>()
            };
            table(&children(node).map(cells).collect::<Vec<_>>())
        }
        "media" | "mediaInline" => attribute(node, "alt").into(),
        "blockCard" | "embedCard" => attribute(node, "url").into(),
        // What stands in a line may stand alone where a list of tasks has it.
        "text" | "mention" | "emoji" | "date" | "status" | "inlineCard" | "hardBreak" => {
            inline(node, depth)
        }
        _ => blocks(node, depth),
    }
}

fn list(node: &Value, depth: usize, mark: impl Fn(usize, &Value) -> String) -> String {
    let items = children(node)
        .enumerate()
        .map(|(n, child)| match kind(child) {
            "bulletList" | "orderedList" | "taskList" => item("  ", &block(child, depth + 1)),
            "taskItem" | "decisionItem" => item(&mark(n, child), &inlines(child, depth + 1)),
            _ => item(
                &mark(n, child),
                &blocks(child, depth + 1).replace("\n\n", "\n"),
            ),
        });
    items.collect::<Vec<_>>().join("\n")
}

fn inlines(node: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    children(node)
        .map(|child| inline(child, depth + 1))
        .collect()
}

fn inline(node: &Value, depth: usize) -> String {
    match kind(node) {
        "text" => marked(node),
        "hardBreak" => "\n".into(),
        "mention" | "status" => attribute(node, "text").into(),
        "emoji" => match attribute(node, "text") {
            "" => attribute(node, "shortName").into(),
            text => text.into(),
        },
        "date" => day(&node["attrs"]["timestamp"]),
        "inlineCard" => attribute(node, "url").into(),
        "mediaInline" => attribute(node, "alt").into(),
        _ => inlines(node, depth),
    }
}

/// A text without its marks.
fn plain(node: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    let own = node["text"].as_str().unwrap_or_default().to_string();
    children(node).fold(own, |text, child| text + &plain(child, depth + 1))
}

fn marked(node: &Value) -> String {
    let text = node["text"].as_str().unwrap_or_default();
    let marks = node["marks"].as_array().into_iter().flatten();
    // A mark around spaces marks nothing.
    if text.trim().is_empty() {
        return text.into();
    }
    marks.fold(text.to_string(), |text, mark| match kind(mark) {
        "code" => format!("`{text}`"),
        "strong" => format!("**{text}**"),
        "em" => format!("*{text}*"),
        "strike" => format!("~~{text}~~"),
        "link" => match attribute(mark, "href") {
            href if href.is_empty() || href == text => text,
            href => format!("[{text}]({href})"),
        },
        _ => text,
    })
}

/// Milliseconds since 1970, as a text or a number.
fn day(timestamp: &Value) -> String {
    let ms = match timestamp {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64(),
    };
    let time = ms.and_then(DateTime::from_timestamp_millis);
    time.map_or(String::new(), |time| time.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn document_keeps_its_structure() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let paragraph = |words: &str| json!({"type": "paragraph", "content": [text(words)]});
        let cell = |kind: &str, words: &str| json!({"type": kind, "content": [paragraph(words)]});
        let row = |cells: Value| json!({"type": "tableRow", "content": cells});
        let document = json!({"type": "doc", "version": 1, "content": [
            {"type": "heading", "attrs": {"level": 2}, "content": [text("Steps")]},
            {"type": "paragraph", "content": [
                text("Ask "),
                {"type": "mention", "attrs": {"text": "@Mara"}},
                text(" or see "),
                {"type": "text", "text": "the page", "marks": [
                    {"type": "strong"}, {"type": "link", "attrs": {"href": "https://a.example/p"}}]},
                {"type": "hardBreak"},
                {"type": "date", "attrs": {"timestamp": "1714608000000"}},
            ]},
            {"type": "bulletList", "content": [
                {"type": "listItem", "content": [paragraph("one"), {"type": "orderedList", "content": [
                    {"type": "listItem", "content": [paragraph("inner")]}]}]},
                {"type": "listItem", "content": [paragraph("two")]},
            ]},
            {"type": "codeBlock", "attrs": {"language": "sh"}, "content": [text("echo ```x")]},
            {"type": "table", "content": [
                row(json!([cell("tableHeader", "Light"), cell("tableHeader", "Means")])),
                row(json!([cell("tableCell", "red"), cell("tableCell", "down | off")])),
            ]},
            {"type": "panel", "content": [paragraph("Mind the gap.")]},
            {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"id": "1"}}]},
        ]});
        insta::assert_snapshot!(to_markdown(&document), @r"
        ## Steps

        Ask @Mara or see [**the page**](https://a.example/p)
        2024-05-02

        - one
          1. inner
        - two

        ````sh
        echo ```x
        ````

        | Light | Means |
        | --- | --- |
        | red | down \| off |


        > Mind the gap.
        ");
    }

    #[test]
    fn any_depth_is_read() {
        let mut node = json!({"type": "text", "text": "x"});
        for _ in 0..1_000 {
            node = json!({"type": "blockquote", "content": [node]});
        }
        assert_eq!(to_markdown(&node), "");
        assert_eq!(to_markdown(&json!(null)), "");
        assert_eq!(to_markdown(&json!("plain")), "plain");
    }
}
