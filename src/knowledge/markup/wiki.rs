//! Jira's wiki markup ("Text Formatting Notation"), in which its REST API v2
//! and its exports give descriptions and comments.

use super::{fenced, table};
use regex::{Captures, Regex};
use std::sync::LazyLock;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("is a pattern")
}

static CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?s)\{code(?::([^}\n]*))?\}(.*?)\{code\}|\{noformat(?:[:|][^}\n]*)?\}(.*?)\{noformat\}",
    )
});
static HEADING: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*h([1-6])\.\s+(.*)$"));
static ITEM: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*([*#-]{1,20})\s+(.*)$"));
static TITLED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\{(?:panel|info|note|tip|warning|expand):title=([^|}\n]*)[^}\n]*\}")
});
static MACRO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\{/?(?:panel|color|info|note|tip|warning|expand|section|column|anchor|toc|adf)(?:[:|][^}\n]*)?\}",
    )
});
static MONO: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{\{([^}\n]+)\}\}"));
static BOLD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(^|[\s(>|])\*([^\s*](?:[^*\n]*[^\s*])?)\*($|[\s).,;:!?|])"));
static ITALIC: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(^|[\s(>|])_([^\s_](?:[^_\n]*[^\s_])?)_($|[\s).,;:!?|])"));
static MENTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[~(?:accountid:)?([^\]\n]+)\]"));
static LINK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\[([^\]|\n]+)\|((?:https?|mailto|ftp):[^\]|\s]+)(?:\|[^\]\n]*)?\]"));
static BARE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[((?:https?|mailto|ftp):[^\]|\s]+)\]"));
static PICTURE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"!(?:\S+\.(?i:png|jpe?g|gif|bmp|svg|webp|mp4|mov))(?:\|[^!\n]*)?!"));

pub fn to_markdown(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let (mut out, mut end) = (String::new(), 0);
    for found in CODE.captures_iter(&text) {
        let whole = found.get(0).map_or(0..0, |whole| whole.range());
        out.push_str(&prose(&text[end..whole.start]));
        let options = found.get(1).map_or("", |options| options.as_str());
        let language = options.split('|').find(|option| !option.contains('='));
        let code = found
            .get(2)
            .or(found.get(3))
            .map_or("", |code| code.as_str());
        out.push_str(&format!("\n\n{}\n\n", fenced(language.unwrap_or(""), code)));
        end = whole.end;
    }
    out.push_str(&prose(&text[end..]));
    out.trim().to_string()
}

/// What stands outside of code.
fn prose(text: &str) -> String {
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    let mut is_quoted = false;
    for line in text.split('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with('|') && trimmed.len() > 1 {
            rows.push(cells(trimmed));
            continue;
        }
        if !rows.is_empty() {
            lines.push(format!("\n{}", table(&std::mem::take(&mut rows))));
        }
        if trimmed.contains("{quote}") {
            let toggles = trimmed.matches("{quote}").count();
            let rest = inline(trimmed.replace("{quote}", "").trim());
            if !rest.is_empty() {
                lines.push(format!("> {rest}"));
            }
            is_quoted ^= toggles % 2 == 1;
            continue;
        }
        let line = block(line);
        lines.push(if is_quoted { format!("> {line}") } else { line });
    }
    if !rows.is_empty() {
        lines.push(format!("\n{}", table(&rows)));
    }
    lines.join("\n")
}

fn block(line: &str) -> String {
    if let Some(found) = HEADING.captures(line) {
        let level = found[1].parse().unwrap_or(1);
        return format!("\n{} {}\n", "#".repeat(level), inline(&found[2]));
    }
    if let Some(quote) = line.trim_start().strip_prefix("bq. ") {
        return format!("> {}", inline(quote));
    }
    if line.trim().len() >= 4 && line.trim().chars().all(|c| c == '-') {
        return "\n---\n".into();
    }
    if let Some(found) = ITEM.captures(line) {
        let marks = &found[1];
        let mark = if marks.ends_with('#') { "1." } else { "-" };
        let indent = "   ".repeat(marks.len() - 1);
        return format!("{indent}{mark} {}", inline(&found[2]));
    }
    inline(line)
}

/// The cells of `|a|b|` or `||a||b||`; a link may hold a bar of its own.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim_matches('|');
    let (mut cells, mut cell, mut depth) = (Vec::new(), String::new(), 0_usize);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                letters.next_if_eq(&'|');
                cells.push(inline(cell.trim()));
                cell.clear();
                continue;
            }
            _ => {}
        }
        cell.push(letter);
    }
    cells.push(inline(cell.trim()));
    cells
}

fn inline(text: &str) -> String {
    let text = PICTURE.replace_all(text, "");
    let text = TITLED.replace_all(&text, "**$1** ");
    let text = MACRO.replace_all(&text, "");
    let text = MENTION.replace_all(&text, "@$1");
    let text = LINK.replace_all(&text, "[$1]($2)");
    let text = BARE.replace_all(&text, "$1");
    let text = BOLD.replace_all(&text, "$1**$2**$3");
    let text = ITALIC.replace_all(&text, "$1*$2*$3");
    let text = MONO.replace_all(&text, |found: &Captures<'_>| {
        format!("`{}`", found[1].replace('`', "'"))
    });
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn notation_becomes_markdown() {
        let check = |wiki: &str, expected: &str| assert_eq!(to_markdown(wiki), expected, "{wiki}");
        check("h2. Steps\r\nFirst", "## Steps\n\nFirst");
        check("* one\n** two\n# three", "- one\n   - two\n1. three");
        check(
            "Use *bold*, _italic_ and {{x_y}}.",
            "Use **bold**, *italic* and `x_y`.",
        );
        check("2 * 3 * 4 and a_b_c", "2 * 3 * 4 and a_b_c");
        check(
            "[the page|https://a.example/p|smart-link] [https://b.example] [~mara]",
            "[the page](https://a.example/p) https://b.example @mara",
        );
        check(
            "before {code:title=x|java}int i = 1;\n{code} after",
            "before \n\n```java\nint i = 1;\n```\n\n after",
        );
        check("{noformat}a {quote} b{noformat}", "```\na {quote} b\n```");
        check(
            "||Light||Means||\n|red|[down|https://a.example]|",
            "| Light | Means |\n| --- | --- |\n| red | [down](https://a.example) |",
        );
        check("{quote}\nmind it\n{quote}\ndone", "> mind it\ndone");
        check(
            "{panel:title=Note}{color:red}hot{color}{panel}",
            "**Note** hot",
        );
        check("see !shot.png|thumbnail! here", "see  here");
        check("a ---- b\n----\nc", "a ---- b\n\n---\n\nc");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[a-z{}|*#\\[\\]!~_\n h1.:é-]{0,200}") {
            to_markdown(&text);
        }
    }
}
