//! Tokens to text, while they are written.
//!
//! Promise: the pieces joined are the text of all tokens decoded at once, up
//! to the stop string; a character whose bytes are not all there is not shown,
//! and no piece ends where [`SafeText`] says that it must not. What a token
//! costs does not depend on how much was written before.

use super::super::safe_text::SafeText;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokenizers::Tokenizer;

/// Tokens decoded anew with each further one. A decoder looks no further back
/// than the bytes of one character and the first token of its input.
const WINDOW: usize = 8;

/// What a decoder writes for bytes that are no character, or not yet one.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

pub(super) struct TextStream {
    tokens: Window,
    text: SafeText,
}

impl TextStream {
    pub(super) fn new(tokenizer: Arc<Tokenizer>, stop: &[String]) -> Self {
        Self {
            tokens: Window::new(tokenizer),
            text: SafeText::new(stop),
        }
    }

    /// The text that can be shown now that `token` is there; often none.
    pub(super) fn push(&mut self, token: u32) -> String {
        self.text.push(&self.tokens.push(token))
    }

    /// True from the token on that completed a stop string.
    pub(super) fn stopped(&self) -> bool {
        self.text.stopped()
    }

    /// The rest, once no token follows. A character that was cut off is left out.
    pub(super) fn finish(&mut self) -> String {
        let shown = self.text.push(&self.tokens.finish());
        shown + &self.text.finish()
    }

    /// All text so far, shown or held back, without the stop string.
    pub(super) fn text(&self) -> &str {
        self.text.text()
    }
}

/// The last tokens, and how much of their text was given out.
struct Window {
    tokenizer: Arc<Tokenizer>,
    ids: Vec<u32>,
    /// Bytes of the text of `ids` that were given out.
    given: usize,
}

impl Window {
    fn new(tokenizer: Arc<Tokenizer>) -> Self {
        Self {
            tokenizer,
            ids: Vec::new(),
            given: 0,
        }
    }

    /// The text that no later token can change, without what was given before.
    fn push(&mut self, id: u32) -> String {
        let Some(token) = text_token(&self.tokenizer, id) else {
            return String::new();
        };
        self.ids.push(id);
        // Bytes in a row are decoded together: one wrong byte spoils all of them.
        if is_byte(&token) {
            return String::new();
        }
        let text = decode(&self.tokenizer, &self.ids);
        let new = self.give(without_replacement(&text));
        self.slide(&text);
        new
    }

    /// The rest. Up to three tokens may belong to a character that was cut off.
    fn finish(&mut self) -> String {
        let longest = self.ids.len();
        let texts = (longest.saturating_sub(3)..=longest).rev();
        let texts: Vec<String> = texts
            .map(|end| decode(&self.tokenizer, &self.ids[..end]))
            .collect();
        let whole = texts.iter().find(|text| !text.ends_with(REPLACEMENT));
        self.give(without_replacement(whole.unwrap_or(&texts[0])))
    }

    fn give(&mut self, text: &str) -> String {
        let new = text.get(self.given..).unwrap_or_default().to_string();
        self.given += new.len();
        new
    }

    /// Forgets all but the last tokens, if what is still to be given does not
    /// look different without them.
    fn slide(&mut self, text: &str) {
        if self.ids.len() < 2 * WINDOW {
            return;
        }
        let kept = self.ids.split_off(self.ids.len() - WINDOW);
        let shorter = decode(&self.tokenizer, &kept);
        let waiting = text.get(self.given..).unwrap_or_default();
        if let Some(given) = shorter.strip_suffix(waiting) {
            self.given = given.len();
            self.ids = kept;
        } else {
            self.ids.extend(kept);
        }
    }
}

/// The name of a token that has text, and is no special token.
fn text_token(tokenizer: &Tokenizer, id: u32) -> Option<String> {
    let token = tokenizer.id_to_token(id)?;
    let special = tokenizer.get_added_vocabulary().is_special_token(&token);
    (!special).then_some(token)
}

/// `<0x0A>`, as byte fallback names the bytes of what is not in the vocabulary.
fn is_byte(token: &str) -> bool {
    token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
}

/// Bytes that are not yet a character show as one replacement at the end.
fn without_replacement(text: &str) -> &str {
    text.strip_suffix(REPLACEMENT).unwrap_or(text)
}

fn decode(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    // The crate's `Strip` and `BPEDecoder` index without a look at the length,
    // so a strange tokenizer file could end the thread from here.
    let decoded = catch_unwind(AssertUnwindSafe(|| tokenizer.decode(ids, true)));
    decoded.ok().and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tokenizers_for_tests::{byte_fallback, byte_level};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::path::Path;

    fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        let encoding = tokenizer.encode(text, false).expect("text is encoded");
        encoding.get_ids().to_vec()
    }

    /// Pushes tokens until the stop; the pieces, the rest as the last of them.
    fn pieces(tokenizer: &Arc<Tokenizer>, ids: &[u32], stop: &[&str]) -> Vec<String> {
        let stop: Vec<String> = stop.iter().map(|stop| stop.to_string()).collect();
        let mut stream = TextStream::new(tokenizer.clone(), &stop);
        let mut pieces = Vec::new();
        for id in ids {
            pieces.push(stream.push(*id));
            if stream.stopped() {
                break;
            }
        }
        pieces.push(stream.finish());
        assert_eq!(pieces.concat(), stream.text());
        pieces
    }

    fn both() -> [Arc<Tokenizer>; 2] {
        [byte_level(), byte_fallback()]
    }

    #[test]
    fn stop_string_across_two_tokens_is_not_shown() {
        for tokenizer in both() {
            let ids = ids(&tokenizer, "the answer\nEND of it");
            let pieces = pieces(&tokenizer, &ids, &["\nEND"]);
            assert_eq!(pieces.concat(), "the answer");
        }
    }

    #[test]
    fn emoji_of_several_tokens_is_shown_whole() {
        for tokenizer in both() {
            let shown = pieces(&tokenizer, &ids(&tokenizer, "x👩‍👩‍👧‍👦y"), &[]);
            assert!(shown.iter().any(|piece| piece.contains("👩‍👩‍👧‍👦")), "{shown:?}");
            assert_eq!(shown.concat(), "x👩‍👩‍👧‍👦y");
        }
    }

    #[test]
    fn character_that_was_cut_off_at_the_end_is_left_out() {
        for tokenizer in both() {
            let mut ids = ids(&tokenizer, "ok 你");
            ids.pop();
            assert_eq!(pieces(&tokenizer, &ids, &[]).concat(), "ok ");
        }
    }

    #[test]
    fn window_stays_short_however_much_is_written() {
        for tokenizer in both() {
            let mut stream = TextStream::new(tokenizer.clone(), &[]);
            for id in ids(&tokenizer, &"words and 你 and words ".repeat(40)) {
                stream.push(id);
                assert!(stream.tokens.ids.len() <= 3 * WINDOW);
            }
        }
    }

    #[test]
    fn unknown_and_special_tokens_have_no_text() {
        for tokenizer in both() {
            let end = tokenizer.token_to_id("<|end|>").expect("a special token");
            let mut ids = ids(&tokenizer, "a b");
            ids.insert(1, end);
            ids.insert(1, u32::MAX);
            assert_eq!(pieces(&tokenizer, &ids, &[]).concat(), "a b");
        }
    }

    #[test]
    fn what_the_fixtures_wrote_is_shown_as_it_is_decoded() {
        for name in ["llama", "mistral", "phi3", "qwen2", "qwen3"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/fixtures/models")
                .join(name);
            let tokenizer =
                Tokenizer::from_file(folder.join("tokenizer.json")).expect("a tokenizer");
            let tokenizer = Arc::new(tokenizer);
            let golden = std::fs::read_to_string(folder.join("golden.jsonl")).expect("a file");
            for line in golden.lines() {
                let golden: Value = serde_json::from_str(line).expect("JSON");
                let ids: Vec<u32> = serde_json::from_value(golden["tokens"].clone()).expect("ids");
                let shown = pieces(&tokenizer, &ids, &[]).concat();
                assert!(
                    decoded(&tokenizer, &ids).contains(&shown),
                    "{name}: {shown:?}"
                );
            }
        }
    }

    #[test]
    fn decoder_that_panics_gives_no_text() {
        let mut tokenizer = Tokenizer::clone(&byte_level());
        tokenizer.with_decoder(Some(tokenizers::decoders::strip::Strip::new('a', 0, 9)));
        let a = tokenizer.token_to_id("a").expect("a letter");
        assert_eq!(pieces(&Arc::new(tokenizer), &[a], &[]).concat(), "");
    }

    /// The text of all tokens; where it ends within a character, the texts
    /// without the one to three tokens that may belong to it.
    fn decoded(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
        let ids: Vec<u32> = ids
            .iter()
            .copied()
            .filter(|id| text_token(tokenizer, *id).is_some())
            .collect();
        let decode = |ids: &[u32]| tokenizer.decode(ids, true).expect("ids are decoded");
        let whole = decode(&ids);
        if !whole.ends_with(REPLACEMENT) {
            return vec![whole];
        }
        let ends = ids.len().saturating_sub(3)..=ids.len();
        ends.map(|end| without_replacement(&decode(&ids[..end])).to_string())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.saturating_mul(8)))]

        #[test]
        fn pieces_joined_are_the_text_of_all_tokens(
            raw in prop::collection::vec(0u32..380, 0..80),
            fallback in any::<bool>(),
        ) {
            let tokenizer = if fallback { byte_fallback() } else { byte_level() };
            let shown = pieces(&tokenizer, &raw, &[]).concat();
            let expected = decoded(&tokenizer, &raw);
            prop_assert!(expected.contains(&shown), "{shown:?} is none of {expected:?}");
        }

        #[test]
        fn pieces_joined_end_before_the_stop_string(
            words in prop::collection::vec("[ab \n]{1,3}|👍🏽|é|你", 0..30),
            stop in prop::collection::vec("[ab\n]{1,4}", 1..3),
            fallback in any::<bool>(),
        ) {
            let tokenizer = if fallback { byte_fallback() } else { byte_level() };
            let text = format!("x{}", words.concat());
            let stop: Vec<&str> = stop.iter().map(String::as_str).collect();
            let shown = pieces(&tokenizer, &ids(&tokenizer, &text), &stop);
            let ends = stop.iter().filter_map(|stop| {
                let start = text.find(stop)?;
                Some((start + stop.len(), start))
            });
            let end = ends.min().map_or(text.len(), |(_, start)| start);
            prop_assert_eq!(shown.concat(), &text[..end]);
        }
    }
}
