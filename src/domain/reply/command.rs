//! What a person reads who typed a command.

use super::super::{
    Block, Freshness, Inline, Message, ParameterKind, ToolKind,
    command::{Misunderstood, NAME},
};

/// Names in a sentence; more of them make nobody wiser.
const NAMED: usize = 12;

pub const OPTIONAL: &str = "may be left out";
pub const REQUIRED: &str = "must be given";

/// The first sign, at once. It stays, so it is true for good.
pub fn taken(line: &str) -> String {
    format!("/{NAME} {line}").trim_end().to_string()
}

/// Where the command could not be written down.
pub const NOT_TAKEN: &str = "I could not take this in just now. Try it again in a moment.";

/// On an answer that was wanted for everybody, and is not for everybody.
pub fn for_you_alone() -> Block {
    Block::notice("Not everybody who reads here may see this, so it is for you alone.")
}

/// In the place of a result that others would read along.
pub fn not_shown_here() -> Message {
    vec![Block::paragraph(
        "I can't show this to everybody here. Use the command without `public`, and I show it to you alone.",
    )]
}

pub fn for_example() -> Block {
    Block::paragraph("For example:")
}

pub fn how_to_write() -> String {
    "Words after a name belong to it: period=last month. Put quotes around anything that could be read otherwise. \
     Results are for you alone; public=yes shows them to everybody here."
        .into()
}

fn noun(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Query => "query",
        ToolKind::Api => "operation",
        ToolKind::Logs => "log search",
    }
}

fn nouns(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Query => "queries",
        ToolKind::Api => "operations",
        ToolKind::Logs => "log searches",
    }
}

fn verb(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Query => "sql",
        ToolKind::Api => "api",
        ToolKind::Logs => "logs",
    }
}

pub fn none_of_kind(kind: ToolKind) -> String {
    format!("There are no {} that you can use here.", nouns(kind))
}

pub fn and_more(count: usize) -> String {
    format!("And {count} more; begin to type a name, and I say what is near.")
}

pub fn kind_of_value(kind: &ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Window => {
            "a span of time, such as 24h, last month or 2026-01-01..2026-01-31"
        }
        ParameterKind::Integer => "a whole number",
        ParameterKind::Number => "a number",
        ParameterKind::Boolean => "yes or no",
        ParameterKind::Choice { .. } => "one of the values that the data has",
        ParameterKind::Id { .. } => "the name of one record",
        ParameterKind::Text => "text",
        ParameterKind::List { .. } => "a list of values",
        ParameterKind::Object { .. } => "values by name",
    }
}

pub fn one_of(values: &[String], shown: usize) -> String {
    format!("one of {}", named(values, shown))
}

pub fn default_value(value: &str) -> String {
    format!("{value} unless said otherwise")
}

/// `a, b and 7 more`
fn named(names: &[String], shown: usize) -> String {
    let list = names.iter().take(shown).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(shown) {
        0 => list.join(", "),
        more => format!("{} and {more} more", list.join(", ")),
    }
}

/// What was not understood, what was probably meant, and how it is written.
pub fn misunderstood(problem: &Misunderstood) -> Message {
    match problem {
        Misunderstood::Verb { word, near } => {
            let mut message = vec![nothing_called("command", word, near.as_deref())];
            message.push(Block::Paragraph {
                text: vec![
                    Inline::text("To ask in your own words, begin with "),
                    Inline::code(format!("/{NAME} ask")),
                    Inline::text("; "),
                    Inline::code(format!("/{NAME} help")),
                    Inline::text(" says what else there is."),
                ],
            });
            message
        }
        Misunderstood::NothingAsked => vec![Block::Paragraph {
            text: vec![
                Inline::text("What do you want to know? Write it behind "),
                Inline::code(format!("/{NAME} ask")),
                Inline::text("."),
            ],
        }],
        Misunderstood::NoName { kind, known } if known.is_empty() => {
            vec![Block::paragraph(none_of_kind(*kind))]
        }
        Misunderstood::NoName { kind, known } => vec![
            Block::paragraph(format!(
                "Which {}? There are {}.",
                noun(*kind),
                named(known, NAMED)
            )),
            more_help(verb(*kind)),
        ],
        Misunderstood::Tool {
            kind,
            word,
            near,
            known,
        } => {
            let mut message = vec![nothing_called(noun(*kind), word, near.as_deref())];
            message.push(match known.is_empty() {
                true => Block::paragraph(none_of_kind(*kind)),
                false => more_help(verb(*kind)),
            });
            message
        }
        Misunderstood::Argument {
            tool,
            word,
            near,
            known,
            usage,
        } => {
            let mut text = vec![
                Inline::code(tool),
                Inline::text(" has no argument "),
                Inline::code(word),
            ];
            text.extend(did_you_mean(near.as_deref()));
            if near.is_none() {
                text.push(Inline::text(match known.is_empty() {
                    true => " It takes none.".to_string(),
                    false => format!(" It takes {}.", named(known, NAMED)),
                }));
            }
            vec![Block::Paragraph { text }, written(usage)]
        }
        Misunderstood::GivenTwice {
            tool,
            argument,
            usage,
        } => vec![
            Block::Paragraph {
                text: vec![
                    Inline::code(argument),
                    Inline::text(" of "),
                    Inline::code(tool),
                    Inline::text(" is given twice. Give it once."),
                ],
            },
            written(usage),
        ],
        Misunderstood::Value {
            argument,
            word,
            near,
            known,
        } => {
            let mut text = vec![
                Inline::code(argument),
                Inline::text(" can't be "),
                Inline::code(word),
            ];
            text.extend(did_you_mean(near.as_deref()));
            if !known.is_empty() {
                text.push(Inline::text(format!(
                    " It is one of {}.",
                    named(known, NAMED)
                )));
            }
            vec![Block::Paragraph { text }]
        }
        Misunderstood::Unplaced { tool, word, usage } => vec![
            Block::Paragraph {
                text: vec![
                    Inline::text("I can't tell which argument of "),
                    Inline::code(tool),
                    Inline::text(" is meant by "),
                    Inline::code(word),
                    Inline::text(". Write its name in front, as in name=value."),
                ],
            },
            written(usage),
        ],
        Misunderstood::Missing {
            tool,
            arguments,
            usage,
        } => vec![
            Block::Paragraph {
                text: vec![
                    Inline::code(tool),
                    Inline::text(format!(" needs {}.", named(arguments, NAMED))),
                ],
            },
            written(usage),
        ],
        Misunderstood::Public { word } => vec![Block::Paragraph {
            text: vec![
                Inline::code("public"),
                Inline::text(" is yes or no, not "),
                Inline::code(word),
                Inline::text("."),
            ],
        }],
        Misunderstood::Topic { word, near } => {
            vec![
                nothing_called("command or name", word, near.as_deref()),
                Block::Paragraph {
                    text: vec![
                        Inline::code(format!("/{NAME} help")),
                        Inline::text(" says what there is."),
                    ],
                },
            ]
        }
        Misunderstood::Surplus { verb, word } => vec![Block::Paragraph {
            text: vec![
                Inline::code(format!("/{NAME} {verb}")),
                Inline::text(" takes no "),
                Inline::code(word),
                Inline::text(". Leave it out."),
            ],
        }],
    }
}

fn nothing_called(noun: &str, word: &str, near: Option<&str>) -> Block {
    let mut text = vec![
        Inline::text(format!("There is no {noun} ")),
        Inline::code(word),
    ];
    text.extend(did_you_mean(near));
    Block::Paragraph { text }
}

fn did_you_mean(near: Option<&str>) -> Vec<Inline> {
    match near {
        Some(near) => vec![
            Inline::text(", did you mean "),
            Inline::code(near),
            Inline::text("?"),
        ],
        None => vec![Inline::text(".")],
    }
}

fn more_help(verb: &str) -> Block {
    Block::Paragraph {
        text: vec![
            Inline::code(format!("/{NAME} help {verb}")),
            Inline::text(" lists what there is."),
        ],
    }
}

fn written(usage: &str) -> Block {
    Block::Paragraph {
        text: vec![Inline::text("It is written "), Inline::code(usage)],
    }
}

/// A value that the tool does not take; `problem` completes "`top` …".
pub fn bad_argument(argument: &str, problem: &str, usage: &str) -> Message {
    vec![
        Block::Paragraph {
            text: vec![Inline::code(argument), Inline::text(format!(" {problem}."))],
        },
        written(usage),
    ]
}

/// A statement that the gate does not let through.
pub fn refused() -> Message {
    vec![Block::paragraph(
        "That is not something that I may run. The people who run me can say why.",
    )]
}

/// Where the file is that goes with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// In the same conversation.
    Here,
    DirectMessages,
}

/// What stands in the place of rows that went into a file.
pub fn rows_in_file(total: usize, in_file: usize, place: FilePlace) -> String {
    let rows = if total == 1 { "row" } else { "rows" };
    let which = match in_file < total {
        true => format!("the first {in_file} of them"),
        false => "all of them".into(),
    };
    let file = match place {
        FilePlace::Here => "in the CSV file",
        FilePlace::DirectMessages => "in a CSV file that I sent you as a direct message",
    };
    format!("{total} {rows}, {which} {file}.")
}

/// In the place of a file that the platform does not take from us.
pub fn file_not_shared() -> Message {
    vec![Block::notice(
        "I am not allowed to share files here, so the CSV file is missing. The people who run me can allow it.",
    )]
}

/// What a screen reader says of the file.
pub fn file_title(tool: &str, rows: usize) -> String {
    format!("{}, {rows} rows", tool.replace('_', " "))
}

/// The source has more rows than are fetched.
pub fn more_at_the_source(rows: usize) -> String {
    format!(
        "There are more than these {rows} rows; I fetch no more at once. Narrow it down to see the others."
    )
}

pub fn first_rows(rows: usize) -> String {
    format!("The first {rows}")
}

/// Sources, as a person may see them.
pub fn documents_line(
    name: &str,
    kind: &str,
    documents: usize,
    freshness: Option<Freshness>,
) -> Vec<Inline> {
    let noun = match (kind, documents) {
        ("tickets", 1) => "ticket",
        ("tickets", _) => "tickets",
        (_, 1) => "document",
        _ => "documents",
    };
    let read_at = freshness.and_then(|freshness| freshness.synchronised_at);
    let as_of = read_at.map_or(String::new(), |time| {
        format!(", as of {}", time.format("%-d %B %Y, %H:%M UTC"))
    });
    let failing = match freshness {
        Some(Freshness { failing: true, .. }) => "; I can't read it again just now",
        _ => "",
    };
    vec![
        Inline::strong(name),
        Inline::text(format!(": {documents} {noun}{as_of}{failing}")),
    ]
}

pub fn system_line(name: &str, kind: ToolKind, tools: &[String]) -> Vec<Inline> {
    let noun = match tools.len() {
        1 => noun(kind),
        _ => nouns(kind),
    };
    vec![
        Inline::strong(name),
        Inline::text(format!(
            ": {} {noun} ({})",
            tools.len(),
            named(tools, NAMED)
        )),
    ]
}

pub fn answers_come_from() -> Block {
    Block::paragraph("Answers come from these sources:")
}

pub fn no_sources() -> Message {
    vec![Block::paragraph(
        "There are no sources that can be used here. The people who run me can add some.",
    )]
}
