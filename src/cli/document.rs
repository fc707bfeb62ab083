//! The JSON document that stands for an answer on the command line.

use crate::domain::{Answer, Evidence, Gap, GapClass, Plan, plain::plain_text};
use serde::Serialize;

#[derive(Serialize)]
pub struct AnswerDocument<'a> {
    id: String,
    question: &'a str,
    plan: &'a Plan,
    evidence: Vec<EvidenceEntry<'a>>,
    gaps: Vec<GapEntry<'a>>,
    answer: String,
    citations: &'a [usize],
    abstained: bool,
    confidence: crate::domain::Confidence,
    generator: &'a str,
    adapter: Option<&'a str>,
    timings_ms: &'a crate::domain::StageTimings,
}

#[derive(Serialize)]
struct EvidenceEntry<'a> {
    n: usize,
    kind: crate::domain::EvidenceKind,
    document: &'a str,
    title: &'a str,
    locator: &'a str,
    section: &'a str,
    version: &'a str,
    text: &'a str,
    score: f32,
}

#[derive(Serialize)]
struct GapEntry<'a> {
    source: &'a str,
    class: GapClass,
    message: &'a str,
}

impl<'a> AnswerDocument<'a> {
    pub fn new(id: String, question: &'a str, answer: &'a Answer) -> Self {
        Self {
            id,
            question,
            plan: &answer.plan,
            evidence: answer.evidence.iter().map(EvidenceEntry::new).collect(),
            gaps: answer.gaps.iter().map(GapEntry::new).collect(),
            answer: plain_text(&answer.message),
            citations: &answer.citations,
            abstained: answer.abstained,
            confidence: answer.confidence,
            generator: &answer.provenance.generator,
            adapter: answer.provenance.adapter.as_deref(),
            timings_ms: &answer.timings,
        }
    }
}

impl<'a> EvidenceEntry<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        Self {
            n: evidence.n,
            kind: evidence.kind,
            document: evidence.document.as_str(),
            title: &evidence.title,
            locator: &evidence.locator,
            section: &evidence.section,
            version: &evidence.version,
            text: &evidence.text,
            score: evidence.score,
        }
    }
}

impl<'a> GapEntry<'a> {
    fn new(gap: &'a Gap) -> Self {
        Self { source: &gap.source, class: gap.class, message: &gap.message }
    }
}
