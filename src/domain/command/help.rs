//! Help: what there is, and lines that can be typed as they stand.

use super::{
    COMMANDS, NAME, Topic, Verb, arguments::is_required, compose::quoted, suggest::text_of,
};
use crate::domain::{Block, Inline, Message, Parameter, ParameterKind, ToolKind, ToolSpec, reply};

/// Tools that a list names; more of them make nobody wiser.
const LISTED: usize = 40;
/// Values of a choice that are named.
const VALUES: usize = 12;

/// The help on a topic. `tools` are those that exist for everybody who reads it.
pub fn help(topic: &Topic, tools: &[&ToolSpec]) -> Message {
    match topic {
        Topic::Everything => everything(tools),
        Topic::Verb(verb) => about(*verb, tools),
        Topic::Tool(name) => match tools.iter().find(|tool| tool.name == *name) {
            Some(tool) => about_tool(tool),
            None => everything(tools),
        },
    }
}

fn everything(tools: &[&ToolSpec]) -> Message {
    // A command without anything to call would only lead into a wall.
    let has_tools = |verb: Verb| {
        verb.tools()
            .is_none_or(|kind| tools.iter().any(|tool| tool.kind == kind))
    };
    let lines = COMMANDS
        .iter()
        .filter(|definition| has_tools(definition.verb))
        .map(|definition| {
            let usage = format!("/{NAME} {} {}", definition.name, definition.usage);
            vec![
                Inline::strong(usage.trim()),
                Inline::text(format!(": {}", definition.summary)),
            ]
        });
    let examples = COMMANDS
        .iter()
        .filter(|definition| has_tools(definition.verb))
        .map(|definition| format!("/{NAME} {}", definition.example));
    vec![
        list(lines.collect()),
        reply::command::for_example(),
        code_list(examples.collect()),
        Block::notice(reply::command::how_to_write()),
    ]
}

fn about(verb: Verb, tools: &[&ToolSpec]) -> Message {
    let definition = verb.definition();
    let usage = format!("/{NAME} {} {}", definition.name, definition.usage);
    let mut message = vec![Block::Paragraph {
        text: vec![
            Inline::strong(usage.trim()),
            Inline::text(format!(": {}.", definition.summary)),
        ],
    }];
    let Some(kind) = verb.tools() else {
        message.push(code_list(vec![format!("/{NAME} {}", definition.example)]));
        message.push(Block::notice(reply::command::how_to_write()));
        return message;
    };
    let of_kind: Vec<&ToolSpec> = tools
        .iter()
        .copied()
        .filter(|tool| tool.kind == kind)
        .collect();
    if of_kind.is_empty() {
        message.push(Block::paragraph(reply::command::none_of_kind(kind)));
        return message;
    }
    let lines = of_kind.iter().take(LISTED).map(|tool| {
        let mut line = vec![Inline::code(&tool.name)];
        if !tool.description.is_empty() {
            line.push(Inline::text(format!(": {}", tool.description)));
        }
        line
    });
    message.push(list(lines.collect()));
    if of_kind.len() > LISTED {
        message.push(Block::notice(reply::command::and_more(
            of_kind.len() - LISTED,
        )));
    }
    message.push(reply::command::for_example());
    message.push(code_list(vec![
        usage_of(of_kind[0]),
        format!("/{NAME} help {}", quoted(&of_kind[0].name)),
    ]));
    message
}

fn about_tool(tool: &ToolSpec) -> Message {
    let mut lead = vec![Inline::strong(&tool.name)];
    if !tool.description.is_empty() {
        lead.push(Inline::text(format!(": {}", tool.description)));
    }
    let mut message = vec![Block::Paragraph { text: lead }];
    let lines = tool.parameters.iter().map(|parameter| {
        vec![
            Inline::code(&parameter.name),
            Inline::text(format!(": {}", describe(parameter))),
        ]
    });
    if !tool.parameters.is_empty() {
        message.push(list(lines.collect()));
    }
    message.push(reply::command::for_example());
    message.push(code_list(vec![usage_of(tool)]));
    message
}

fn describe(parameter: &Parameter) -> String {
    let mut parts = Vec::new();
    if !parameter.description.is_empty() {
        parts.push(parameter.description.clone());
    }
    parts.push(match &parameter.kind {
        ParameterKind::Choice { values } if !values.is_empty() => {
            reply::command::one_of(values, VALUES)
        }
        kind => reply::command::kind_of_value(kind).into(),
    });
    parts.push(match &parameter.default {
        Some(default) => reply::command::default_value(&text_of(default)),
        None if parameter.optional => reply::command::OPTIONAL.into(),
        None => reply::command::REQUIRED.into(),
    });
    parts.join("; ")
}

/// A line that calls the tool and can be typed as it stands, its values made up.
pub fn usage(tool: &ToolSpec) -> String {
    usage_of(tool)
}

fn usage_of(tool: &ToolSpec) -> String {
    let verb = Verb::of_tools(tool.kind).name();
    let mut line = format!("/{NAME} {verb} {}", quoted(&tool.name));
    let required = tool.parameters.iter().filter(|p| is_required(p));
    // Two that may be left out show how it is done; ten would hide what matters.
    let others = tool.parameters.iter().filter(|p| !is_required(p)).take(2);
    let is_text = |p: &Parameter| matches!(p.kind, ParameterKind::Text);
    let texts = required.clone().filter(|p| is_text(p)).count();
    for parameter in required.chain(others) {
        let value = quoted(&sample(parameter));
        let is_expression = tool.kind == ToolKind::Logs
            && texts == 1
            && is_text(parameter)
            && is_required(parameter);
        line += &match is_expression {
            true => format!(" \"{}\"", sample(parameter)),
            false => format!(" {}={value}", parameter.name),
        };
    }
    line
}

fn sample(parameter: &Parameter) -> String {
    if let Some(default) = &parameter.default {
        return text_of(default);
    }
    match &parameter.kind {
        ParameterKind::Window => "24h".into(),
        ParameterKind::Integer | ParameterKind::Number => "10".into(),
        ParameterKind::Boolean => "yes".into(),
        ParameterKind::Choice { values } if !values.is_empty() => values[0].clone(),
        ParameterKind::Choice { .. }
        | ParameterKind::Id { .. }
        | ParameterKind::Text
        | ParameterKind::List { .. }
        | ParameterKind::Object { .. } => parameter.name.to_uppercase(),
    }
}

fn list(items: Vec<Vec<Inline>>) -> Block {
    Block::List {
        ordered: false,
        items,
    }
}

fn code_list(lines: Vec<String>) -> Block {
    Block::List {
        ordered: false,
        items: lines
            .into_iter()
            .map(|line| vec![Inline::code(line)])
            .collect(),
    }
}
