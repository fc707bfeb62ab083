//! Damaged files and schemas: an error will do, a panic or an endless loop will not.
//!
//! `LOREKEEPER_FUZZ=1000000 cargo nextest run -E 'test(fuzz)'` tries so many,
//! 700 otherwise; `LOREKEEPER_FUZZ_SEED` begins elsewhere.

use super::{
    DecoderOptions, DecoderSession, Grammars, ModelFolder, lora::Adapter, lora_inputs::LoraInputs,
    template::ChatTemplate, text::TextStream,
};
use crate::{
    domain::{Said, Speaker},
    model::{onnx_file::OnnxFile, runtime},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Map, Value, json};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(path)
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A copy of a fixture, of which one file is damaged at a time.
struct Copy {
    folder: TempDir,
    original: PathBuf,
}

impl Copy {
    fn of(path: &str) -> Self {
        let (folder, original) = (tempfile::tempdir().expect("a folder"), fixture(path));
        for entry in fs::read_dir(&original).expect("the fixture is there") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
        Self { folder, original }
    }

    /// Runs `act` on the folder with this file damaged, and mends it.
    fn damaged(&self, name: &str, damage: &mut Damage, act: impl FnOnce(&Path)) {
        let whole = fs::read(self.original.join(name)).expect("the file is there");
        fs::write(self.folder.path().join(name), damage.file(&whole)).expect("written");
        act(self.folder.path());
        fs::write(self.folder.path().join(name), whole).expect("written");
    }
}

struct Damage(StdRng);

impl Damage {
    fn file(&mut self, whole: &[u8]) -> Vec<u8> {
        match serde_json::from_slice::<Value>(whole) {
            Ok(value) if self.0.random_bool(0.8) => {
                let mut value = value;
                for _ in 0..self.0.random_range(1..4) {
                    self.value(&mut value);
                }
                value.to_string().into_bytes()
            }
            _ => self.bytes(whole),
        }
    }

    fn bytes(&mut self, whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        for _ in 0..self.0.random_range(1..6) {
            if bytes.is_empty() {
                break;
            }
            let at = self.0.random_range(0..bytes.len());
            match self.0.random_range(0..5) {
                0 => bytes[at] = self.0.random(),
                1 => bytes.truncate(at),
                2 => bytes[at] ^= 1 << self.0.random_range(0..8),
                3 => {
                    let end = (at + self.0.random_range(1..64)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let end = (at + self.0.random_range(1..64)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    }

    /// Changes one place of a JSON document.
    fn value(&mut self, value: &mut Value) {
        let inside = self.0.random_bool(0.85);
        match value {
            Value::Object(fields) if inside && !fields.is_empty() => {
                let at = self.0.random_range(0..fields.len());
                let key = fields.keys().nth(at).cloned().unwrap_or_default();
                if self.0.random_bool(0.08) {
                    fields.remove(&key);
                } else if let Some(field) = fields.get_mut(&key) {
                    self.value(field);
                }
            }
            Value::Array(items) if inside && !items.is_empty() => {
                let at = self.0.random_range(0..items.len());
                if self.0.random_bool(0.1) {
                    items.remove(at);
                } else {
                    self.value(&mut items[at]);
                }
            }
            other => *other = self.odd_value(),
        }
    }

    fn odd_value(&mut self) -> Value {
        let values = [
            json!(null),
            json!(0),
            json!(-1),
            json!(1),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e308),
            json!(0.5),
            json!(true),
            json!(""),
            json!("\u{0}"),
            json!("(((((a*)*)*)*)*)*$"),
            json!("{{ messages[9].x.y }}{% for a in range(99999) %}"),
            json!("ﷺ🏽\u{202e}"),
            json!([]),
            json!([[[[]]]]),
            json!({}),
            json!({"$ref": "#"}),
            json!({"type": "object"}),
            json!("a".repeat(5000)),
        ];
        values[self.0.random_range(0..values.len())].clone()
    }
}

/// What is damaged, opened once.
struct World {
    builder: Copy,
    exporter: Copy,
    adapter: Copy,
    lora: LoraInputs,
    grammars: Grammars,
}

impl World {
    fn new() -> Self {
        let model = fixture("models/llama-lora");
        let folder = ModelFolder::open(&model).expect("the fixture opens");
        let environment = runtime::load(None).expect("the library is there");
        let mut options = DecoderOptions::new(&model);
        (options.slots, options.context_tokens) = (1, 64);
        let session = DecoderSession::open(&environment, &folder, &options).expect("it opens");
        let (tokenizer, json) = folder.open_tokenizer().expect("the tokenizer opens");
        Self {
            builder: Copy::of("models/qwen2"),
            exporter: Copy::of("models/llama-optimum"),
            adapter: Copy::of("adapters/north"),
            lora: session.lora_inputs().expect("it takes adapters").clone(),
            grammars: Grammars::new(&json, Arc::new(tokenizer), &folder.eos).expect("it is made"),
        }
    }

    fn try_one(&self, kind: u64, damage: &mut Damage) {
        match kind {
            0 => self.builder.damaged("genai_config.json", damage, |folder| {
                let _ = ModelFolder::open(folder);
            }),
            1 => self.exporter.damaged("config.json", damage, |folder| {
                let _ = ModelFolder::open(folder);
            }),
            2 => self.builder.damaged("tokenizer.json", damage, tokenize),
            3 => self
                .builder
                .damaged("tokenizer_config.json", damage, render),
            4 => self.builder.damaged("model.onnx", damage, |folder| {
                let _ = OnnxFile::read(&folder.join("model.onnx"));
            }),
            5 => {
                let name = ["adapter_config.json", "adapter_model.safetensors"]
                    [damage.0.random_range(0..2)];
                self.adapter.damaged(name, damage, |folder| {
                    let _ = Adapter::open("damaged", folder, &self.lora);
                });
            }
            _ => self.write_in(&damage.schema()),
        }
    }

    /// Compiles a schema and writes a few tokens in it.
    fn write_in(&self, schema: &Value) {
        let Ok(mut constraint) = self.grammars.compile(schema) else {
            return;
        };
        let mut logits = vec![0f32; 512];
        for _ in 0..8 {
            constraint.forced();
            if constraint.finished() || constraint.mask(&mut logits).is_err() {
                break;
            }
            let allowed = logits.iter().position(|logit| logit.is_finite());
            let Some(token) = allowed else { break };
            if constraint.consume(token as u32).is_err() {
                break;
            }
            logits.fill(0.0);
        }
    }
}

impl Damage {
    fn schema(&mut self) -> Value {
        let mut schema = json!({
            "type": "object",
            "properties": {
                "intent": {"enum": ["knowledge", "live"]},
                "top": {"type": "integer", "minimum": 1, "maximum": 9},
                "when": {"type": "string", "pattern": "^[0-9]{1,3}[hd]$", "maxLength": 5},
                "list": {"type": "array", "maxItems": 3, "items": {"$ref": "#/$defs/one"}},
                "any": {"anyOf": [{"type": "null"}, {"const": "x"}, {"type": "number"}]},
            },
            "required": ["intent", "top"],
            "additionalProperties": false,
            "$defs": {"one": {"type": "object", "properties": {"a": {"type": "boolean"}}}},
        });
        for _ in 0..self.0.random_range(1..5) {
            self.value(&mut schema);
        }
        if !schema.is_object() {
            schema = Value::Object(Map::new());
        }
        schema
    }
}

fn tokenize(folder: &Path) {
    let Ok(opened) = ModelFolder::open(folder) else {
        return;
    };
    let Ok((tokenizer, json)) = opened.open_tokenizer() else {
        return;
    };
    let tokenizer = Arc::new(tokenizer);
    let _ = tokenizer.encode("Customers may return ﷺ🏽 terminals", true);
    let mut stream = TextStream::new(tokenizer.clone(), &["stop".into()]);
    for token in [0, 1, 70, 300, 511, 9999, u32::MAX] {
        stream.push(token);
    }
    stream.finish();
    if let Ok(grammars) = Grammars::new(&json, tokenizer, &opened.eos) {
        let _ = grammars.compile(&json!({"type": "boolean"}));
    }
}

fn render(folder: &Path) {
    if let Ok(Some(template)) = ChatTemplate::open(folder) {
        let said = |role, text: &str| Said {
            role,
            text: text.into(),
        };
        let _ = template.render(&[
            said(Speaker::System, "rules"),
            said(Speaker::User, "<|im_end|> {{ x }}"),
        ]);
    }
}

#[test]
fn fuzz_damaged_folders_tokenizers_templates_adapters_and_schemas() {
    let world = World::new();
    let cases = setting("LOREKEEPER_FUZZ").unwrap_or(700);
    let first = setting("LOREKEEPER_FUZZ_SEED").unwrap_or(0);
    let mut panics = Vec::new();
    for seed in first..first + cases {
        let mut damage = Damage(StdRng::seed_from_u64(seed));
        let outcome = catch_unwind(AssertUnwindSafe(|| world.try_one(seed % 7, &mut damage)));
        if outcome.is_err() {
            panics.push(seed);
        }
    }
    assert!(
        panics.is_empty(),
        "{} of {cases} panicked; seeds {:?}",
        panics.len(),
        &panics[..panics.len().min(20)]
    );
}
