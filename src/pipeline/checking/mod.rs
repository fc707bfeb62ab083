//! What a language model wrote, held against the evidence, sentence by sentence.
//!
//! Promise: a sentence is shown only if its sources have its amounts with
//! their units, its days, times, ids and names, where possible beside the same
//! words; if it says no where they say no; and if they have enough of its
//! words. What they say otherwise is replaced by their own sentence. Not
//! promised: that it follows from them; no entailment model is asked.
//! `benches/README.md` has how often that goes wrong.

mod amounts;
mod binding;
mod days;
mod pattern;
mod polarity;
mod statement;
mod support;
mod units;

#[cfg(test)]
mod measured;

use super::passage::{Form, Unit, units};
use crate::domain::{Block, CutClaim, CutReason, Evidence, Inline, Message};
use regex::Regex;
use std::{collections::HashMap, sync::LazyLock};
use support::{Sources, Verdict};

/// A longer sentence of a source is not shown in place of a claim.
const QUOTED_WORDS: usize = 45;

/// A text with what is not supported taken out.
pub(super) struct Checked {
    /// Empty where nothing was supported.
    pub message: Message,
    /// Numbers of the evidence that is cited, in the order of first use.
    pub citations: Vec<usize>,
    /// Sentences taken out.
    pub cut: Vec<CutClaim>,
}

/// Checks a model's answer. A sentence that cites nothing is held against
/// all of the evidence and cites what supports it.
pub(super) fn check(text: &str, evidence: &[&Evidence]) -> Checked {
    let mut checker = Checker {
        evidence,
        read: HashMap::new(),
        cut: Vec::new(),
    };
    let mut message = Message::new();
    let mut citations: Vec<usize> = Vec::new();
    let mut stands = false;
    for paragraph in units(text).chunk_by(|a, b| a.paragraph == b.paragraph) {
        let mut kept: Vec<Claim> = Vec::new();
        for unit in paragraph {
            match checker.verdict(unit) {
                Ok(claim) => {
                    stands = true;
                    kept.push(claim);
                }
                Err(Some(quoted)) if !kept.iter().any(|claim| claim.words == quoted.words) => {
                    kept.push(quoted);
                }
                Err(_) => {}
            }
        }
        for n in kept.iter().flat_map(|claim| &claim.cites) {
            if !citations.contains(n) {
                citations.push(*n);
            }
        }
        message.extend(block(kept, paragraph.first().map(|unit| &unit.form)));
    }
    // Where nothing of the model's own stands, the caller quotes better.
    if !stands {
        message.clear();
        citations.clear();
    }
    Checked {
        message,
        citations,
        cut: checker.cut,
    }
}

/// A sentence that may be shown, and what it cites.
struct Claim {
    words: String,
    cites: Vec<usize>,
    form: Form,
}

struct Checker<'a> {
    evidence: &'a [&'a Evidence],
    /// By the numbers that a claim cites, so that no source is read twice.
    read: HashMap<Vec<usize>, Sources>,
    cut: Vec<CutClaim>,
}

impl Checker<'_> {
    /// The claim, or what a source says in its place.
    fn verdict(&mut self, unit: &Unit) -> Result<Claim, Option<Claim>> {
        let (words, named) = without_citations(&unit.words);
        if words.is_empty() {
            return Err(None);
        }
        let known = |n: &usize| self.evidence.iter().any(|source| source.n == *n);
        if !named.iter().all(known) {
            return Err(self.cut(words, CutReason::Source, None));
        }
        // Together the sources that it names must say it; if it names none, any one must.
        let tried = match named.is_empty() {
            true => self.evidence.iter().map(|source| vec![source.n]).collect(),
            false => vec![named],
        };
        let mut worst: Option<(Verdict, Vec<usize>)> = None;
        for cites in tried {
            let verdict = self.sources(&cites).verdict(&words);
            match (&verdict, &worst) {
                (Verdict::Supported, _) => {
                    return Ok(Claim {
                        words,
                        cites,
                        form: unit.form.clone(),
                    });
                }
                (Verdict::Contradicted { .. }, None | Some((Verdict::Unsupported(_), _)))
                | (_, None) => worst = Some((verdict, cites)),
                _ => {}
            }
        }
        match worst {
            Some((Verdict::Contradicted { by, why }, cites)) => {
                let said = self.sources(&cites).sentence(by);
                let quoted = (unit.form == Form::Sentence)
                    .then_some(said)
                    .filter(|said| said.1.split_whitespace().count() <= QUOTED_WORDS);
                Err(self.cut(words, why, quoted))
            }
            Some((Verdict::Unsupported(why), _)) => Err(self.cut(words, why, None)),
            _ => Err(self.cut(words, CutReason::Words, None)),
        }
    }

    fn sources(&mut self, cites: &[usize]) -> &Sources {
        let evidence = self.evidence;
        self.read.entry(cites.to_vec()).or_insert_with(|| {
            let cited: Vec<&Evidence> = evidence
                .iter()
                .copied()
                .filter(|source| cites.contains(&source.n))
                .collect();
            Sources::of(&cited)
        })
    }

    fn cut(
        &mut self,
        text: String,
        why: CutReason,
        quoted: Option<(usize, String)>,
    ) -> Option<Claim> {
        self.cut.push(CutClaim {
            text,
            why,
            quoted: quoted.as_ref().map(|(_, said)| said.clone()),
        });
        quoted.map(|(n, words)| Claim {
            words,
            cites: vec![n],
            form: Form::Sentence,
        })
    }
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
    use proptest::strategy::Strategy;

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
            orders: 0,
            rows: None,
            relations: Vec::new(),
            copies: Vec::new(),
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
        (plain_text(&found.message), found.citations, found.cut.len())
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
    fn what_the_source_says_otherwise_is_replaced_by_its_own_words() {
        let (text, citations, cut) = checked(
            "A terminal may be returned within 14 days [1]. The restocking fee is 4.50 EUR [2].",
        );
        assert_eq!(
            text,
            "Customers may return a terminal within 30 days of delivery. [1] The restocking fee is 4.50 EUR. [2]"
        );
        assert_eq!((citations, cut), (vec![1, 2], 1));
    }

    #[test]
    fn what_was_cut_is_kept_for_the_record() {
        let source = source(1, "Customers may not return opened terminals.");
        let found = check("Customers may return opened terminals [1].", &[&source]);
        let [cut] = found.cut.as_slice() else {
            panic!("one sentence is cut: {:?}", found.cut);
        };
        assert_eq!(cut.text, "Customers may return opened terminals.");
        assert_eq!(cut.why, CutReason::Negation);
        assert_eq!(
            cut.quoted.as_deref(),
            Some("Customers may not return opened terminals.")
        );
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

    proptest::proptest! {
        /// Amounts, days, names and ids in any neighbourhood.
        #[test]
        fn any_text_is_checked(
            pieces in proptest::collection::vec(
                proptest::prop_oneof![
                    "\\PC{0,6}",
                    proptest::sample::select(vec![
                        "1,500", "€", "\u{212a}b", "per", "month", "12:30", "pm", "3 March", "to",
                        "Q3", "2026", "not", "except", "Prof.", "[1]", "[2]", "|", "ORD-1", "-", ".",
                        "İ", "twenty", "-four", "half a", "day", "at least", "\n", "/", "1.2.3",
                    ]).prop_map(String::from),
                ],
                0..24,
            ),
            cut in 0_usize..24,
        ) {
            let (one, other) = pieces.split_at(cut.min(pieces.len()));
            check(&one.join(" "), &[&source(1, &other.join(" "))]);
        }
    }
}
