//! Names of people: those that the configuration lists, those that begin with
//! a common given name, and those that the words around them tell.

use super::{
    Found,
    cues::{self, WORD},
    ordinary::{BEGINNINGS, ORDINARY, THINGS},
    stands_alone,
};
use crate::domain::Sensitive;
use regex::{Regex, RegexBuilder};
use std::{cell::OnceCell, collections::HashSet, ops::Range, sync::LazyLock};

/// What the company knows of names.
#[derive(Debug, Default)]
pub struct Names {
    listed: Option<Regex>,
}

impl Names {
    /// `listed`: names that are found in any case, wherever they stand alone.
    pub fn new(listed: &[String]) -> Self {
        let words = listed.iter().map(|name| name.trim());
        let words: Vec<String> = words
            .filter(|name| !name.is_empty())
            .map(|name| regex::escape(name).replace(' ', r"\s+"))
            .collect();
        let pattern = RegexBuilder::new(&words.join("|"))
            .case_insensitive(true)
            .build();
        Self {
            // Too many names for one pattern are as good as none; the limit is megabytes.
            listed: pattern.ok().filter(|_| !words.is_empty()),
        }
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        let mut spans: Vec<Range<usize>> = Vec::new();
        if let Some(listed) = &self.listed {
            let listed = listed.find_iter(text).map(|name| name.range());
            spans.extend(listed.filter(|span| stands_alone(text, span)));
        }
        let look = Look::new(text);
        let runs: Vec<Run> = CAPITALISED
            .find_iter(text)
            .map(|run| Run::new(text, run.range()))
            .collect();
        for run in &runs {
            spans.extend(look.told(run));
            spans.extend(look.known(run));
        }
        spans.extend(look.enumerated(&runs));
        spans.extend(look.again(&spans));
        spans.extend(cues::introduced_small(text).filter(|span| look.can_be_person(span)));
        if !text.contains(char::is_uppercase) {
            spans.extend(in_small_letters(text));
        }
        let kind = Sensitive::Person;
        found.extend(spans.into_iter().map(|span| Found { kind, span }));
    }
}

/// Given names, in small letters; words that are more often something else are left out.
static GIVEN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("given_names.txt").lines();
    let names = lines.filter(|line| !line.starts_with('#'));
    let names = names.flat_map(str::split_whitespace);
    names.filter(|name| !ORDINARY.contains(name)).collect()
});

fn is_given(word: &str) -> bool {
    let word = word.to_lowercase();
    GIVEN.contains(word.as_str())
        || word
            .split_once('-')
            .is_some_and(|(first, _)| GIVEN.contains(first))
}

/// One to five words that begin with a capital, with initials and particles between.
static CAPITALISED: LazyLock<Regex> = LazyLock::new(|| {
    let between = cues::BETWEEN;
    let pattern = format!("{WORD}(?:[ ](?:{between}[ ]){{0,2}}{WORD}){{0,4}}");
    Regex::new(&pattern).expect("is a pattern")
});

static ONE_WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(WORD).expect("is a pattern"));

/// Names have at most so many words.
const LONGEST: usize = 4;

/// Words in a row that begin with a capital; at least one.
struct Run {
    words: Vec<Range<usize>>,
}

impl Run {
    fn new(text: &str, span: Range<usize>) -> Self {
        let mut at = span.start;
        let words = text[span].split(' ').map(|word| {
            let span = at..at + word.len();
            at += word.len() + 1;
            span
        });
        let words = words.collect();
        Self { words }
    }

    fn end(&self) -> usize {
        self.words[self.words.len() - 1].end
    }
}

/// One text, and what it says about its own words.
struct Look<'t> {
    text: &'t str,
    /// Words that the text also writes small: `Terminal` is nobody's name where a
    /// `terminal` is spoken of.
    small: OnceCell<HashSet<&'t str>>,
}

impl<'t> Look<'t> {
    fn new(text: &'t str) -> Self {
        let small = OnceCell::new();
        Self { text, small }
    }

    fn word(&self, span: &Range<usize>) -> &'t str {
        &self.text[span.clone()]
    }

    fn is_written_small(&self, word: &str) -> bool {
        let small = self.small.get_or_init(|| {
            let marks: &[char] = &['.', ',', ';', ':', '!', '?', '(', ')', '"', '*'];
            let words = self.text.split_whitespace();
            let words = words.map(|word| word.trim_matches(marks));
            let small = words.filter(|word| word.chars().all(char::is_lowercase));
            small.collect()
        });
        small.contains(word.to_lowercase().as_str())
    }

    /// What the words around call a person may still be a team, a firm or a product.
    fn can_be_person(&self, span: &Range<usize>) -> bool {
        let words: Vec<&str> = self.word(span).split_whitespace().collect();
        let (Some(first), Some(last)) = (words.first(), words.last()) else {
            return false;
        };
        if begins_otherwise(first) || is_thing(first) || is_thing(last) {
            return false;
        }
        let is_small = first.starts_with(char::is_lowercase);
        is_small || is_given(first) || !words.iter().any(|word| self.is_written_small(word))
    }

    /// What the words before or behind tell to be a name.
    fn told(&self, run: &Run) -> Option<Range<usize>> {
        let begin = run
            .words
            .iter()
            .position(|word| !begins_otherwise(self.word(word)))?;
        let words = &run.words[begin..];
        let behind = cues::Behind::of(self.text, run.end());
        let named = (0..words.len()).find(|&at| {
            let rest = words.len() - at;
            cues::Before::of(self.text, words[at].start).tells(rest)
                || cues::around(self.text, words[at].start..run.end(), rest)
        });
        let is_told_behind = || behind.tells(words.len().min(LONGEST));
        let from =
            named.or_else(|| is_told_behind().then(|| words.len().saturating_sub(LONGEST)))?;
        let rest = &words[from..];
        let rest = &rest[..rest.len().min(LONGEST)];
        // `Mrs. Ada Obi Suite 5`: of two words and more what follows is cut off.
        let things = rest.iter().position(|word| is_thing(self.word(word)));
        let rest = &rest[..things.filter(|at| *at > 1).unwrap_or(rest.len())];
        let name = rest[0].start..rest[rest.len() - 1].end;
        self.can_be_person(&name).then_some(name)
    }

    /// A common given name with what follows it.
    fn known(&self, run: &Run) -> Option<Range<usize>> {
        let words = &run.words;
        if words.iter().any(|span| is_thing(self.word(span))) {
            return None;
        }
        let first = words.iter().position(|span| is_given(self.word(span)))?;
        let rest = &words[first..];
        // `Building Ada` is no person, nor is what the text writes small as well.
        if rest.len() == 1 && (first > 0 || self.is_written_small(self.word(&rest[0]))) {
            return None;
        }
        Some(rest[0].start..rest[rest.len().min(LONGEST) - 1].end)
    }

    /// `Ada, Ines, Vilmer and Obi`: where half of three words and more are given
    /// names, all are names.
    fn enumerated(&self, runs: &[Run]) -> Vec<Range<usize>> {
        let joined = |a: &Run, b: &Run| {
            let between = self.text[a.end()..b.words[0].start].trim_matches(' ');
            a.words.len() == 1
                && b.words.len() == 1
                && matches!(
                    between,
                    "," | ", and" | ", or" | "and" | "or" | "&" | "und" | "et" | "y"
                )
        };
        let mut names = Vec::new();
        for list in runs.chunk_by(joined).filter(|list| list.len() >= 3) {
            let words = list.iter().map(|run| run.words[0].clone());
            let known = words.clone().filter(|span| is_given(self.word(span)));
            if known.count() * 2 >= list.len() {
                names.extend(words.filter(|span| self.can_be_person(span)));
            }
        }
        names
    }

    /// Where a part of a full name stands by itself: whoever was `Ada Obi` above
    /// is `Obi` below.
    fn again(&self, names: &[Range<usize>]) -> Vec<Range<usize>> {
        let full = names.iter().map(|span| self.word(span));
        let full = full.filter(|name| name.contains(' '));
        let parts: HashSet<&str> = full
            .flat_map(|name| name.split(' '))
            .filter(|part| part.chars().count() > 2 && part.starts_with(char::is_uppercase))
            .filter(|part| !ORDINARY.contains(&part.to_lowercase().as_str()))
            .filter(|part| !begins_otherwise(part) && !is_thing(part))
            .filter(|part| is_given(part) || !self.is_written_small(part))
            .collect();
        if parts.is_empty() {
            return Vec::new();
        }
        let words = ONE_WORD.find_iter(self.text);
        let again = words.filter(|word| parts.contains(word.as_str()));
        again.map(|word| word.range()).collect()
    }
}

fn begins_otherwise(word: &str) -> bool {
    BEGINNINGS
        .binary_search(&word.to_lowercase().as_str())
        .is_ok()
}

fn is_thing(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_lowercase();
    THINGS.binary_search(&word.as_str()).is_ok()
}

/// In a chat that has no capitals given names count as they stand.
fn in_small_letters(text: &str) -> impl Iterator<Item = Range<usize>> {
    static WORDS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\p{L}[\p{L}\p{M}]+").expect("is a pattern"));
    let words = WORDS.find_iter(text).map(|word| word.range());
    words.filter(|span| {
        let word = &text[span.clone()];
        word.chars().count() > 2 && stands_alone(text, span) && GIVEN.contains(word)
    })
}
