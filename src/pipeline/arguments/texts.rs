//! Values that are text: which part of the question fits a parameter, by what
//! stands beside it, its form, and the preposition before it.

use super::{
    Candidate,
    asked::Asked,
    currencies::currencies,
    dates::is_time_word,
    roles::Role,
    spans::{Form, Span, quotations},
    words::{Cues, Word, is_stop, regex, stem, words},
};
use regex::Regex;
use serde_json::Value;
use std::{collections::HashSet, ops::Range, sync::LazyLock};

/// Every part of the question that the parameter could take.
pub fn candidates(
    cues: &Cues,
    description: &str,
    asked: &Asked,
    tool: &HashSet<String>,
) -> Vec<Candidate> {
    let role = Role::of(cues);
    if role.currency {
        return currencies(role.from, role.to, asked);
    }
    // An id is never a plain word, whatever stands beside it.
    let may_be_id = |span: &&Span| {
        let has_digit = || asked.text[span.range.clone()].contains(|c: char| c.is_ascii_digit());
        !role.id || span.form == Form::Quoted || has_digit()
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
            let fitting = Fitting {
                form: span.form,
                range: &range,
                role,
                cues,
                asked,
                tool,
                words: words(text),
            };
            Some(Candidate {
                value: Value::from(value),
                score: fitting.score(),
                at: vec![range],
            })
        })
        .collect();
    if !role.id {
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

/// A part of the question, looked at for one parameter.
struct Fitting<'a> {
    form: Form,
    range: &'a Range<usize>,
    role: Role,
    cues: &'a Cues,
    asked: &'a Asked<'a>,
    tool: &'a HashSet<String>,
    /// Its words.
    words: Vec<Word>,
}

impl Fitting<'_> {
    fn score(&self) -> f32 {
        1.2 * self.asked.adjacency(self.cues, self.range)
            + self.by_form()
            + self.by_preposition()
            + self.by_comma()
            + self.by_words()
            + self.by_phrase()
    }

    fn content(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|word| word.is_content())
    }

    fn by_form(&self) -> f32 {
        let role = self.role;
        // `ATP synthase`: a name may go on in small letters, but a person's or a place's does not.
        let named = self.form == Form::Phrase
            && !role.name
            && !role.place
            && self.content().count() > 1
            && self
                .content()
                .next()
                .is_some_and(|word| word.is_capital(self.text()));
        let form = if named { Form::Name } else { self.form };
        match form {
            Form::Quoted if role.prose => 2.0,
            Form::Quoted => 1.0,
            Form::Name if role.name || role.place => 0.6,
            Form::Name => 0.2,
            Form::Place if role.whole_place => 1.2,
            Form::Place if role.place && !role.country => 0.65,
            Form::Place => -0.6,
            Form::Formula if role.formula => 1.5,
            Form::Formula => -1.0,
            _ if role.formula => -0.5,
            Form::Code if self.text().contains('@') => {
                if role.email {
                    2.0
                } else {
                    0.0
                }
            }
            Form::Code if role.code || role.path => 1.0,
            Form::Code => 0.0,
            Form::Phrase if role.place || role.path => -0.5,
            Form::Phrase if role.kind => 0.25,
            Form::Phrase if role.name => -0.15,
            Form::Phrase => 0.05,
        }
    }

    fn by_preposition(&self) -> f32 {
        let role = self.role;
        let before = self.asked.preposition_before(self.range.start);
        let follows = |prepositions: &str| {
            !before.is_empty() && prepositions.split(' ').any(|word| word == before)
        };
        match () {
            () if role.from && follows("from between") => 1.0,
            () if role.to && follows("to into") => 1.0,
            () if role.from && follows("to into") || role.to && follows("from") => -0.8,
            () if role.by && follows("by") => 1.0,
            () if role.by && follows("from") => 0.7,
            () if role.by && follows("of") => 0.2,
            () if role.topic && follows("on about regarding of to during in") => 0.5,
            () if role.place && follows("in near nearby around across") => 0.8,
            () if role.place && follows("at") => 0.4,
            () if role.on && follows("on") => 0.8,
            () if role.place && follows("of for from to") => 0.3,
            () if !role.place && self.form == Form::Name && follows("in near around") => -0.3,
            () if follows("of for with on in") => 0.15,
            () => 0.0,
        }
    }

    /// `Tokyo, Japan`: the second is what the first lies in.
    fn by_comma(&self) -> f32 {
        if !self.asked.text[..self.range.start]
            .trim_end()
            .ends_with(',')
        {
            return 0.0;
        }
        if self.role.country {
            return 0.8;
        }
        if !self.role.place || self.form != Form::Name {
            return 0.0;
        }
        // "In Hotel Paradise, Las Vegas": the preposition is the whole pair's.
        let mut spans = self.asked.spans.iter();
        let pair =
            spans.find(|other| other.form == Form::Place && other.range.end == self.range.end);
        let before = pair.map(|pair| self.asked.preposition_before(pair.range.start));
        match before.as_deref() {
            Some("in" | "at" | "near" | "around") => 0.5,
            _ => -0.3,
        }
    }

    /// Whether its own words are the parameter's, the tool's, or of time.
    fn by_words(&self) -> f32 {
        let count = self.content().count();
        let mut score = 0.02 * count.min(4) as f32;
        // `Hilton Hotel` for `hotel_name` says itself what it is.
        let says = || {
            self.content()
                .any(|word| self.cues.weight(&word.stem) == 1.0)
        };
        if matches!(self.form, Form::Name | Form::Quoted) && count > 1 && says() {
            score += 0.8;
        }
        // "Van Gogh's sunflowers".
        let behind = &self.asked.text[self.range.end..];
        if self.role.by && (behind.starts_with("'s") || behind.starts_with("’s")) {
            score += 0.7;
        }
        let of_tool = self
            .content()
            .filter(|word| self.tool.contains(&word.stem))
            .count();
        if 2 * of_tool > count && self.form != Form::Quoted {
            score -= if of_tool == count { 0.8 } else { 0.5 };
        }
        // `France` in `King of France` is a place of its own, `Art` in a museum's name is not.
        let range = self.range;
        let tail = self.asked.spans.iter().any(|other| {
            other.form == Form::Name
                && other.range.start < range.start
                && range.end == other.range.end
        });
        if tail && !self.role.place {
            score -= 1.0;
        }
        // Weekdays, months and bare numbers are dates and counts.
        if self.content().all(|word| is_time_word(&word.lower)) {
            score -= 0.7;
        }
        score
    }

    fn by_phrase(&self) -> f32 {
        if self.form != Form::Phrase {
            return 0.0;
        }
        let mut score = 0.0;
        if self.content().next().is_none() {
            score -= 1.0;
        }
        // A part of a phrase is a value only where others take the rest.
        if self.asked.continues(self.range) {
            score -= 0.25;
        }
        let linked = self.words.iter().any(|word| word.lower == "of");
        match self.words.first() {
            // `Theory of evolution` is the value, `population of Tigers` speaks of it.
            Some(_)
                if linked
                    && self
                        .words
                        .last()
                        .is_some_and(|word| word.is_capital(self.text())) =>
            {
                score -= 0.6;
            }
            Some(head) if linked => {
                let weight = self.cues.weight(&head.stem);
                let heads_value = weight > 0.0 || !self.tool.contains(&head.stem);
                score += if heads_value && !is_vague_head(&head.lower) {
                    0.25 + 1.2 * weight + if self.role.topic { 0.5 } else { 0.0 }
                } else {
                    -0.6
                };
            }
            _ if self.asked.word_behind(self.range.end) == "of" => score -= 0.3,
            _ => {}
        }
        score
    }

    fn text(&self) -> &str {
        &self.asked.text[self.range.clone()]
    }
}

/// Heads of phrases that ask for something rather than name it.
fn is_vague_head(lower: &str) -> bool {
    const HEADS: &str = "name names list number amount price value size details detail information info type kind area distance history function hours statistics stats basis result results set rate level status percentage terms pair series data total";
    HEADS.split(' ').any(|head| head == lower)
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
