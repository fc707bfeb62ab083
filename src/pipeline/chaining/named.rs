//! What a question says of records: the names in it, what kind of record each
//! is, and which of several is meant.

use crate::{
    domain::{Which, kind_of_record, singular},
    pipeline::arguments::{Asked, Form, Word, is_stop},
};
use std::{collections::HashSet, ops::Range};

/// Words of a name in small letters.
const MOST_WORDS: usize = 6;
/// Words before a kind of record that say which one is meant.
const BEFORE: usize = 4;

/// A part of the question that names a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub range: Range<usize>,
    pub text: String,
    /// What the question says that it is: `artist` in "the artist Lana Del Rey".
    pub kind: Option<String>,
}

/// A question, read for its records.
pub(super) struct Records<'a> {
    pub asked: Asked<'a>,
    pub names: Vec<Name>,
    /// It is about what is the asker's own.
    pub personal: bool,
}

impl<'a> Records<'a> {
    /// `kinds` are those that the catalogue has, as [`kind_of_record`] makes them.
    pub(super) fn new(asked: Asked<'a>, kinds: &HashSet<String>) -> Self {
        let personal = asked.words.iter().any(|word| {
            matches!(
                word.lower.as_str(),
                "my" | "mine" | "i" | "our" | "we" | "i've" | "i'm"
            )
        });
        let names = names(&asked, kinds);
        Self {
            asked,
            names,
            personal,
        }
    }

    /// Whether the question speaks of such records by more than a name.
    pub(super) fn mentions(&self, kind: &str) -> bool {
        self.places(kind).next().is_some()
    }

    /// Whether the question speaks of several such records.
    pub(super) fn mentions_many(&self, kind: &str) -> bool {
        self.places(kind).any(|at| {
            let word = &self.asked.words[at].lower;
            singular(word) != *word
        })
    }

    /// Where the word for such a record stands, outside names.
    fn places<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = usize> + 'b {
        let wanted = kind_of_record(kind);
        let named = |word: &Word| self.names.iter().any(|name| covers(&name.range, word));
        let words = self.asked.words.iter().enumerate();
        words
            .filter(move |(_, word)| !named(word) && kind_of_record(&word.lower) == wanted)
            .map(|(at, _)| at)
    }

    /// Which of several is meant: "my first album", "the newest album".
    pub(super) fn which(&self, kind: &str) -> Option<Which> {
        self.told(kind).map(|(_, which)| which)
    }

    /// Whether the one that is meant is the best by some measure.
    pub(super) fn by_rank(&self, kind: &str) -> bool {
        self.told(kind)
            .is_some_and(|(word, which)| which == Which::At(0) && !matches!(word, "first" | "1st"))
    }

    fn told(&self, kind: &str) -> Option<(&str, Which)> {
        self.places(kind).find_map(|at| {
            let before = &self.asked.words[at.saturating_sub(BEFORE)..at];
            before
                .iter()
                .rev()
                .map(|word| word.lower.as_str())
                .take_while(|word| {
                    !matches!(*word, "of" | "by" | "in" | "from" | "," | "and" | "or")
                })
                .find_map(|word| Some((word, which(word)?)))
        })
    }

    /// Whether a name may be that of such a record. "Ann's albums" and "albums
    /// by Ann" do not call an album Ann; "albums like Blue" call one Blue.
    pub(super) fn may_be(&self, name: &Name, kind: &str) -> bool {
        const ALIKE: [&str; 8] = [
            "like",
            "similar",
            "related",
            "recommend",
            "recommendations",
            "resembling",
            "same",
            "than",
        ];
        if let Some(own) = &name.kind {
            return kind_of_record(own) == kind_of_record(kind);
        }
        let words = &self.asked.words;
        if words
            .iter()
            .any(|word| ALIKE.contains(&word.lower.as_str()))
        {
            return true;
        }
        let owns = self.asked.text[name.range.end..].starts_with(['\'', '’']);
        let follows = matches!(
            self.asked.preposition_before(name.range.start).as_str(),
            "of" | "by" | "from" | "in" | "on" | "for" | "with"
        );
        !self.places(kind).any(|at| {
            let place = words[at].range.start;
            owns && place > name.range.start || follows && place < name.range.start
        })
    }

    /// The question with what a name stands for in its place.
    pub(super) fn reading(&self, name: &Name, kind: &str) -> String {
        let text = self.asked.text;
        let instead = match name.kind {
            Some(_) => String::new(),
            None => format!("the {kind}"),
        };
        let (before, after) = (&text[..name.range.start], &text[name.range.end..]);
        let mark = |c: char| matches!(c, '"' | '“' | '”' | '‘' | '`' | '\'');
        let before = before.trim_end_matches(mark);
        let after = match name.kind {
            Some(_) => after.trim_start_matches(mark),
            None => after.trim_start_matches(|c| mark(c) && c != '\''),
        };
        let whole = format!("{before}{instead}{after}");
        whole.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What is asked of a record, and no part of its name.
const VAGUE: &str = "information info details detail data name names id ids list number count \
    total overview summary stats statistics status history profile page description";

fn covers(range: &Range<usize>, word: &Word) -> bool {
    range.start <= word.range.start && word.range.start < range.end
}

fn which(word: &str) -> Option<Which> {
    Some(match word {
        "first" | "1st" | "top" | "best" | "favorite" | "favourite" | "popular" | "top-1" => {
            Which::At(0)
        }
        "second" | "2nd" => Which::At(1),
        "third" | "3rd" => Which::At(2),
        "fourth" | "4th" => Which::At(3),
        "fifth" | "5th" => Which::At(4),
        "newest" | "latest" | "recent" | "last" => Which::Newest,
        "oldest" | "earliest" => Which::Oldest,
        _ => return None,
    })
}

fn names(asked: &Asked, kinds: &HashSet<String>) -> Vec<Name> {
    let text = asked.text;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for form in [Form::Quoted, Form::Name] {
        for span in asked.spans.iter().filter(|span| span.form == form) {
            let range = match form {
                Form::Name => with_number(asked, &span.range),
                _ => span.range.clone(),
            };
            let overlaps =
                |other: &Range<usize>| other.start < range.end && range.start < other.end;
            if ranges.iter().any(overlaps) || form == Form::Name && is_no_name(asked, &range, kinds)
            {
                continue;
            }
            ranges.push(range);
        }
    }
    if ranges.is_empty() {
        ranges.extend(in_small_letters(asked, kinds));
    }
    ranges.sort_by_key(|range| range.start);
    ranges
        .into_iter()
        .map(|range| Name {
            text: text[range.clone()].trim().to_string(),
            kind: kind_beside(asked, &range, kinds),
            range,
        })
        .filter(|name| !name.text.is_empty())
        .collect()
}

/// `Maroon 5`: a number right behind belongs to the name.
fn with_number(asked: &Asked, range: &Range<usize>) -> Range<usize> {
    let behind = asked
        .words
        .iter()
        .find(|word| word.range.start >= range.end);
    match behind {
        Some(word)
            if word.is_number()
                && asked.text[range.end..word.range.start] == *" "
                && word.range.len() <= 4 =>
        {
            range.start..word.range.end
        }
        _ => range.clone(),
    }
}

/// A word for a kind of record, or the capital that begins the question.
fn is_no_name(asked: &Asked, range: &Range<usize>, kinds: &HashSet<String>) -> bool {
    let inside: Vec<&Word> = asked
        .words
        .iter()
        .filter(|word| covers(range, word))
        .collect();
    let is_kind = |word: &&Word| kinds.contains(&kind_of_record(&word.lower));
    let owns = asked.text[range.end..].starts_with(['\'', '’']);
    let begins = range.start == 0 && inside.len() == 1 && !owns;
    begins || inside.iter().all(is_kind)
}

/// The kind of record that stands beside a name: "the artist Ann", "'Blue' album".
fn kind_beside(asked: &Asked, range: &Range<usize>, kinds: &HashSet<String>) -> Option<String> {
    const BETWEEN: [&str; 11] = [
        "named", "called", "titled", "\"", "'", "“", "‘", "`", ":", "the", "is",
    ];
    let one = |word: &Word| {
        let is_kind = kinds.contains(&kind_of_record(&word.lower));
        (is_kind && singular(&word.lower) == word.lower).then(|| word.lower.clone())
    };
    let before = asked
        .words
        .iter()
        .rev()
        .filter(|word| word.range.end <= range.start)
        .find(|word| !BETWEEN.contains(&word.lower.as_str()));
    let marks = ['"', '”', '’', '\'', '`'];
    let owns =
        asked.text[range.end..].starts_with("'s") || asked.text[range.end..].starts_with("’s");
    let behind = asked
        .words
        .iter()
        .filter(|word| word.range.start >= range.end)
        .find(|word| !word.lower.chars().all(|c| marks.contains(&c)));
    before
        .and_then(one)
        .or_else(|| behind.filter(|_| !owns).and_then(one))
}

/// A name that nobody troubled to begin with a capital: "lana del rey's
/// albums", "the artist lana del rey", "followers of lana del rey".
fn in_small_letters(asked: &Asked, kinds: &HashSet<String>) -> Option<Range<usize>> {
    let words = &asked.words;
    let is_kind = |word: &Word| kinds.contains(&kind_of_record(&word.lower));
    let vague = |word: &Word| VAGUE.split_whitespace().any(|known| known == word.lower);
    let fits = |word: &Word| {
        !vague(word)
            && (word.is_word() && !is_stop(&word.lower) || word.is_number())
            && !is_kind(word)
            && which(&word.lower).is_none()
    };
    let owner = words
        .iter()
        .position(|word| (word.lower.ends_with("'s") || word.lower.ends_with("’s")) && fits(word));
    if let Some(last) = owner {
        let first = (0..=last).rev().take_while(|&at| fits(&words[at])).last()?;
        let end = words[last].range.end;
        let own = asked.text[..end]
            .trim_end_matches("'s")
            .trim_end_matches("’s")
            .len();
        return Some(words[first].range.start..own);
    }
    let run = |first: usize| {
        let count = words[first.min(words.len())..]
            .iter()
            .take_while(|word| fits(word))
            .count();
        (1..=MOST_WORDS)
            .contains(&count)
            .then(|| words[first].range.start..words[first + count - 1].range.end)
    };
    let called = |word: &Word| {
        matches!(word.lower.as_str(), "called" | "named" | "titled")
            || is_kind(word) && singular(&word.lower) == word.lower
    };
    if let Some(found) =
        (0..words.len()).find_map(|at| called(&words[at]).then(|| run(at + 1)).flatten())
    {
        return Some(found);
    }
    let joint = |word: &Word| {
        matches!(
            word.lower.as_str(),
            "of" | "by" | "from" | "for" | "in" | "like" | "to"
        )
    };
    let last = words.iter().rposition(joint)?;
    let found = run(last + 1)?;
    let rest = asked.text[found.end..].trim_matches(|c: char| !c.is_alphanumeric());
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;

    fn kinds() -> HashSet<String> {
        ["artist", "album", "playlist", "movie"]
            .map(kind_of_record)
            .into()
    }

    fn read(text: &str) -> Records<'_> {
        Records::new(Asked::new(text, Utc::now()), &kinds())
    }

    #[test]
    fn names_are_found_with_what_they_are() {
        let check = |text: &str, expected: &[(&str, Option<&str>)]| {
            let records = read(text);
            let names: Vec<(&str, Option<&str>)> = records
                .names
                .iter()
                .map(|name| (name.text.as_str(), name.kind.as_deref()))
                .collect();
            assert_eq!(names, expected, "{text}");
        };
        check(
            "how many followers has the artist Ann Droid?",
            &[("Ann Droid", Some("artist"))],
        );
        check(
            "show me the name of Maroon 5's newest album",
            &[("Maroon 5", None)],
        );
        check(
            "what is on my 'Late Rock' playlist?",
            &[("Late Rock", Some("playlist"))],
        );
        check("Albums by Ann Droid", &[("Ann Droid", None)]);
        check(
            "who plays in the movie Blue Lake",
            &[("Blue Lake", Some("movie"))],
        );
        check("the movies Ann Droid directed", &[("Ann Droid", None)]);
        check("followers of ann droid", &[("ann droid", None)]);
        check("show me ann droid's newest album", &[("ann droid", None)]);
        check(
            "popularity of the artist ann droid",
            &[("ann droid", Some("artist"))],
        );
        check("show my playlists", &[]);
        check("my first album", &[]);
        check("the album information of what plays", &[]);
    }

    #[test]
    fn one_of_several_is_told_by_its_place_or_time() {
        let check = |text: &str, kind: &str, expected: Option<Which>| {
            assert_eq!(read(text).which(kind), expected, "{text}");
        };
        check("show me Ann's newest album", "album", Some(Which::Newest));
        check("my first following artist", "artist", Some(Which::At(0)));
        check("the first of the albums of the artist", "artist", None);
        check("albums of the artist", "album", None);
        check(
            "latest album of my top artist",
            "artist",
            Some(Which::At(0)),
        );
    }

    #[test]
    fn owner_is_not_what_is_owned() {
        let check = |text: &str, kind: &str, expected: bool| {
            let records = read(text);
            assert_eq!(
                records.may_be(&records.names[0], kind),
                expected,
                "{text} {kind}"
            );
        };
        check("show me Ann's newest album", "album", false);
        check("show me Ann's newest album", "artist", true);
        check("albums by Ann Droid", "album", false);
        check("movies like Blue Lake", "movie", true);
        check("the artist Ann Droid", "album", false);
        check("who plays in Blue Lake", "movie", true);
    }

    #[test]
    fn question_reads_as_what_its_name_stands_for() {
        let check = |text: &str, kind: &str, expected: &str| {
            let records = read(text);
            assert_eq!(records.reading(&records.names[0], kind), expected);
        };
        check(
            "show me Ann's newest album",
            "artist",
            "show me the artist's newest album",
        );
        check(
            "who plays in Blue Lake?",
            "movie",
            "who plays in the movie?",
        );
        check(
            "fans of the artist Ann Droid today",
            "artist",
            "fans of the artist today",
        );
        check(
            "what is on my 'Late Rock' playlist?",
            "playlist",
            "what is on my playlist?",
        );
    }
}
