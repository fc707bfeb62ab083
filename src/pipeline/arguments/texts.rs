//! Values that are text: quotations, names, codes, and plain noun phrases.

use super::{
    Asked, Candidate,
    dates::is_time_word,
    numbers::Number,
    units::unit_at,
    words::{Cues, Word, is_stop, regex, stem, words},
};
use regex::Regex;
use serde_json::Value;
use std::{collections::HashSet, ops::Range, sync::LazyLock};

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
        !numbers.iter().any(|number| overlap(&number.whole, &code.range))
    });
    let mut found: Vec<Span> = formulas(text)
        .into_iter()
        .chain(codes)
        .chain(names)
        .chain(phrases)
        .filter(|span| !quoted.iter().any(|quoted| within(&span.range, &quoted.range)))
        .collect();
    found.extend(quoted);
    found
}

/// The parts in quotation marks, without the marks. An apostrophe within a word is none.
pub fn quotations(text: &str) -> Vec<Span> {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
        regex(r#"(?:^|[\s(\[:,=])(?:"([^"]{1,400})"|“([^”]{1,400})”|‘([^’]{1,400})’|'([^']{1,200}(?:'[\p{L}][^']{0,200})*)'|`([^`]{1,400})`)"#)
    });
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
        let term = format!(r"(?:{number}\s?\*?\s?)?(?:{call}|\([^()]*[a-z][^()]*\)|[a-z]\b){power}");
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
            let mixed = has(|c| c.is_ascii_digit()) && has(|c| c.is_alphabetic() || "-/_".contains(c));
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
            word.is_word() && word.is_capital(text) && !(at == 0 && begins_a_sentence(word))
                && !(at > 0 && matches!(words[at - 1].lower.as_str(), "." | "?" | "!") && begins_a_sentence(word))
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
            let title = matches!(words[last].lower.as_str(), "mr" | "mrs" | "ms" | "dr" | "st");
            if capital(last + 1) {
                last += 1;
            } else if title && words.get(last + 1).is_some_and(|word| word.lower == ".") && capital(last + 2) {
                last += 2;
            } else if words
                .get(last + 1)
                .is_some_and(|word| JOINS.contains(&word.lower.as_str()) && word.lower != "and" && word.lower != "to" && word.lower != "for")
                && (capital(last + 2)
                    || words.get(last + 2).is_some_and(|word| word.lower == "the") && capital(last + 3))
            {
                last += if capital(last + 2) { 2 } else { 3 };
            } else if words.get(last + 1).is_some_and(|word| word.is_number() && word.lower.len() <= 3)
                && words[last].range.end + 1 == words[last + 1].range.start
                && text[words[last + 1].range.end..].chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '%')
                && words[at].range.end - words[at].range.start > 1
                && words.get(last + 2).is_none_or(|word| is_stop(&word.lower) || !word.is_word())
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
            && matches!(words[last].lower.as_str(), "inc" | "ltd" | "co" | "corp" | "jr" | "sr" | "st")
        {
            end += 1;
        }
        let start = words[at].range.start;
        let own = text[start..end].trim_end_matches("'s").trim_end_matches("’s").len();
        found.push(Span {
            range: start..start + own,
            form: Form::Name,
        });
        let tail = (at..last).rfind(|&at| words[at].lower == "of");
        if let Some(of) = tail.filter(|_| own == end - start) {
            let first = (of + 1..=last).find(|&at| words[at].lower != "the").unwrap_or(last);
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
            && words.get(at + 1).is_some_and(|word: &Word| BEHIND.contains(&word.lower.as_str()))
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
        let own = text[range.clone()].trim_end_matches("'s").trim_end_matches("’s").len();
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

/// What a text parameter is about, as far as it tells where its value stands.
#[derive(Clone, Debug, Default)]
struct Role {
    place: bool,
    from: bool,
    to: bool,
    by: bool,
    topic: bool,
    name: bool,
    code: bool,
    path: bool,
    formula: bool,
    whole_place: bool,
    country: bool,
    kind: bool,
    prose: bool,
    event: bool,
    on: bool,
}

impl Role {
    fn of(cues: &Cues) -> Self {
        let named = |words: &[&str]| words.iter().any(|word| cues.is_named(&[stem(word).as_str()]));
        let speaks = |words: &[&str]| words.iter().any(|word| cues.speaks_of(&[stem(word).as_str()]));
        const PLACES: [&str; 13] = [
            "location", "city", "country", "place", "region", "state", "address", "town",
            "destination", "origin", "area", "venue", "county",
        ];
        Self {
            place: named(&PLACES) || cues.about.iter().any(|word| word == "city" || word == "country"),
            from: named(&["from", "start", "origin", "source", "departure", "base", "starting", "begin"]),
            to: named(&["to", "end", "destination", "target", "arrival", "into"]),
            by: named(&["artist", "author", "composer", "director", "creator", "painter", "writer", "actor", "brand", "manufacturer", "maker", "designer"]),
            topic: named(&["topic", "subject", "query", "keyword", "discovery", "theory", "title", "event", "theme", "invention"]),
            name: speaks(&["name", "company", "team", "player", "person", "artist", "author", "actor", "brand", "store", "game", "movie", "book", "museum", "league", "organization", "symbol", "ticker", "hotel", "building", "manufacturer", "maker", "user", "customer", "employee"]),
            code: named(&["id", "code", "number", "sku", "key", "sequence", "symbol", "version", "identifier", "ip", "size", "email", "season"]),
            path: named(&["path", "file", "filename", "url", "link", "dataset", "directory", "folder"]),
            formula: named(&["function", "equation", "expression", "formula", "polynomial"]) && !named(&["variable", "name", "type"]),
            whole_place: speaks(&["city"]) && (speaks(&["state"]) || speaks(&["country"])) || cues.text.contains("district"),
            country: named(&["country", "state", "nation"]),
            kind: named(&["type", "genre", "kind", "cuisine", "category", "style", "diet", "material", "color", "colour"]),
            prose: named(&["text", "sentence", "message", "content", "review", "comment", "body", "phrase"]),
            event: named(&["event", "war", "battle"]),
            on: named(&["platform", "network", "site", "website", "channel", "device", "console"]),
        }
    }
}

/// Currencies as people name them, and their codes (ISO 4217).
const CURRENCIES: &[(&str, &[&str])] = &[
    ("USD", &["usd", "us dollar", "american dollar", "u.s. dollar", "dollar", "$"]),
    ("EUR", &["eur", "euro", "€"]),
    ("GBP", &["gbp", "british pound", "pound sterling", "pound", "£"]),
    ("JPY", &["jpy", "japanese yen", "yen", "¥"]),
    ("CAD", &["cad", "canadian dollar"]),
    ("AUD", &["aud", "australian dollar"]),
    ("NZD", &["nzd", "new zealand dollar"]),
    ("CHF", &["chf", "swiss franc", "franc"]),
    ("CNY", &["cny", "chinese yuan", "yuan", "renminbi"]),
    ("INR", &["inr", "indian rupee", "rupee"]),
    ("MXN", &["mxn", "mexican peso"]),
    ("BRL", &["brl", "brazilian real"]),
    ("SEK", &["sek", "swedish krona"]),
    ("NOK", &["nok", "norwegian krone"]),
    ("DKK", &["dkk", "danish krone"]),
    ("PLN", &["pln", "zloty"]),
    ("KRW", &["krw", "won"]),
    ("ZAR", &["zar", "rand"]),
    ("SGD", &["sgd", "singapore dollar"]),
    ("HKD", &["hkd", "hong kong dollar"]),
];

/// The currencies that the question names, by their codes: the longest name at a place.
fn currencies(role: &Role, asked: &Asked) -> Vec<Candidate> {
    let lower = asked.text.to_lowercase();
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    for (code, names) in CURRENCIES {
        for name in *names {
            for (at, _) in lower.match_indices(name) {
                let end = at + name.len();
                let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
                let plural = lower[end..].strip_prefix('s').unwrap_or(&lower[end..]);
                let sign = !name.ends_with(char::is_alphabetic);
                let whole = sign || !letter(lower[..at].chars().next_back()) && !letter(plural.chars().next());
                if whole && lower.len() == asked.text.len() {
                    found.retain(|(range, _)| !(at <= range.start && range.end <= end));
                    if !found.iter().any(|(range, _)| range.start <= at && end <= range.end) {
                        found.push((at..end, code));
                    }
                }
            }
        }
    }
    found
        .into_iter()
        .map(|(range, code)| {
            let before = asked.preposition_before(range.start);
            // "150 euros to dollars": the amount stands in what it is converted from.
            let amount = asked.numbers.iter().any(|n| n.whole.contains(&range.start) || n.range.end + 1 == range.start);
            let score = match before.as_str() {
                "from" if role.from => 1.0,
                "to" | "into" | "in" if role.to => 1.0,
                "from" if role.to => -0.5,
                "to" | "into" if role.from => -0.5,
                _ if amount => if role.from { 1.0 } else if role.to { -0.5 } else { 0.3 },
                _ => 0.2,
            };
            Candidate {
                value: Value::from(code),
                at: vec![range],
                score: 0.6 + score,
            }
        })
        .collect()
}

/// Every part of the question that the parameter could take.
pub fn candidates(cues: &Cues, description: &str, asked: &Asked, tool: &HashSet<String>) -> Vec<Candidate> {
    let role = Role::of(cues);
    if cues.is_named(&["currency"]) {
        return currencies(&role, asked);
    }
    // An id is never a plain word, whatever stands beside it.
    let is_id = cues.is_named(&["id", "identifier", "uuid"]);
    let may_be_id = |span: &&Span| {
        let has_digit = || asked.text[span.range.clone()].contains(|c: char| c.is_ascii_digit());
        !is_id || span.form == Form::Quoted || has_digit()
    };
    let examples = examples(description);
    let mut found: Vec<Candidate> = asked
        .spans
        .iter()
        .filter(may_be_id)
        .filter_map(|span| {
            let range = trimmed(span, asked, tool, cues)?;
            let text = &asked.text[range.clone()];
            let value = if span.form == Form::Formula || role.formula {
                as_code(text)
            } else {
                text.to_string()
            };
            let score = score(span, &range, &role, cues, asked, tool);
            Some(Candidate {
                value: Value::from(value),
                at: vec![range],
                score,
            })
        })
        .collect();
    if !is_id {
        found.extend(attributes(cues, asked));
    }
    // A value that the description itself names.
    for example in examples {
        if let Some(range) = asked.mention(&example) {
            found.push(Candidate {
                value: Value::from(example),
                at: vec![range],
                score: 2.0,
            });
        }
    }
    found
}

/// What stands right before a word of the parameter's: `renewable energy` for
/// `energy_type`, `gas-fueled` for `fuel_type`.
fn attributes(cues: &Cues, asked: &Asked) -> Vec<Candidate> {
    const VAGUE: [&str; 8] = ["typ", "nam", "id", "number", "valu", "kind", "info", "list"];
    let names = |stem: &str| cues.name.iter().any(|word| word == stem && !VAGUE.contains(&stem));
    let candidate = |range: Range<usize>, score: f32| Candidate {
        value: Value::from(&asked.text[range.clone()]),
        at: vec![range],
        score,
    };
    let pairs = asked.words.windows(2).filter(|two| {
        two[0].is_content()
            && asked.numbers.iter().all(|number| number.range.start != two[0].range.start)
            && !is_time_word(&two[0].lower)
            && !names(&two[0].stem)
            && !two[0].is_capital(asked.text)
            && names(&two[1].stem)
    });
    let compounds = asked.words.iter().filter_map(|word| {
        let (left, right) = word.lower.split_once('-')?;
        let fits = left.len() > 2 && (names(&stem(right)) || matches!(right, "powered" | "based" | "friendly") && cues.is_named(&["typ"]));
        fits.then(|| word.range.start..word.range.start + left.len())
    });
    pairs
        .map(|two| candidate(two[0].range.clone(), 0.7))
        .chain(compounds.map(|range| candidate(range, 1.6)))
        .collect()
}

/// A phrase without the words that name the tool or the parameter: `Thai food`
/// is `Thai` where food is what the tool finds. None where nothing is left.
fn trimmed(span: &Span, asked: &Asked, tool: &HashSet<String>, cues: &Cues) -> Option<Range<usize>> {
    let inside: Vec<&Word> = asked
        .words
        .iter()
        .filter(|word| span.range.start <= word.range.start && word.range.start < span.range.end)
        .collect();
    if span.form != Form::Phrase {
        return Some(span.range.clone());
    }
    let of_tool = |word: &&&Word| {
        (tool.contains(&word.stem) || cues.name.contains(&word.stem)) && !word.is_capital(asked.text)
    };
    let first = inside.iter().position(|word| !of_tool(&word))?;
    let last = inside.iter().rposition(|word| !of_tool(&word))?;
    // Inside `law of gravitation`, the head belongs to the value.
    if inside.iter().any(|word| word.lower == "of") {
        return Some(span.range.clone());
    }
    let end = if last + 1 == inside.len() { span.range.end } else { inside[last].range.end };
    Some(inside[first].range.start..end)
}

fn score(span: &Span, range: &Range<usize>, role: &Role, cues: &Cues, asked: &Asked, tool: &HashSet<String>) -> f32 {
    let text = &asked.text[range.clone()];
    let mut score = 1.2 * asked.adjacency(cues, range);
    let own: Vec<Word> = words(text);
    let content: Vec<&Word> = own.iter().filter(|word| word.is_content()).collect();
    // `Hilton Hotel` for `hotel_name` says itself what it is.
    if matches!(span.form, Form::Name | Form::Quoted) && content.len() > 1 && content.iter().any(|word| cues.weight(&word.stem) == 1.0) {
        score += 0.8;
    }
    // `ATP synthase`: a name may go on in small letters, but a person's or a place's does not.
    let form = match span.form {
        Form::Phrase if !role.name && !role.place && content.len() > 1 && content[0].is_capital(text) => Form::Name,
        form => form,
    };
    score += match form {
        Form::Quoted if role.prose => 2.0,
        Form::Quoted => 1.0,
        Form::Name if role.name || role.place => 0.6,
        Form::Name => 0.2,
        Form::Place if role.whole_place => 1.2,
        Form::Place if role.place && !role.country => 0.65,
        Form::Place => -0.6,
        Form::Code if role.code || role.path => 1.0,
        Form::Code => 0.0,
        Form::Formula if role.formula => 1.5,
        Form::Formula => -1.0,
        Form::Phrase if role.place || role.path => -0.5,
        Form::Phrase if role.kind => 0.25,
        Form::Phrase if role.name => -0.15,
        Form::Phrase => 0.05,
    };
    if role.formula && span.form != Form::Formula && span.form != Form::Quoted {
        score -= 0.5;
    }
    let before = asked.preposition_before(range.start);
    let fits = |preps: &[&str]| preps.contains(&before.as_str());
    score += match () {
        () if role.from && fits(&["from", "between"]) => 1.0,
        () if role.to && fits(&["to", "into"]) => 1.0,
        () if role.from && fits(&["to", "into"]) || role.to && fits(&["from"]) => -0.8,
        () if role.by && fits(&["by"]) => 1.0,
        () if role.by && fits(&["from"]) => 0.7,
        () if role.by && fits(&["of"]) => 0.2,
        () if role.event && fits(&["during", "in"]) => 0.5,
        () if role.topic && fits(&["on", "about", "regarding", "of", "to"]) => 0.5,
        () if role.place && fits(&["in", "near", "around", "across", "nearby"]) => 0.8,
        () if role.place && fits(&["at"]) => 0.4,
        () if role.on && fits(&["on"]) => 0.8,
        () if role.place && fits(&["of", "for", "from", "to"]) => 0.3,
        () if !role.place && form == Form::Name && fits(&["in", "near", "around"]) => -0.3,
        () if fits(&["of", "for", "with", "on", "in"]) => 0.15,
        () => 0.0,
    };
    if role.country {
        // What follows the comma of `Tokyo, Japan`.
        if asked.text[..range.start].trim_end().ends_with(',') {
            score += 0.8;
        }
    } else if role.place && span.form == Form::Name && asked.text[..range.start].trim_end().ends_with(',') {
        // "In Hotel Paradise, Las Vegas": the preposition is the whole pair's.
        let pair = asked.spans.iter().find(|other| other.form == Form::Place && other.range.end == range.end);
        let inherits = pair.is_some_and(|pair| {
            let before = asked.preposition_before(pair.range.start);
            matches!(before.as_str(), "in" | "at" | "near" | "around")
        });
        score += if inherits { 0.5 } else { -0.3 };
    }
    if role.by && asked.text[range.end..].starts_with(['\'', '’']) && asked.text[range.end..].chars().nth(1) == Some('s') {
        score += 0.7;
    }
    if content.is_empty() && form == Form::Phrase {
        score -= 1.0;
    }
    let of_tool = |word: &Word| tool.contains(&word.stem);
    let shared = content.iter().filter(|word| of_tool(word)).count();
    if 2 * shared > content.len() && form != Form::Quoted {
        score -= if shared == content.len() { 0.8 } else { 0.5 };
    }
    // `France` in `King of France` is a place of its own, `Art` in a museum's name is not.
    let tail = asked.spans.iter().any(|other| {
        other.form == Form::Name && other.range.start < range.start && range.end == other.range.end
    });
    if tail {
        score -= if role.place { 0.0 } else { 1.0 };
    }
    if span.form == Form::Phrase {
        // A part of a phrase is a value only where others take the rest.
        if asked.continues(range) {
            score -= 0.25;
        }
        match own.first() {
            // `Theory of evolution` is the value, `price of milk` speaks of the tool.
            Some(head) if own.iter().any(|word| word.lower == "of") => {
                let weight = cues.weight(&head.stem);
                let heads_value = weight > 0.0 || !of_tool(head);
                score += if heads_value && !is_vague_head(&head.lower) {
                    0.25 + 1.2 * weight + if role.topic { 0.5 } else { 0.0 }
                } else {
                    -0.6
                };
            }
            _ if asked.word_behind(range.end) == "of" => score -= 0.3,
            _ => {}
        }
    }
    // Weekdays, months and bare numbers are dates and counts.
    if content.iter().all(|word| super::dates::is_time_word(&word.lower)) {
        score -= 0.7;
    }
    score + 0.02 * content.len().min(4) as f32
}

/// Heads of phrases that ask for something rather than name it.
fn is_vague_head(lower: &str) -> bool {
    const HEADS: [&str; 34] = [
        "name", "names", "list", "number", "amount", "price", "value", "size", "details", "detail",
        "information", "info", "type", "kind", "area", "distance", "history", "function", "hours",
        "statistics", "stats", "basis", "result", "results", "set", "rate", "level", "status",
        "percentage", "terms", "pair", "series", "data", "total",
    ];
    HEADS.contains(&lower)
}

/// The values that a description gives: what stands in quotation marks, and
/// what follows "e.g." or "options".
pub fn examples(description: &str) -> Vec<String> {
    static LISTED: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"(?:e\.g\.?|i\.e\.?|such as|for example|like|options?(?: are| include)?|possible values(?: are)?|either|can be|supports?)[:,]?\s+([^.;()]*)")
    });
    let mut found: Vec<String> = quotations(description)
        .into_iter()
        .map(|span| description[span.range].to_string())
        .collect();
    if found.is_empty()
        && let Some(listed) = LISTED.captures(description)
    {
        found.extend(
            listed[1]
                .split([',', '/'])
                .flat_map(|part| part.split(" or "))
                .flat_map(|part| part.split(" and "))
                .map(|part| part.trim().trim_start_matches("or ").to_string())
                .filter(|part| !part.is_empty() && part.split_whitespace().count() <= 3 && part != "etc"),
        );
    }
    found.retain(|example| example.len() > 1 && !is_stop(&example.to_lowercase()));
    found.sort();
    found.dedup();
    found
}

/// A formula as programs read it: `3x^2` as `3x**2`.
fn as_code(text: &str) -> String {
    text.replace('^', "**")
        .replace('²', "**2")
        .replace('³', "**3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_may_be_values_are_found() {
        let check = |text: &str, form: Form, expected: &[&str]| {
            let found: Vec<&str> = spans(text, &words(text))
                .into_iter()
                .filter(|span| span.form == form)
                                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("the title 'David' by Rodin", Form::Quoted, &["David"]);
        check("the review 'It's good. I love it!'", Form::Quoted, &["It's good. I love it!"]);
        check("Germany's team and Manchester United", Form::Name, &["Germany", "Manchester United"]);
        check("hours of the Metropolitan Museum of Art", Form::Name, &["Metropolitan Museum of Art"]);
        check("Find hotels in Paris, France from July", Form::Place, &["Paris, France"]);
        check("the derivative of 3x^2 + 2x - 1.", Form::Formula, &["3x^2 + 2x - 1"]);
        check("read C:/data/cars.csv please", Form::Code, &["C:/data/cars.csv"]);
        check("a recipe for pasta carbonara", Form::Phrase, &["recipe", "pasta carbonara"]);
    }
}
