//! Confluence's storage format (XHTML with `ac:` and `ri:` elements).
//!
//! Macros become what a reader sees of them: code a code block, a panel a
//! quote, a status its word. What is left is HTML, which the reader of web
//! pages turns into Markdown.

use super::DEPTH;
use htmd::HtmlToMarkdown;
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use regex::Regex;
use std::{collections::HashMap, sync::LazyLock};

static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<[^>]*>").expect("is a pattern"));

/// HTML that may stand in it, without its attributes.
const KEPT: [&str; 38] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "strong",
    "b",
    "em",
    "i",
    "u",
    "s",
    "del",
    "code",
    "pre",
    "blockquote",
    "a",
    "br",
    "hr",
    "div",
    "span",
    "sub",
    "sup",
    "dl",
    "dt",
    "dd",
    "cite",
    "q",
];

/// Elements whose inside says nothing to a reader.
const SKIPPED: [&str; 9] = [
    "ac:image",
    "ac:task-id",
    "ac:task-uuid",
    "ac:placeholder",
    "ac:adf-attribute",
    "ac:adf-mark",
    "script",
    "style",
    "colgroup",
];

/// Macros whose body stands apart from the text.
const PANELS: [&str; 7] = [
    "info", "note", "warning", "tip", "panel", "expand", "excerpt",
];

pub fn to_markdown(storage: &str) -> String {
    let html = to_html(storage);
    let converter = HtmlToMarkdown::builder().build();
    // It fails on nothing but writing, and it writes to memory.
    let markdown = converter.convert(&html).unwrap_or_default();
    markdown.trim().to_string()
}

/// An element that is open.
enum Element {
    /// Its end tag, where its start tag was written.
    Html(Option<String>),
    Macro {
        name: String,
        parameters: HashMap<String, String>,
    },
    Parameter {
        name: String,
        text: String,
    },
    /// `ac:plain-text-body`, unless it is of a link.
    Plain(String),
    RichBody(&'static str),
    Link {
        title: String,
        has_body: bool,
    },
    LinkBody,
    TaskStatus(String),
    Passed,
}

#[derive(Default)]
struct Rewriting {
    html: String,
    open: Vec<Element>,
    /// Open elements inside of one that is skipped, it included.
    skipped: usize,
}

fn to_html(storage: &str) -> String {
    let mut reader = Reader::from_str(storage);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut rewriting = Rewriting::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => rewriting.start(&start),
            Ok(Event::Empty(start)) => {
                rewriting.start(&start);
                rewriting.end();
            }
            Ok(Event::End(_)) => rewriting.end(),
            Ok(Event::Text(text)) => rewriting.text(&text),
            Ok(Event::CData(text)) => rewriting.text(&escaped(&text)),
            Ok(Event::GeneralRef(name)) => rewriting.text(&format!("&{};", &*name)),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            // Not well formed: the words of the rest are kept.
            Err(_) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                let rest = storage.get(at..).unwrap_or_default();
                rewriting.html.push_str(&TAG.replace_all(rest, " "));
                break;
            }
        }
    }
    while !rewriting.open.is_empty() {
        rewriting.end();
    }
    rewriting.html
}

impl Rewriting {
    fn start(&mut self, start: &BytesStart<'_>) {
        let name = start.name();
        let name: &str = name.as_ref();
        if self.skipped > 0 || SKIPPED.contains(&name) || self.open.len() >= DEPTH {
            self.skipped += 1;
            return;
        }
        let attribute = |key: &str| attribute(start, key);
        let element = match name {
            "ac:structured-macro" | "ac:macro" => Element::Macro {
                name: attribute("ac:name"),
                parameters: HashMap::new(),
            },
            "ac:parameter" => Element::Parameter {
                name: attribute("ac:name"),
                text: String::new(),
            },
            "ac:plain-text-body" => Element::Plain(String::new()),
            "ac:rich-text-body" => self.rich_body(),
            "ac:link" => Element::Link {
                title: String::new(),
                has_body: false,
            },
            "ac:link-body" | "ac:plain-text-link-body" => {
                if let Some(Element::Link { has_body, .. }) = self.open.last_mut() {
                    *has_body = true;
                }
                Element::LinkBody
            }
            "ri:page" | "ri:blog-post" | "ri:attachment" => {
                if let Some(Element::Link { title, .. }) = self.open.last_mut() {
                    *title = match name {
                        "ri:attachment" => attribute("ri:filename"),
                        _ => attribute("ri:content-title"),
                    };
                }
                Element::Passed
            }
            "ac:task-list" => self.written("ul", ""),
            "ac:task" => self.written("li", ""),
            "ac:task-status" => Element::TaskStatus(String::new()),
            "ac:emoticon" => {
                let sign = attribute("ac:emoji-fallback");
                self.text(&escaped(&sign));
                Element::Passed
            }
            "time" => {
                let day = attribute("datetime");
                self.text(&escaped(&day));
                Element::Passed
            }
            "a" => {
                let href = escaped(&attribute("href")).replace('"', "&quot;");
                self.written("a", &format!(" href=\"{href}\""))
            }
            name if KEPT.contains(&name) => self.written(name, ""),
            _ => Element::Passed,
        };
        self.open.push(element);
    }

    fn written(&mut self, tag: &str, attributes: &str) -> Element {
        self.html.push_str(&format!("<{tag}{attributes}>"));
        Element::Html(Some(match tag {
            "br" | "hr" => String::new(),
            tag => format!("</{tag}>"),
        }))
    }

    fn rich_body(&mut self) -> Element {
        match self.open.last() {
            Some(Element::Macro { name, parameters }) if PANELS.contains(&name.as_str()) => {
                let title = parameters.get("title").filter(|title| !title.is_empty());
                let title = title.map(|title| format!("<p><strong>{title}</strong></p>"));
                let title = title.unwrap_or_default();
                self.html.push_str(&format!("<blockquote>{title}"));
                Element::RichBody("</blockquote>")
            }
            _ => Element::RichBody(""),
        }
    }

    fn end(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        match self.open.pop() {
            Some(Element::Html(Some(end))) => self.html.push_str(&end),
            Some(Element::RichBody(end)) => self.html.push_str(end),
            Some(Element::Parameter { name, text }) => {
                if let Some(Element::Macro { parameters, .. }) = self.open.last_mut() {
                    parameters.insert(name, text);
                }
            }
            Some(Element::Plain(text)) => self.plain_body(&text),
            Some(Element::Macro { name, parameters }) => {
                let shown = match name.as_str() {
                    "status" => "title",
                    "jira" | "jiraissues" => "key",
                    _ => return,
                };
                let text = parameters.get(shown).cloned().unwrap_or_default();
                self.text(&text);
            }
            Some(Element::Link { title, has_body }) if !has_body => self.text(&escaped(&title)),
            Some(Element::TaskStatus(status)) => {
                let done = status.trim() == "complete";
                self.html.push_str(if done { "[x] " } else { "[ ] " });
            }
            _ => {}
        }
    }

    /// The text of a macro that is no markup: code, as a rule.
    fn plain_body(&mut self, text: &str) {
        let language = match self.open.last() {
            Some(Element::Macro { parameters, .. }) => parameters.get("language"),
            _ => None,
        };
        let letter = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-');
        let language: String = language
            .map_or("", String::as_str)
            .chars()
            .filter(letter)
            .collect();
        self.html.push_str(&format!(
            "<pre><code class=\"language-{language}\">{text}</code></pre>"
        ));
    }

    /// Escaped as it stands in XML.
    fn text(&mut self, text: &str) {
        if self.skipped > 0 {
            return;
        }
        match self.open.last_mut() {
            Some(
                Element::Parameter { text: kept, .. }
                | Element::Plain(kept)
                | Element::TaskStatus(kept),
            ) => kept.push_str(text),
            // Between the parts of a macro there is nothing but line breaks.
            Some(Element::Macro { .. } | Element::Link { .. }) if text.trim().is_empty() => {}
            _ => self.html.push_str(text),
        }
    }
}

fn attribute(start: &BytesStart<'_>, key: &str) -> String {
    let found = start.try_get_attribute(key).ok().flatten();
    let value = found.and_then(|found| {
        let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
        Some(value.into_owned())
    });
    value.unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn macros_become_what_a_reader_sees() {
        let storage = "<h1>Gateway</h1><p>Hold <strong>reset</strong> for 5&nbsp;s&mdash;see \
            <ac:link><ri:page ri:content-title=\"Reset &amp; restore\" /></ac:link> or \
            <a href=\"https://a.example/p?x=1&amp;y=2\">there</a>.</p>\
            <ac:structured-macro ac:name=\"code\" ac:schema-version=\"1\">\
            <ac:parameter ac:name=\"language\">bash</ac:parameter>\
            <ac:plain-text-body><![CDATA[if [ 1 -gt 0 ] && [ $x ]; then echo \"<b>\"; fi]]></ac:plain-text-body>\
            </ac:structured-macro>\
            <ac:structured-macro ac:name=\"warning\"><ac:parameter ac:name=\"title\">Mind</ac:parameter>\
            <ac:rich-text-body><p>Hot.</p></ac:rich-text-body></ac:structured-macro>\
            <p><ac:structured-macro ac:name=\"status\"><ac:parameter ac:name=\"colour\">Green</ac:parameter>\
            <ac:parameter ac:name=\"title\">LIVE</ac:parameter></ac:structured-macro> since <time datetime=\"2026-05-02\" /></p>\
            <ac:structured-macro ac:name=\"toc\" />\
            <ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>\
            <ac:task-body>Tell Mara</ac:task-body></ac:task></ac:task-list>\
            <ac:image><ri:attachment ri:filename=\"x.png\" /></ac:image>\
            <ac:layout><ac:layout-section><ac:layout-cell><table><tbody><tr><th>Light</th><th>Means</th></tr>\
            <tr><td><p>red</p></td><td>down</td></tr></tbody></table></ac:layout-cell></ac:layout-section></ac:layout>";
        let markdown = to_markdown(storage);
        for kept in [
            "# Gateway",
            "Hold **reset** for 5",
            "see Reset & restore or [there](https://a.example/p?x=1&y=2).",
            "```bash\nif [ 1 -gt 0 ] && [ $x ]; then echo \"<b>\"; fi\n```",
            "> **Mind**",
            "> Hot.",
            "LIVE since 2026-05-02",
            "Tell Mara",
            "| red",
        ] {
            assert!(markdown.contains(kept), "`{kept}` is not in\n{markdown}");
        }
        for lost in ["Green", "x.png", "toc", "CDATA", "ac:"] {
            assert!(!markdown.contains(lost), "`{lost}` is in\n{markdown}");
        }
    }

    #[test]
    fn broken_and_deep_markup_is_read() {
        let deep = "<ac:layout>".repeat(5_000) + "x" + &"<div>".repeat(5_000);
        to_markdown(&deep);
        assert!(to_markdown("<p>one <b>two</p> three < four").contains("two"));
        assert_eq!(to_markdown("plain &amp; simple"), "plain & simple");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(<|>|/|ac:|ri:|link|p|structured-macro|parameter| |&|;|=|\"|!\\[CDATA\\[|\\]\\]|é){0,60}") {
            to_markdown(&text);
        }
    }
}
