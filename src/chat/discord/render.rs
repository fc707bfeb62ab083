//! A message as Discord posts, each within the platform's limits.
//!
//! Promise: content of at most 2,000 characters, never empty; nothing is lost;
//! no grapheme, fence or list item is broken where it fits whole; text can't
//! mention anybody. Pure, so that a part stored today is the part posted later.
//! Deliberately absent: embeds and components V2. Plain content is what screen
//! readers, search and notifications read.

use super::{
    lines::{Lead, Line, Writer, fenced, one_line, text_lines},
    markdown::{code_span, escape, length, link},
    page::paginate,
    table::{aligned, table_lines},
};
use crate::{
    domain::{
        Block, Inline, Message, QuestionId, Rows, SourceLine, Verdict,
        csv::{CsvFile, FILE_LIMIT, csv_file},
        reply::{
            self,
            command::{FilePlace, rows_in_file},
        },
    },
    ports::{Part, PartFile},
};
use serde_json::{Value, json};

/// What a table may take of a message of 2,000 characters.
const TABLE_LIMIT: usize = 1_500;
/// Rows shown of those that are in a file.
const PREVIEW_ROWS: usize = 10;

pub fn render(message: &Message) -> Vec<Part> {
    let mut file = None;
    let content = message.iter().flat_map(|block| match block {
        Block::Rows { name, rows } => {
            let (lines, csv) = rows_lines(rows);
            file = csv.map(|csv| file_of(name, csv)).or(file.take());
            lines
        }
        block => lines(block),
    });
    let pages = paginate(content.collect());
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
            let mut part = page.into_part(i + 1, count, components);
            part.file = file.take_if(|_| i + 1 == count);
            part
        })
        .collect()
}

/// Rows as a table, where that is narrow and short enough to be read in one
/// message; otherwise the first ones, and all of them in a file.
fn rows_lines(rows: &Rows) -> (Vec<Line>, Option<CsvFile>) {
    let header = rows.header();
    let shown = |first| in_message(&header, &rows.shown(first));
    let (mut lines, csv) = match shown(rows.rows.len()) {
        Some(table) => (table, None),
        None => {
            let csv = csv_file(rows, FILE_LIMIT);
            let told = rows_in_file(rows.rows.len(), csv.rows, FilePlace::Here);
            let mut lines = text_lines(&[Inline::text(told)], Lead::NONE);
            if let Some(mut preview) = shown(PREVIEW_ROWS) {
                start_block(&mut preview);
                lines.extend(preview);
            }
            (lines, Some(csv))
        }
    };
    start_block(&mut lines);
    (lines, csv)
}

fn in_message(header: &[String], rows: &[Vec<String>]) -> Option<Vec<Line>> {
    let lines = aligned(header, rows)?;
    let length: usize = lines.iter().map(|line| length(&line.markup) + 1).sum();
    (length <= TABLE_LIMIT).then_some(lines)
}

fn file_of(name: &str, csv: CsvFile) -> PartFile {
    PartFile {
        name: format!("{name}.csv"),
        title: reply::command::file_title(name, csv.rows),
        text: csv.text,
    }
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
        button(Verdict::Positive, "👍", reply::HELPFUL),
        button(Verdict::Negative, "👎", reply::NOT_HELPFUL),
    ]}])
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
        Block::Rows { rows, .. } => rows_lines(rows).0,
        Block::Sources { lines } => lines.iter().flat_map(source_lines).collect(),
        Block::Notice { text } => text_lines(&[Inline::text(text)], Lead::NONE),
        Block::Disclaimer { text } => text_lines(&[Inline::text(text)], Lead::every("-# ")),
        Block::FeedbackControl { .. } => Vec::new(),
    };
    start_block(&mut lines);
    lines
}

fn start_block(lines: &mut [Line]) {
    if let Some(first) = lines.first_mut() {
        first.starts_block = true;
    }
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

#[cfg(test)]
mod tests {
    use super::super::{
        markdown::{NOTHING_VISIBLE, length, printable},
        page::CONTENT_LIMIT,
    };
    use super::*;
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

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
    fn rows_of_any_shape_fit_with_or_without_a_file() {
        for (rows, columns, cell) in [
            (0, 0, 0),
            (1, 1, 1),
            (20, 3, 5),
            (21, 3, 25),
            (100_000, 1, 3),
            (2, 40, 3),
            (1, 1, 20_000),
        ] {
            let rows = Rows {
                columns: (0..columns).map(|n| format!("c{n}")).collect(),
                rows: vec![vec![json!("`x".repeat(cell)); columns]; rows],
                truncated: false,
            };
            let block = Block::Rows {
                name: "sales".into(),
                rows: rows.clone(),
            };
            let parts = render(&vec![Block::paragraph("Sales."), block]);
            fits(&parts);
            assert_eq!(parts.len(), 1);
            if let Some(file) = &parts[0].file {
                assert_eq!(file.text.lines().count(), rows.rows.len() + 1);
            }
        }
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
