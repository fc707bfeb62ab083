//! Cuts long text where a reader would: at a line, a sentence, a word, and
//! only then between two graphemes.
//!
//! Promise: the ranges follow each other without a gap, and no grapheme is cut
//! unless it alone is over the budget.

use super::mrkdwn::cost;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Ranges of `text` that cost at most `budget` each, by [`cost`].
pub fn ranges(text: &str, budget: usize) -> Vec<Range<usize>> {
    let splitter = Splitter {
        text,
        budget,
        graphemes: text.grapheme_indices(true).map(|(at, _)| at).collect(),
    };
    let mut found = Vec::new();
    splitter.split(0..text.len(), Level::Lines, &mut found);
    found
}

/// Where to cut, best first.
#[derive(Clone, Copy)]
enum Level {
    Lines,
    Sentences,
    Words,
    Graphemes,
    Characters,
}

impl Level {
    fn finer(self) -> Self {
        match self {
            Level::Lines => Level::Sentences,
            Level::Sentences => Level::Words,
            Level::Words => Level::Graphemes,
            Level::Graphemes | Level::Characters => Level::Characters,
        }
    }
}

struct Splitter<'a> {
    text: &'a str,
    budget: usize,
    /// Where graphemes begin. Lines, sentences and words may begin elsewhere
    /// in rare scripts; no cut is made there.
    graphemes: Vec<usize>,
}

impl Splitter<'_> {
    fn split(&self, range: Range<usize>, level: Level, found: &mut Vec<Range<usize>>) {
        if cost(&self.text[range.clone()]) <= self.budget {
            if !range.is_empty() {
                found.push(range);
            }
            return;
        }
        let mut open = range.start..range.start;
        let mut open_cost = 0;
        for unit in self.units(range, level) {
            let unit_cost = cost(&self.text[unit.clone()]);
            if open_cost + unit_cost > self.budget && !open.is_empty() {
                found.push(open);
                open = unit.start..unit.start;
                open_cost = 0;
            }
            if unit_cost > self.budget && !matches!(level, Level::Characters) {
                self.split(unit.clone(), level.finer(), found);
                open = unit.end..unit.end;
            } else {
                open.end = unit.end;
                open_cost += unit_cost;
            }
        }
        if !open.is_empty() {
            found.push(open);
        }
    }

    fn units(&self, range: Range<usize>, level: Level) -> Vec<Range<usize>> {
        let text = &self.text[range.clone()];
        let lengths: Vec<usize> = match level {
            Level::Lines => text.split_inclusive('\n').map(str::len).collect(),
            Level::Sentences => text.split_sentence_bounds().map(str::len).collect(),
            Level::Words => text.split_word_bounds().map(str::len).collect(),
            Level::Graphemes => text.graphemes(true).map(str::len).collect(),
            Level::Characters => text.chars().map(char::len_utf8).collect(),
        };
        let mut units: Vec<Range<usize>> = Vec::with_capacity(lengths.len());
        let mut start = range.start;
        let mut end = range.start;
        for length in lengths {
            end += length;
            let whole = matches!(level, Level::Characters)
                || end == range.end
                || self.graphemes.binary_search(&end).is_ok();
            if whole {
                units.push(start..end);
                start = end;
            }
        }
        units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_the_best_place_within_the_budget() {
        let check = |text: &str, budget: usize, expected: &[&str]| {
            let parts: Vec<&str> = ranges(text, budget)
                .into_iter()
                .map(|range| &text[range])
                .collect();
            assert_eq!(parts, expected, "{text}");
        };
        check("", 10, &[]);
        check("short", 10, &["short"]);
        check("one line\ntwo line\n", 10, &["one line\n", "two line\n"]);
        check(
            "One is. Two is. Three.",
            16,
            &["One is. Two is. ", "Three."],
        );
        check("many words here", 8, &["many ", "words ", "here"]);
        check("abcdefgh", 3, &["abc", "def", "gh"]);
        check("a&b", 6, &["a&", "b"]);
        check("👩‍👩‍👧👩‍👩‍👧", 10, &["👩‍👩‍👧", "👩‍👩‍👧"]);
        check("🇩🇪🇫🇷🇮🇹", 9, &["🇩🇪🇫🇷", "🇮🇹"]);
    }
}
