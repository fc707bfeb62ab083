//! A message as Discord posts, each within the platform's limits.
//!
//! Promise: content of at most 2,000 characters, never empty; nothing is lost;
//! no grapheme, fence or list item is broken where it fits whole; text can't
//! mention anybody. Pure, so that a part stored today is the part posted later.
//! Deliberately absent: embeds and components V2. Plain content is what screen
//! readers, search and notifications read.

use super::markdown::{
    NOTHING_VISIBLE, code_line, code_span, cut, escape, language, length, link, printable,
};
use crate::{
    domain::{Block, Inline, Message, QuestionId, SourceLine, Verdict},
    ports::Part,
};
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation;

/// Characters in one message.
pub const CONTENT_LIMIT: usize = 2_000;
/// What is left for text when every part carries its number.
const PAGE_LIMIT: usize = CONTENT_LIMIT - 32;
/// Escaping at most doubles a piece of this length, so it fits a page.
const PIECE_LIMIT: usize = 900;
/// Wider tables wrap in Discord's narrow column and can't be read.
const TABLE_COLUMNS: usize = 60;
const HELPFUL: &str = "Helpful";
const NOT_HELPFUL: &str = "Not helpful";

pub fn render(message: &Message) -> Vec<Part> {
    let pages = paginate(message.iter().flat_map(lines).collect());
    let count = pages.len();
    let buttons = message.iter().find_map(|block| match block {
        Block::FeedbackControl { question } => Some(feedback_buttons(*question)),
        _ => None,
    });
    pages
        .into_iter()
        .enumerate()
        .map(|(i, page)| {
            let components = buttons.clone().filter(|_| i + 1 == count);
            page.into_part(i + 1, count, components)
        })
        .collect()
}

/// The id that a button carries, and what it says. Opaque to every reader.
pub fn button_id(verdict: Verdict, question: QuestionId) -> String {
    let sign = if verdict == Verdict::Positive {
        '+'
    } else {
        '-'
    };
    format!("fb:{sign}:{question}")
}

pub fn parse_button_id(id: &str) -> Option<(Verdict, QuestionId)> {
    let (sign, question) = id.strip_prefix("fb:")?.split_once(':')?;
    let verdict = match sign {
        "+" => Verdict::Positive,
        "-" => Verdict::Negative,
        _ => return None,
    };
    Some((verdict, QuestionId::parse(question)?))
}

fn feedback_buttons(question: QuestionId) -> Value {
    let button = |verdict, emoji: &str, label: &str| {
        json!({
            "type": 2,
            "style": 2,
            "label": label,
            "emoji": { "name": emoji },
            "custom_id": button_id(verdict, question),
        })
    };
    json!([{ "type": 1, "components": [
        button(Verdict::Positive, "👍", HELPFUL),
        button(Verdict::Negative, "👎", NOT_HELPFUL),
    ]}])
}

/// One line as it is written, and as a person would read it aloud.
#[derive(Debug, Default)]
struct Line {
    markup: String,
    plain: String,
    /// The fenced block that it stands in, by its language.
    fence: Option<String>,
    /// It starts a block, and so a blank line goes before it.
    starts_block: bool,
    /// It is the rest of the line before, with no break between.
    continues: bool,
}

/// What stands at the front of a block's lines.
#[derive(Clone, Copy)]
struct Lead<'a> {
    first: &'a str,
    rest: &'a str,
}

impl<'a> Lead<'a> {
    const NONE: Lead<'static> = Lead::every("");

    const fn every(lead: &'a str) -> Self {
        Lead {
            first: lead,
            rest: lead,
        }
    }
}

fn lines(block: &Block) -> Vec<Line> {
    let mut lines = match block {
        Block::Paragraph { text } => text_lines(text, Lead::NONE),
        Block::Heading { text } => text_lines(&[Inline::text(one_line(text))], Lead::every("### ")),
        Block::List { ordered, items } => list_lines(*ordered, items),
        Block::Quote { text } => text_lines(text, Lead::every("> ")),
        Block::Code { language, text } => fenced(language, text.lines()),
        Block::Table {
            caption,
            header,
            rows,
        } => table_lines(caption, header, rows),
        Block::Sources { lines } => lines.iter().flat_map(source_lines).collect(),
        Block::Notice { text } => text_lines(&[Inline::text(text)], Lead::NONE),
        Block::Disclaimer { text } => text_lines(&[Inline::text(text)], Lead::every("-# ")),
        Block::FeedbackControl { .. } => Vec::new(),
    };
    if let Some(first) = lines.first_mut() {
        first.starts_block = true;
    }
    lines
}

fn text_lines(text: &[Inline], lead: Lead) -> Vec<Line> {
    let mut writer = Writer::new(lead);
    for inline in text {
        match inline {
            Inline::Text { text } => writer.text(text, escape),
            Inline::Strong { text } => writer.text(text, |text| format!("**{}**", escape(text))),
            Inline::Code { text } => writer.text(text, code_span),
            Inline::Cite { n } => writer.text(&format!("[{n}]"), escape),
        }
    }
    writer.finish()
}

fn list_lines(ordered: bool, items: &[Vec<Inline>]) -> Vec<Line> {
    let item = |(i, item): (usize, &Vec<Inline>)| {
        let first = if ordered {
            format!("{}. ", i + 1)
        } else {
            "- ".into()
        };
        text_lines(
            item,
            Lead {
                first: &first,
                rest: "  ",
            },
        )
    };
    items.iter().enumerate().flat_map(item).collect()
}

fn source_lines(source: &SourceLine) -> Vec<Line> {
    let mut head = format!("[{}] {}", source.n, one_line(&source.title));
    if !source.section.is_empty() {
        head += &format!(" › {}", one_line(&source.section));
    }
    let mut writer = Writer::new(Lead::NONE);
    writer.text(&head, escape);
    if let Some(address) = link(&source.locator) {
        writer.text(" ", escape);
        writer.whole(&address, &source.locator);
    } else if !source.locator.is_empty() {
        writer.text(" ", escape);
        writer.text(&one_line(&source.locator), code_span);
    }
    if !source.version.is_empty() {
        writer.text(&format!(" ({})", one_line(&source.version)), escape);
    }
    writer.finish()
}

fn fenced<'a>(name: &str, text: impl Iterator<Item = &'a str>) -> Vec<Line> {
    let line = |text: &str| Line {
        markup: code_line(text),
        plain: printable(text),
        fence: Some(language(name).to_string()),
        ..Line::default()
    };
    text.flat_map(|text| cut(text, PIECE_LIMIT))
        .map(line)
        .collect()
}

/// Aligned columns where they fit a phone or a side panel; otherwise one list
/// item a row, every value with its column's name.
fn table_lines(caption: &str, header: &[String], rows: &[Vec<String>]) -> Vec<Line> {
    let mut lines = text_lines(&[Inline::strong(one_line(caption))], Lead::NONE);
    let widths = widths(header, rows);
    let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    if total <= TABLE_COLUMNS {
        let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        let aligned: Vec<String> = [header, &rule]
            .into_iter()
            .chain(rows.iter().map(Vec::as_slice))
            .map(|row| align(row, &widths))
            .collect();
        lines.extend(fenced("", aligned.iter().map(String::as_str)));
    } else {
        lines.extend(rows.iter().flat_map(|row| row_as_item(header, row)));
    }
    lines
}

fn widths(header: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows
        .iter()
        .map(Vec::len)
        .chain([header.len()])
        .max()
        .unwrap_or(0);
    let width = |cell: &String| one_line(cell).graphemes(true).count();
    let widest = |column: usize| {
        let cells = rows
            .iter()
            .map(Vec::as_slice)
            .chain([header])
            .filter_map(|row| row.get(column));
        cells.map(width).max().unwrap_or(0)
    };
    (0..columns).map(widest).collect()
}

fn align(row: &[String], widths: &[usize]) -> String {
    let cell = |(column, &width): (usize, &usize)| {
        let text = row
            .get(column)
            .map(|cell| one_line(cell))
            .unwrap_or_default();
        let gap = width.saturating_sub(text.graphemes(true).count());
        text + &" ".repeat(gap)
    };
    let cells: Vec<String> = widths.iter().enumerate().map(cell).collect();
    cells.join("  ").trim_end().to_string()
}

fn row_as_item(header: &[String], row: &[String]) -> Vec<Line> {
    let cell = |(column, value): (usize, &String)| match header.get(column) {
        Some(name) => format!("{}: {}", one_line(name), one_line(value)),
        None => one_line(value),
    };
    let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
    text_lines(
        &[Inline::text(cells.join("; "))],
        Lead {
            first: "- ",
            rest: "  ",
        },
    )
}

fn one_line(text: &str) -> String {
    text.split(['\n', '\r'])
        .filter(|line| !line.trim().is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Puts runs of text into lines, none of them longer than a page takes.
struct Writer<'a> {
    lead: Lead<'a>,
    lines: Vec<Line>,
    line: Line,
}

impl<'a> Writer<'a> {
    fn new(lead: Lead<'a>) -> Self {
        let line = Line {
            markup: lead.first.into(),
            ..Line::default()
        };
        Self {
            lead,
            lines: Vec::new(),
            line,
        }
    }

    fn text(&mut self, text: &str, write: impl Fn(&str) -> String) {
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                self.end_line(false);
            }
            for piece in cut(line, PIECE_LIMIT)
                .into_iter()
                .filter(|piece| !piece.is_empty())
            {
                self.whole(&write(piece), &printable(piece));
            }
        }
    }

    fn whole(&mut self, markup: &str, plain: &str) {
        if length(&self.line.markup) + length(markup) > PAGE_LIMIT {
            self.end_line(true);
        }
        let (before, after) = (self.line.markup.chars().last(), markup.chars().next());
        if before == after && matches!(after, Some('`' | '*')) {
            // Two fences in a row would be read as one longer fence.
            self.line.markup.push(NOTHING_VISIBLE);
        }
        self.line.markup += markup;
        self.line.plain += plain;
    }

    fn end_line(&mut self, continues: bool) {
        // A line that goes on needs its lead again only where a lead is repeated
        // on every line; there it can't be joined to what went before.
        let joined = continues && self.lead.rest.trim().is_empty();
        let markup = if joined {
            String::new()
        } else {
            self.lead.rest.to_string()
        };
        let next = Line {
            markup,
            continues: joined,
            ..Line::default()
        };
        self.lines.push(std::mem::replace(&mut self.line, next));
    }

    fn finish(mut self) -> Vec<Line> {
        self.lines.push(self.line);
        while self
            .lines
            .last()
            .is_some_and(|line| line.plain.trim().is_empty())
        {
            self.lines.pop();
        }
        self.lines
    }
}

/// The text of one message while it grows.
#[derive(Default)]
struct Page {
    markup: String,
    plain: String,
    fence: Option<String>,
}

fn paginate(lines: Vec<Line>) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut page = Page::default();
    for line in lines {
        if !page.takes(&line) {
            pages.push(std::mem::take(&mut page));
        }
        page.add(&line);
    }
    pages.push(page);
    pages.retain(|page| !page.plain.trim().is_empty());
    if pages.is_empty() {
        pages.push(Page {
            markup: "…".into(),
            plain: "…".into(),
            fence: None,
        });
    }
    pages
}

impl Page {
    fn takes(&self, line: &Line) -> bool {
        let closing = line.fence.as_ref().map_or(0, |_| "\n```".len());
        self.markup.is_empty()
            || length(&self.markup) + length(&self.before(line)) + length(&line.markup) + closing
                <= PAGE_LIMIT
    }

    fn add(&mut self, line: &Line) {
        self.markup += &self.before(line);
        self.markup += &line.markup;
        self.fence.clone_from(&line.fence);
        if !self.plain.is_empty() && !line.continues {
            self.plain.push('\n');
        }
        self.plain += &line.plain;
    }

    /// What must stand between the page so far and this line.
    fn before(&self, line: &Line) -> String {
        let mut text = String::new();
        let same_block = !line.starts_block && self.fence == line.fence;
        if self.fence.is_some() && !same_block {
            text += "\n```";
        }
        if !self.markup.is_empty() && !line.continues {
            text += if line.starts_block && self.fence.is_none() {
                "\n\n"
            } else {
                "\n"
            };
        }
        if let Some(language) = line
            .fence
            .as_ref()
            .filter(|_| !same_block || self.markup.is_empty())
        {
            text += &format!("```{language}\n");
        }
        text
    }

    fn into_part(mut self, n: usize, count: usize, components: Option<Value>) -> Part {
        if self.fence.is_some() {
            self.markup += "\n```";
        }
        if count > 1 {
            self.markup += &format!("\n-# {n}/{count}");
            self.plain += &format!("\n{n}/{count}");
        }
        Part {
            // Components are always named: an edit that leaves them out keeps the old ones.
            payload: json!({ "content": self.markup, "components": components.unwrap_or(json!([])) }),
            plain: self.plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::markdown::printable;
    use super::*;
    use proptest::prelude::*;

    fn content(part: &Part) -> &str {
        part.payload["content"].as_str().unwrap()
    }

    fn only(message: Message) -> String {
        let parts = render(&message);
        assert_eq!(parts.len(), 1);
        content(&parts[0]).to_string()
    }

    #[test]
    fn an_answer_reads_like_this() {
        let question = QuestionId::parse("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        let message = vec![
            Block::Paragraph {
                text: vec![
                    Inline::text("Refunds take "),
                    Inline::strong("14 days"),
                    Inline::text(" from "),
                    Inline::code("orders.paid_at"),
                    Inline::text(" "),
                    Inline::Cite { n: 1 },
                    Inline::text("."),
                ],
            },
            Block::Heading {
                text: "By country".into(),
            },
            Block::List {
                ordered: true,
                items: vec![
                    vec![Inline::text("Germany: 14 days\n(by law)")],
                    vec![Inline::text("elsewhere: 30 days")],
                ],
            },
            Block::Quote {
                text: vec![Inline::text("We refund\nwithin two weeks.")],
            },
            Block::Code {
                language: "sql".into(),
                text: "select *\nfrom orders;".into(),
            },
            Block::Table {
                caption: "Orders".into(),
                header: vec!["country".into(), "n".into()],
                rows: vec![
                    vec!["DE".into(), "1,204".into()],
                    vec!["Österreich".into(), "7".into()],
                ],
            },
            Block::Sources {
                lines: vec![
                    SourceLine {
                        n: 1,
                        title: "Refund policy".into(),
                        section: "Deadlines".into(),
                        locator: "https://wiki.example.org/refunds".into(),
                        version: "2026-03-01".into(),
                    },
                    SourceLine {
                        n: 2,
                        title: "SUP-17".into(),
                        section: String::new(),
                        locator: "tickets/SUP-17".into(),
                        version: String::new(),
                    },
                ],
            },
            Block::notice("The logs could not be reached."),
            Block::Disclaimer {
                text: "Made by a machine, check the sources.".into(),
            },
            Block::FeedbackControl { question },
        ];
        insta::assert_snapshot!(only(message.clone()), @r"
        Refunds take **14 days** from `orders.paid_at` \[1].

        ### By country

        1. Germany: 14 days
          (by law)
        2. elsewhere: 30 days

        > We refund
        > within two weeks.

        ```sql
        select *
        from orders;
        ```
        **Orders**
        ```
        country     n
        ----------  -----
        DE          1,204
        Österreich  7
        ```
        \[1] Refund policy › Deadlines <https://wiki.example.org/refunds> (2026-03-01)
        \[2] SUP-17 `tickets/SUP-17`

        The logs could not be reached.

        -# Made by a machine, check the sources.
        ");
        let part = &render(&message)[0];
        insta::assert_snapshot!(part.plain, @r"
        Refunds take 14 days from orders.paid_at [1].
        By country
        Germany: 14 days
        (by law)
        elsewhere: 30 days
        We refund
        within two weeks.
        select *
        from orders;
        Orders
        country     n
        ----------  -----
        DE          1,204
        Österreich  7
        [1] Refund policy › Deadlines https://wiki.example.org/refunds (2026-03-01)
        [2] SUP-17 tickets/SUP-17
        The logs could not be reached.
        Made by a machine, check the sources.
        ");
        let buttons = &part.payload["components"][0]["components"];
        assert_eq!(
            buttons[0]["custom_id"],
            "fb:+:01890a5dac96774bbcceb302099a8057"
        );
        assert_eq!(
            buttons[1]["custom_id"],
            "fb:-:01890a5dac96774bbcceb302099a8057"
        );
    }

    #[test]
    fn a_wide_table_becomes_a_list() {
        let wide = "x".repeat(40);
        let table = Block::Table {
            caption: "Orders".into(),
            header: vec!["id".into(), "customer".into(), "note".into()],
            rows: vec![
                vec!["1".into(), "Acme".into(), wide.clone()],
                vec!["2".into(), wide.clone(), "**late**".into()],
            ],
        };
        insta::assert_snapshot!(only(vec![table]), @r"
        **Orders**
        - id: 1; customer: Acme; note: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        - id: 2; customer: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; note: \*\*late\*\*
        ");
    }

    #[test]
    fn nothing_to_say_is_still_a_message() {
        for message in [
            vec![],
            vec![Block::paragraph("")],
            vec![Block::paragraph(" \n\n ")],
            vec![Block::Code {
                language: String::new(),
                text: String::new(),
            }],
        ] {
            assert_eq!(only(message), "…");
        }
    }

    #[test]
    fn a_button_id_is_read_back_and_fits() {
        let question = QuestionId::new();
        for verdict in [Verdict::Positive, Verdict::Negative] {
            let id = button_id(verdict, question);
            assert!(id.len() <= 100);
            assert_eq!(parse_button_id(&id), Some((verdict, question)));
        }
        for foreign in [
            "",
            "fb:",
            "fb:+:",
            "fb:?:01890a5dac96774bbcceb302099a8057",
            "other",
        ] {
            assert_eq!(parse_button_id(foreign), None, "{foreign}");
        }
    }

    /// What a person sees of a part: markup obeyed, escapes and numbers taken away.
    fn seen(parts: &[Part]) -> String {
        let count = parts.len();
        let page = |(i, part): (usize, &Part)| {
            let content = content(part);
            let number = format!("\n-# {}/{count}", i + 1);
            content
                .strip_suffix(number.as_str())
                .unwrap_or(content)
                .to_string()
        };
        let text: String = parts.iter().enumerate().map(page).collect();
        let mut seen = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let c = if c == '\\' {
                chars.next().unwrap_or(c)
            } else {
                c
            };
            seen.push(c);
        }
        visible(&seen)
    }

    fn visible(text: &str) -> String {
        printable(text)
            .chars()
            .filter(|&c| !c.is_whitespace() && c != NOTHING_VISIBLE)
            .collect()
    }

    fn fits(parts: &[Part]) {
        for part in parts {
            let content = content(part);
            assert!(length(content) <= CONTENT_LIMIT, "{}", length(content));
            assert!(length(&part.plain) <= CONTENT_LIMIT);
            assert!(!content.trim().is_empty() && !part.plain.trim().is_empty());
        }
    }

    /// Markup, mentions, newlines and long words, as people and documents have them.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "\\PC{0,40}",
            2 => "[a-z ]{0,80}",
            1 => "[a-z]{0,5000}",
            2 => prop::sample::select(vec![
                "\n", "\n\n", "```", "``", "`", "**", "<@1>", "@everyone", "# ", "> ", "- ", "1. ", "-# ", "[a](https://b)",
                "👨‍👩‍👧‍👦", "🇩🇪", "e\u{301}", "\\", "||", "<#1>", "@", "<",
            ]).prop_map(str::to_string),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_paragraph_fits_and_loses_nothing(text in text()) {
            let parts = render(&vec![Block::paragraph(&text)]);
            fits(&parts);
            let expected = visible(&text);
            prop_assert_eq!(seen(&parts), if expected.is_empty() { "…".into() } else { expected });
        }

        #[test]
        fn any_message_fits_and_closes_its_fences(texts in prop::collection::vec(text(), 1..4)) {
            let inlines = |text: &String| vec![Inline::text(text), Inline::strong(text), Inline::code(text), Inline::Cite { n: 1 }];
            let message: Message = texts.iter().flat_map(|text| [
                Block::Heading { text: text.clone() },
                Block::List { ordered: true, items: vec![inlines(text), inlines(text)] },
                Block::Quote { text: inlines(text) },
                Block::Code { language: text.clone(), text: text.clone() },
                Block::Table { caption: text.clone(), header: vec![text.clone()], rows: vec![vec![text.clone(), text.clone()]] },
                Block::Disclaimer { text: text.clone() },
            ]).collect();
            let parts = render(&message);
            fits(&parts);
            for part in &parts {
                let fences = content(part).lines().filter(|line| line.starts_with("```")).count();
                prop_assert_eq!(fences % 2, 0, "{}", content(part));
            }
        }

        #[test]
        fn no_grapheme_is_split_between_parts(count in 1usize..2000, unit in prop::sample::select(vec!["👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "é", "ü ", "x"])) {
            let parts = render(&vec![Block::paragraph(unit.repeat(count))]);
            let graphemes: Vec<String> = parts.iter().flat_map(|part| {
                let numbered = part.plain.rsplit_once('\n').filter(|_| parts.len() > 1);
                let text = numbered.map_or(part.plain.as_str(), |(text, _)| text);
                text.graphemes(true).filter(|g| !g.trim().is_empty()).map(str::to_string).collect::<Vec<_>>()
            }).collect();
            let expected: Vec<String> = unit.repeat(count).graphemes(true).filter(|g| !g.trim().is_empty()).map(str::to_string).collect();
            prop_assert_eq!(graphemes, expected);
        }
    }
}
