use super::super::tokenizers_for_tests::{byte_fallback_json, byte_level_json};
use super::*;
use proptest::prelude::*;
use std::{fs, path::Path, sync::LazyLock};

/// A tokenizer and what is compiled for it; no weights.
struct Model {
    tokenizer: Arc<Tokenizer>,
    grammars: Grammars,
    end: u32,
}

fn models() -> &'static [Model] {
    static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| {
        let small = [byte_level_json(), byte_fallback_json()].map(|json| json.to_string());
        let trained = ["llama", "mistral", "phi3", "qwen2"].map(|name| {
            let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
            fs::read_to_string(models.join(name).join("tokenizer.json")).expect("a file")
        });
        let models = small.into_iter().chain(trained).map(|json| {
            let tokenizer = Arc::new(Tokenizer::from_bytes(&json).expect("a tokenizer"));
            let end = ["<|end|>", "<|im_end|>"].map(|end| tokenizer.token_to_id(end));
            let end = end.into_iter().flatten().next().expect("a special token");
            let grammars = Grammars::new(json.as_bytes(), tokenizer.clone(), &[end]);
            Model {
                grammars: grammars.expect("grammars are made"),
                tokenizer,
                end,
            }
        });
        models.collect()
    });
    &MODELS
}

impl Model {
    /// Writes with a source of logits until the end; text, steps of the
    /// model, and forced tokens.
    fn write(
        &self,
        schema: &Value,
        mut logits: impl FnMut(usize) -> Vec<f32>,
    ) -> (String, usize, usize) {
        let mut constraint = self.grammars.compile(schema).expect("the schema compiles");
        let (mut ids, mut steps, mut forced) = (Vec::new(), 0, 0);
        loop {
            let must = constraint.forced();
            forced += must.len();
            ids.extend(must);
            if constraint.finished() || steps > 400 {
                break;
            }
            let mut logits = logits(self.tokenizer.get_vocab_size(true) + 3);
            constraint.mask(&mut logits).expect("a token is allowed");
            steps += 1;
            let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
            let best = best.expect("a vocabulary") as u32;
            constraint.consume(best).expect("the mask allowed it");
            if best == self.end {
                break;
            }
            ids.push(best);
        }
        let text = self.tokenizer.decode(&ids, true).expect("ids are decoded");
        (text, steps, forced)
    }

    /// The tokens that the mask leaves.
    fn allowed(&self, constraint: &mut Constraint) -> Vec<u32> {
        let mut logits = vec![1.0; self.tokenizer.get_vocab_size(true) + 3];
        constraint.mask(&mut logits).expect("a token is allowed");
        let allowed = logits
            .iter()
            .enumerate()
            .filter(|(_, logit)| **logit == 1.0);
        allowed.map(|(id, _)| id as u32).collect()
    }
}

fn plan() -> Value {
    json!({
        "type": "object",
        "properties": {
            "tool": { "enum": ["orders by status", "search"] },
            "arguments": {
                "type": "object",
                "properties": { "day": { "type": "integer", "minimum": 1, "maximum": 31 } },
                "required": ["day"],
                "additionalProperties": false,
            },
        },
        "required": ["tool", "arguments"],
        "additionalProperties": false,
    })
}

#[test]
fn document_is_complete_compact_and_mostly_forced() {
    for model in models() {
        let (text, steps, forced) = model.write(&plan(), |size| vec![0.0; size]);
        let document: Value = serde_json::from_str(&text).expect("valid JSON");
        assert!(document["arguments"]["day"].is_u64(), "{text}");
        assert_eq!(document.to_string(), text);
        assert!(forced > 2 * steps, "{forced} forced, {steps} chosen");
    }
}

#[test]
fn allowed_tokens_keep_their_logits() {
    for model in models() {
        let mut constraint = model
            .grammars
            .compile(&json!({ "type": "boolean" }))
            .expect("compiles");
        let t = model.tokenizer.token_to_id("t").expect("a letter") as usize;
        let mut logits = vec![0.25; model.tokenizer.get_vocab_size(true)];
        constraint.mask(&mut logits).expect("a token is allowed");
        assert_eq!(logits[t], 0.25);
        assert_eq!(logits[t + 1], f32::NEG_INFINITY);
    }
}

#[test]
fn complete_document_allows_the_end_alone() {
    for model in models() {
        let mut constraint = model
            .grammars
            .compile(&json!({ "const": "the" }))
            .expect("compiles");
        constraint.forced();
        assert!(constraint.finished());
        assert_eq!(model.allowed(&mut constraint), [model.end]);
        constraint.consume(model.end).expect("the end may come");
        assert!(constraint.forced().is_empty());
        assert!(constraint.finished());
    }
}

#[test]
fn number_may_end_or_go_on() {
    for model in models() {
        let mut constraint = model
            .grammars
            .compile(&json!({ "type": "integer" }))
            .expect("compiles");
        let digit = model.tokenizer.token_to_id("7").expect("a digit");
        constraint.consume(digit).expect("a digit may come first");
        assert!(!constraint.finished());
        let allowed = model.allowed(&mut constraint);
        assert!(allowed.contains(&digit) && allowed.contains(&model.end));
        constraint.consume(model.end).expect("the end may come");
        assert!(constraint.finished());
    }
}

#[test]
fn token_that_is_not_allowed_is_an_error_and_stays_one() {
    for model in models() {
        let mut constraint = model
            .grammars
            .compile(&json!({ "type": "integer" }))
            .expect("compiles");
        let letter = model.tokenizer.token_to_id("e").expect("a letter");
        let error = constraint.consume(letter).expect_err("no letter may come");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert!(!constraint.finished());
        assert!(constraint.mask(&mut [0.0; 600]).is_err());
        assert!(constraint.consume(u32::MAX).is_err());
        // Others with the same schema are not touched.
        let again = model.grammars.compile(&json!({ "type": "integer" }));
        assert!(again.expect("compiles").mask(&mut [0.0; 600]).is_ok());
    }
}

#[test]
fn special_token_in_a_candidate_is_written_as_text() {
    for model in models() {
        let schema = json!({ "enum": ["<|end|>"] });
        let (text, _, _) = model.write(&schema, |size| vec![0.0; size]);
        assert_eq!(text, r#""<|end|>""#);
    }
}

fn refusal(schema: &Value) -> String {
    match models()[0].grammars.compile(schema) {
        Ok(_) => panic!("{schema} must be refused"),
        Err(problem) => problem,
    }
}

#[test]
fn reference_to_another_place_is_refused() {
    let schema = json!({ "properties": { "a": { "$ref": "https://example.com/a.json#/b" } } });
    assert!(refusal(&schema).contains("`$defs`"));
    assert!(refusal(&json!({ "$ref": "#/$defs/none" })).contains("none"));
}

#[test]
fn reference_within_the_schema_is_followed() {
    let schema = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "const": 5 } } });
    for model in models() {
        let (text, _, _) = model.write(&schema, |size| vec![0.0; size]);
        assert_eq!(text, "5");
    }
}

#[test]
fn schema_that_is_its_own_meaning_allows_nothing() {
    for model in models() {
        let endless = model.grammars.compile(&json!({ "$ref": "#" }));
        let allowed = endless.map(|mut constraint| constraint.mask(&mut [0.0; 600]));
        assert!(!matches!(allowed, Ok(Ok(()))));
    }
}

#[test]
fn giant_and_bottomless_schemas_are_refused() {
    let mut deep = json!({ "type": "integer" });
    for _ in 0..100 {
        deep = json!({ "type": "array", "items": deep });
    }
    assert!(refusal(&deep).contains("deeper"));
    let names: Vec<String> = (0..MOST_VALUES).map(|n| n.to_string()).collect();
    assert!(refusal(&json!({ "enum": names })).contains("more than"));
    for schema in [
        json!(false),
        json!(7),
        json!({ "type": "nothing" }),
        json!({ "enum": [] }),
    ] {
        assert!(refusal(&schema).starts_with("JSON schema: "), "{schema}");
    }
}

#[test]
fn compiled_schemas_are_kept_but_not_all() {
    let model = &models()[0];
    for n in 0..3 * CACHED {
        model
            .grammars
            .compile(&json!({ "const": n }))
            .expect("compiles");
    }
    let kept = model
        .grammars
        .compiled
        .lock()
        .expect("no test failed in it")
        .len();
    assert!(kept <= CACHED);
}

/// JSON that looks like a schema here and there.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        prop_oneof![-3i64..9, Just(i64::MAX), Just(1_000_000_000)].prop_map(Value::from),
        (-1e9f64..1e9).prop_map(Value::from),
        "(string|object|array|integer|number|boolean|date|email|#|#/\\$defs/a|[ab]{1,9}|\\[a|(\\.\\*){9})".prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    let keywords = [
        "type",
        "properties",
        "items",
        "prefixItems",
        "required",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "multipleOf",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "additionalProperties",
        "patternProperties",
        "$ref",
        "$defs",
        "x-guidance",
        "a",
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let field = (prop::sample::select(keywords.to_vec()), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            4 => prop::collection::vec(field, 0..5)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_string(), value)).collect()),
        ]
    })
}

proptest! {
    // A case compiles a schema or more.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(10)))]

    #[test]
    fn no_schema_makes_it_panic(schema in any_schema()) {
        let model = &models()[0];
        if let Ok(mut constraint) = model.grammars.compile(&schema) {
            let mut logits = vec![0.0; model.tokenizer.get_vocab_size(true)];
            for _ in 0..8 {
                constraint.forced();
                if constraint.mask(&mut logits).is_err() {
                    break;
                }
                let next = logits.iter().position(|logit| *logit == 0.0).expect("the mask left one");
                logits.fill(0.0);
                prop_assert!(constraint.consume(next as u32).is_ok());
            }
        }
    }

    #[test]
    fn whatever_the_model_wants_the_document_fits_the_schema(seed in any::<u64>()) {
        use rand::{RngExt, SeedableRng, rngs::StdRng};
        let mut rng = StdRng::seed_from_u64(seed);
        for model in models() {
            let (text, _, _) = model.write(&plan(), |size| {
                (0..size).map(|_| rng.random::<f32>()).collect()
            });
            let document: Value = serde_json::from_str(&text).expect("valid JSON");
            let day = document["arguments"]["day"].as_u64().expect("a number");
            prop_assert!((1..=31).contains(&day));
            prop_assert!(document["tool"] == "search" || document["tool"] == "orders by status");
        }
    }
}
