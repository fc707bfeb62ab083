//! The templates that log messages were written from, with how often each came.
//!
//! Drain (He, Zhu, Zheng and Lyu, 2017: a parse tree of fixed depth): numbers,
//! ids, times, addresses, hex and paths are masked, a message goes by its
//! number of words and its first words to a leaf, and there to the group that
//! shares most words. Words that differ within a group become `<*>`. Other
//! than in the paper, words that are masked anyway don't count as shared, so
//! that a message full of numbers is not like every other one.
//!
//! Promise: memory grows with the number of templates, which is bounded, never
//! with the number of messages.

use regex::Regex;
use std::{collections::HashMap, sync::LazyLock};

/// What stands for a word that changes.
pub const WILDCARD: &str = "<*>";
/// Words of a message that lead through the tree.
const LEADING: usize = 2;
/// Share of equal words from which on a message belongs to a group; above a
/// half, so that two words of four are not enough.
const SIMILARITY: f64 = 0.6;
/// Different words that a node of the tree has; further ones go to the wildcard.
const CHILDREN: usize = 100;
/// Words that are looked at; the rest of a longer message is cut off.
const WORDS: usize = 80;
/// Further templates are counted together.
const TEMPLATES: usize = 5_000;

/// Finds the templates of messages, one after another.
#[derive(Default)]
pub struct TemplateMiner {
    /// By the number of words, then by the leading words.
    leaves: HashMap<(usize, [String; LEADING]), Vec<usize>>,
    /// Leading words that a level already has, by the number of words.
    known: HashMap<(usize, usize), Vec<String>>,
    groups: Vec<Group>,
}

struct Group {
    words: Vec<String>,
    /// Whether a blank stands before each word.
    spaced: Vec<bool>,
    count: u64,
}

/// A group's number: the order in which it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateId(pub usize);

impl TemplateMiner {
    /// Counts a message, and says which template it belongs to; `None` where
    /// there are too many templates for another.
    pub fn add(&mut self, message: &str) -> Option<TemplateId> {
        let (words, spaced) = split(&masked(message));
        let key = self.leaf_of(&words);
        let leaf = self.leaves.entry(key).or_default();
        let best = leaf
            .iter()
            .map(|&group| (group, similarity(&self.groups[group].words, &words)))
            .max_by(|(_, a), (_, b)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        if let Some((number, (share, _))) = best
            && share >= SIMILARITY
        {
            let group = &mut self.groups[number];
            group.count += 1;
            for (known, word) in group.words.iter_mut().zip(&words) {
                if known != word {
                    *known = WILDCARD.into();
                }
            }
            return Some(TemplateId(number));
        }
        if self.groups.len() == TEMPLATES {
            return None;
        }
        leaf.push(self.groups.len());
        self.groups.push(Group {
            words,
            spaced,
            count: 1,
        });
        Some(TemplateId(self.groups.len() - 1))
    }

    /// The template as text, blanks as in its first message.
    pub fn template(&self, id: TemplateId) -> String {
        let Some(group) = self.groups.get(id.0) else {
            return WILDCARD.into();
        };
        let mut text = String::new();
        for (word, spaced) in group.words.iter().zip(&group.spaced) {
            if *spaced && !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    pub fn count(&self, id: TemplateId) -> u64 {
        self.groups.get(id.0).map_or(0, |group| group.count)
    }

    fn leaf_of(&mut self, words: &[String]) -> (usize, [String; LEADING]) {
        let length = words.len();
        let path = std::array::from_fn(|level| {
            let Some(word) = words.get(level) else {
                return String::new();
            };
            // A word with a digit changes for sure.
            if word.contains(WILDCARD) || word.contains(|c: char| c.is_ascii_digit()) {
                return WILDCARD.into();
            }
            let known = self.known.entry((length, level)).or_default();
            if known.contains(word) {
                return word.clone();
            }
            if known.len() == CHILDREN {
                return WILDCARD.into();
            }
            known.push(word.clone());
            word.clone()
        });
        (length, path)
    }
}

/// Share of the words that stay which are the same, and their number. Words
/// with a mask in them say nothing for or against a group.
fn similarity(group: &[String], words: &[String]) -> (f64, usize) {
    let mut equal = 0;
    let mut different = 0;
    for (known, word) in group.iter().zip(words) {
        if known == word {
            equal += usize::from(!word.contains(WILDCARD));
        } else if known != WILDCARD || !word.contains(WILDCARD) {
            different += 1;
        }
    }
    match equal + different {
        0 => (1.0, 0),
        all => (equal as f64 / all as f64, equal),
    }
}

/// The message with what changes from line to line masked.
fn masked(message: &str) -> String {
    static CHANGING: LazyLock<Regex> = LazyLock::new(|| {
        let parts = [
            // UUID
            r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
            // e-mail
            r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
            // address of the web
            r"\b[a-z][a-z0-9+.-]*://[^\s\x22'<>)\]]+",
            // dates and times
            r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?\b",
            r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} +\d\d:\d\d:\d\d(?: +[A-Z]{3,4})?(?: +\d{4})?\b",
            r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b",
            // IPv4 with a port, MAC, IPv6
            r"/?\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/\d{1,2})?\b",
            r"\b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}\b",
            r"\b(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{0,4}\b",
            // hex
            r"\b0x[0-9a-fA-F]+\b",
            // path
            r"(?:/[\w.@+-]+){2,}/?",
            // host name
            r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|io|de|fr|uk|cn|ru|jp|kr|tw|br|it|nl|edu|gov|info|biz|local|internal)\b",
            // a word with digits in it, a number with its unit
            r"\b\w*_-?\d\w*",
            r"(?:\B[+-])?\b\d\w*(?:[.,]\d+)*%?",
            r"\b[A-Za-z_]+\d\w*(?:[.,]\d+)*",
        ];
        Regex::new(&parts.join("|")).expect("the pattern is a constant that the tests compile")
    });
    CHANGING.replace_all(message, WILDCARD).into_owned()
}

/// Words, cut at blanks and behind `=`: `rhost=1.2.3.4` has a name that stays
/// and a value that changes.
fn split(message: &str) -> (Vec<String>, Vec<bool>) {
    let mut words = Vec::new();
    let mut spaced = Vec::new();
    for chunk in message.split_whitespace() {
        let mut first = true;
        let mut rest = chunk;
        while !rest.is_empty() && words.len() < WORDS {
            let end = rest.find('=').map_or(rest.len(), |at| at + 1);
            let word = &rest[..end];
            rest = &rest[end..];
            // A list of ids is as good as one.
            if word == WILDCARD && words.last().is_some_and(|last| last == WILDCARD) {
                continue;
            }
            words.push(word.to_string());
            spaced.push(first);
            first = false;
        }
    }
    (words, spaced)
}
