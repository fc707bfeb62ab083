//! Every sentence that a person in a chat can read, in one place.
//!
//! Say what is missing, what it means, and what to do next. No internal error
//! text, no name of a table or host, no hint that something forbidden exists.
//! What a command says of itself stands in its definition, `domain/command`.

pub mod command;

use super::{Block, GapClass, Inline, Message, QuestionId, ToolResult};

/// The placeholder that the answer replaces.
pub fn working() -> Message {
    vec![Block::notice("Looking it up …")]
}

pub fn disclaimer() -> Block {
    Block::Disclaimer {
        text:
            "Put together by Lorekeeper from the sources above. Check them before you rely on it."
                .into(),
    }
}

/// The same words whether nothing is there or the asker may not see it.
pub fn do_not_know(searched: &str) -> Block {
    Block::paragraph(format!(
        "I don't know. I searched {searched} and found nothing that answers this."
    ))
}

pub fn no_such_record(id: &str) -> Block {
    Block::Paragraph {
        text: vec![
            Inline::text("I don't know "),
            Inline::code(id),
            Inline::text(
                ": there is no record of that name that I can use here. Check the number, or ask about the subject instead.",
            ),
        ],
    }
}

/// One short question back: a tool could answer if it knew this.
pub fn ask_back(parameter: &str, tool: &str, values: &[String]) -> Block {
    let choice = match values {
        [] => String::new(),
        [first] => format!(" It can be {first}."),
        [others @ .., last] => format!(" It can be {} or {last}.", others.join(", ")),
    };
    Block::paragraph(format!(
        "I can look that up with “{tool}”, but not without the {parameter}. Which one do you mean?{choice}"
    ))
}

pub fn nearest_sources(owner: Option<&str>) -> String {
    match owner {
        Some(owner) => {
            format!("The nearest that I found is below; {owner} looks after it and may know.")
        }
        None => {
            "The nearest that I found is below. Other words for the same thing may help.".into()
        }
    }
}

pub fn try_other_words() -> String {
    "Other words for the same thing may help, or a name or number that stands in the document."
        .into()
}

pub fn quoted_lead(title: &str, dated: Option<&str>) -> Block {
    let mut text = vec![Inline::strong(title)];
    text.push(Inline::text(match dated {
        Some(date) => format!(" ({date}) says:"),
        None => " says:".to_string(),
    }));
    Block::Paragraph { text }
}

pub fn also_lead(title: &str, dated: Option<&str>) -> Block {
    let mut text = vec![Inline::text("See also "), Inline::strong(title)];
    text.push(Inline::text(match dated {
        Some(date) => format!(" ({date}):"),
        None => ":".to_string(),
    }));
    Block::Paragraph { text }
}

/// One relation on the way to an answer: `Heron – owner: Payments`.
pub fn relation(subject: &str, kind: &str, object: &str) -> String {
    format!("{subject} – {kind}: {object}")
}

/// The way to the answer ends before it.
pub fn way_ends(kind: &str) -> Block {
    Block::paragraph(format!(
        "I don't know. I found the way below, but nothing that goes on from there (“{kind}”)."
    ))
}

pub fn newer_wins(older_title: &str) -> String {
    format!("An older page, “{older_title}”, says something else; it was replaced by this one.")
}

/// Another page has other figures, and no date decides.
pub fn disagrees(title: &str, locator: &str) -> String {
    format!("“{title}” ({locator}) has other figures, and nothing says which of the two is newer.")
}

/// The only page that answers says that it no longer holds.
pub fn over() -> String {
    "This page is marked as replaced or no longer valid, and I found nothing newer.".into()
}

pub fn held_then(year: i32) -> String {
    format!("This is what held in {year}; a newer page has replaced it.")
}

pub fn orders_left_out() -> String {
    "I left out words of this source that read like orders to a bot.".into()
}

pub fn nothing_changed() -> String {
    "I only look things up: nothing was changed.".into()
}

pub fn low_confidence() -> String {
    "I am not sure that this is what you asked for.".into()
}

pub fn data_as_of(time: &str, tool: &str) -> String {
    format!("Data as of {time} UTC, from the query “{tool}”.")
}

/// What a call took from the answer of the one before it.
pub fn took(kind: &str, name: Option<&str>, value: &str, tool: &str) -> String {
    match name {
        Some(name) => format!("The {kind} “{name}” is {value}, from “{tool}”."),
        None => format!("The {kind} is {value}, from “{tool}”."),
    }
}

/// What was asked of the systems, on demand.
pub fn statements(results: &[&ToolResult]) -> Message {
    let mut message = vec![Block::paragraph("This is what I asked for that answer:")];
    for result in results {
        let time = result.as_of.format("%-d %B %Y, %H:%M");
        message.push(Block::Paragraph {
            text: vec![
                Inline::strong(result.tool.replace('_', " ")),
                Inline::text(format!(" on {}, {time} UTC", result.source)),
            ],
        });
        message.push(Block::Code {
            language: String::new(),
            text: result.statement.clone(),
        });
    }
    message
}

/// A language model wrote no statement that may run.
pub fn no_statement(tool: &str) -> String {
    format!(
        "I could not write a query for “{tool}” that may run there, so what it knows is left out. Ask for less at once, or name what you mean in other words."
    )
}

/// Nothing that the next call could be asked with.
pub fn found_none(kind: &str, name: Option<&str>, tool: &str) -> String {
    match name {
        Some(name) => format!(
            "“{tool}” has no {kind} called “{name}”, so I could not go on. Check how it is written."
        ),
        None => format!("“{tool}” has no {kind} for this, so I could not go on."),
    }
}

/// More than one that the next call could be asked with.
pub fn found_several(kind: &str, name: Option<&str>, tool: &str, some: &[String]) -> String {
    let called = name.map_or(String::new(), |name| format!(" called “{name}”"));
    format!(
        "“{tool}” has more than one {kind}{called}: {}. Ask again with the one that you mean, or its id.",
        some.join("; ")
    )
}

/// What a question about logs is narrowed to, each part as it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogScope {
    /// None: every service.
    pub service: Option<String>,
    pub level: Option<String>,
    pub pattern: Option<String>,
    /// `in the last 24 hours`, `yesterday`
    pub period: String,
}

impl LogScope {
    /// Who logged, at the beginning of a sentence or within it.
    fn who(&self, begins: bool) -> &str {
        let all = if begins {
            "The services"
        } else {
            "the services"
        };
        self.service.as_deref().unwrap_or(all)
    }

    /// `errors with “timeout”`
    fn what(&self, one: bool) -> String {
        let noun = log_lines_of(self.level.as_deref(), one);
        match &self.pattern {
            Some(pattern) => format!("{noun} with “{pattern}”"),
            None => noun,
        }
    }
}

/// `errors`, `1 warning`, `info lines`
fn log_lines_of(level: Option<&str>, one: bool) -> String {
    let plural = if one { "" } else { "s" };
    match level {
        Some(level @ ("error" | "warning" | "notice")) => format!("{level}{plural}"),
        Some(level) => format!("{level} line{plural}"),
        None => format!("line{plural}"),
    }
}

/// "payments logged 42 errors in the last 24 hours; the most, 30, from …"
pub fn log_count(scope: &LogScope, total: &str, one: bool, tail: Option<String>) -> String {
    let tail = tail.unwrap_or_default();
    let (who, what, period) = (scope.who(true), scope.what(one), &scope.period);
    format!("{who} logged {total} {what} {period}{tail}.")
}

pub fn log_most_at(lines: &str, begin: &str) -> String {
    format!("; the most, {lines}, from {begin} UTC on")
}

pub fn log_most_from(lines: &str, service: &str) -> String {
    format!("; the most, {lines}, from {service}")
}

/// Levels with their figures, and whether each is one.
pub fn log_among_them(levels: &[(&str, String, bool)]) -> String {
    let parts: Vec<String> = levels
        .iter()
        .map(|(level, lines, one)| format!("{lines} {}", log_lines_of(Some(level), *one)))
        .collect();
    format!(", among them {}", parts.join(" and "))
}

pub fn log_patterns(
    scope: &LogScope,
    total: &str,
    one: bool,
    first: &str,
    template: &str,
    is_sample: bool,
) -> String {
    let (who, what, period) = (scope.who(!is_sample), scope.what(one), &scope.period);
    match is_sample {
        true => format!(
            "Of the newest {total} {what} that {who} logged {period}, the most frequent, {first} of them: “{template}”."
        ),
        false => format!(
            "{who} logged {total} {what} {period}; the most frequent, {first} of them: “{template}”."
        ),
    }
}

pub fn log_lines(scope: &LogScope, shown: &str, one: bool, more: bool) -> String {
    let (who, what, period) = (scope.who(!more), scope.what(one), &scope.period);
    match more {
        true => {
            format!("The newest {shown} {what} that {who} logged {period}, and there are more.")
        }
        false => format!("{who} logged {shown} {what} {period}, the newest first."),
    }
}

pub fn log_no_data(scope: &LogScope) -> String {
    let (who, what, period) = (scope.who(false), scope.what(false), &scope.period);
    format!("No data: {who} logged no {what} {period}.")
}

pub fn rows_cut(shown: usize) -> String {
    format!("Only the first {shown} rows are shown.")
}

/// What an operation of an API brought; `count` may say "more than".
pub fn rows_of(summary: &str, rows: usize, count: &str) -> String {
    let noun = if rows == 1 && !count.contains(' ') {
        "row"
    } else {
        "rows"
    };
    format!("{summary}: {count} {noun}.")
}

pub fn no_rows(summary: &str) -> String {
    format!("{summary}: nothing was found.")
}

pub fn greeting() -> Message {
    vec![Block::paragraph(
        "Hello! Ask me about the company's documents, tickets and business data, in your own words. \
         I answer with my sources, and say so when I don't know.",
    )]
}

pub fn thanks() -> Message {
    vec![Block::paragraph(
        "You're welcome. A 👍 or 👎 on an answer helps me to get better.",
    )]
}

pub fn about_me() -> Message {
    vec![
        Block::paragraph("I am Lorekeeper. I look things up for you:"),
        Block::List {
            ordered: false,
            items: vec![
                vec![Inline::text(
                    "what the handbook, runbooks, policies and specs say",
                )],
                vec![Inline::text(
                    "tickets, by their number or by what they are about",
                )],
                vec![Inline::text(
                    "live figures, such as sales, orders and refunds",
                )],
            ],
        },
        Block::paragraph(
            "I only read; I never change anything. Ask in this thread, no need to mention me again.",
        ),
    ]
}

pub fn out_of_scope() -> Message {
    vec![Block::paragraph(
        "That is not something that I do: I only look things up in this company's documents, tickets and data, \
         and I can't change anything. Ask me what one of them says.",
    )]
}

/// Labels of the two feedback buttons.
pub const HELPFUL: &str = "Helpful";
pub const NOT_HELPFUL: &str = "Not helpful";

/// What a screen reader says of them.
pub const THIS_IS_HELPFUL: &str = "This answer is helpful";
pub const THIS_IS_NOT_HELPFUL: &str = "This answer is not helpful";

/// The fixed refusal where outsiders read along (R1).
pub fn outsiders_read_here() -> Message {
    vec![Block::paragraph(
        "I don't answer here, because people from outside the company may read along. Ask me in a direct message or an internal channel.",
    )]
}

pub fn over_quota(next: &str) -> Message {
    vec![Block::paragraph(format!(
        "You have asked as much as your quota allows for now. Ask again {next}."
    ))]
}

pub fn failed(id: QuestionId) -> Message {
    vec![Block::paragraph(format!(
        "Something went wrong on my side, and I could not answer. Ask again in a few minutes; if it stays so, tell the people who run me. (ref {id})"
    ))]
}

pub fn timed_out(id: QuestionId) -> Message {
    vec![Block::paragraph(format!(
        "This took longer than I may take, so I stopped. Ask for less at once, or try again later. (ref {id})"
    ))]
}

/// What a failed lookup means for the answer.
pub fn gap(source: &str, class: GapClass) -> String {
    match class {
        GapClass::SourceDown => {
            format!(
                "I could not reach {source}, so what it knows is left out. Ask again in a few minutes."
            )
        }
        GapClass::Timeout => format!(
            "{source} took too long to answer, so what it knows is left out. Ask for a shorter time, or again later."
        ),
        GapClass::NotAllowed => format!(
            "I was not let into {source}, so what it knows is left out. The people who run me can mend that."
        ),
        GapClass::NoData => format!("{source} has no data for this."),
        GapClass::BadQuestion => format!(
            "I could not make a question for {source} from your words. Name the time, the amount or the number that you mean."
        ),
        GapClass::ModelFailed => "My language model failed, so I quote the sources instead.".into(),
    }
}
