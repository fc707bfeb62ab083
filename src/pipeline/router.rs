//! The router: what kind of question is this, told by example questions.
//!
//! Every example is embedded once; a question is compared with all of them.
//! A comparison costs one dot product an example: 300 examples of 384
//! dimensions take about 50 microseconds.

use crate::{
    domain::{Catalogue, Intent, ToolSpec},
    ports::{EmbedError, Embedder, TextRole},
};
use serde::Deserialize;

/// Where an example leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    Tool(String),
    Intent(Intent),
}

/// Example questions for what is not a tool, from `prompts/router.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntentExamples {
    pub knowledge: Vec<String>,
    pub small_talk: Vec<String>,
    pub out_of_scope: Vec<String>,
}

pub struct Router {
    examples: Vec<Example>,
}

#[derive(Clone)]
struct Example {
    route: Route,
    vector: Vec<f32>,
}

/// How near a question is to a route: the cosine with its nearest examples, 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    pub route: Route,
    pub value: f32,
}

impl Router {
    pub async fn new(
        embedder: &dyn Embedder,
        intents: &IntentExamples,
        catalogue: &Catalogue,
    ) -> Result<Self, EmbedError> {
        let mut sentences = Vec::new();
        for (intent, examples) in [
            (Intent::Knowledge, &intents.knowledge),
            (Intent::SmallTalk, &intents.small_talk),
            (Intent::OutOfScope, &intents.out_of_scope),
        ] {
            sentences.extend(
                examples
                    .iter()
                    .map(|example| (Route::Intent(intent), example)),
            );
        }
        sentences.extend(tool_sentences(catalogue));
        Ok(Self {
            examples: embedded(embedder, sentences).await?,
        })
    }

    /// The same intents with the tools of another catalogue.
    pub async fn with_tools(
        &self,
        embedder: &dyn Embedder,
        catalogue: &Catalogue,
    ) -> Result<Self, EmbedError> {
        let intents = self
            .examples
            .iter()
            .filter(|example| matches!(example.route, Route::Intent(_)));
        let mut examples: Vec<Example> = intents.cloned().collect();
        examples.extend(embedded(embedder, tool_sentences(catalogue)).await?);
        Ok(Self { examples })
    }

    /// Every route with its score, best first.
    ///
    /// A route's score is the mean of its best and second-best cosine, the
    /// best counted twice: one odd example can't win alone.
    pub fn scores(&self, question: &[f32]) -> Vec<Score> {
        let mut best: Vec<(Route, f32, f32)> = Vec::new();
        for example in &self.examples {
            let value = dot(question, &example.vector);
            match best.iter_mut().find(|(route, ..)| *route == example.route) {
                Some((_, first, second)) => {
                    if value > *first {
                        *second = std::mem::replace(first, value);
                    } else if value > *second {
                        *second = value;
                    }
                }
                None => best.push((example.route.clone(), value, 0.0)),
            }
        }
        let mut scores: Vec<Score> = best
            .into_iter()
            .map(|(route, first, second)| Score {
                // An intent has examples far from one another: its nearest one counts.
                value: match route {
                    Route::Tool(_) | Route::Intent(Intent::Knowledge) => {
                        (2.0 * first + second) / 3.0
                    }
                    Route::Intent(_) => first,
                },
                route,
            })
            .collect();
        scores.sort_by(|a, b| b.value.total_cmp(&a.value));
        scores
    }
}

fn tool_sentences(catalogue: &Catalogue) -> Vec<(Route, &String)> {
    let sentences = |tool: &'_ ToolSpec| Route::Tool(tool.name.clone());
    catalogue
        .tools
        .iter()
        .flat_map(|tool| {
            tool.examples
                .iter()
                .chain([&tool.description])
                .map(move |text| (sentences(tool), text))
        })
        .collect()
}

async fn embedded(
    embedder: &dyn Embedder,
    sentences: Vec<(Route, &String)>,
) -> Result<Vec<Example>, EmbedError> {
    let texts = sentences.iter().map(|(_, text)| masked(text)).collect();
    let vectors = embedder.embed(texts, TextRole::Query).await?;
    Ok(sentences
        .into_iter()
        .zip(vectors)
        .map(|((route, _), vector)| Example { route, vector })
        .collect())
}

/// The question with names of records hidden: `ORD-10023` says nothing about
/// what is asked, and would pull towards examples with a similar number.
pub fn masked(question: &str) -> String {
    question
        .split_whitespace()
        .map(|word| {
            let is_record = word.contains('-')
                && word.chars().any(|c| c.is_ascii_digit())
                && word.chars().next().is_some_and(char::is_alphabetic);
            if is_record { "number" } else { word }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Dot product of two unit vectors: their cosine.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
