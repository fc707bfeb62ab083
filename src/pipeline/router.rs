//! The router: what kind of question is this, told by example questions.
//!
//! Every example is embedded once; a question is compared with all of them,
//! and with a small head that was trained on them. A comparison costs one dot
//! product an example and one a route: 300 examples of 384 dimensions take
//! about 50 microseconds. A tool without examples is known by its name and
//! description.

use super::{arguments::name_words, head::Head, masking::Mask};
use crate::{
    domain::{Catalogue, Intent},
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
    /// The head's classes, in its order.
    routes: Vec<Route>,
    head: Option<Head>,
    mask: Mask,
}

/// Routes with fewer examples are left to the cosines.
const ENOUGH: usize = 4;
/// What a unit of log probability counts beside a cosine, and how much at most.
const HEAD_WEIGHT: f32 = 0.1;
const HEAD_MOST: f32 = 0.3;
/// Questions are this much less like a description than like other questions:
/// chosen on functions of others (`benches/README.md`, Planning).
const DESCRIBED: f32 = 0.14;

#[derive(Clone)]
struct Example {
    route: Route,
    /// It is no question but a tool's name or description.
    described: bool,
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
        let mask = Mask::of(catalogue);
        let mut examples = embedded(embedder, &mask, sentences).await?;
        examples.extend(of_tools(embedder, &mask, catalogue).await?);
        Ok(Self::of(examples, mask))
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
        let mask = Mask::of(catalogue);
        let mut examples: Vec<Example> = intents.cloned().collect();
        examples.extend(of_tools(embedder, &mask, catalogue).await?);
        Ok(Self::of(examples, mask))
    }

    /// What of a question is compared: give the vector of this to [`Self::scores`].
    pub fn masked(&self, question: &str) -> String {
        self.mask.masked(question)
    }

    fn of(examples: Vec<Example>, mask: Mask) -> Self {
        let mut routes: Vec<Route> = Vec::new();
        let questions = || examples.iter().filter(|example| !example.described);
        for example in questions() {
            let count = questions()
                .filter(|other| other.route == example.route)
                .count();
            if count >= ENOUGH && !routes.contains(&example.route) {
                routes.push(example.route.clone());
            }
        }
        let is_tool = |route: &Route| matches!(route, Route::Tool(_));
        let (vectors, labels): (Vec<&[f32]>, Vec<usize>) = examples
            .iter()
            .filter_map(|example| {
                let class = routes.iter().position(|route| *route == example.route)?;
                Some((example.vector.as_slice(), class))
            })
            .unzip();
        let head = routes
            .iter()
            .any(is_tool)
            .then(|| Head::train(&vectors, &labels, routes.len()))
            .flatten();
        Self {
            examples,
            routes,
            head,
            mask,
        }
    }

    /// Every route with its score, best first.
    ///
    /// A route's score is the mean of its best and second-best cosine, the
    /// best counted twice: one odd example can't win alone.
    pub fn scores(&self, question: &[f32]) -> Vec<Score> {
        let mut best: Vec<(Route, f32, f32)> = Vec::new();
        for example in &self.examples {
            let bonus = if example.described { DESCRIBED } else { 0.0 };
            let value = dot(question, &example.vector) + bonus;
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
        self.weigh(question, &mut scores);
        scores.sort_by(|a, b| b.value.total_cmp(&a.value));
        scores
    }

    /// Takes from each route what the head finds it less probable than the most probable one.
    fn weigh(&self, question: &[f32], scores: &mut [Score]) {
        let Some(head) = &self.head else {
            return;
        };
        let told = head.log_probabilities(question);
        let most = told.iter().copied().fold(f32::MIN, f32::max);
        for (route, value) in self.routes.iter().zip(told) {
            if let Some(score) = scores.iter_mut().find(|score| score.route == *route) {
                score.value -= (HEAD_WEIGHT * (most - value)).min(HEAD_MOST);
            }
        }
    }
}

/// The examples of every tool, its synonyms and its description; of a tool
/// without examples, its name too.
async fn of_tools(
    embedder: &dyn Embedder,
    mask: &Mask,
    catalogue: &Catalogue,
) -> Result<Vec<Example>, EmbedError> {
    let texts: Vec<(String, String)> = catalogue
        .tools
        .iter()
        .map(|tool| {
            (
                name_words(&tool.name).join(" "),
                first_sentence(&tool.description).to_string(),
            )
        })
        .collect();
    let mut sentences = Vec::new();
    for (tool, (name, said)) in catalogue.tools.iter().zip(&texts) {
        let mut push = |text| sentences.push((Route::Tool(tool.name.clone()), text));
        tool.examples.iter().for_each(&mut push);
        tool.synonyms.iter().for_each(&mut push);
        if !said.is_empty() {
            push(said);
        }
        if tool.examples.is_empty() {
            push(name);
        }
    }
    let mut examples = embedded(embedder, mask, sentences).await?;
    for example in &mut examples {
        example.described = catalogue.tools.iter().any(|tool| {
            tool.examples.is_empty() && example.route == Route::Tool(tool.name.clone())
        });
    }
    Ok(examples)
}

/// What a tool does stands first; what follows is how.
fn first_sentence(description: &str) -> &str {
    let description = description.trim();
    let end = description.find(". ").or_else(|| description.find('\n'));
    &description[..end.unwrap_or(description.len())]
}

async fn embedded(
    embedder: &dyn Embedder,
    mask: &Mask,
    sentences: Vec<(Route, &String)>,
) -> Result<Vec<Example>, EmbedError> {
    let texts = sentences
        .iter()
        .map(|(_, text)| mask.masked(text))
        .collect();
    let vectors = embedder.embed(texts, TextRole::Query).await?;
    Ok(sentences
        .into_iter()
        .zip(vectors)
        .map(|((route, _), vector)| Example {
            route,
            described: false,
            vector,
        })
        .collect())
}

/// Dot product of two unit vectors: their cosine.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
