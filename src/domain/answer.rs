//! The answer that is saved, audited and posted.

use super::{Evidence, Gap, Message, Plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub plan: Plan,
    pub evidence: Vec<Evidence>,
    pub gaps: Vec<Gap>,
    /// What the reader sees.
    pub message: Message,
    /// Numbers of the evidence that the text cites.
    pub citations: Vec<usize>,
    /// True where the answer is "I don't know" or a refusal.
    pub abstained: bool,
    pub confidence: Confidence,
    pub provenance: Provenance,
    pub timings: StageTimings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    High,
    Medium,
    Low,
}

/// What produced the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// `quotation` where no language model took part.
    pub generator: String,
    pub adapter: Option<String>,
    pub planner: String,
    /// Version and hash of the prompt that the model was given.
    #[serde(default)]
    pub prompt: Option<String>,
    /// Version of the catalogue that was planned with, where there is a file of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<String>,
    /// What a language model wrote and nobody was shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<CutClaim>,
}

/// A sentence of a language model that its sources do not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutClaim {
    pub text: String,
    pub why: CutReason,
    /// The source's own sentence that was shown in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<String>,
}

/// What of a claim the sources do not say, or say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    Number,
    Date,
    Id,
    Name,
    Negation,
    Words,
    /// It cites a source that was not given.
    Source,
}

impl Provenance {
    /// The answer is made of words of the sources; no language model took part.
    pub fn quotation() -> Self {
        Self {
            generator: "quotation".into(),
            adapter: None,
            planner: "router".into(),
            prompt: None,
            catalogue: None,
            cut: Vec::new(),
        }
    }
}

/// Milliseconds by stage: `plan`, `gather`, `compose`, `total`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageTimings(pub BTreeMap<String, f64>);
