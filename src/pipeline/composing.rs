//! Evidence -> draft, without a language model: the passages that answer,
//! quoted as they stand, under a line that says whose words they are.
//!
//! Promise: every word of an answer is a source's, a tool's, or one of the
//! fixed sentences of `reply`.

use super::{
    Gathered, Pipeline,
    grounding::{Support, coverage},
    passage::{Form, Unit, units},
    router::dot,
    showing,
};
use crate::{
    domain::{
        Answer, Block, Confidence, Evidence, EvidenceKind, Gap, Inline, Intent, Message, Plan,
        Provenance, Question, SourceLine, StageTimings, reply,
    },
    ports::{Hit, TextRole},
};
use chrono::NaiveDate;

/// Units compared with the question, over all passages.
const MAX_UNITS: usize = 80;
/// Sentences quoted from one place.
const MAX_SENTENCES: usize = 4;
/// Another document is quoted too if it is this near to the first.
const ALSO_WITHIN: f32 = 0.05;

/// An answer that has not yet been put together with plan and timings.
pub(super) struct Draft {
    pub message: Message,
    pub evidence: Vec<Evidence>,
    pub citations: Vec<usize>,
    pub gaps: Vec<Gap>,
    pub abstained: bool,
    pub confidence: Confidence,
}

impl Draft {
    pub(super) fn into_answer(
        self,
        question: &Question,
        plan: Plan,
        timings: StageTimings,
    ) -> Answer {
        let mut message = self.message;
        let cited: Vec<&Evidence> = self
            .evidence
            .iter()
            .filter(|e| self.citations.contains(&e.n))
            .collect();
        if !cited.is_empty() {
            message.push(Block::Sources {
                lines: cited.into_iter().map(source_line).collect(),
            });
            message.push(reply::disclaimer());
        }
        message.push(Block::FeedbackControl {
            question: question.id,
        });
        Answer {
            plan,
            evidence: self.evidence,
            gaps: self.gaps,
            message,
            citations: self.citations,
            abstained: self.abstained,
            confidence: self.confidence,
            provenance: Provenance {
                generator: "quotation".into(),
                adapter: None,
                planner: "router".into(),
            },
            timings,
        }
    }

    fn fixed(message: Message, abstained: bool) -> Self {
        Self {
            message,
            evidence: Vec::new(),
            citations: Vec::new(),
            gaps: Vec::new(),
            abstained,
            confidence: Confidence::High,
        }
    }
}

impl Pipeline {
    pub(super) async fn compose(
        &self,
        question: &Question,
        plan: &Plan,
        gathered: Gathered,
    ) -> Draft {
        match plan.intent {
            Intent::SmallTalk => Draft::fixed(small_talk(&question.text), false),
            Intent::OutOfScope => Draft::fixed(reply::out_of_scope(), true),
            _ if !plan.tools.is_empty() => showing::results(plan, gathered),
            Intent::Status if !gathered.records.is_empty() => showing::records(gathered),
            _ => self.quote(plan, gathered).await,
        }
    }

    /// The passages that answer, best first; "I don't know" where none does.
    async fn quote(&self, plan: &Plan, gathered: Gathered) -> Draft {
        let replaced = replaced_titles(&gathered.hits);
        let hits = without_replaced(gathered.hits);
        let ranked = self.rank(&plan.search, &hits).await;
        let evidence: Vec<Evidence> = hits
            .iter()
            .enumerate()
            .map(|(i, hit)| evidence_of(i + 1, hit))
            .collect();
        let best = ranked.first();
        let Some((best, confidence)) =
            best.and_then(|found| Some((found, found.support.confidence()?)))
        else {
            return do_not_know(&ranked, evidence, &hits, gathered.gaps);
        };
        let mut message = quotation(&hits[best.hit], best, reply::quoted_lead);
        let mut citations = vec![best.hit + 1];
        let near = |found: &&Found| {
            hits[found.hit].document != hits[best.hit].document
                && found.support.score() >= best.support.score() - ALSO_WITHIN
                && found.support.confidence().is_some()
        };
        if let Some(also) = ranked.iter().skip(1).find(near) {
            message.extend(quotation(&hits[also.hit], also, reply::also_lead));
            citations.push(also.hit + 1);
        }
        if let Some(older) = replaced
            .iter()
            .find(|(newer, _)| *newer == hits[best.hit].document)
        {
            message.push(Block::notice(reply::newer_wins(&older.1)));
        }
        if confidence == Confidence::Low {
            message.push(Block::notice(reply::low_confidence()));
        }
        message.extend(
            gathered
                .gaps
                .iter()
                .map(|gap| Block::notice(gap.message.clone())),
        );
        Draft {
            message,
            evidence,
            citations,
            gaps: gathered.gaps,
            abstained: false,
            confidence,
        }
    }

    /// Compares every quotable unit with the question.
    async fn rank(&self, question: &str, hits: &[Hit]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut texts = vec![question.to_string()];
        for (hit, passage) in hits.iter().enumerate() {
            for (at, unit) in units(&passage.text).into_iter().enumerate() {
                if texts.len() > MAX_UNITS {
                    break;
                }
                texts.push(format!(
                    "{} {} {}",
                    passage.title, passage.section, unit.words
                ));
                found.push(Found {
                    hit,
                    at,
                    unit,
                    support: Support::default(),
                });
            }
        }
        let vectors = match self.embedder.embed(texts, TextRole::Query).await {
            Ok(vectors) => vectors,
            Err(error) => {
                tracing::warn!(error = %error, "sentences are chosen by words alone");
                Vec::new()
            }
        };
        for (i, found) in found.iter_mut().enumerate() {
            let hit = &hits[found.hit];
            let sentence = match (vectors.first(), vectors.get(i + 1)) {
                (Some(question), Some(unit)) => dot(question, unit),
                _ => hit.similarity,
            };
            let text = format!("{} {} {}", hit.title, hit.section, hit.text);
            let unit_text = format!("{} {} {}", hit.title, hit.section, found.unit.words);
            let coverage = 0.5 * coverage(question, &text) + 0.5 * coverage(question, &unit_text);
            found.support = Support {
                passage: hit.similarity,
                sentence,
                coverage,
            };
        }
        found.sort_by(|a, b| b.support.score().total_cmp(&a.support.score()));
        found
    }
}

/// One unit with what speaks for it.
struct Found {
    hit: usize,
    /// Index of the unit in its passage.
    at: usize,
    unit: Unit,
    support: Support,
}

/// The unit with what it needs to be understood: the rest of its list, its
/// paragraph's neighbours, the line that introduces a table or a block of code.
fn quotation(hit: &Hit, found: &Found, lead: fn(&str, Option<&str>) -> Block) -> Message {
    let units = units(&hit.text);
    let same = |unit: &&Unit| unit.paragraph == found.unit.paragraph;
    let n = found.hit + 1;
    let dated = hit.date.map(|date| day(&date));
    let mut message = vec![lead(&heading_of(hit), dated.as_deref())];
    let introduction = units[..found.at.min(units.len())]
        .iter()
        .rev()
        .find(|unit| unit.paragraph < found.unit.paragraph)
        .filter(|unit| unit.form == Form::Sentence && unit.words.ends_with(':'));
    match &found.unit.form {
        Form::Sentence => {
            let paragraph: Vec<&Unit> = units.iter().filter(same).collect();
            let words = around(&paragraph, &found.unit.words).join(" ");
            message.push(Block::Quote {
                text: vec![Inline::text(words), Inline::Cite { n }],
            });
            // A sentence that ends in a colon promises what follows it.
            if found.unit.words.ends_with(':')
                && let Some(next) = units
                    .iter()
                    .find(|unit| unit.paragraph == found.unit.paragraph + 1)
            {
                message.push(block_of(next, &units));
            }
        }
        Form::Item { .. } | Form::Table { .. } | Form::Code { .. } => {
            let intro = introduction
                .map(|unit| unit.words.clone())
                .unwrap_or_else(|| section_name(hit));
            message.push(Block::Quote {
                text: vec![Inline::text(intro), Inline::Cite { n }],
            });
            message.push(block_of(&found.unit, &units));
        }
    }
    message
}

fn block_of(unit: &Unit, units: &[Unit]) -> Block {
    match &unit.form {
        Form::Sentence => Block::Quote {
            text: vec![Inline::text(unit.words.clone())],
        },
        Form::Item { ordered } => Block::List {
            ordered: *ordered,
            items: units
                .iter()
                .filter(|other| other.paragraph == unit.paragraph)
                .map(|other| vec![Inline::text(other.words.clone())])
                .collect(),
        },
        Form::Table { header, rows } => Block::Table {
            caption: String::new(),
            header: header.clone(),
            rows: rows.clone(),
        },
        Form::Code { language, text } => Block::Code {
            language: language.clone(),
            text: text.clone(),
        },
    }
}

/// The sentence with its neighbours: a whole short paragraph, or the sentence,
/// one before and two after.
fn around(paragraph: &[&Unit], sentence: &str) -> Vec<String> {
    let at = paragraph
        .iter()
        .position(|unit| unit.words == sentence)
        .unwrap_or(0);
    let from = if paragraph.len() <= MAX_SENTENCES {
        0
    } else {
        at.saturating_sub(1)
    };
    paragraph
        .iter()
        .skip(from)
        .take(MAX_SENTENCES)
        .map(|unit| unit.words.clone())
        .collect()
}

fn do_not_know(ranked: &[Found], evidence: Vec<Evidence>, hits: &[Hit], gaps: Vec<Gap>) -> Draft {
    let mut message = vec![reply::do_not_know(
        "the documents and tickets that I may use here",
    )];
    let mut nearest: Vec<usize> = Vec::new();
    for found in ranked {
        let document = &hits[found.hit].document;
        if found.support.passage >= 0.3
            && !nearest.iter().any(|&hit| hits[hit].document == *document)
        {
            nearest.push(found.hit);
        }
        if nearest.len() == 2 {
            break;
        }
    }
    match nearest.first() {
        Some(&first) => {
            message.push(Block::notice(reply::nearest_sources(
                hits[first].owner.as_deref(),
            )));
            message.push(Block::Sources {
                lines: nearest
                    .iter()
                    .map(|&hit| source_line(&evidence[hit]))
                    .collect(),
            });
        }
        None => message.push(Block::notice(reply::try_other_words())),
    }
    message.extend(gaps.iter().map(|gap| Block::notice(gap.message.clone())));
    Draft {
        message,
        evidence,
        citations: Vec::new(),
        gaps,
        abstained: true,
        confidence: Confidence::Low,
    }
}

fn small_talk(text: &str) -> Message {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&[
        "thank",
        "thx",
        "great job",
        "helped",
        "nice",
        "well done",
        "cheers",
    ]) {
        reply::thanks()
    } else if has(&[
        "who are you",
        "what are you",
        "can you do",
        "help",
        "robot",
        "bot",
        "what do you",
    ]) {
        reply::about_me()
    } else {
        reply::greeting()
    }
}

/// Pages of which a newer version is among the hits: (newer document, older title).
fn replaced_titles(hits: &[Hit]) -> Vec<(crate::domain::DocumentId, String)> {
    let mut replaced = Vec::new();
    for older in hits {
        if let Some(newer) = hits.iter().find(|newer| replaces(newer, older)) {
            replaced.push((newer.document.clone(), older.title.clone()));
        }
    }
    replaced
}

fn without_replaced(hits: Vec<Hit>) -> Vec<Hit> {
    let kept: Vec<Hit> = hits
        .iter()
        .filter(|older| !older.superseded && !hits.iter().any(|newer| replaces(newer, older)))
        .cloned()
        .collect();
    if kept.is_empty() { hits } else { kept }
}

/// A page replaces an older one of the same name, years and versions aside,
/// or one that says itself that it was superseded.
fn replaces(newer: &Hit, older: &Hit) -> bool {
    newer.document != older.document
        && newer.kind == older.kind
        && !newer.superseded
        && newer.date > older.date
        && older.date.is_some()
        && plain_title(&newer.title) == plain_title(&older.title)
}

fn plain_title(title: &str) -> String {
    title
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.chars().all(|c| c.is_ascii_digit()))
        .filter(|word| {
            !matches!(
                *word,
                "old" | "new" | "version" | "v1" | "v2" | "v3" | "archived" | "draft" | "updated"
            )
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn heading_of(hit: &Hit) -> String {
    match hit.kind {
        crate::domain::SourceKind::Tickets => format!("{} {}", hit.document, hit.title),
        _ => hit.title.clone(),
    }
}

fn section_name(hit: &Hit) -> String {
    let last = hit.section.rsplit(" > ").next().unwrap_or_default();
    format!("{}:", if last.is_empty() { &hit.title } else { last })
}

pub(super) fn day(date: &NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

pub(super) fn evidence_of(n: usize, hit: &Hit) -> Evidence {
    Evidence {
        n,
        kind: EvidenceKind::from(hit.kind),
        document: hit.document.clone(),
        title: hit.title.clone(),
        locator: hit.locator.clone(),
        section: hit.section.clone(),
        version: hit.version.clone(),
        date: hit.date,
        owner: hit.owner.clone(),
        text: hit.text.clone(),
        score: hit.score,
        rows: None,
    }
}

pub(super) fn source_line(evidence: &Evidence) -> SourceLine {
    SourceLine {
        n: evidence.n,
        title: evidence.title.clone(),
        section: evidence.section.clone(),
        locator: evidence.locator.clone(),
        version: evidence
            .date
            .map_or_else(|| evidence.version.clone(), |date| day(&date)),
    }
}
