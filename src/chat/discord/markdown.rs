//! Discord's flavour of Markdown: what must be escaped so that text stays text.
//!
//! Promise: no text passed through [`escape`], [`code_span`] or [`code_line`]
//! can mention, link, format or end the block it stands in. Allowed mentions
//! are switched off on every request as well; this is the second lock.

use unicode_segmentation::UnicodeSegmentation;

/// Goes between characters that would otherwise be read together.
pub const NOTHING_VISIBLE: char = '\u{200B}';

/// Plain text, to be put anywhere in a line, the first column included.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut before: Option<char> = None;
    // Markers such as `#` and `1.` only mean something at the start of a line.
    let mut line_start = true;
    let mut number_at_start = false;
    for (at, c) in text.char_indices() {
        if is_unprintable(c) {
            continue;
        }
        let rest = &text[at..];
        match c {
            '\\' | '*' | '_' | '~' | '|' | '`' | '[' | '<' => out.push('\\'),
            // What stands before this text is not known, so it may be a `<`.
            '@' | '#' | '&' if matches!(before, None | Some('<')) => out.push('\\'),
            '#' | '>' | '-' | '+' if line_start => out.push('\\'),
            '.' | ')' if number_at_start => out.push('\\'),
            _ => {}
        }
        out.push(c);
        if c == '@' && may_name_everyone(&rest[1..]) {
            out.push(NOTHING_VISIBLE);
        }
        number_at_start = c.is_ascii_digit() && (line_start || number_at_start);
        line_start &= c.is_whitespace();
        before = Some(c);
    }
    out
}

fn may_name_everyone(text: &str) -> bool {
    text.is_empty() || text.starts_with("everyone") || text.starts_with("here")
}

/// Text in `code`. Three backticks would start a block, so two never stand
/// together inside.
pub fn code_span(text: &str) -> String {
    let text = code_line(text);
    match (
        text.contains('`'),
        text.starts_with('`') || text.ends_with('`'),
    ) {
        (false, _) => format!("`{text}`"),
        (true, false) => format!("``{text}``"),
        (true, true) => format!("`` {text} ``"),
    }
}

/// One line inside a fenced block, which it can't end.
pub fn code_line(text: &str) -> String {
    printable(text).replace("``", &format!("`{NOTHING_VISIBLE}`"))
}

/// The word after the opening fence. Anything that is no plain word is left out.
pub fn language(text: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-');
    if text.len() <= 20 && text.chars().all(plain) {
        text
    } else {
        ""
    }
}

/// An address that Discord shows as it is and opens as it is, without preview.
pub fn link(locator: &str) -> Option<String> {
    let web = locator.starts_with("https://") || locator.starts_with("http://");
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '\\' | '`' | '"');
    (web && locator.len() <= 500 && locator.chars().all(plain)).then(|| format!("<{locator}>"))
}

/// Discord's limits, counted in UTF-16 units: never fewer than characters.
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Cuts text into pieces of at most `limit` UTF-16 units, at a space where one
/// is near and never inside a grapheme, unless one alone exceeds the limit.
pub fn cut(text: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = place_to_cut(rest, limit) {
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// `None`: it fits whole.
fn place_to_cut(text: &str, limit: usize) -> Option<usize> {
    let mut used = 0;
    let mut end = 0;
    let mut after_space = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += length(grapheme);
        if used > limit {
            return Some(match (after_space, end) {
                (_, 0) => first_characters(text, limit),
                (space, end) if space > end / 2 => space,
                (_, end) => end,
            });
        }
        end = at + grapheme.len();
        if grapheme.chars().all(char::is_whitespace) {
            after_space = end;
        }
    }
    None
}

fn first_characters(text: &str, limit: usize) -> usize {
    let mut used = 0;
    text.char_indices()
        .find(|(_, c)| {
            used += c.len_utf16();
            used > limit
        })
        .map_or(text.len(), |(at, c)| at.max(c.len_utf8()))
}

pub fn printable(text: &str) -> String {
    text.chars().filter(|&c| !is_unprintable(c)).collect()
}

/// Control characters, and the marks that turn the direction of writing, with
/// which a file name or address can be made to look like another.
fn is_unprintable(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_shown_and_not_obeyed() {
        let check = |text: &str, expected: &str| assert_eq!(escape(text), expected, "{text}");
        check(
            "plain words, 10:30 (well-known)",
            "plain words, 10:30 (well-known)",
        );
        check(
            "**bold** _it_ ~~no~~ ||spoiler||",
            r"\*\*bold\*\* \_it\_ \~\~no\~\~ \|\|spoiler\|\|",
        );
        check("<@1> <@&9> <#7>", r"\<\@1> \<\@&9> \<\#7>");
        check(
            "no @everyone, no @here",
            "no @\u{200B}everyone, no @\u{200B}here",
        );
        check("mara@example.org", "mara@example.org");
        check("[label](https://evil)", r"\[label](https://evil)");
        check("# heading", r"\# heading");
        check("-# small", r"\-# small");
        check("> quote", r"\> quote");
        check("  - item", r"  \- item");
        check("12. item", r"12\. item");
        check("a # b > c", "a # b > c");
        check("```sh", r"\`\`\`sh");
        check("gpj.\u{202E}exe\u{7}", "gpj.exe");
    }

    #[test]
    fn code_can_not_end_its_own_fence() {
        assert_eq!(code_span("id"), "`id`");
        assert_eq!(code_span("a`b"), "``a`b``");
        assert_eq!(code_span("`a"), "`` `a ``");
        assert!(!code_span("```x```").contains("```"));
        assert!(!code_line("```\n@everyone").contains("```"));
    }

    #[test]
    fn only_plain_web_addresses_become_links() {
        let check = |text: &str, link_expected: bool| {
            assert_eq!(link(text).is_some(), link_expected, "{text}");
        };
        check("https://wiki.example.org/a?b=c#d", true);
        check("http://wiki.example.org", true);
        check("javascript:alert(1)", false);
        check("https://a b", false);
        check("https://a>@everyone", false);
        check("docs/handbook.md", false);
    }

    #[test]
    fn graphemes_stay_whole_when_text_is_cut() {
        let family = "👨‍👩‍👧‍👦";
        let text = family.repeat(10);
        let pieces = cut(&text, 25);
        assert_eq!(pieces.concat(), text);
        assert!(pieces.iter().all(|piece| piece.len() % family.len() == 0));
        assert_eq!(cut("one two three", 9), ["one two ", "three"]);
    }

    #[test]
    fn a_grapheme_longer_than_a_message_is_cut_after_all() {
        let tower = format!("a{}", "\u{0301}".repeat(5000));
        let pieces = cut(&tower, 900);
        assert_eq!(pieces.concat(), tower);
        assert!(pieces.iter().all(|piece| length(piece) <= 900));
    }
}
