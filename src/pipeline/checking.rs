//! What a language model wrote, held against the evidence, sentence by sentence.
//!
//! Promise: a sentence is shown only if a source that it cites has its
//! numbers and names and most of its words. Not promised: that the sentence
//! follows from the source; an entailment model is not asked here.

use super::{
    grounding::{content_words, coverage},
    passage::{Form, Unit, units},
};
use crate::domain::{Block, Evidence, Inline, Message};
use regex::Regex;
use std::sync::LazyLock;

/// Share of a sentence's content words that its sources must have. Below,
/// it says something of its own.
const SUPPORTED: f32 = 0.6;

/// A text with what is not supported taken out.
pub(super) struct Checked {
    /// Empty where nothing was supported.
    pub message: Message,
    /// Numbers of the evidence that is cited, in the order of first use.
    pub citations: Vec<usize>,
    /// Sentences taken out.
    pub cut: usize,
}

/// Checks a model's answer. A sentence that cites nothing is held against
/// all of the evidence and cites what supports it.
pub(super) fn check(text: &str, evidence: &[&Evidence]) -> Checked {
    let mut checked = Checked {
        message: Message::new(),
        citations: Vec::new(),
        cut: 0,
    };
    for paragraph in units(text).chunk_by(|a, b| a.paragraph == b.paragraph) {
        let mut kept = Vec::new();
        for unit in paragraph {
            match supported(unit, evidence) {
                Some(claim) => kept.push(claim),
                None => checked.cut += 1,
            }
        }
        for n in kept.iter().flat_map(|claim| &claim.cites) {
            if !checked.citations.contains(n) {
                checked.citations.push(*n);
            }
        }
        checked
            .message
            .extend(block(kept, paragraph.first().map(|unit| &unit.form)));
    }
    checked
}

/// A sentence that its sources support.
struct Claim {
    words: String,
    cites: Vec<usize>,
    form: Form,
}

fn supported(unit: &Unit, evidence: &[&Evidence]) -> Option<Claim> {
    let (words, named) = without_citations(&unit.words);
    if words.is_empty() {
        return None;
    }
    let stands_in = |source: &&&Evidence| holds(&words, &full_text(source));
    let cites: Vec<usize> = if named.is_empty() {
        let source = evidence.iter().find(stands_in)?;
        vec![source.n]
    } else {
        // Every number that it names must be a source's, and together they must hold it.
        let sources: Vec<&&Evidence> = named
            .iter()
            .map(|n| evidence.iter().find(|source| source.n == *n))
            .collect::<Option<_>>()?;
        let together: String = sources
            .iter()
            .map(|source| full_text(source))
            .collect::<Vec<_>>()
            .join("\n");
        holds(&words, &together).then_some(named)?
    };
    Some(Claim {
        words,
        cites,
        form: unit.form.clone(),
    })
}

/// Whether the source has the claim's figures and names, and most of its words.
fn holds(claim: &str, source: &str) -> bool {
    let there = source.to_lowercase();
    exact_parts(claim)
        .iter()
        .all(|part| stands_whole(part, &there))
        && (content_words(claim).is_empty() || coverage(claim, source) >= SUPPORTED)
}

/// What must stand in the source letter for letter: numbers, ids, dates, amounts.
fn exact_parts(claim: &str) -> Vec<String> {
    static PART: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[A-Za-z]*-?\d[\w.,:/-]*").expect("a constant pattern that the tests compile")
    });
    PART.find_iter(claim)
        .map(|found| {
            found
                .as_str()
                .trim_end_matches(['.', ',', ':', '/', '-'])
                .to_lowercase()
        })
        .collect()
}

/// `30` stands in `30 days`, not in `300` or `4.30`.
fn stands_whole(part: &str, text: &str) -> bool {
    text.match_indices(part).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + part.len()..].chars();
        let (next, second) = (after.next(), after.next());
        let joins = |c: char| c.is_alphanumeric();
        let goes_on = next.is_some_and(joins)
            || (next.is_some_and(|c| matches!(c, '.' | ',' | ':'))
                && second.is_some_and(|c| c.is_ascii_digit()));
        !before.is_some_and(|c| joins(c) || matches!(c, '.' | ',' | '-')) && !goes_on
    })
}

/// The words alone, and the numbers in `[1]` or `[1, 2]`.
fn without_citations(text: &str) -> (String, Vec<usize>) {
    static CITE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\s*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
            .expect("a constant pattern that the tests compile")
    });
    let mut cites = Vec::new();
    for found in CITE.captures_iter(text) {
        for n in found[1].split(',').filter_map(|n| n.trim().parse().ok()) {
            if !cites.contains(&n) {
                cites.push(n);
            }
        }
    }
    (CITE.replace_all(text, "").trim().to_string(), cites)
}

fn full_text(evidence: &Evidence) -> String {
    format!("{} {} {}", evidence.title, evidence.section, evidence.text)
}

/// The claims of one paragraph as the block that they came from.
fn block(claims: Vec<Claim>, form: Option<&Form>) -> Option<Block> {
    if claims.is_empty() {
        return None;
    }
    Some(match form? {
        Form::Item { ordered } => Block::List {
            ordered: *ordered,
            items: claims.into_iter().map(inlines).collect(),
        },
        Form::Table { .. } | Form::Code { .. } => match claims.into_iter().next()?.form {
            Form::Table { header, rows } => Block::Table {
                caption: String::new(),
                header,
                rows,
            },
            Form::Code { language, text } => Block::Code { language, text },
            _ => return None,
        },
        Form::Sentence => {
            let mut text: Vec<Inline> = Vec::new();
            for claim in claims {
                if !text.is_empty() {
                    text.push(Inline::text(" "));
                }
                text.extend(inlines(claim));
            }
            Block::Paragraph { text }
        }
    })
}

fn inlines(claim: Claim) -> Vec<Inline> {
    let mut text = vec![Inline::text(format!("{} ", claim.words))];
    text.extend(claim.cites.into_iter().map(|n| Inline::Cite { n }));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DocumentId, EvidenceKind, plain::plain_text};

    fn source(n: usize, text: &str) -> Evidence {
        Evidence {
            n,
            kind: EvidenceKind::Document,
            document: DocumentId::new(format!("{n}.md")),
            title: "Returns".into(),
            locator: String::new(),
            section: String::new(),
            version: String::new(),
            date: None,
            owner: None,
            text: text.into(),
            score: 1.0,
            rows: None,
        }
    }

    fn checked(text: &str) -> (String, Vec<usize>, usize) {
        let sources = [
            source(
                1,
                "Customers may return a terminal within 30 days of delivery.",
            ),
            source(
                2,
                "A restocking fee of 4.50 EUR applies to order ORD-10023.",
            ),
        ];
        let found = check(text, &sources.iter().collect::<Vec<_>>());
        (plain_text(&found.message), found.citations, found.cut)
    }

    #[test]
    fn supported_sentences_stay_with_their_citations() {
        let (text, citations, cut) = checked(
            "A terminal may be returned within 30 days [1]. The restocking fee is 4.50 EUR [2].",
        );
        assert_eq!(
            text,
            "A terminal may be returned within 30 days. [1] The restocking fee is 4.50 EUR. [2]"
        );
        assert_eq!((citations, cut), (vec![1, 2], 0));
    }

    #[test]
    fn changed_number_name_or_source_is_cut() {
        let gone = |text: &str| assert_eq!(checked(text), (String::new(), vec![], 1), "{text}");
        gone("Customers may return a terminal within 14 days of delivery [1].");
        gone("Customers may return a terminal within 3 days of delivery [1].");
        gone("The restocking fee is 450 EUR [2].");
        gone("A restocking fee applies to order ORD-1002 [2].");
        gone("Customers may return a terminal within 30 days of delivery [2].");
        gone("Customers may return a terminal within 30 days of delivery [7].");
        gone("Our office dogs sleep on velvet cushions every Friday [1].");
    }

    #[test]
    fn sentence_without_citation_cites_what_supports_it() {
        let (text, citations, _) =
            checked("Customers may return a terminal within 30 days of delivery.");
        assert!(text.ends_with("[1]"), "{text}");
        assert_eq!(citations, [1]);
    }

    #[test]
    fn list_stays_a_list() {
        let (text, ..) = checked(
            "- return the terminal within 30 days [1]\n- pay the restocking fee of 4.50 EUR [2]\n",
        );
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
