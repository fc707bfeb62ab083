//! A question taken apart, and how near its words stand to one another.

use super::{
    choices, dates,
    numbers::{self, Number},
    spans::{Span, spans},
    words::{Cues, Word, words},
};
use chrono::{DateTime, NaiveDate, Utc};
use std::ops::Range;

/// A question, taken apart once for all parameters.
pub struct Asked<'a> {
    pub text: &'a str,
    pub words: Vec<Word>,
    pub numbers: Vec<Number>,
    pub spans: Vec<Span>,
    pub days: Vec<(Range<usize>, NaiveDate)>,
}

impl<'a> Asked<'a> {
    pub fn new(text: &'a str, now: DateTime<Utc>) -> Self {
        let words = words(text);
        let days = dates::days(text, now);
        let mut numbers = numbers::numbers(text);
        numbers.retain(|number| {
            !days
                .iter()
                .any(|(day, _)| day.start <= number.range.start && number.range.end <= day.end)
        });
        Self {
            spans: spans(text, &words, &numbers),
            words,
            numbers,
            days,
            text,
        }
    }

    /// How much the words around a part of the question speak of a parameter:
    /// those before it as far back as the part before, those behind it up to the next.
    pub fn nearness(&self, cues: &Cues, range: &Range<usize>) -> f32 {
        /// Each word further away counts this much less.
        const FADES: f32 = 0.85;
        const BREAKS: [&str; 10] = [",", "and", ";", ".", "?", "or", "but", "while", "with", ":"];
        const BEHIND_BREAKS: [&str; 12] = [
            "in", "for", "at", "on", "from", "to", "by", "is", "are", "as", "than", "has",
        ];
        let of_number = |word: &Word| {
            let mut numbers = self.numbers.iter();
            numbers.any(|n| n.whole.start <= word.range.start && word.range.start < n.whole.end)
        };
        let weight = |word: &Word| cues.weight(&word.stem);
        // "Base and height of 6 and 10": the words before a run count for all of it, the order tells the rest.
        let first = self.run_of(range);
        let is_run = first.start < range.start || self.goes_on(range.end);
        let mut sum = 0.0;
        let mut fade = if is_run { 0.7 } else { 1.0 };
        let before = self
            .words
            .iter()
            .rev()
            .filter(|word| word.range.end <= first.start);
        for word in before.take(9) {
            let ends = BREAKS.contains(&word.lower.as_str()) && !(is_run && word.lower == "and");
            if of_number(word) || (ends && (sum > 0.0 || word.lower != ":")) {
                break;
            }
            sum += weight(word) * fade;
            if word.is_content() && !is_run {
                fade *= FADES;
            }
        }
        let mut fade = 0.9;
        for word in self
            .words
            .iter()
            .filter(|word| word.range.start >= range.end)
            .take(4)
        {
            let lower = word.lower.as_str();
            if of_number(word) || BREAKS.contains(&lower) || BEHIND_BREAKS.contains(&lower) {
                break;
            }
            sum += weight(word) * fade;
            fade *= FADES;
        }
        // The unit itself: "5 years" for `years`.
        let inside = |word: &&Word| range.start <= word.range.start && word.range.start < range.end;
        let units = self
            .words
            .iter()
            .filter(inside)
            .filter(|word| word.is_word() && of_number(word));
        sum += units.map(|word| 0.8 * weight(word)).sum::<f32>();
        sum.min(1.8)
    }

    /// How much the words right beside a part of the question name a
    /// parameter: `case number XYZ123`, `the title is 'David'`, `Thai food`.
    pub fn adjacency(&self, cues: &Cues, range: &Range<usize>) -> f32 {
        const LINKS: [&str; 24] = [
            "of", "is", "are", "was", "the", "a", "an", "named", "called", "titled", ":", "=",
            "as", "equals", "numbered", "id", "'", "\"", "“", "‘", "`", "like", "being", "(",
        ];
        const FADES: f32 = 0.8;
        let weight = |word: &Word| cues.weight(&word.stem);
        let mut sum = 0.0;
        let mut fade = 1.0;
        let mut before = self
            .words
            .iter()
            .rev()
            .filter(|word| word.range.end <= range.start)
            .peekable();
        let is_name = self.text[range.clone()].starts_with(char::is_uppercase);
        // "The player, Serena Williams".
        if is_name && before.peek().is_some_and(|word| word.lower == ",") {
            before.next();
            if before.peek().is_some_and(|word| word.is_capital(self.text)) {
                fade = 0.0;
            }
        }
        let mut links = 0;
        while links < 3
            && before
                .peek()
                .is_some_and(|word| LINKS.contains(&word.lower.as_str()) && weight(word) == 0.0)
        {
            before.next();
            links += 1;
        }
        for word in before.take(3) {
            if !word.is_content() && weight(word) == 0.0 {
                break;
            }
            sum += weight(word) * fade;
            fade *= FADES;
        }
        let mut fade = 0.9;
        for word in self
            .words
            .iter()
            .filter(|word| word.range.start >= range.end && !"'\"”’`".contains(&word.lower))
            .take(2)
        {
            if !word.is_content() {
                break;
            }
            sum += weight(word) * fade;
            fade *= FADES;
        }
        sum.min(1.6)
    }

    /// The first number of an enumeration of numbers that this one is part of.
    fn run_of(&self, range: &Range<usize>) -> Range<usize> {
        let mut first = range.clone();
        for number in self
            .numbers
            .iter()
            .rev()
            .filter(|number| number.whole.end <= range.start)
        {
            if !is_joint(&self.text[number.whole.end..first.start]) {
                break;
            }
            first = number.whole.clone();
        }
        first
    }

    fn goes_on(&self, end: usize) -> bool {
        let next = self.numbers.iter().find(|number| number.range.start >= end);
        next.is_some_and(|number| is_joint(&self.text[end..number.range.start]))
    }

    /// Whether words that carry meaning stand right before or behind, so that this is a part of a phrase.
    pub fn continues(&self, range: &Range<usize>) -> bool {
        let before = self
            .words
            .iter()
            .rev()
            .find(|word| word.range.end <= range.start);
        before.is_some_and(Word::is_content) || self.content_behind(range.end)
    }

    pub fn word_behind(&self, end: usize) -> &str {
        let mut behind = self.words.iter().filter(|word| word.range.start >= end);
        behind.next().map_or("", |word| &word.lower)
    }

    /// Whether a word that carries meaning stands right behind this place.
    pub fn content_behind(&self, end: usize) -> bool {
        let mut behind = self.words.iter().filter(|word| word.range.start >= end);
        behind.next().is_some_and(Word::is_content)
    }

    /// Up to `count` words before this place, nearest last.
    pub fn words_before(&self, place: usize, count: usize) -> Vec<String> {
        let before: Vec<String> = self
            .words
            .iter()
            .filter(|word| word.range.end <= place)
            .map(|word| word.lower.clone())
            .collect();
        before[before.len().saturating_sub(count)..].to_vec()
    }

    /// The word before this place, articles and quotation marks left out.
    pub fn preposition_before(&self, place: usize) -> String {
        self.words
            .iter()
            .rev()
            .filter(|word| word.range.end <= place)
            .find(|word| {
                !matches!(
                    word.lower.as_str(),
                    "the"
                        | "a"
                        | "an"
                        | "my"
                        | "our"
                        | "'"
                        | "\""
                        | "“"
                        | "‘"
                        | "`"
                        | "city"
                        | "company"
                )
            })
            .map(|word| word.lower.clone())
            .unwrap_or_default()
    }

    pub fn mention(&self, value: &str) -> Option<Range<usize>> {
        choices::mention(self, value)
    }
}

/// Nothing but a comma or an "and" between two values.
fn is_joint(between: &str) -> bool {
    matches!(
        between.trim().trim_start_matches(',').trim(),
        "" | "and" | "or" | "&" | "$" | "and $" | "€"
    ) && !between.trim().is_empty()
}
