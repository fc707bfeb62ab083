use super::*;
use crate::domain::{Parameter, ParameterKind, ToolKind};
use chrono::TimeZone;
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0)
        .single()
        .expect("a valid time")
}

fn options(count: usize, seed: u64) -> PairOptions {
    PairOptions {
        count,
        seed,
        now: now(),
        knowledge: vec!["what is our policy on this".into()],
        small_talk: vec!["hello".into(), "thanks".into()],
        out_of_scope: vec!["tell me a joke".into()],
    }
}

fn parameter(name: &str, kind: ParameterKind, default: Option<Value>) -> Parameter {
    Parameter {
        name: name.into(),
        optional: default.is_none(),
        kind,
        default,
        description: String::new(),
    }
}

fn tool(name: &str, parameters: Vec<Parameter>, examples: &[&str]) -> ToolSpec {
    ToolSpec {
        name: name.into(),
        description: format!("The {}", name.replace('_', " ")),
        kind: ToolKind::Query,
        parameters,
        examples: examples.iter().map(|text| text.to_string()).collect(),
        synonyms: vec!["takings".into()],
        chain: None,
    }
}

fn catalogue() -> Catalogue {
    let regions = || ParameterKind::Choice {
        values: vec!["DACH".into(), "Benelux".into(), "Nordics".into()],
    };
    let order = ParameterKind::Id {
        pattern: "ORD-[0-9]{5}".into(),
    };
    let order = Parameter {
        optional: false,
        ..parameter("order_id", order, None)
    };
    Catalogue {
        tools: vec![
            tool(
                "revenue_total",
                vec![
                    parameter("period", ParameterKind::Window, Some(json!("7d"))),
                    parameter("region", regions(), None),
                ],
                &["revenue last week", "turnover this month in benelux"],
            ),
            tool(
                "top_reps",
                vec![
                    parameter("period", ParameterKind::Window, Some(json!("30d"))),
                    parameter("top", ParameterKind::Integer, Some(json!(5))),
                ],
                &["top 3 reps last quarter", "who sold most yesterday"],
            ),
            tool(
                "order_status",
                vec![order],
                &["where is ORD-10023", "status of order ORD-10777?"],
            ),
            tool("stock_levels", Vec::new(), &["what is in the warehouse"]),
        ],
        schemas: Vec::new(),
        version: None,
    }
}

fn make(count: usize, seed: u64) -> Pairs {
    let prompt = PlanPrompt::shipped().expect("it ships");
    make_pairs(&catalogue(), &prompt, &options(count, seed)).expect("they are made")
}

/// What a JSON schema of the kind that a plan has says of a value.
fn satisfies(schema: &Value, value: &Value) -> bool {
    if let Some(branches) = schema["anyOf"].as_array() {
        return branches.iter().any(|branch| satisfies(branch, value));
    }
    if let Some(constant) = schema.get("const") {
        return constant == value;
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(value);
    }
    let Some(fields) = value.as_object() else {
        return false;
    };
    let required = schema["required"].as_array().into_iter().flatten();
    let is_there = |name: &Value| name.as_str().is_some_and(|name| fields.contains_key(name));
    let properties = schema["properties"].as_object();
    let mut order = properties.into_iter().flat_map(|known| known.keys());
    required.into_iter().all(is_there)
        && fields.iter().all(|(name, value)| {
            // A constrained model writes keys in the schema's order.
            order.any(|known| known == name) && satisfies(&schema["properties"][name], value)
        })
}

#[test]
fn every_plan_satisfies_the_schema_of_its_own_request() {
    let prompt = PlanPrompt::shipped().expect("it ships");
    let catalogue = catalogue();
    let made = make(400, 1);
    assert_eq!(made.pairs.len(), 400);
    for pair in &made.pairs {
        let tools: Vec<&ToolSpec> = pair
            .offered
            .iter()
            .filter_map(|name| catalogue.tool(name))
            .collect();
        let request = PlanRequest::new(&prompt, &pair.question, &pair.thread, &tools, now());
        let request = request.expect("it renders");
        let plan: Value = serde_json::from_str(&pair.plan).expect("it is JSON");
        assert!(
            satisfies(&request.schema, &plan),
            "{} {}",
            pair.question,
            pair.plan
        );
        assert_eq!(
            request.said, pair.said,
            "the prompt is the one that is served"
        );
    }
}

#[test]
fn pairs_are_different_and_of_every_kind() {
    let made = make(400, 2);
    let mut seen = HashSet::new();
    for pair in &made.pairs {
        let before = pair.thread.first().map(|turn| bare_words(&turn.text));
        assert!(
            seen.insert((bare_words(&pair.question), before)),
            "{}",
            pair.question
        );
    }
    let counts = made.counts();
    for about in [
        About::Call,
        About::FollowUp,
        About::Knowledge,
        About::NearMiss,
        About::NotOffered,
        About::SmallTalk,
        About::OutOfScope,
    ] {
        assert!(counts.contains_key(&about), "{about:?} {counts:?}");
    }
}

#[test]
fn same_seed_gives_the_same_pairs() {
    assert_eq!(make(60, 7), make(60, 7));
    assert_ne!(make(60, 7).pairs, make(60, 8).pairs);
}

#[test]
fn plan_says_what_was_put_into_the_question() {
    let made = make(400, 3);
    let mut windows = HashSet::new();
    for pair in made.pairs.iter().filter(|pair| pair.about == About::Call) {
        let plan: Value = serde_json::from_str(&pair.plan).expect("it is JSON");
        let question = pair.question.to_lowercase();
        for key in ["region", "order_id"] {
            if let Some(value) = plan["with"][key].as_str() {
                assert!(
                    question.contains(&value.to_lowercase()),
                    "{question} {plan}"
                );
            }
        }
        if let Some(top) = plan["with"]["top"].as_i64() {
            assert!(question.contains(&top.to_string()), "{question} {plan}");
        }
        windows.extend(plan["with"]["period"].as_str().map(String::from));
    }
    assert!(windows.len() > 20, "{windows:?}");
}

#[test]
fn near_miss_lacks_what_the_tool_needs() {
    let made = make(400, 4);
    let near: Vec<&Pair> = made
        .pairs
        .iter()
        .filter(|pair| pair.about == About::NearMiss)
        .collect();
    assert!(!near.is_empty());
    for pair in near {
        assert!(
            !pair.question.contains(|c: char| c.is_ascii_digit()),
            "{}",
            pair.question
        );
        assert_eq!(pair.plan, r#"{"intent":"knowledge"}"#);
    }
}

#[test]
fn record_is_a_conversation_that_ends_with_the_plan() {
    let made = make(1, 5);
    let record = made.pairs[0].record();
    let turns = record["conversations"].as_array().expect("a list");
    let from: Vec<&str> = turns
        .iter()
        .filter_map(|turn| turn["from"].as_str())
        .collect();
    assert_eq!(from, ["system", "human", "gpt"]);
    assert_eq!(turns[2]["value"], record["plan"]);
    let asked = turns[1]["value"].as_str().expect("a text");
    assert!(asked.contains(&format!("Question: {}", made.pairs[0].question)));
}

#[test]
fn catalogue_without_tools_gives_what_needs_none() {
    let prompt = PlanPrompt::shipped().expect("it ships");
    let made = make_pairs(&Catalogue::default(), &prompt, &options(30, 1)).expect("they are made");
    assert!(!made.pairs.is_empty());
    assert!(
        made.pairs
            .iter()
            .all(|pair| pair.plan.starts_with("{\"intent\""))
    );
}

proptest! {
    /// Whatever people write into a catalogue: no panic, and every plan is allowed.
    #[test]
    fn any_words_give_pairs_that_are_allowed(
        name in "[a-z_]{1,12}",
        words in proptest::collection::vec("\\PC{0,40}", 0..4),
        values in proptest::collection::vec("\\PC{0,12}", 0..4),
        number in any::<i64>(),
        seed in any::<u64>(),
    ) {
        let tools = vec![ToolSpec {
            name,
            description: words.join(". "),
            kind: ToolKind::Api,
            parameters: vec![
                parameter("a", ParameterKind::Choice { values: values.clone() }, None),
                parameter("n", ParameterKind::Integer, Some(json!(number))),
                parameter("w", ParameterKind::Window, Some(json!("7d"))),
            ],
            examples: words.iter().map(|text| format!("{text} {number} {}", values.concat())).collect(),
            synonyms: words,
            chain: None,
        }];
        let catalogue = Catalogue { tools, schemas: Vec::new(), version: None };
        let prompt = PlanPrompt::shipped().expect("it ships");
        let made = make_pairs(&catalogue, &prompt, &options(5, seed)).expect("they are made");
        for pair in &made.pairs {
            let tools: Vec<&ToolSpec> = pair.offered.iter().filter_map(|name| catalogue.tool(name)).collect();
            let request = PlanRequest::new(&prompt, &pair.question, &pair.thread, &tools, now()).expect("it renders");
            let plan: Value = serde_json::from_str(&pair.plan).expect("it is JSON");
            prop_assert!(satisfies(&request.schema, &plan), "{} {}", pair.question, pair.plan);
        }
    }
}
