//! Values that are text: which part of the question fits a parameter, by what
//! stands beside it, its form, and the preposition before it.

use super::{
    Candidate,
    asked::Asked,
    currencies::currencies,
    dates::is_time_word,
    spans::{Form, Span, quotations},
    words::{Cues, Word, is_stop, regex, stem, words},
};
use regex::Regex;
use serde_json::Value;
use std::{collections::HashSet, ops::Range, sync::LazyLock};

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
        let named = |words: &[&str]| {
            words
                .iter()
                .any(|word| cues.is_named(&[stem(word).as_str()]))
        };
        let speaks = |words: &[&str]| {
            words
                .iter()
                .any(|word| cues.speaks_of(&[stem(word).as_str()]))
        };
        const PLACES: [&str; 13] = [
            "location",
            "city",
            "country",
            "place",
            "region",
            "state",
            "address",
            "town",
            "destination",
            "origin",
            "area",
            "venue",
            "county",
        ];
        Self {
            place: named(&PLACES)
                || cues
                    .about
                    .iter()
                    .any(|word| word == "city" || word == "country"),
            from: named(&[
                "from",
                "start",
                "origin",
                "source",
                "departure",
                "base",
                "starting",
                "begin",
            ]),
            to: named(&["to", "end", "destination", "target", "arrival", "into"]),
            by: named(&[
                "artist",
                "author",
                "composer",
                "director",
                "creator",
                "painter",
                "writer",
                "actor",
                "brand",
                "manufacturer",
                "maker",
                "designer",
            ]),
            topic: named(&[
                "topic",
                "subject",
                "query",
                "keyword",
                "discovery",
                "theory",
                "title",
                "event",
                "theme",
                "invention",
            ]),
            name: speaks(&[
                "name",
                "company",
                "team",
                "player",
                "person",
                "artist",
                "author",
                "actor",
                "brand",
                "store",
                "game",
                "movie",
                "book",
                "museum",
                "league",
                "organization",
                "symbol",
                "ticker",
                "hotel",
                "building",
                "manufacturer",
                "maker",
                "user",
                "customer",
                "employee",
            ]),
            code: named(&[
                "id",
                "code",
                "number",
                "sku",
                "key",
                "sequence",
                "symbol",
                "version",
                "identifier",
                "ip",
                "size",
                "email",
                "season",
            ]),
            path: named(&[
                "path",
                "file",
                "filename",
                "url",
                "link",
                "dataset",
                "directory",
                "folder",
            ]),
            formula: named(&[
                "function",
                "equation",
                "expression",
                "formula",
                "polynomial",
            ]) && !named(&["variable", "name", "type"]),
            whole_place: speaks(&["city"]) && (speaks(&["state"]) || speaks(&["country"]))
                || cues.text.contains("district"),
            country: named(&["country", "state", "nation"]),
            kind: named(&[
                "type", "genre", "kind", "cuisine", "category", "style", "diet", "material",
                "color", "colour",
            ]),
            prose: named(&[
                "text", "sentence", "message", "content", "review", "comment", "body", "phrase",
            ]),
            event: named(&["event", "war", "battle"]),
            on: named(&[
                "platform", "network", "site", "website", "channel", "device", "console",
            ]),
        }
    }
}

/// Every part of the question that the parameter could take.
pub fn candidates(
    cues: &Cues,
    description: &str,
    asked: &Asked,
    tool: &HashSet<String>,
) -> Vec<Candidate> {
    let role = Role::of(cues);
    if cues.is_named(&["currency"]) {
        return currencies(role.from, role.to, asked);
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
    let names = |stem: &str| {
        cues.name
            .iter()
            .any(|word| word == stem && !VAGUE.contains(&stem))
    };
    let candidate = |range: Range<usize>, score: f32| Candidate {
        value: Value::from(&asked.text[range.clone()]),
        at: vec![range],
        score,
    };
    let pairs = asked.words.windows(2).filter(|two| {
        two[0].is_content()
            && asked
                .numbers
                .iter()
                .all(|number| number.range.start != two[0].range.start)
            && !is_time_word(&two[0].lower)
            && !names(&two[0].stem)
            && !two[0].is_capital(asked.text)
            && names(&two[1].stem)
    });
    let compounds = asked.words.iter().filter_map(|word| {
        let (left, right) = word.lower.split_once('-')?;
        let fits = left.len() > 2
            && (names(&stem(right))
                || matches!(right, "powered" | "based" | "friendly") && cues.is_named(&["typ"]));
        fits.then(|| word.range.start..word.range.start + left.len())
    });
    pairs
        .map(|two| candidate(two[0].range.clone(), 0.7))
        .chain(compounds.map(|range| candidate(range, 1.6)))
        .collect()
}

/// A phrase without the words that name the tool or the parameter: `Thai food`
/// is `Thai` where food is what the tool finds. None where nothing is left.
fn trimmed(
    span: &Span,
    asked: &Asked,
    tool: &HashSet<String>,
    cues: &Cues,
) -> Option<Range<usize>> {
    let inside: Vec<&Word> = asked
        .words
        .iter()
        .filter(|word| span.range.start <= word.range.start && word.range.start < span.range.end)
        .collect();
    if span.form != Form::Phrase {
        return Some(span.range.clone());
    }
    let of_tool = |word: &&&Word| {
        (tool.contains(&word.stem) || cues.name.contains(&word.stem))
            && !word.is_capital(asked.text)
    };
    let first = inside.iter().position(|word| !of_tool(&word))?;
    let last = inside.iter().rposition(|word| !of_tool(&word))?;
    // Inside `law of gravitation`, the head belongs to the value.
    if inside.iter().any(|word| word.lower == "of") {
        return Some(span.range.clone());
    }
    let end = if last + 1 == inside.len() {
        span.range.end
    } else {
        inside[last].range.end
    };
    Some(inside[first].range.start..end)
}

fn score(
    span: &Span,
    range: &Range<usize>,
    role: &Role,
    cues: &Cues,
    asked: &Asked,
    tool: &HashSet<String>,
) -> f32 {
    let text = &asked.text[range.clone()];
    let mut score = 1.2 * asked.adjacency(cues, range);
    let own: Vec<Word> = words(text);
    let content: Vec<&Word> = own.iter().filter(|word| word.is_content()).collect();
    // `Hilton Hotel` for `hotel_name` says itself what it is.
    if matches!(span.form, Form::Name | Form::Quoted)
        && content.len() > 1
        && content.iter().any(|word| cues.weight(&word.stem) == 1.0)
    {
        score += 0.8;
    }
    // `ATP synthase`: a name may go on in small letters, but a person's or a place's does not.
    let form = match span.form {
        Form::Phrase
            if !role.name && !role.place && content.len() > 1 && content[0].is_capital(text) =>
        {
            Form::Name
        }
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
    } else if role.place
        && span.form == Form::Name
        && asked.text[..range.start].trim_end().ends_with(',')
    {
        // "In Hotel Paradise, Las Vegas": the preposition is the whole pair's.
        let pair = asked
            .spans
            .iter()
            .find(|other| other.form == Form::Place && other.range.end == range.end);
        let inherits = pair.is_some_and(|pair| {
            let before = asked.preposition_before(pair.range.start);
            matches!(before.as_str(), "in" | "at" | "near" | "around")
        });
        score += if inherits { 0.5 } else { -0.3 };
    }
    if role.by
        && asked.text[range.end..].starts_with(['\'', '’'])
        && asked.text[range.end..].chars().nth(1) == Some('s')
    {
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
    if content
        .iter()
        .all(|word| super::dates::is_time_word(&word.lower))
    {
        score -= 0.7;
    }
    score + 0.02 * content.len().min(4) as f32
}

/// Heads of phrases that ask for something rather than name it.
fn is_vague_head(lower: &str) -> bool {
    const HEADS: [&str; 34] = [
        "name",
        "names",
        "list",
        "number",
        "amount",
        "price",
        "value",
        "size",
        "details",
        "detail",
        "information",
        "info",
        "type",
        "kind",
        "area",
        "distance",
        "history",
        "function",
        "hours",
        "statistics",
        "stats",
        "basis",
        "result",
        "results",
        "set",
        "rate",
        "level",
        "status",
        "percentage",
        "terms",
        "pair",
        "series",
        "data",
        "total",
    ];
    HEADS.contains(&lower)
}

/// The values that a description gives: what stands in quotation marks, and
/// what follows "e.g." or "options".
pub fn examples(description: &str) -> Vec<String> {
    static LISTED: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?:e\.g\.?|i\.e\.?|such as|for example|like|options?(?: are| include)?|possible values(?: are)?|either|can be|supports?)[:,]?\s+([^.;()]*)",
        )
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
                .filter(|part| {
                    !part.is_empty() && part.split_whitespace().count() <= 3 && part != "etc"
                }),
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
