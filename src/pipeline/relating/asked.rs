//! The relations that a question asks along: `who leads the team that owns
//! Heron` asks for the owner of Heron, and for that one's lead.
//!
//! A question is read only where it has two relations and more; which of its
//! words are the thing to begin with is for the relations that exist to say.

use super::cues::{Cue, Hop, cues};
use crate::domain::{
    RelationKind::{self, LocatedIn},
    Toward::Object,
    entity_key, singular,
};
use std::ops::Range;

/// Words of a name at most.
const LONGEST_NAME: usize = 6;

/// Where a question word stands at the latest: `can you tell me who …`.
const LATEST_WH: usize = 5;

/// A question that may need more than one hop.
#[derive(Debug)]
pub(super) struct Asked {
    words: Vec<String>,
    cues: Vec<Cue>,
    /// `who does … report to`: the verb at the end is what is asked for in the end.
    ends_outside: bool,
}

/// Words that name no thing of their own and ask for nothing.
const STOP: &[&str] = &[
    "a", "an", "the", "is", "are", "was", "were", "be", "do", "does", "did", "of", "for", "in",
    "at", "to", "on", "from", "by", "with", "and", "or", "that", "which", "who", "whom", "whose",
    "what", "where", "when", "how", "many", "much", "it", "its", "this", "there", "has", "have",
    "had", "we", "our", "i", "me", "my", "you", "can", "tell", "please", "team", "teams",
    "service", "services", "system", "systems", "person", "people", "someone", "product",
    "incident", "ticket", "project", "thing", "one", "us", "'s",
];

const WH: &[&str] = &[
    "who", "whom", "whose", "which", "what", "where", "when", "how", "who's", "what's",
];

impl Asked {
    /// `None` where the question asks along less than two relations.
    pub fn read(question: &str) -> Option<Self> {
        let words = words(question);
        let begin = words
            .iter()
            .take(LATEST_WH + 1)
            .position(|word| WH.contains(&word.as_str()))?;
        let mut cues = cues(&words);
        cues.retain(|cue| cue.range.start > begin);
        if let Some(outer) = outermost(&words, begin, &cues) {
            cues.insert(0, outer);
        }
        if cues.len() < 2 {
            return None;
        }
        let mut next = words[begin + 1..].iter().map(String::as_str);
        let asks_to_do = next.any(|word| ["does", "do", "did"].contains(&word))
            && words[begin..]
                .iter()
                .position(|word| ["does", "do", "did"].contains(&word.as_str()))
                .is_some_and(|at| at <= 3);
        let asks_where = words[begin] == "where";
        let ends = cues.last().is_some_and(|cue| cue.range.end == words.len());
        Some(Self {
            ends_outside: ends && (asks_to_do || asks_where),
            words,
            cues,
        })
    }

    /// Every run of words that may name a thing, by its key; the longest first.
    pub fn names(&self) -> Vec<(Range<usize>, String)> {
        let mut names = Vec::new();
        for length in (1..=LONGEST_NAME).rev() {
            for start in 0..(self.words.len() + 1).saturating_sub(length) {
                let range = start..start + length;
                let words = &self.words[range.clone()];
                let is_stop = |word: &String| STOP.contains(&word.as_str());
                let ends_bare = [words.first(), words.last()]
                    .into_iter()
                    .flatten()
                    .any(is_stop);
                let is_cue = self
                    .cues
                    .iter()
                    .any(|cue| cue.range.start < range.end && range.start < cue.range.end);
                if ends_bare || is_cue && length == 1 {
                    continue;
                }
                let key = entity_key(&words.join(" ").replace(" 's", "'s"));
                if !key.is_empty() {
                    names.push((range, key));
                }
            }
        }
        names
    }

    /// The hops from a thing that these words name, first to last.
    pub fn hops(&self, name: &Range<usize>) -> Vec<Hop> {
        let before = |cue: &&Cue| cue.range.end <= name.start;
        let behind = |cue: &&Cue| cue.range.start >= name.end;
        let mut behind: Vec<&Cue> = self.cues.iter().filter(behind).collect();
        let last = match self.ends_outside {
            true => behind.pop(),
            false => None,
        };
        let mut hops: Vec<Hop> = behind.iter().map(|cue| cue.hop[1].clone()).collect();
        let before = self.cues.iter().filter(before).rev();
        hops.extend(before.map(|cue| cue.hop[0].clone()));
        hops.extend(last.map(|cue| cue.hop[1].clone()));
        hops
    }
}

/// In small letters; a possessive ending is a word of its own.
fn words(question: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in question.split_whitespace() {
        let marks = |c: char| !c.is_alphanumeric() && c != '#';
        let word = word.trim_matches(marks).to_lowercase().replace('’', "'");
        match word.strip_suffix("'s") {
            Some(owner) if !WH.contains(&word.as_str()) => {
                words.extend([owner.to_string(), "'s".to_string()]);
            }
            _ => words.push(word),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What stands between a label and the thing whose value is asked for.
const JOINTS: &[&str] = &[
    "of", "for", "does", "do", "did", "has", "have", "had", "in", "are", "work", "works",
];

/// What is asked for in the end, where it is no relation that has words of its
/// own: `what is the channel of …`, `which severity had …`, `where is …`.
fn outermost(words: &[String], begin: usize, cues: &[Cue]) -> Option<Cue> {
    let field = |kind: RelationKind, range: Range<usize>| {
        let hop = Hop {
            ways: vec![(kind, Object)],
        };
        Some(Cue {
            range,
            hop: [hop.clone(), hop],
        })
    };
    let places = ["located", "based", "sit", "sits"];
    let is_place = |cue: &Cue| places.contains(&words[cue.range.start].as_str());
    if words[begin] == "where" && !cues.iter().any(is_place) {
        return field(LocatedIn, begin..begin + 1);
    }
    let is = |at: usize, some: &[&str]| {
        words
            .get(at)
            .is_some_and(|word| some.contains(&word.as_str()))
    };
    let mut from = begin + 1;
    let counts = words[begin] == "how";
    if counts && !is(from, &["many", "much"]) {
        return None;
    }
    if counts || is(from, &["is", "are", "was", "were"]) {
        from += 1;
    }
    if is(from, &["the", "a"]) {
        from += 1;
    }
    let mut to = from;
    let names =
        |word: &str| !STOP.contains(&word) && !JOINTS.contains(&word) || counts && word == "people";
    while to < words.len() && to - from < 4 && names(&words[to]) {
        to += 1;
    }
    let first_cue = cues.first().map_or(words.len(), |cue| cue.range.start);
    let is_joined = is(to, JOINTS);
    if from == to || to > first_cue || !is_joined {
        return None;
    }
    let label: Vec<String> = words[from..to]
        .iter()
        .map(|word| singular(word).to_string())
        .collect();
    field(RelationKind::of_label(&label.join(" ")), from..to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Toward::Subject;

    /// The hops from the thing, as `kind` or, towards the subject, `^kind`.
    fn hops(question: &str, thing: &str) -> Vec<String> {
        let Some(asked) = Asked::read(question) else {
            return Vec::new();
        };
        let names = asked.names();
        let (range, _) = names
            .iter()
            .find(|(_, key)| key == thing)
            .unwrap_or_else(|| panic!("{thing} is no name in {question}: {names:?}"));
        let written = asked.hops(range).into_iter().map(|hop| {
            let (kind, toward) = &hop.ways[0];
            let up = match toward {
                Object => "",
                Subject => "^",
            };
            format!("{up}{}", kind.label())
        });
        written.collect()
    }

    #[test]
    fn hops_are_read_from_the_thing_outwards() {
        let check = |question: &str, thing: &str, expected: &[&str]| {
            assert_eq!(hops(question, thing), expected, "{question}");
        };
        check(
            "Who leads the team that owns Wren?",
            "wren",
            &["owner", "lead"],
        );
        check(
            "Who is the manager of the owner of Wren?",
            "wren",
            &["owner", "reports to"],
        );
        check(
            "who owns the service that caused INC-12",
            "inc-12",
            &["caused by", "owner"],
        );
        check(
            "Which team maintains the service that REQ-7 is about?",
            "req-7",
            &["about", "owner"],
        );
        check(
            "Who does the lead of Nest report to?",
            "nest",
            &["lead", "reports to"],
        );
        check(
            "What is the channel of the team behind Wren?",
            "wren",
            &["owner", "channel"],
        );
        check(
            "Who is Wren's owner's manager?",
            "wren",
            &["owner", "reports to"],
        );
        check(
            "Which services depend on what Nest owns?",
            "nest",
            &["^owner", "^depends on"],
        );
        check(
            "Who leads the team that owns the service that caused INC-12?",
            "inc-12",
            &["caused by", "owner", "lead"],
        );
        check(
            "How many people work in the team behind Wren?",
            "wren",
            &["owner", "people"],
        );
        check(
            "Which services does Ada Obi's team own?",
            "ada obi",
            &["owner", "^owner"],
        );
        check(
            "What does the service that caused INC-7 depend on?",
            "inc-7",
            &["caused by", "depends on"],
        );
        check(
            "Where is the team that owns Wren?",
            "wren",
            &["owner", "located in"],
        );
    }

    #[test]
    fn question_along_less_than_two_relations_is_left_alone() {
        for question in [
            "Who owns Wren?",
            "how do I restart Wren",
            "Tell the owner of Wren to call the lead of Nest",
            "what are the opening hours",
            "",
        ] {
            assert!(Asked::read(question).is_none(), "{question}");
        }
    }
}
