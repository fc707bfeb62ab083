//! The grammar as people use it, and what holds for any text at all.

use super::*;
use crate::domain::{
    Block, Inline, Message, Parameter, ParameterKind, ToolSpec, plain::plain_text,
};
use crate::domain::{ToolKind, reply};
use proptest::prelude::*;
use serde_json::json;

fn parameter(name: &str, kind: ParameterKind) -> Parameter {
    Parameter {
        name: name.into(),
        kind,
        default: None,
        optional: true,
        description: String::new(),
    }
}

fn required(name: &str, kind: ParameterKind) -> Parameter {
    Parameter {
        optional: false,
        ..parameter(name, kind)
    }
}

fn tool(kind: ToolKind, name: &str, parameters: Vec<Parameter>) -> ToolSpec {
    ToolSpec {
        name: name.into(),
        description: format!("About {name}"),
        kind,
        parameters,
        examples: Vec::new(),
        synonyms: Vec::new(),
        chain: None,
    }
}

fn regions() -> ParameterKind {
    ParameterKind::Choice {
        values: vec!["DACH".into(), "Middle East".into(), "Nordics".into()],
    }
}

fn catalogue() -> Vec<ToolSpec> {
    let order = ParameterKind::Id {
        pattern: "ORD-[0-9]{5}".into(),
    };
    let top = Parameter {
        default: Some(json!(5)),
        ..parameter("top", ParameterKind::Integer)
    };
    vec![
        tool(
            ToolKind::Query,
            "sales_total",
            vec![
                parameter("period", ParameterKind::Window),
                parameter("region", regions()),
                parameter("minimum", ParameterKind::Number),
            ],
        ),
        tool(
            ToolKind::Query,
            "order_status",
            vec![required("order", order)],
        ),
        tool(
            ToolKind::Query,
            "find_customer",
            vec![required("name", ParameterKind::Text), top],
        ),
        tool(ToolKind::Query, "everything", Vec::new()),
        tool(
            ToolKind::Logs,
            "kelp",
            vec![
                required("expression", ParameterKind::Text),
                parameter("period", ParameterKind::Window),
                parameter("limit", ParameterKind::Integer),
            ],
        ),
        tool(
            ToolKind::Logs,
            "heron_lines",
            vec![
                parameter("pattern", ParameterKind::Text),
                parameter("period", ParameterKind::Window),
            ],
        ),
        tool(
            ToolKind::Api,
            "get_user",
            vec![
                required("first", ParameterKind::Text),
                required("last", ParameterKind::Text),
            ],
        ),
    ]
}

fn read(line: &str) -> Result<CommandLine, Misunderstood> {
    let catalogue = catalogue();
    parse(line, &catalogue.iter().collect::<Vec<_>>())
}

/// What was understood, as `tool(argument=value, …)`, or what is said about it.
fn said(line: &str) -> String {
    let (command, public) = match read(line) {
        Ok(line) => (line.command, line.public),
        Err(problem) => return plain_text(&reply::command::misunderstood(&problem)),
    };
    let text = match command {
        Command::Ask { question } => format!("ask({question})"),
        Command::Sources => "sources".into(),
        Command::Help(topic) => format!("help({topic:?})"),
        Command::Call(call) => {
            let arguments = call.args.iter();
            let mut arguments: Vec<String> = arguments
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
                .collect();
            arguments.sort();
            format!("{}({})", call.name, arguments.join(", "))
        }
    };
    if public {
        format!("{text} for all")
    } else {
        text
    }
}

#[test]
fn lines_mean_what_people_meant() {
    let check = |line: &str, expected: &str| assert_eq!(said(line), expected, "{line}");
    check("", "help(Everything)");
    check("  help ", "help(Everything)");
    check("help sql", "help(Verb(Sql))");
    check("help /sql", "help(Verb(Sql))");
    check("help sales-total", "help(Tool(\"sales_total\"))");
    check("help sql sales_total", "help(Tool(\"sales_total\"))");
    check("Sources", "sources");
    check("sources public=yes", "sources for all");
    check("ask how long is leave?", "ask(how long is leave?)");
    check("ask \"how long is leave?\"", "ask(how long is leave?)");
    check("ask “a” or “b”", "ask(“a” or “b”)");
    check("ask what is x=1 public=yes", "ask(what is x=1) for all");
    check("ask public=yes what is x", "ask(what is x) for all");
    check("ask what is it public=no", "ask(what is it)");
    check("sql everything", "everything()");
    check("SQL Everything public=Yes", "everything() for all");
    check(
        "sql sales_total period=last month",
        "sales_total(period=last month)",
    );
    check(
        "sql sales_total period=last 7 days region=Middle East",
        "sales_total(period=last 7 days, region=Middle East)",
    );
    check(
        "sql sales_total period=“last month” region='Middle East'",
        "sales_total(period=last month, region=Middle East)",
    );
    check(
        "sql sales_total „last month“",
        "sales_total(period=last month)",
    );
    check("sql sales_total since=24h", "sales_total(period=24h)");
    check(
        "sql sales_total Period=Q3 2026 nordics",
        "sales_total(period=Q3 2026, region=nordics)",
    );
    check(
        "sql sales_total last month dach",
        "sales_total(period=last month, region=dach)",
    );
    check(
        "sql sales_total middle east",
        "sales_total(region=middle east)",
    );
    check(
        "sql sales_total region=DACH,nordics",
        "sales_total(region=DACH,nordics)",
    );
    check(
        "sql order_status ord-10023",
        "order_status(order=ord-10023)",
    );
    check(
        "sql find_customer Van der Berg",
        "find_customer(name=Van der Berg)",
    );
    check(
        "sql find_customer name=Van der Berg top=3",
        "find_customer(name=Van der Berg, top=3)",
    );
    check("sql find_customer 500", "find_customer(name=500)");
    check(
        "logs kelp \"{app=\"kelp\"} |= \"late\"\" since=24h",
        "kelp(expression={app=\"kelp\"} |= \"late\", period=24h)",
    );
    check(
        "logs kelp since=24h connection refused",
        "kelp(expression=connection refused, period=24h)",
    );
    check(
        "logs kelp 'level=error' limit=5",
        "kelp(expression=level=error, limit=5)",
    );
    check(
        "logs heron \"timed out\" since=7d",
        "heron_lines(pattern=timed out, period=7d)",
    );
    check(
        "logs heron_lines last week",
        "heron_lines(period=last week)",
    );
    check(
        "api get_user first=Ann last=Lee",
        "get_user(first=Ann, last=Lee)",
    );
}

#[test]
fn what_is_not_understood_is_said_with_what_may_be_meant() {
    let check = |line: &str, expected: &str| assert_eq!(said(line), expected, "{line}");
    check(
        "sql salse_total",
        "There is no query `salse_total`, did you mean `sales_total`?\n\n`/lore help sql` lists what there is.",
    );
    check(
        "sqk sales_total",
        "There is no command `sqk`, did you mean `sql`?\n\nTo ask in your own words, begin with `/lore ask`; `/lore help` says what else there is.",
    );
    check(
        "how many sales?",
        "There is no command `how`.\n\nTo ask in your own words, begin with `/lore ask`; `/lore help` says what else there is.",
    );
    check(
        "ask",
        "What do you want to know? Write it behind `/lore ask`.",
    );
    check(
        "ask public=yes",
        "What do you want to know? Write it behind `/lore ask`.",
    );
    check(
        "sql",
        "Which query? There are sales_total, order_status, find_customer, everything.\n\n`/lore help sql` lists what there is.",
    );
    check(
        "sql sales_total perod=24h",
        "`sales_total` has no argument `perod`, did you mean `period`?\n\nIt is written `/lore sql sales_total period=24h region=DACH`",
    );
    check(
        "sql everything x=1",
        "`everything` has no argument `x`. It takes none.\n\nIt is written `/lore sql everything`",
    );
    check(
        "sql sales_total region=Nordcis",
        "`region` can't be `Nordcis`, did you mean `Nordics`? It is one of DACH, Middle East, Nordics.",
    );
    check(
        "sql sales_total period=24h period=7d",
        "`period` of `sales_total` is given twice. Give it once.\n\nIt is written `/lore sql sales_total period=24h region=DACH`",
    );
    check(
        "sql order_status",
        "`order_status` needs order.\n\nIt is written `/lore sql order_status order=ORDER`",
    );
    check(
        "api get_user Ann Lee",
        "I can't tell which argument of `get_user` is meant by `Ann`. Write its name in front, as in name=value.\n\nIt is written `/lore api get_user first=FIRST last=LAST`",
    );
    check(
        "sql everything else",
        "I can't tell which argument of `everything` is meant by `else`. Write its name in front, as in name=value.\n\nIt is written `/lore sql everything`",
    );
    check(
        "sources all",
        "`/lore sources` takes no `all`. Leave it out.",
    );
    check(
        "sources public=maybe",
        "`public` is yes or no, not `maybe`.",
    );
    check(
        "help slq",
        "There is no command or name `slq`, did you mean `sql`?\n\n`/lore help` says what there is.",
    );
    // A tool of another kind is no tool of this one.
    check(
        "api sales_total",
        "There is no operation `sales_total`.\n\n`/lore help api` lists what there is.",
    );
}

#[test]
fn suggestions_complete_what_is_typed() {
    let catalogue = catalogue();
    let tools: Vec<&ToolSpec> = catalogue.iter().collect();
    let check = |verb, option, text, tool, expected: &[&str]| {
        let typing = Typing {
            verb,
            option,
            text,
            tool,
        };
        let found: Vec<String> = suggest(&typing, &tools)
            .into_iter()
            .map(|s| s.value)
            .collect();
        assert_eq!(found, expected, "{option}: {text}");
    };
    let sales = Some("sales_total");
    check(Verb::Sql, "name", "sa", None, &["sales_total"]);
    check(Verb::Sql, "name", "oder_status", None, &["order_status"]);
    check(Verb::Logs, "source", "", None, &["kelp", "heron_lines"]);
    check(
        Verb::Sql,
        "arguments",
        "",
        sales,
        &["period=", "region=", "minimum="],
    );
    check(Verb::Sql, "arguments", "reg", sales, &["region="]);
    check(
        Verb::Sql,
        "arguments",
        "period=\"last month\" region=m",
        sales,
        &["period=\"last month\" region=\"Middle East\""],
    );
    check(
        Verb::Sql,
        "arguments",
        "period=24h ",
        sales,
        &["period=24h region=", "period=24h minimum="],
    );
    check(Verb::Sql, "region", "no", sales, &["Nordics"]);
    check(
        Verb::Logs,
        "since",
        "last",
        Some("kelp"),
        &["last week", "last month"],
    );
    check(Verb::Sql, "arguments", "", None, &[]);
}

/// Every line of help that can be typed.
fn typed_lines(message: &Message) -> Vec<String> {
    let of = |inlines: &[Inline]| -> Vec<String> {
        let code = inlines.iter().filter_map(|inline| match inline {
            Inline::Code { text } => Some(text.clone()),
            _ => None,
        });
        code.collect()
    };
    let lines = message.iter().flat_map(|block| match block {
        Block::Paragraph { text } => of(text),
        Block::List { items, .. } => items.iter().flat_map(|item| of(item)).collect(),
        _ => Vec::new(),
    });
    lines
        .filter_map(|line| line.strip_prefix("/lore ").map(String::from))
        .collect()
}

fn any_kind() -> impl Strategy<Value = ParameterKind> {
    prop_oneof![
        Just(ParameterKind::Window),
        Just(ParameterKind::Integer),
        Just(ParameterKind::Number),
        Just(ParameterKind::Boolean),
        Just(ParameterKind::Text),
        Just(ParameterKind::Id {
            pattern: "A-[0-9]+".into()
        }),
        prop::collection::vec("\\PC{1,12}", 0..4)
            .prop_map(|values| ParameterKind::Choice { values }),
    ]
}

fn any_tool() -> impl Strategy<Value = ToolSpec> {
    let parameters = prop::collection::btree_map(
        "[a-z][a-z0-9_]{0,8}",
        (
            any_kind(),
            any::<bool>(),
            prop::option::of("[a-z0-9 \"']{1,10}"),
        ),
        0..6,
    );
    let kind = prop::sample::select(vec![ToolKind::Query, ToolKind::Api, ToolKind::Logs]);
    (kind, "[a-z][a-z0-9_ .=-]{0,12}[a-z]", parameters).prop_map(|(kind, name, parameters)| {
        let parameters = parameters.into_iter().filter(|(name, _)| name != "public");
        let parameters = parameters.map(|(name, (kind, optional, default))| {
            // A default is one of the values, as the configuration has it.
            let default = match &kind {
                ParameterKind::Choice { values } if !values.is_empty() => None,
                _ => default.map(|text| json!(text)),
            };
            Parameter {
                default,
                optional,
                ..parameter(&name, kind)
            }
        });
        tool(kind, &name, parameters.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_understood_or_answered(
        line in "((ask|sql|logs|api|sources|help) )?((sales_total|kelp|get_user|order_status) )?[\\PC\"'“„=]{0,60}",
    ) {
        if let Err(problem) = read(&line) {
            prop_assert!(!plain_text(&reply::command::misunderstood(&problem)).is_empty());
        }
    }

    #[test]
    fn what_the_help_prints_can_be_typed(tools in prop::collection::vec(any_tool(), 0..5)) {
        let tools: Vec<&ToolSpec> = tools.iter().collect();
        let verbs = COMMANDS.iter().map(|definition| Topic::Verb(definition.verb));
        let names = tools.iter().map(|tool| Topic::Tool(tool.name.clone()));
        for topic in [Topic::Everything].into_iter().chain(verbs).chain(names) {
            let lines = typed_lines(&help(&topic, &tools));
            for line in lines {
                prop_assert!(parse(&line, &tools).is_ok(), "{line}: {:?}", parse(&line, &tools));
            }
        }
    }

    #[test]
    fn suggestions_never_fail_and_keep_the_limits(text in "\\PC{0,60}|period=\\PC{0,30}|region=[\"“]?\\PC{0,9}") {
        let catalogue = catalogue();
        let tools: Vec<&ToolSpec> = catalogue.iter().collect();
        for option in ["name", "arguments", "region", "since", "public"] {
            let typing = Typing { verb: Verb::Sql, option, text: &text, tool: Some("sales_total") };
            let found = suggest(&typing, &tools);
            prop_assert!(found.len() <= 25);
            prop_assert!(found.iter().all(|s| s.label.chars().count() <= 100 && s.value.chars().count() <= 100));
        }
    }
}
