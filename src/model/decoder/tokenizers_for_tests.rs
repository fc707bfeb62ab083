//! Small tokenizers of the two families that decoders have.

use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};
use tokenizers::Tokenizer;

/// As GPT-2, Llama 3 and Qwen have it: every byte is a printable character.
pub(crate) fn byte_level() -> Arc<Tokenizer> {
    static BUILT: LazyLock<Arc<Tokenizer>> = LazyLock::new(|| build(&byte_level_json()));
    BUILT.clone()
}

/// As Llama 2 and Mistral have it: `▁` for a space, bytes where a character is unknown.
pub(crate) fn byte_fallback() -> Arc<Tokenizer> {
    static BUILT: LazyLock<Arc<Tokenizer>> = LazyLock::new(|| build(&byte_fallback_json()));
    BUILT.clone()
}

fn build(json: &Value) -> Arc<Tokenizer> {
    let bytes = serde_json::to_vec(json).expect("JSON is written");
    Arc::new(Tokenizer::from_bytes(bytes).expect("a tokenizer is built"))
}

pub(crate) fn byte_level_json() -> Value {
    let mut tokens: Vec<String> = (0..=255u8)
        .map(|byte| printable(byte).to_string())
        .collect();
    let merges = [
        ("Ġ", "a"),
        ("t", "h"),
        ("th", "e"),
        ("Ġ", "the"),
        ("{", "\""),
        ("\"", ":"),
        ("a", "n"),
        ("Ġa", "n"),
        ("an", "s"),
        ("ð", "Ł"),
    ];
    tokens.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
    json!({
        "version": "1.0",
        "added_tokens": special(tokens.len()),
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "decoder": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "vocab": ids(tokens), "merges": pairs(&merges) },
    })
}

pub(crate) fn byte_fallback_json() -> Value {
    let mut tokens = vec!["<unk>".to_string()];
    tokens.extend((0..=255u8).map(|byte| format!("<0x{byte:02X}>")));
    tokens.push("▁".into());
    tokens.extend((' '..='~').filter(|c| *c != ' ').map(String::from));
    let merges = [
        ("▁", "a"),
        ("t", "h"),
        ("th", "e"),
        ("▁", "the"),
        ("{", "\""),
        ("\"", ":"),
    ];
    tokens.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
    json!({
        "version": "1.0",
        "added_tokens": special(tokens.len()),
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "Prepend", "prepend": "▁" },
            { "type": "Replace", "pattern": { "String": " " }, "content": "▁" },
        ]},
        "decoder": { "type": "Sequence", "decoders": [
            { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
            { "type": "ByteFallback" },
            { "type": "Fuse" },
            { "type": "Strip", "content": " ", "start": 1, "stop": 0 },
        ]},
        "model": { "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
            "vocab": ids(tokens), "merges": pairs(&merges) },
    })
}

/// `<|start|>` and `<|end|>` behind the `first` tokens of the model.
fn special(first: usize) -> Value {
    let tokens = ["<|start|>", "<|end|>"].iter().enumerate();
    let tokens = tokens.map(|(i, content)| {
        json!({ "id": first + i, "content": content, "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false })
    });
    tokens.collect()
}

fn ids(tokens: Vec<String>) -> Map<String, Value> {
    let numbered = tokens.into_iter().enumerate();
    numbered.map(|(id, token)| (token, id.into())).collect()
}

fn pairs(merges: &[(&str, &str)]) -> Vec<String> {
    let lines = merges.iter().map(|(left, right)| format!("{left} {right}"));
    lines.collect()
}

/// GPT-2's character for a byte: itself where it is printable, else one from U+0100 on.
fn printable(byte: u8) -> char {
    let itself = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if itself(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|earlier| !itself(*earlier)).count() as u32;
    char::from_u32(0x100 + before).expect("a letter of Latin Extended-A")
}
