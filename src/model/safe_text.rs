//! Text that is shown while it is written: what can be shown already, and
//! where a stop string ends it.
//!
//! Promise: the pieces joined are the whole text up to the stop string,
//! however the text was cut into parts on its way here. No piece ends within
//! a grapheme, or within what may become a stop string. Of several stop
//! strings the one that is complete first counts.

use unicode_segmentation::UnicodeSegmentation;

/// Bytes of a cluster that are waited for. Emoji of several people have 40,
/// and 30 marks on a letter are the most that sensible text has (UAX #15,
/// stream-safe text); a model gone astray may add marks without end.
const LONGEST_GRAPHEME: usize = 256;

pub(super) struct SafeText {
    stop: Vec<String>,
    /// All text so far; ends before the stop string once there is one.
    text: String,
    /// Bytes of `text` that were shown.
    shown: usize,
    stopped: bool,
}

impl SafeText {
    pub(super) fn new(stop: &[String]) -> Self {
        let stop = stop.iter().filter(|stop| !stop.is_empty());
        Self {
            stop: stop.cloned().collect(),
            text: String::new(),
            shown: 0,
            stopped: false,
        }
    }

    /// Adds text; the piece that can be shown now, often none. Behind a stop
    /// string nothing is added any more.
    pub(super) fn push(&mut self, text: &str) -> String {
        if !self.stopped {
            self.text.push_str(text);
            if let Some(start) = self.first_stop() {
                self.text.truncate(start);
                self.stopped = true;
            }
        }
        self.show(self.safe_end())
    }

    /// The rest, once nothing follows.
    pub(super) fn finish(&mut self) -> String {
        self.show(self.text.len())
    }

    /// True once a stop string is complete.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// All text so far, shown or held back, without the stop string.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn show(&mut self, end: usize) -> String {
        let piece = self.text.get(self.shown..end).unwrap_or_default();
        self.shown += piece.len();
        piece.to_string()
    }

    /// Where the stop string begins that is complete first. What was shown is
    /// not the beginning of one, so only the rest is searched.
    fn first_stop(&self) -> Option<usize> {
        let held = &self.text[self.shown..];
        let found = self.stop.iter().filter_map(|stop| {
            let start = held.find(stop.as_str())?;
            Some((start + stop.len(), start))
        });
        found.min().map(|(_, start)| self.shown + start)
    }

    /// The last border between graphemes with nothing before it that must wait.
    fn safe_end(&self) -> usize {
        if self.stopped {
            return self.text.len();
        }
        let held = &self.text[self.shown..];
        let begun = self.stop.iter().filter_map(|stop| begin_of(stop, held));
        let limit = begun.min().unwrap_or(held.len());
        // Borders lie before clusters, so the last one, which may grow, stays.
        let borders = held.grapheme_indices(true).map(|(start, _)| start);
        let end = borders.take_while(|start| *start <= limit).last();
        match end.unwrap_or(0) {
            0 if limit > LONGEST_GRAPHEME => self.shown + limit,
            end => self.shown + end,
        }
    }
}

/// Where in `text` a beginning of `stop` starts that reaches to the text's end.
fn begin_of(stop: &str, text: &str) -> Option<usize> {
    let cuts = stop.char_indices().map(|(cut, _)| cut).rev();
    let mut begun = cuts.filter(|cut| *cut > 0 && text.ends_with(&stop[..*cut]));
    begun.next().map(|cut| text.len() - cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pieces of a text that comes in parts, the rest as the last of them.
    fn pieces(parts: &[&str], stop: &[&str]) -> Vec<String> {
        let stop: Vec<String> = stop.iter().map(|stop| stop.to_string()).collect();
        let mut safe = SafeText::new(&stop);
        let mut pieces: Vec<String> = parts.iter().map(|part| safe.push(part)).collect();
        pieces.push(safe.finish());
        assert_eq!(pieces.concat(), safe.text());
        pieces
    }

    #[test]
    fn text_is_shown_one_grapheme_behind() {
        assert_eq!(pieces(&["a", "bc", "d"], &[]), ["", "ab", "c", "d"]);
        assert_eq!(
            pieces(&["e", "\u{301}", "x"], &[]),
            ["", "", "e\u{301}", "x"]
        );
    }

    #[test]
    fn stop_string_across_two_parts_is_not_shown() {
        let shown = pieces(&["the answer\nE", "ND of", " it"], &["\nEND"]);
        assert_eq!(shown, ["the answer", "", "", ""]);
    }

    #[test]
    fn beginning_of_a_stop_string_is_shown_when_it_turns_out_to_be_none() {
        let shown = pieces(&["a <b", "> c <br"], &["<br>", ""]);
        assert_eq!(shown, ["a ", "<b> c ", "<br"]);
    }

    #[test]
    fn stop_string_that_is_complete_first_counts() {
        assert_eq!(pieces(&["xabcdy"], &["abcd", "bc"]).concat(), "xa");
        assert_eq!(pieces(&["xabcdy"], &["bcd", "abcd"]).concat(), "x");
    }

    #[test]
    fn endless_marks_are_not_held_for_ever() {
        let text = format!("a{}", "\u{301}".repeat(600));
        let parts: Vec<&str> = text.split_inclusive('\u{301}').collect();
        let shown = pieces(&parts, &[]);
        assert_eq!(shown.concat(), text);
        let longest = shown.iter().map(String::len).max();
        assert!(longest < Some(LONGEST_GRAPHEME + 8), "{longest:?}");
    }

    proptest! {
        #[test]
        fn pieces_joined_end_before_the_first_stop_string(
            parts in prop::collection::vec("[ab\n]{0,3}|👍🏽|é", 0..20),
            stop in prop::collection::vec("[ab\n]{1,4}", 0..3),
        ) {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let stop: Vec<&str> = stop.iter().map(String::as_str).collect();
            let text = parts.concat();
            let ends = stop.iter().filter_map(|stop| {
                let start = text.find(stop)?;
                Some((start + stop.len(), start))
            });
            let end = ends.min().map_or(text.len(), |(_, start)| start);
            prop_assert_eq!(pieces(&parts, &stop).concat(), &text[..end]);
        }

        #[test]
        fn no_piece_ends_within_a_grapheme(
            clusters in prop::collection::vec("[a-c]|👩‍👩‍👧|🇩🇪|🇫🇷|e\u{301}\u{302}|👍🏽|नि|각|\r\n", 0..24),
        ) {
            let text = clusters.concat();
            let mut buffer = [0; 4];
            let characters: Vec<String> =
                text.chars().map(|c| c.encode_utf8(&mut buffer).to_string()).collect();
            let parts: Vec<&str> = characters.iter().map(String::as_str).collect();
            let borders: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
            let mut end = 0;
            for piece in pieces(&parts, &[]) {
                end += piece.len();
                prop_assert!(end == text.len() || borders.contains(&end), "{end} in {text:?}");
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
