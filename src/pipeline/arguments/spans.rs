//! Parts of a question that may be values of text: quotations, names, codes,
//! formulas and plain noun phrases.

use super::{
    dates::is_time_word,
    numbers::Number,
    units::unit_at,
    words::{Word, is_stop, regex},
};
use regex::Regex;
use std::{ops::Range, sync::LazyLock};

/// A part of the question that may be a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub range: Range<usize>,
    pub form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In quotation marks; the marks are not part of it.
    Quoted,
    /// Capitalised words: `Metropolitan Museum of Art`.
    Name,
    /// Two names that tell one place: `Miami, Florida`.
    Place,
    /// Has digits, slashes or underscores: `rs6034464`, `C:/data/cars.csv`.
    Code,
    /// `3x^2 + 2x - 1`.
    Formula,
    /// `pasta carbonara`.
    Phrase,
}

/// Every part that may be a value, in no order; they may overlap.
pub fn spans(text: &str, words: &[Word], numbers: &[Number]) -> Vec<Span> {
    let quoted = quotations(text);
    let names = names(text, words);
    let within = |part: &Range<usize>, whole: &Range<usize>| {
        whole.start <= part.start && part.end <= whole.end
    };
    let overlap = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
    // A phrase that cuts a name in two is none; the unit of a number names nothing.
    let phrases: Vec<Span> = phrases(text, words, numbers)
        .into_iter()
        .filter(|phrase| {
            names.iter().all(|name| {
                !overlap(&name.range, &phrase.range)
                    || within(&name.range, &phrase.range) && name.range != phrase.range
            })
        })
        .collect();
    let codes = codes(text).into_iter().filter(|code| {
        !numbers
            .iter()
            .any(|number| overlap(&number.whole, &code.range))
    });
    let mut found: Vec<Span> = formulas(text)
        .into_iter()
        .chain(codes)
        .chain(names)
        .chain(phrases)
        .filter(|span| {
            !quoted
                .iter()
                .any(|quoted| within(&span.range, &quoted.range))
        })
        .collect();
    found.extend(quoted);
    found
}

/// The parts in quotation marks, without the marks. An apostrophe within a word is none.
pub fn quotations(text: &str) -> Vec<Span> {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r#"(?:^|[\s(\[:,=])(?:"([^"]{1,400})"|“([^”]{1,400})”|‘([^’]{1,400})’|'([^']{1,200}(?:'[\p{L}][^']{0,200})*)'|`([^`]{1,400})`)"#,
        )
    });
    // Somebody who quotes all of it quotes nothing.
    if text.trim().starts_with('"') && text.trim().ends_with('"') && text.matches('"').count() == 2
    {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(capture) = QUOTED.captures_at(text, at) {
        let Some(inner) = (1..=5).find_map(|n| capture.get(n)) else {
            break;
        };
        found.push(Span {
            range: inner.range(),
            form: Form::Quoted,
        });
        at = inner.end();
    }
    found
}

fn formulas(text: &str) -> Vec<Span> {
    static FORMULA: LazyLock<Regex> = LazyLock::new(|| {
        let number = r"\d+(?:\.\d+)?";
        let power = r"(?:\s?(?:\^|\*\*)\s?(?:\d+|\([^()]*\)|[a-z]\b)|[²³])?";
        let call = r"(?:sin|cos|tan|exp|log|ln|sqrt)\s?\([^()]*\)";
        let term =
            format!(r"(?:{number}\s?\*?\s?)?(?:{call}|\([^()]*[a-z][^()]*\)|[a-z]\b){power}");
        regex(&format!(
            r"-?(?:{term}|{number}{power})(?:\s?[-+*/]\s?(?:{term}|{number}{power}))*"
        ))
    });
    FORMULA
        .find_iter(text)
        .filter(|found| {
            let inside = found.as_str();
            let begins = text[..found.start()].chars().next_back();
            let apart = !begins.is_some_and(|c| c.is_alphanumeric() || c == '-');
            let variable = inside.contains(|c: char| c.is_alphabetic());
            let works = inside.contains(['^', '*', '+', '/', '(', '²', '³'])
                || inside.contains(|c: char| c.is_ascii_digit());
            apart && variable && works && inside.trim().len() > 1
        })
        .map(|found| {
            let trimmed = found.as_str().trim();
            let start = found.start() + found.as_str().len() - found.as_str().trim_start().len();
            Span {
                range: start..start + trimmed.len(),
                form: Form::Formula,
            }
        })
        .collect()
}

fn codes(text: &str) -> Vec<Span> {
    static CODE: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b[a-z]:[\\/][^\s,;?]+|https?://[^\s,;]+|[\w.+-]+@[\w-]+\.[\w.]*\w|(?:\.{0,2}/)[\w./-]*\w|\b[\w-]+\.(?:csv|txt|json|pdf|xlsx?|docx?|png|jpe?g|py|md|zip|html|xml|mp[34])\b|\b\w+(?:[-/_]\w+)*\b",
        )
    });
    CODE.find_iter(text)
        .filter(|found| {
            let code = found.as_str();
            let has = |test: fn(char) -> bool| code.contains(test);
            let mixed =
                has(|c| c.is_ascii_digit()) && has(|c| c.is_alphabetic() || "-/_".contains(c));
            mixed && !is_ordinal(code) || has(|c| "_/\\@".contains(c)) && code.len() > 2
        })
        .map(|found| Span {
            range: found.range(),
            form: Form::Code,
        })
        .collect()
}

/// `16th`, `1990s`.
fn is_ordinal(code: &str) -> bool {
    let rest = code.trim_start_matches(|c: char| c.is_ascii_digit());
    matches!(rest, "st" | "nd" | "rd" | "th" | "s")
}

/// Words that join two capitalised ones into one name.
const JOINS: [&str; 9] = ["of", "the", "de", "la", "&", "and", "for", "to", "du"];

fn names(text: &str, words: &[Word]) -> Vec<Span> {
    let capital = |at: usize| {
        words.get(at).is_some_and(|word: &Word| {
            word.is_word()
                && word.is_capital(text)
                && !(at == 0 && begins_a_sentence(word))
                && !(at > 0
                    && matches!(words[at - 1].lower.as_str(), "." | "?" | "!")
                    && begins_a_sentence(word))
                && !matches!(word.lower.as_str(), "i" | "id" | "no" | "nr")
                && (at > 0 && words[at - 1].is_capital(text)
                    || unit_at(&word.lower).is_none_or(|(_, length)| length < word.lower.len()))
                && !is_time_word(&word.lower)
        })
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if !capital(at) {
            at += 1;
            continue;
        }
        let mut last = at;
        loop {
            let title = matches!(
                words[last].lower.as_str(),
                "mr" | "mrs" | "ms" | "dr" | "st"
            );
            if capital(last + 1) {
                last += 1;
            } else if title
                && words.get(last + 1).is_some_and(|word| word.lower == ".")
                && capital(last + 2)
            {
                last += 2;
            } else if words.get(last + 1).is_some_and(|word| {
                JOINS.contains(&word.lower.as_str())
                    && word.lower != "and"
                    && word.lower != "to"
                    && word.lower != "for"
            }) && (capital(last + 2)
                || words.get(last + 2).is_some_and(|word| word.lower == "the") && capital(last + 3))
            {
                last += if capital(last + 2) { 2 } else { 3 };
            } else if words
                .get(last + 1)
                .is_some_and(|word| word.is_number() && word.lower.len() <= 3)
                && words[last].range.end + 1 == words[last + 1].range.start
                && text[words[last + 1].range.end..]
                    .chars()
                    .next()
                    .is_none_or(|c| !c.is_alphanumeric() && c != '%')
                && words[at].range.end - words[at].range.start > 1
                && words
                    .get(last + 2)
                    .is_none_or(|word| is_stop(&word.lower) || !word.is_word())
                && last > at
            {
                last += 1;
            } else {
                break;
            }
        }
        // `Inc.` and `D.C.` keep their full stop.
        let mut end = words[last].range.end;
        if text[end..].starts_with('.')
            && matches!(
                words[last].lower.as_str(),
                "inc" | "ltd" | "co" | "corp" | "jr" | "sr" | "st"
            )
        {
            end += 1;
        }
        let start = words[at].range.start;
        let own = text[start..end]
            .trim_end_matches("'s")
            .trim_end_matches("’s")
            .len();
        found.push(Span {
            range: start..start + own,
            form: Form::Name,
        });
        let tail = (at..last).rfind(|&at| words[at].lower == "of");
        if let Some(of) = tail.filter(|_| own == end - start) {
            let first = (of + 1..=last)
                .find(|&at| words[at].lower != "the")
                .unwrap_or(last);
            found.push(Span {
                range: words[first].range.start..end,
                form: Form::Name,
            });
        }
        at = last + 1;
    }
    // Two names with nothing but a comma between them.
    found.sort_by_key(|span| (span.range.end, span.range.start));
    found.dedup();
    let places: Vec<Span> = found
        .windows(2)
        .filter(|two| {
            let between = text.get(two[0].range.end..two[1].range.start);
            between.is_some_and(|between| between.trim() == ",")
        })
        .filter(|two| {
            // A third one makes it an enumeration.
            !text[two[1].range.end..].trim_start().starts_with(", and")
                && !text[two[1].range.end..].trim_start().starts_with("and ")
        })
        .map(|two| Span {
            range: two[0].range.start..two[1].range.end,
            form: Form::Place,
        })
        .collect();
    found.extend(places);
    found
}

/// A capital that says nothing: the first word of a sentence, where it is a common one.
fn begins_a_sentence(word: &Word) -> bool {
    is_stop(&word.lower) || word.lower.ends_with("'s") && is_stop(word.lower.trim_end_matches("'s"))
}

fn phrases(text: &str, words: &[Word], numbers: &[Number]) -> Vec<Span> {
    let of_unit = |word: &Word| {
        let mut numbers = numbers.iter();
        numbers.any(|n| n.whole.start <= word.range.start && word.range.start < n.whole.end)
    };
    // "Published by", "filed in": what was done is no part of what it was done to.
    let done = |at: usize| {
        const BEHIND: [&str; 8] = ["by", "in", "on", "from", "at", "for", "with", "to"];
        words[at].lower.ends_with("ed")
            && words
                .get(at + 1)
                .is_some_and(|word: &Word| BEHIND.contains(&word.lower.as_str()))
    };
    let possessive = |at: usize| words[at].lower.ends_with("'s") || words[at].lower.ends_with("’s");
    let content = |at: usize| {
        words.get(at).is_some_and(|word: &Word| {
            word.is_content() && !of_unit(word) && !is_time_word(&word.lower) && !done(at)
        })
    };
    let mut found = Vec::new();
    let mut push = |first: usize, last: usize| {
        let range = words[first].range.start..words[last].range.end;
        let own = text[range.clone()]
            .trim_end_matches("'s")
            .trim_end_matches("’s")
            .len();
        found.push(Span {
            range: range.start..range.start + own,
            form: Form::Phrase,
        });
    };
    let mut at = 0;
    while at < words.len() {
        if !content(at) {
            at += 1;
            continue;
        }
        let mut first = at;
        while content(at + 1) && !possessive(at) {
            at += 1;
        }
        // "Mix yellow and blue": the capital of a first word is most often a verb's.
        if first == 0 && at > 0 && words[0].is_capital(text) && !words[1].is_capital(text) {
            first = 1;
        }
        push(first, at);
        // Parts of it, where others take the rest.
        if at - first < 4 {
            for cut in first..at {
                push(first, cut);
                push(cut + 1, at);
            }
        }
        // `theory of evolution` is one thing as well as two.
        if words.get(at + 1).is_some_and(|word| word.lower == "of") && content(at + 2) {
            let mut last = at + 2;
            while content(last + 1) {
                last += 1;
            }
            push(first, last);
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{super::words::words, *};

    #[test]
    fn parts_that_may_be_values_are_found() {
        let check = |text: &str, form: Form, expected: &[&str]| {
            let found: Vec<&str> = spans(text, &words(text), &[])
                .into_iter()
                .filter(|span| span.form == form)
                .map(|span| &text[span.range])
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("the title 'David' by Rodin", Form::Quoted, &["David"]);
        check(
            "the review 'It's good. I love it!'",
            Form::Quoted,
            &["It's good. I love it!"],
        );
        check(
            "Germany's team and Manchester United",
            Form::Name,
            &["Germany", "Manchester United"],
        );
        check(
            "hours of the Metropolitan Museum of Art",
            Form::Name,
            &["Metropolitan Museum of Art", "Art"],
        );
        check(
            "Find hotels in Paris, France from July",
            Form::Place,
            &["Paris, France"],
        );
        check(
            "the derivative of 3x^2 + 2x - 1.",
            Form::Formula,
            &["3x^2 + 2x - 1"],
        );
        check(
            "read C:/data/cars.csv please",
            Form::Code,
            &["C:/data/cars.csv"],
        );
        check(
            "a recipe for pasta carbonara",
            Form::Phrase,
            &["recipe", "pasta carbonara", "pasta", "carbonara"],
        );
    }
}
