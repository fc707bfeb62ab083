//! Evidence -> draft, without a language model: the passages that answer,
//! quoted as they stand, under a line that says whose words they are.
//!
//! Promise: every word of an answer is a source's, a tool's, or one of the
//! fixed sentences of `reply`.

use super::{
    Gathered, Pipeline,
    arguments::name_words,
    gathering::gap,
    generating::Written,
    grounding::confidence,
    injection::count_orders,
    passage::units,
    quoting::{fits_whole, quotation, word_count},
    reader::answer_features,
    router::dot,
    showing,
    versions::{disagreeing, held_in, past_year, replaced_titles, without_replaced},
};
use crate::{
    domain::{
        Answer, Ask, Block, Confidence, Evidence, EvidenceKind, Gap, GapClass, Intent, Message,
        Plan, Provenance, Question, SourceKind, SourceLine, StageTimings, ToolCall, reply,
    },
    ports::{Hit, TextRole, with_causes},
};
use chrono::NaiveDate;

/// Sentences and list items of one long passage that are compared with the question.
const MAX_UNITS: usize = 40;
/// Passages quoted at most, and their words together: about what a person
/// reads in half a minute.
const MAX_PASSAGES: usize = 4;
const MAX_WORDS: usize = 220;
/// A further passage is quoted if its rank is this near to the first one's.
const ALSO_WITHIN: f32 = 0.8;
/// An answer that has not yet been put together with plan and timings.
pub(super) struct Draft {
    pub message: Message,
    pub evidence: Vec<Evidence>,
    pub citations: Vec<usize>,
    pub gaps: Vec<Gap>,
    pub abstained: bool,
    /// To look wider would be to guess.
    pub settled: bool,
    /// Calls that were made beside those of the plan, for the record.
    pub calls: Vec<ToolCall>,
    pub confidence: Confidence,
    pub provenance: Provenance,
}

impl Draft {
    pub(super) fn into_answer(
        self,
        question: &Question,
        mut plan: Plan,
        timings: StageTimings,
    ) -> Answer {
        plan.tools.extend(self.calls);
        let mut message = self.message;
        let cited: Vec<&Evidence> = self
            .evidence
            .iter()
            .filter(|e| self.citations.contains(&e.n))
            .collect();
        if !cited.is_empty() {
            message.push(Block::Sources {
                lines: cited.into_iter().flat_map(source_lines).collect(),
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
            provenance: self.provenance,
            timings,
        }
    }

    /// Names what an earlier or a later attempt could not reach, each once.
    pub(super) fn missed(&mut self, gaps: Vec<Gap>) {
        for gap in gaps {
            if !self.gaps.contains(&gap) {
                self.message.push(Block::notice(gap.message.clone()));
                self.gaps.push(gap);
            }
        }
    }

    /// Asks for what a tool needs, in place of the "I don't know"; what could
    /// not be reached stays named.
    pub(super) fn ask_back(&mut self, ask: &Ask) {
        let [parameter, tool] = [&ask.parameter, &ask.tool].map(|name| name_words(name).join(" "));
        self.message = vec![reply::ask_back(&parameter, &tool, &ask.values)];
        self.message.extend(gap_notices(&self.gaps));
    }

    fn fixed(message: Message, abstained: bool) -> Self {
        Self {
            message,
            evidence: Vec::new(),
            citations: Vec::new(),
            gaps: Vec::new(),
            abstained,
            settled: false,
            calls: Vec::new(),
            confidence: Confidence::High,
            provenance: Provenance::quotation(),
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
            _ => self.answer_with_passages(question, plan, gathered).await,
        }
    }

    /// Written from the passages that answer, or quoted, best first; "I don't
    /// know" where none does.
    async fn answer_with_passages(
        &self,
        question: &Question,
        plan: &Plan,
        mut gathered: Gathered,
    ) -> Draft {
        let year = past_year(&question.text, self.clock.now().date_naive());
        let replaced = replaced_titles(&gathered.hits);
        let hits = std::mem::take(&mut gathered.hits);
        let hits = match year {
            Some(year) => held_in(year, hits),
            None => without_replaced(hits),
        };
        let evidence: Vec<Evidence> = hits
            .iter()
            .enumerate()
            .map(|(i, hit)| Evidence {
                score: answer_features(&plan.search, hit).probability(),
                ..evidence_of(i + 1, hit)
            })
            .collect();
        let answers = hits
            .first()
            .zip(evidence.first().and_then(|first| confidence(first.score)));
        let Some((best, confidence)) = answers else {
            return do_not_know(evidence, &hits, gathered.gaps);
        };
        let mut provenance = Provenance::quotation();
        let mut message = Message::new();
        let mut citations: Vec<usize> = Vec::new();
        let sources: Vec<&Evidence> = evidence.iter().collect();
        match self.write(question, &sources).await {
            Ok(Some(written)) => {
                message = written.message;
                citations = written.citations;
                provenance = written.provenance;
            }
            Ok(None) => {}
            Err(gap) => gathered.gaps.push(gap),
        }
        if message.is_empty() {
            (message, citations) = self.quoted(&plan.search, &hits).await;
        }
        let older = replaced.iter().find(|(newer, _)| *newer == best.document);
        if let Some((_, title)) = older {
            message.push(Block::notice(reply::newer_wins(title)));
        } else if let Some(other) = disagreeing(best, &hits) {
            message.push(Block::notice(reply::disagrees(
                &other.title,
                &other.locator,
            )));
        }
        if best.superseded && year.is_none() {
            message.push(Block::notice(reply::over()));
        }
        if let Some(year) = year.filter(|_| best.superseded) {
            message.push(Block::notice(reply::held_then(year)));
        }
        if confidence == Confidence::Low {
            message.push(Block::notice(reply::low_confidence()));
        }
        message.extend(gap_notices(&gathered.gaps));
        Draft {
            message,
            evidence,
            citations,
            gaps: gathered.gaps,
            abstained: false,
            settled: false,
            calls: Vec::new(),
            confidence,
            provenance,
        }
    }

    /// What the language model writes, where there is one.
    async fn write(
        &self,
        question: &Question,
        sources: &[&Evidence],
    ) -> Result<Option<Written>, Gap> {
        let Some(writer) = &self.writer else {
            return Ok(None);
        };
        writer.write(question, sources).await.map_err(|error| {
            tracing::warn!(question.id = %question.id, error = %with_causes(&error), "language model failed, quoting instead");
            gap("my language model", GapClass::ModelFailed)
        })
    }

    /// The passages worth quoting, and their numbers.
    async fn quoted(&self, question: &str, hits: &[Hit]) -> (Message, Vec<usize>) {
        let mut message = Message::new();
        let mut citations: Vec<usize> = Vec::new();
        for n in worth_quoting(hits) {
            let (hit, earlier) = (&hits[n], citations.last().map(|n| &hits[n - 1]));
            let best = self.best_unit(question, hit).await;
            message.extend(quotation(n + 1, hit, best, earlier));
            citations.push(n + 1);
        }
        (message, citations)
    }

    /// Where to cut a passage that is too long to be quoted whole: around the
    /// sentence nearest to the question.
    async fn best_unit(&self, question: &str, hit: &Hit) -> usize {
        if fits_whole(hit) {
            return 0;
        }
        let sentences = units(&hit.text).into_iter().take(MAX_UNITS);
        let texts = std::iter::once(question.to_string())
            .chain(sentences.map(|unit| format!("{}. {}", last_heading(hit), unit.words)))
            .collect();
        match self.embedder.embed(texts, TextRole::Query).await {
            Ok(vectors) => vectors
                .iter()
                .skip(1)
                .map(|vector| dot(&vectors[0], vector))
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .map_or(0, |(at, _)| at),
            Err(error) => {
                tracing::warn!(error = %error, "a long passage is cut after its beginning");
                0
            }
        }
    }
}

/// Indices of the best passage and of those that come near it, within what a
/// person reads.
fn worth_quoting(hits: &[Hit]) -> Vec<usize> {
    let Some(best) = hits.first() else {
        return Vec::new();
    };
    let mut words = 0;
    let mut chosen = Vec::new();
    for (n, hit) in hits.iter().enumerate() {
        if hit.score < best.score - ALSO_WITHIN {
            break;
        }
        // A page is not explained by what somebody once reported.
        if best.kind == SourceKind::Documents && hit.kind == SourceKind::Tickets {
            continue;
        }
        let more = word_count(hit);
        if chosen.len() == MAX_PASSAGES || (!chosen.is_empty() && words + more > MAX_WORDS) {
            continue;
        }
        words += more;
        chosen.push(n);
    }
    chosen
}

fn last_heading(hit: &Hit) -> &str {
    match hit.section.rsplit(" > ").next() {
        Some(heading) if !heading.is_empty() => heading,
        _ => &hit.title,
    }
}

pub(super) fn gap_notices(gaps: &[Gap]) -> impl Iterator<Item = Block> {
    gaps.iter().map(|gap| Block::notice(gap.message.clone()))
}

fn do_not_know(evidence: Vec<Evidence>, hits: &[Hit], gaps: Vec<Gap>) -> Draft {
    let mut message = vec![reply::do_not_know(
        "the documents and tickets that I may use here",
    )];
    let mut nearest: Vec<usize> = Vec::new();
    for (n, hit) in hits.iter().enumerate() {
        let named = |&earlier: &usize| hits[earlier].document == hit.document;
        if hit.similarity >= 0.3 && !nearest.iter().any(named) {
            nearest.push(n);
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
    message.extend(gap_notices(&gaps));
    Draft {
        message,
        evidence,
        citations: Vec::new(),
        gaps,
        abstained: true,
        settled: false,
        calls: Vec::new(),
        confidence: Confidence::Low,
        provenance: Provenance::quotation(),
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
        orders: count_orders(&hit.text, &hit.title),
        rows: None,
        relations: Vec::new(),
        copies: hit.copies.clone(),
    }
}

/// The source and its copies, all under its number.
fn source_lines(evidence: &Evidence) -> Vec<SourceLine> {
    let copies = evidence.copies.iter().map(|copy| SourceLine {
        n: evidence.n,
        title: copy.title.clone(),
        section: evidence.section.clone(),
        locator: copy.locator.clone(),
        version: copy.date.map_or_else(String::new, |date| day(&date)),
    });
    [source_line(evidence)].into_iter().chain(copies).collect()
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
