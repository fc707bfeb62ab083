//! The bytes of every token, and text cut into tokens, as constraints need both.
//!
//! Text is cut as the model learnt it wherever the result spells the text
//! exactly; a tokenizer that adds a space or normalises gives way to the
//! longest tokens that fit. A special token has no bytes that text could have,
//! so no text, and no schema, can call for one.

use crate::ports::BoxError;
use llguidance::toktrie::{TokRxInfo, TokTrie, TokenizerEnv};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

/// Nodes that the trie of all tokens can address; each byte of a token needs one at most.
const MOST_NODES: usize = (1 << 22) - 1;

/// A longer token is left out: the trie can't hold it, and nothing needs it.
const LONGEST_TOKEN: usize = 512;

pub(super) struct Vocabulary {
    trie: TokTrie,
    /// Cuts text from the middle of an answer, where no space comes first.
    tokenizer: Tokenizer,
}

/// The parts of `tokenizer.json` that say how text becomes tokens and back.
#[derive(Deserialize)]
struct Layout {
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    decoder: Option<Value>,
}

impl Vocabulary {
    /// `end` are the ids of the end-of-sequence tokens; those that the
    /// tokenizer does not know are left out, and one must remain.
    pub(super) fn new(
        tokenizer_json: &[u8],
        tokenizer: &Tokenizer,
        end: &[u32],
    ) -> Result<Self, BoxError> {
        let layout: Layout = serde_json::from_slice(tokenizer_json)?;
        let spelling = Spelling::of(layout.decoder.as_ref().unwrap_or(&Value::Null))?;
        let mut tokens = spell_all(tokenizer, &spelling)?;
        let known = end
            .iter()
            .copied()
            .filter(|id| (*id as usize) < tokens.len());
        let end: Vec<u32> = known.collect();
        let Some(first) = end.first() else {
            return Err("none of the end-of-sequence tokens is in the vocabulary".into());
        };
        for id in &end {
            mark_special(&mut tokens[*id as usize]);
        }
        let info = TokRxInfo::new(tokens.len() as u32, *first);
        Ok(Self {
            trie: TokTrie::from(&info, &tokens).with_eos_tokens(&end),
            tokenizer: without_first_space(tokenizer, layout)?,
        })
    }

    fn cut(&self, text: &str) -> Vec<u32> {
        let encoding = self.tokenizer.encode_fast(text, false);
        let ids = encoding.map_or_else(|_| Vec::new(), |encoding| encoding.get_ids().to_vec());
        let bytes = ids.iter().flat_map(|id| self.trie.token(*id));
        if bytes.eq(text.as_bytes()) {
            ids
        } else {
            self.trie.greedy_tokenize(text.as_bytes())
        }
    }
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        self.trie
            .tokenize_with_greedy_fallback(bytes, |text| self.cut(text))
    }
}

/// How the name of a token spells its bytes.
enum Spelling {
    /// A printable character a byte (GPT-2).
    ByteLevel(HashMap<char, u8>),
    /// UTF-8, with another character for the space; `<0x0A>` is a byte (SentencePiece).
    Spaced(char),
}

impl Spelling {
    fn of(decoder: &Value) -> Result<Self, BoxError> {
        let alone = std::slice::from_ref(decoder);
        let steps = decoder["decoders"].as_array().map_or(alone, Vec::as_slice);
        let mut spaced = None;
        for step in steps {
            match step["type"].as_str() {
                Some("ByteLevel") => return Ok(Spelling::ByteLevel(byte_of_printable())),
                Some("Metaspace") => spaced = only_char(&step["replacement"]),
                Some("Replace") if step["content"] == " " => {
                    spaced = only_char(&step["pattern"]["String"]);
                }
                Some("ByteFallback") => spaced = spaced.or(Some(' ')),
                _ => {}
            }
        }
        let kind = decoder["type"].as_str().unwrap_or("none");
        spaced.map(Spelling::Spaced).ok_or_else(|| {
            format!("decoder `{kind}` does not tell the bytes of tokens: ByteLevel, Metaspace or ByteFallback does").into()
        })
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        match self {
            // As the decoder does it, a token with another character stands for itself.
            Spelling::ByteLevel(byte_of) => {
                let bytes: Option<Vec<u8>> =
                    name.chars().map(|c| byte_of.get(&c).copied()).collect();
                bytes.unwrap_or_else(|| name.as_bytes().to_vec())
            }
            Spelling::Spaced(space) => match byte_named(name) {
                Some(byte) => vec![byte],
                None => name.replace(*space, " ").into_bytes(),
            },
        }
    }
}

fn only_char(value: &Value) -> Option<char> {
    let mut chars = value.as_str()?.chars();
    let first = chars.next();
    first.filter(|_| chars.next().is_none())
}

/// The byte of a name such as `<0x0A>`.
fn byte_named(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// GPT-2's table: printable Latin-1 stands for itself, the other bytes for the
/// characters from U+0100 on.
fn byte_of_printable() -> HashMap<char, u8> {
    let mut next = '\u{100}'..;
    let table = (0..=255u8).filter_map(|byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => Some((char::from(byte), byte)),
        _ => Some((next.next()?, byte)),
    });
    table.collect()
}

/// By id; empty where there is no token.
fn spell_all(tokenizer: &Tokenizer, spelling: &Spelling) -> Result<Vec<Vec<u8>>, BoxError> {
    let names = tokenizer.get_vocab(true);
    let count = names.values().max().map_or(0, |last| *last as usize + 1);
    if count > MOST_NODES {
        return Err(format!(
            "token id {} is too great: {MOST_NODES} is the limit",
            count - 1
        )
        .into());
    }
    let added = tokenizer.get_added_tokens_decoder();
    let mut tokens = vec![Vec::new(); count];
    for (name, id) in &names {
        let mut bytes = spelling.bytes(name);
        if added.get(id).is_some_and(|token| token.special) {
            mark_special(&mut bytes);
        }
        if bytes.len() <= LONGEST_TOKEN {
            tokens[*id as usize] = bytes;
        }
    }
    let nodes: usize = tokens.iter().map(Vec::len).sum();
    if nodes > MOST_NODES {
        return Err(
            format!("tokens have {nodes} bytes together: {MOST_NODES} is the limit").into(),
        );
    }
    Ok(tokens)
}

/// A byte that no text has goes first.
fn mark_special(token: &mut Vec<u8>) {
    if token.first() != Some(&TokTrie::SPECIAL_TOKEN_MARKER) {
        token.insert(0, TokTrie::SPECIAL_TOKEN_MARKER);
    }
}

fn without_first_space(tokenizer: &Tokenizer, layout: Layout) -> Result<Tokenizer, BoxError> {
    let normalizer = layout.normalizer.and_then(drop_first_space);
    let pre_tokenizer = layout.pre_tokenizer.and_then(drop_first_space);
    let normalizer: Option<NormalizerWrapper> =
        normalizer.map(serde_json::from_value).transpose()?;
    let pre_tokenizer: Option<PreTokenizerWrapper> =
        pre_tokenizer.map(serde_json::from_value).transpose()?;
    let mut tokenizer = tokenizer.clone();
    tokenizer.with_normalizer(normalizer)?;
    tokenizer.with_pre_tokenizer(pre_tokenizer);
    tokenizer.with_truncation(None)?;
    tokenizer.with_padding(None);
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

/// The same step without the space that it would put in front of a text.
fn drop_first_space(mut step: Value) -> Option<Value> {
    match step["type"].as_str() {
        Some("Prepend") => return None,
        Some("ByteLevel") => step["add_prefix_space"] = false.into(),
        Some("Metaspace") => {
            step["prepend_scheme"] = "never".into();
            step["add_prefix_space"] = false.into();
        }
        Some("Sequence") => {
            for list in ["normalizers", "pretokenizers"] {
                if let Some(steps) = step.get_mut(list).and_then(Value::as_array_mut) {
                    *steps = std::mem::take(steps)
                        .into_iter()
                        .filter_map(drop_first_space)
                        .collect();
                }
            }
        }
        _ => {}
    }
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::super::tokenizers_for_tests::{
        byte_fallback, byte_fallback_json, byte_level, byte_level_json,
    };
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::{Arc, LazyLock};

    fn vocabulary(json: &Value, tokenizer: &Tokenizer) -> Result<Vocabulary, BoxError> {
        let end = tokenizer
            .token_to_id("<|end|>")
            .into_iter()
            .collect::<Vec<u32>>();
        Vocabulary::new(&serde_json::to_vec(json)?, tokenizer, &end)
    }

    fn both() -> &'static [(Vocabulary, Arc<Tokenizer>)] {
        static BOTH: LazyLock<[(Vocabulary, Arc<Tokenizer>); 2]> = LazyLock::new(|| {
            let both = [
                (byte_level_json(), byte_level()),
                (byte_fallback_json(), byte_fallback()),
            ];
            both.map(|(json, tokenizer)| {
                let built = vocabulary(&json, &tokenizer).expect("a vocabulary is built");
                (built, tokenizer)
            })
        });
        &*BOTH
    }

    fn refusal(json: &Value, tokenizer: &Tokenizer) -> String {
        match vocabulary(json, tokenizer) {
            Ok(_) => panic!("must be refused"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn token_bytes_are_what_the_decoder_writes() {
        for (vocabulary, tokenizer) in both() {
            for (name, id) in tokenizer.get_vocab(false) {
                // The decoders treat the first token, and bytes that are no character, in ways of their own.
                let ids = [tokenizer.token_to_id("a").expect("a letter"), id];
                let text = tokenizer.decode(&ids, false).expect("ids are decoded");
                let bytes = vocabulary.trie.token(id);
                if let Ok(expected) = std::str::from_utf8(bytes) {
                    assert_eq!(text.strip_prefix('a'), Some(expected), "{name}");
                }
            }
        }
    }

    #[test]
    fn text_within_an_answer_gets_no_first_space() {
        for (vocabulary, tokenizer) in both() {
            let ids = vocabulary.tokenize_bytes(b"the");
            let the = tokenizer.token_to_id("the").expect("a merged token");
            assert_eq!(ids, [the]);
        }
    }

    #[test]
    fn special_token_written_as_text_stays_text() {
        for (vocabulary, tokenizer) in both() {
            let end = tokenizer.token_to_id("<|end|>").expect("a special token");
            let ids = vocabulary.tokenize_bytes(b"a<|end|>b");
            assert!(!ids.contains(&end));
            assert_eq!(vocabulary.trie.decode(&ids), b"a<|end|>b");
        }
    }

    #[test]
    fn tokenizer_whose_bytes_are_not_known_is_refused() {
        let tokenizer = byte_level();
        let mut json = byte_level_json();
        json["decoder"] = json!({ "type": "WordPiece", "prefix": "##", "cleanup": true });
        assert!(refusal(&json, &tokenizer).contains("`WordPiece`"));
        json["decoder"] = Value::Null;
        assert!(refusal(&json, &tokenizer).contains("`none`"));
    }

    #[test]
    fn vocabulary_without_an_end_is_refused() {
        let json = serde_json::to_vec(&byte_level_json()).expect("JSON is written");
        for end in [&[][..], &[999_999][..]] {
            let built = Vocabulary::new(&json, &byte_level(), end);
            assert!(built.is_err_and(|error| error.to_string().contains("end-of-sequence")));
        }
    }

    proptest! {
        #[test]
        fn tokens_of_a_text_spell_the_text(text in "\\PC{0,30}") {
            for (vocabulary, _) in both() {
                let ids = vocabulary.tokenize_bytes(text.as_bytes());
                prop_assert_eq!(vocabulary.trie.decode(&ids), text.as_bytes());
            }
        }
    }
}
