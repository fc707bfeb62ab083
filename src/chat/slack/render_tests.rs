use super::*;
use crate::domain::QuestionId;
use proptest::prelude::*;
use serde_json::json;

/// Slack's limits, by the strictest count.
fn check_limits(part: &Part) {
    let text = part.payload["text"].as_str().expect("text is there");
    assert!((1..=4_000).contains(&length(text)), "{}", length(text));
    assert!(!text.trim().is_empty());
    let blocks = part.payload["blocks"].as_array().expect("blocks are there");
    assert!((1..=50).contains(&blocks.len()), "{}", blocks.len());
    let tables = blocks.iter().filter(|b| b["type"] == "table").count();
    assert!(tables <= 1);
    for block in blocks {
        match block["type"].as_str() {
            Some("section") => check_text(&block["text"]),
            Some("context") => check_text(&block["elements"][0]),
            Some("table") => check_table(block),
            Some("context_actions") => {}
            other => panic!("{other:?}"),
        }
    }
}

fn check_text(text: &Value) {
    assert_eq!(text["verbatim"], true);
    let text = text["text"].as_str().expect("a text object has text");
    assert!((1..=3_000).contains(&length(text)), "{}", length(text));
    assert!(!["<!", "<@", "<#"].iter().any(|sign| text.contains(sign)));
}

fn check_table(table: &Value) {
    let rows = table["rows"].as_array().expect("a table has rows");
    assert!((1..=100).contains(&rows.len()));
    let mut total = 0;
    for row in rows {
        let cells = row.as_array().expect("a row has cells");
        assert!((1..=20).contains(&cells.len()));
        for cell in cells {
            let text = cell["text"].as_str().expect("a cell has text");
            assert!(!text.is_empty());
            total += length(text);
        }
    }
    assert!(total <= 10_000);
}

/// A result of any shape: one message with a table, or with a file after it.
#[test]
fn rows_of_any_shape_keep_the_limits() {
    for (rows, columns, cell) in [
        (0, 0, 0),
        (1, 1, 1),
        (99, 3, 5),
        (100, 3, 1),
        (100_000, 1, 3),
        (2, 20, 3),
        (2, 21, 3),
        (3, 2, 5_000),
        (1, 1, 20_000),
    ] {
        let rows = Rows {
            columns: (0..columns).map(|n| format!("c{n}")).collect(),
            rows: vec![vec![json!("<&".repeat(cell)); columns]; rows],
            truncated: false,
        };
        let block = Block::Rows {
            name: "sales".into(),
            rows: rows.clone(),
        };
        let parts = render_alone(&vec![Block::paragraph("Sales."), block]);
        assert!(parts.iter().all(|part| part.alone));
        let (files, texts): (Vec<&Part>, Vec<&Part>) =
            parts.iter().partition(|part| part.file.is_some());
        texts.iter().for_each(|part| check_limits(part));
        assert!(texts.len() == 1 && files.len() <= 1, "{}", parts.len());
        if let Some(file) = files.first().and_then(|part| part.file.as_ref()) {
            assert_eq!(file.text.lines().count(), rows.rows.len() + 1);
            assert!(texts[0].plain.contains(&format!("{} row", rows.rows.len())));
        }
    }
}

/// What a reader gets by reading part after part, the numbers left out.
fn read_on(parts: &[Part]) -> String {
    let count = parts.len();
    let texts = parts.iter().enumerate().map(|(at, part)| {
        let number = format!("({}/{count}) ", at + 1);
        part.plain.strip_prefix(&number).unwrap_or(&part.plain)
    });
    texts.collect()
}

fn check_whole(message: &Message, text: &str) {
    let parts = render(message);
    parts.iter().for_each(check_limits);
    for part in &parts {
        assert_eq!(
            mrkdwn::unescape(part.payload["text"].as_str().unwrap_or_default()),
            part.plain
        );
    }
    if is_blank(text) {
        return;
    }
    assert_eq!(read_on(&parts), text);
    check_graphemes(&parts, text);
}

/// Every cut falls between two graphemes of the whole text.
fn check_graphemes(parts: &[Part], text: &str) {
    let bounds: std::collections::HashSet<usize> =
        text.grapheme_indices(true).map(|(at, _)| at).collect();
    let mut at = 0;
    for n in 0..parts.len() {
        assert!(bounds.contains(&at), "part {n} begins inside a grapheme");
        at += read_on(&parts[n..=n]).len();
        if parts.len() > 1 {
            // `read_on` of one part knows no number; take it off by hand.
            at -= format!("({}/{}) ", n + 1, parts.len()).len();
        }
    }
}

/// Words, emoji of several characters, control sequences and lines.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,9} ",
        2 => "[A-Z][a-z]{2,30}\\. ",
        1 => Just("👩‍👩‍👧".to_string()),
        1 => Just("🇩🇪🇫🇷".to_string()),
        1 => Just("👍🏽e\u{301}क्षि각".to_string()),
        1 => Just("<!channel> <@U1> & <#C1|x> @here ".to_string()),
        1 => Just("```\n".to_string()),
        1 => Just("*_~`> • \r\n".to_string()),
        1 => Just("\n\n".to_string()),
        1 => "\\PC{0,20}",
        1 => any::<String>(),
    ];
    (proptest::collection::vec(piece, 0..40), 1..200_usize).prop_map(|(pieces, times)| {
        let mut text = pieces.concat().repeat(times);
        let end = text
            .char_indices()
            .nth(100_000)
            .map_or(text.len(), |(at, _)| at);
        text.truncate(end);
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// R36, R37.
    #[test]
    fn any_text_is_delivered_whole_within_the_limits(text in any_text()) {
        let styles = [
            Block::paragraph(text.clone()),
            Block::Quote { text: vec![Inline::code(text.clone())] },
            Block::Code { language: String::new(), text: text.clone() },
            Block::notice(text.clone()),
            Block::Heading { text: text.clone() },
            Block::Paragraph { text: vec![Inline::strong(text.clone())] },
        ];
        for block in styles {
            check_whole(&vec![block], &text);
        }
    }

    /// R36: whatever the message is made of.
    #[test]
    fn any_message_keeps_the_limits(texts in proptest::collection::vec(any_text(), 1..4), rows in 0..300_usize) {
        let short: Vec<String> = texts.iter().map(|t| t.chars().take(40).collect()).collect();
        let runs: Vec<Inline> = texts.iter().flat_map(|t| t.split(' ').take(500)).map(Inline::strong).collect();
        let message = vec![
            Block::Heading { text: texts[0].clone() },
            Block::List { ordered: true, items: texts.iter().map(|t| vec![Inline::text(t)]).collect() },
            Block::Paragraph { text: runs },
            Block::Table { caption: texts[0].clone(), header: short.clone(), rows: vec![short.clone(); rows] },
            Block::Table { caption: String::new(), header: short.clone(), rows: vec![texts.clone()] },
            Block::Sources { lines: texts.iter().enumerate().map(|(n, t)| SourceLine {
                n, title: t.clone(), section: t.clone(), locator: format!("https://a.example/{t}"), version: t.clone(),
            }).collect() },
            Block::FeedbackControl { question: QuestionId::new() },
        ];
        let parts = render(&message);
        parts.iter().for_each(check_limits);
        let controls = parts.iter().filter(|p| p.payload.to_string().contains("feedback_buttons")).count();
        prop_assert_eq!(controls, 1);
        prop_assert!(parts[parts.len() - 1].payload.to_string().contains("feedback_buttons"));
    }
}

#[test]
fn empty_message_is_still_a_message() {
    for message in [
        vec![],
        says(""),
        says(" \n"),
        vec![Block::List {
            ordered: false,
            items: vec![],
        }],
    ] {
        let parts = render(&message);
        assert_eq!(parts.len(), 1);
        check_limits(&parts[0]);
    }
}

fn says(text: &str) -> Message {
    vec![Block::paragraph(text)]
}

fn shown(message: &Message) -> Vec<String> {
    let parts = render(message);
    let blocks = parts
        .iter()
        .flat_map(|part| part.payload["blocks"].as_array().cloned());
    blocks
        .flatten()
        .map(|block| match block["type"].as_str() {
            Some("context") => block["elements"][0]["text"].to_string(),
            Some("section") => block["text"]["text"].to_string(),
            _ => block.to_string(),
        })
        .collect()
}

#[test]
fn styles_become_mrkdwn() {
    let check = |inline: Inline, expected: &str| {
        let shown = shown(&vec![Block::Paragraph { text: vec![inline] }]);
        assert_eq!(shown, [Value::from(expected).to_string()]);
    };
    check(Inline::text("a <b> & c"), "a &lt;b&gt; &amp; c");
    check(Inline::strong(" five days "), " *five days* ");
    check(Inline::strong("2 * 3"), "2 * 3");
    check(Inline::code("a & b"), "`a &amp; b`");
    check(Inline::code("a ` b"), "a ` b");
    check(Inline::Cite { n: 3 }, "[3]");
}

#[test]
fn lists_quotes_and_code_keep_their_shape() {
    let item = |text: &str| vec![Inline::text(text)];
    let message = vec![
        Block::List {
            ordered: false,
            items: vec![item("one"), item("two")],
        },
        Block::List {
            ordered: true,
            items: vec![item("one"), item("two")],
        },
        Block::Quote {
            text: item("first\nsecond"),
        },
        Block::Code {
            language: "sql".into(),
            text: "select '```'".into(),
        },
    ];
    let expected = [
        "\"• one\\n• two\"",
        "\"1. one\\n2. two\"",
        "\"> first\\n> second\"",
        "\"```\\nselect '``\u{200B}`'\\n```\"",
    ];
    assert_eq!(shown(&message), expected);
}

/// R37: a fence that is cut is closed and opened again.
#[test]
fn long_code_stays_fenced_in_every_part() {
    let text: String = (0..400).map(|n| format!("line {n} of the log\n")).collect();
    let shown = shown(&vec![Block::Code {
        language: String::new(),
        text,
    }]);
    let code: Vec<&String> = shown
        .iter()
        .filter(|text| text.contains("of the log"))
        .collect();
    assert!(code.len() > 2);
    for text in code {
        assert!(
            text.starts_with("\"```\\n") && text.ends_with("```\""),
            "{text}"
        );
    }
}

#[test]
fn table_within_the_limits_is_a_table() {
    let cells = |texts: &[&str]| texts.iter().map(|t| t.to_string()).collect::<Vec<_>>();
    let message = vec![Block::Table {
        caption: "Orders".into(),
        header: cells(&["day", "orders"]),
        rows: vec![cells(&["Monday", "7"]), cells(&["Tuesday"])],
    }];
    let parts = render(&message);
    assert_eq!(parts[0].plain, "Orders\nday | orders\nMonday | 7\nTuesday");
    let table = &parts[0].payload["blocks"][1];
    assert_eq!(
        table["rows"][0][1],
        json!({ "type": "raw_text", "text": "orders" })
    );
    assert_eq!(
        table["rows"][2][1],
        json!({ "type": "raw_text", "text": " " })
    );
}

#[test]
fn long_table_goes_on_in_the_next_part_under_its_header() {
    let rows: Vec<Vec<String>> = (0..250)
        .map(|n| vec![n.to_string(), "x".repeat(20)])
        .collect();
    let header = vec!["n".to_string(), "text".to_string()];
    let parts = render(&vec![Block::Table {
        caption: String::new(),
        header,
        rows,
    }]);
    assert!(parts.len() >= 3);
    let mut seen = 0;
    for part in &parts {
        check_limits(part);
        let blocks = part.payload["blocks"].as_array().expect("blocks are there");
        let table = blocks
            .iter()
            .find(|b| b["type"] == "table")
            .expect("a table is there");
        let rows = table["rows"].as_array().expect("it has rows");
        assert_eq!(rows[0][0]["text"], "n");
        seen += rows.len() - 1;
    }
    assert_eq!(seen, 250);
}

#[test]
fn table_that_is_too_wide_becomes_lines() {
    let row: Vec<String> = (0..25).map(|n| n.to_string()).collect();
    let shown = shown(&vec![Block::Table {
        caption: "Wide".into(),
        header: vec![],
        rows: vec![row],
    }]);
    assert_eq!(shown[0], "\"*Wide*\"");
    assert!(shown[1].starts_with("\"```\\n0 | 1 | 2"));
}

#[test]
fn heading_moves_to_the_part_of_what_it_heads() {
    let message = vec![
        Block::paragraph("word ".repeat(500)),
        Block::Heading {
            text: "Next".into(),
        },
        Block::paragraph("more ".repeat(500)),
    ];
    let parts = render(&message);
    assert_eq!(parts.len(), 2);
    assert!(parts[1].plain.starts_with("(2/2) Next\n\nmore"));
}

/// R44 and R43: links of sources only, and the address stays in the words.
#[test]
fn only_sources_with_a_web_address_are_links() {
    let check = |locator: &str, shown: &str, plain: &str| {
        let line = SourceLine {
            n: 1,
            title: "Leave".into(),
            section: "Length".into(),
            locator: locator.into(),
            version: "2026".into(),
        };
        let (mrkdwn, text) = source(&line);
        assert_eq!((mrkdwn.as_str(), text.as_str()), (shown, plain));
    };
    check(
        "https://a.example/x",
        "[1] <https://a.example/x|Leave> › Length · 2026",
        "[1] Leave › Length · 2026 (https://a.example/x)",
    );
    check(
        "javascript:alert(1)",
        "[1] Leave › Length · 2026 (javascript:alert(1))",
        "[1] Leave › Length · 2026 (javascript:alert(1))",
    );
    check("", "[1] Leave › Length · 2026", "[1] Leave › Length · 2026");
    check(
        "Leave",
        "[1] Leave › Length · 2026",
        "[1] Leave › Length · 2026",
    );
}
