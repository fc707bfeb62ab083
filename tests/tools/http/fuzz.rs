//! Documents with something wrong at random: none ends the process.

use super::world::{FakeNames, World, call, shop};
use lorekeeper::ports::Tools;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

/// A document with a bit of everything that is read.
fn rich() -> Value {
    let mut document = shop();
    document["paths"]["/tree/{a}-{b}"] = json!({"get": {"parameters": [
        {"$ref": "#/components/parameters/P"},
        {"name": "a", "in": "path", "required": true, "schema": {"oneOf": [{"type": "null"}, {"const": 1}, {"const": 2}]}},
        {"name": "x", "in": "query", "schema": {"allOf": [{"$ref": "#/components/schemas/Region"}, {"type": "string", "pattern": "^[a-z]+$"}]}}
    ], "servers": [{"url": "https://{r}.test", "variables": {"r": {"default": "a", "enum": ["b"]}}}]}});
    document["components"]["parameters"] = json!({"P": {"name": "p", "in": "query", "schema": {"type": ["integer", "null"], "minimum": "1"}}});
    document
}

/// Something else in place of what stands there.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(1e308)),
        Just(json!("")),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"$ref": "#"})),
        Just(json!({"$ref": "#/paths"})),
        Just(json!({"$ref": "#/components/schemas/Region/enum/0"})),
        Just(json!({"type": "array"})),
        Just(json!({"type": []})),
        Just(json!("{")),
        Just(json!("}{{}")),
        Just(json!("path")),
        Just(json!({"enum": [{}]})),
        Just(json!({"pattern": "^(((((a{1000}){1000}){1000}$"})),
        Just(json!("http://[")),
        ".{0,12}".prop_map(Value::from),
    ]
}

/// Replaces or renames one node, counted in document order.
fn mutate(at: &mut Value, steps: &[usize], new: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *at = new;
        return;
    };
    match at {
        Value::Object(fields) if !fields.is_empty() => {
            let n = step % fields.len();
            let key = fields.keys().nth(n).cloned().unwrap_or_default();
            if rest.is_empty() && step % 3 == 0 {
                let old = fields.remove(&key).unwrap_or_default();
                fields.insert(new.as_str().unwrap_or("renamed").into(), old);
            } else if let Some(inner) = fields.get_mut(&key) {
                mutate(inner, rest, new);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let n = step % list.len();
            mutate(&mut list[n], rest, new);
        }
        scalar => *scalar = new,
    }
}

#[test]
fn mutated_documents_end_in_tools_or_faults() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let world = runtime.block_on(World::new(&json!({})));
    let mut runner = TestRunner::new(Config {
        cases: 1_500,
        failure_persistence: None,
        ..Config::default()
    });
    let mutations =
        prop::collection::vec((prop::collection::vec(0_usize..40, 1..9), value()), 1..6);
    let opened = std::cell::Cell::new(0);
    let outcome = runner.run(
        &(mutations, any::<bool>(), 0_usize..4_000),
        |(mutations, as_yaml, cut)| {
            let mut document = rich();
            for (steps, new) in mutations {
                mutate(&mut document, &steps, new);
            }
            let mut text = if as_yaml {
                serde_yaml_ng::to_string(&document).unwrap_or_default()
            } else {
                document.to_string()
            };
            if cut % 10 == 0 && text.is_char_boundary(cut.min(text.len())) {
                text.truncate(cut);
            }
            world.write(&text);
            runtime.block_on(async {
                // Nobody is reached: the resolver knows no name.
                let more = "url = \"https://shop.example.com/v1\"\n";
                let Ok(toolbox) = world.try_open(more, FakeNames::default()).await else {
                    return;
                };
                opened.set(opened.get() + 1);
                for tool in &toolbox.catalogue().tools {
                    let args: serde_json::Map<String, Value> = tool
                        .parameters
                        .iter()
                        .map(|parameter| (parameter.name.clone(), json!("1")))
                        .collect();
                    let result = call(&toolbox, &tool.name, Value::Object(args)).await;
                    assert!(result.is_err(), "nobody answers there");
                }
            });
            Ok(())
        },
    );
    outcome.unwrap_or_else(|error| panic!("{error}"));
    // Most are read all the same; a test on refusals alone would say little.
    assert!(opened.get() > 300, "{}", opened.get());
}
