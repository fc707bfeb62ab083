//! Commands: what a person types instead of asking in their own words. No
//! language model takes part in any but `ask`.
//!
//! [`COMMANDS`] is the one definition: Slack's text, Discord's options, the
//! terminal and the help are all made from it.
//!
//! ```text
//! words -> parse -> CommandLine          what Slack and the terminal send
//! compose -> the same text               what Discord's options become
//! help, suggest                          what is shown while somebody types
//! ```

mod arguments;
mod compose;
mod fitting;
mod help;
mod parse;
mod suggest;
mod words;

pub use compose::{compose, quoted};
pub use help::{help, usage};
pub use parse::{Misunderstood, parse};
pub use suggest::{Suggestion, Typing, suggest};

use super::{ToolCall, ToolKind};

/// The name under which both platforms know us.
pub const NAME: &str = "lore";

/// A command that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandLine {
    pub command: Command,
    /// The person wants everybody in the channel to see the result.
    pub public: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Ask {
        question: String,
    },
    /// A tool of the catalogue, its arguments not yet checked against their kinds.
    Call(ToolCall),
    Sources,
    Help(Topic),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    Everything,
    Verb(Verb),
    /// A tool, by its name in the catalogue.
    Tool(String),
}

/// The first word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Ask,
    Sql,
    Logs,
    Api,
    Sources,
    Help,
}

impl Verb {
    pub fn definition(self) -> &'static Definition {
        let found = COMMANDS.iter().find(|definition| definition.verb == self);
        found.unwrap_or(&COMMANDS[0])
    }

    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// The kind of tools that this command calls.
    pub fn tools(self) -> Option<ToolKind> {
        match self {
            Verb::Sql => Some(ToolKind::Query),
            Verb::Logs => Some(ToolKind::Logs),
            Verb::Api => Some(ToolKind::Api),
            Verb::Ask | Verb::Sources | Verb::Help => None,
        }
    }

    pub fn of_tools(kind: ToolKind) -> Self {
        match kind {
            ToolKind::Query => Verb::Sql,
            ToolKind::Logs => Verb::Logs,
            ToolKind::Api => Verb::Api,
        }
    }

    pub fn called(word: &str) -> Option<Self> {
        let named = |definition: &&Definition| definition.name.eq_ignore_ascii_case(word);
        COMMANDS.iter().find(named).map(|found| found.verb)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Definition {
    pub verb: Verb,
    pub name: &'static str,
    /// At most 100 characters, as Discord takes it.
    pub summary: &'static str,
    /// What follows the name, as the help shows it.
    pub usage: &'static str,
    /// A line that somebody could type.
    pub example: &'static str,
    pub options: &'static [CommandOption],
}

/// What may follow a command, in this order; required ones come first.
#[derive(Clone, Copy, Debug)]
pub struct CommandOption {
    pub name: &'static str,
    /// At most 100 characters.
    pub description: &'static str,
    pub kind: OptionKind,
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// A question in one's own words.
    Question,
    /// The name of a tool of the command's kind.
    Tool,
    /// An argument of the tool that stands for itself, without its name.
    Positional,
    /// A span of time, given as `since=`.
    Since,
    /// `name=value …`, arguments of the tool.
    Arguments,
    /// One of the commands.
    Verb,
    /// `public=yes`
    Public,
}

const PUBLIC: CommandOption = CommandOption {
    name: "public",
    description: "Show the result to everybody here, not to you alone",
    kind: OptionKind::Public,
    required: false,
};

const ARGUMENTS: CommandOption = CommandOption {
    name: "arguments",
    description: "name=value, once for each; words after a name belong to it",
    kind: OptionKind::Arguments,
    required: false,
};

const fn tool(name: &'static str, description: &'static str) -> CommandOption {
    CommandOption {
        name,
        description,
        kind: OptionKind::Tool,
        required: true,
    }
}

pub const COMMANDS: [Definition; 6] = [
    Definition {
        verb: Verb::Ask,
        name: "ask",
        summary: "Ask a question in your own words; the answer is for you alone",
        usage: "QUESTION",
        example: "ask how long can a customer return a terminal?",
        options: &[
            CommandOption {
                name: "question",
                description: "In your own words",
                kind: OptionKind::Question,
                required: true,
            },
            PUBLIC,
        ],
    },
    Definition {
        verb: Verb::Sql,
        name: "sql",
        summary: "Run a named query on one of the company's databases",
        usage: "NAME [argument=value …]",
        example: "help sql",
        options: &[tool("name", "The query"), ARGUMENTS, PUBLIC],
    },
    Definition {
        verb: Verb::Logs,
        name: "logs",
        summary: "Search the logs of one of the company's systems",
        usage: "SOURCE \"expression\" since=24h",
        example: "help logs",
        options: &[
            tool("source", "Whose logs"),
            CommandOption {
                name: "expression",
                description: "What to look for, in the words of that system",
                kind: OptionKind::Positional,
                required: false,
            },
            CommandOption {
                name: "since",
                description: "How far back, such as 1h, 24h or 7d",
                kind: OptionKind::Since,
                required: false,
            },
            ARGUMENTS,
            PUBLIC,
        ],
    },
    Definition {
        verb: Verb::Api,
        name: "api",
        summary: "Ask one of the company's systems for what it knows now",
        usage: "OPERATION [argument=value …]",
        example: "help api",
        options: &[tool("operation", "The operation"), ARGUMENTS, PUBLIC],
    },
    Definition {
        verb: Verb::Sources,
        name: "sources",
        summary: "List the documents, databases and systems that answers come from",
        usage: "",
        example: "sources",
        options: &[PUBLIC],
    },
    Definition {
        verb: Verb::Help,
        name: "help",
        summary: "Say what there is, and how to write it",
        usage: "[COMMAND or NAME]",
        example: "help",
        options: &[
            CommandOption {
                name: "command",
                description: "Only about this one",
                kind: OptionKind::Verb,
                required: false,
            },
            PUBLIC,
        ],
    },
];

#[cfg(test)]
mod tests;
