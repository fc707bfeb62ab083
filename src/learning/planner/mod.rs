//! Training pairs for a language model that plans: a question as it is
//! served, and the plan that it should write.
//!
//! Promise: every pair is a request that the pipeline makes, and every plan
//! one that this request allows. What is asked for is known because it was put
//! into the question, not because the router read it there. The same
//! catalogue, options and seed give the same pairs.

mod asides;
mod question;
mod typing;
mod values;
mod wordings;

use crate::{
    domain::{Catalogue, Role, Said, ToolSpec, Turn, bare_words},
    pipeline::PlanRequest,
    prompts::{PlanPrompt, PromptError},
};
use chrono::{DateTime, Utc};
use question::{Draft, drafts};
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus, seq::IndexedRandom};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use wordings::Wordings;

/// Draws in vain for each pair; a small catalogue has no more to say.
const TRIES: usize = 40;

/// What is to be made.
#[derive(Clone, Debug)]
pub struct PairOptions {
    pub count: usize,
    pub seed: u64,
    /// Months and windows are those of this time.
    pub now: DateTime<Utc>,
    /// Example questions for what is no tool: `prompts/router.toml`.
    pub knowledge: Vec<String>,
    pub small_talk: Vec<String>,
    pub out_of_scope: Vec<String>,
}

/// A question as the model is asked it, and what it should write.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub question: String,
    pub thread: Vec<Turn>,
    pub about: About,
    /// Which tools are offered, by name.
    pub offered: Vec<String>,
    pub said: Vec<Said>,
    /// Compact JSON: `{"tool","with"}` or `{"intent"}`.
    pub plan: String,
}

/// What a pair teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A tool with its arguments.
    Call,
    /// The same tool with another value, in a thread.
    FollowUp,
    /// What a document says.
    Knowledge,
    /// A tool is meant, and what it needs is not said.
    NearMiss,
    /// A tool would answer that is not offered.
    NotOffered,
    SmallTalk,
    /// The world outside, and everything that would change something.
    OutOfScope,
}

/// What was made, and why not more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    pub pairs: Vec<Pair>,
    /// Made before already.
    pub repeated: usize,
    /// With a plan that the request does not allow: a slip hid a value, say.
    pub refused: usize,
}

/// A question without its request.
struct Asked {
    text: String,
    thread: Vec<Turn>,
    /// The tool that is meant, for choosing what is offered beside it.
    tool: Option<usize>,
    plan: Value,
}

/// Makes up to `count` different pairs.
pub fn make_pairs(
    catalogue: &Catalogue,
    prompt: &PlanPrompt,
    options: &PairOptions,
) -> Result<Pairs, PromptError> {
    let mut maker = Maker {
        catalogue,
        options,
        wordings: Wordings::shipped(options.now),
        drafts: catalogue
            .tools
            .iter()
            .map(|tool| drafts(tool, options.now))
            .collect(),
        random: Xoshiro256PlusPlus::seed_from_u64(options.seed),
    };
    let mut made = Pairs::default();
    let mut seen = HashSet::new();
    let everything: Vec<&ToolSpec> = catalogue.tools.iter().collect();
    for _ in 0..options.count.saturating_mul(TRIES) {
        if made.pairs.len() == options.count {
            break;
        }
        let about = maker.pick_about();
        let Some(asked) = maker.ask(about) else {
            continue;
        };
        if !seen.insert((
            bare_words(&asked.text),
            asked.thread.first().map(|turn| bare_words(&turn.text)),
        )) {
            made.repeated += 1;
            continue;
        }
        let (about, offered, plan) = maker.offer(about, &asked, &everything);
        let request = PlanRequest::new(prompt, &asked.text, &asked.thread, &offered, options.now)?;
        let plan = plan.to_string();
        if !request.allows(&plan) {
            made.refused += 1;
            continue;
        }
        made.pairs.push(Pair {
            question: asked.text,
            thread: asked.thread,
            about,
            offered: offered.iter().map(|tool| tool.name.clone()).collect(),
            said: request.said,
            plan,
        });
    }
    Ok(made)
}

impl Pairs {
    /// How many of each kind.
    pub fn counts(&self) -> BTreeMap<About, usize> {
        let mut counts = BTreeMap::new();
        for pair in &self.pairs {
            *counts.entry(pair.about).or_default() += 1;
        }
        counts
    }
}

impl Pair {
    /// ShareGPT, which the recipes train on; what stands beside the
    /// conversation says what the pair is.
    pub fn record(&self) -> Value {
        let said = self.said.iter().map(|said| {
            let from = match said.role {
                crate::domain::Speaker::System => "system",
                crate::domain::Speaker::User => "human",
                crate::domain::Speaker::Assistant => "gpt",
            };
            json!({ "from": from, "value": said.text })
        });
        let plan = json!({ "from": "gpt", "value": self.plan });
        let conversations: Vec<Value> = said.chain([plan]).collect();
        json!({
            "conversations": conversations,
            "about": self.about,
            "question": self.question,
            "plan": self.plan,
        })
    }
}

struct Maker<'a> {
    catalogue: &'a Catalogue,
    options: &'a PairOptions,
    wordings: Wordings,
    /// What each tool's words give, tool by tool.
    drafts: Vec<Vec<Draft>>,
    random: Xoshiro256PlusPlus,
}

impl Maker<'_> {
    /// A little more than half are calls; what a model must not do is taught as well.
    fn pick_about(&mut self) -> About {
        match self.random.random_range(0..100) {
            0..55 => About::Call,
            55..67 => About::FollowUp,
            67..79 => About::Knowledge,
            79..86 => About::NearMiss,
            86..90 => About::SmallTalk,
            _ => About::OutOfScope,
        }
    }

    fn ask(&mut self, about: About) -> Option<Asked> {
        match about {
            About::Call | About::NotOffered => self.call(),
            About::FollowUp => self.follow_up(),
            About::NearMiss => self.near_miss(),
            About::Knowledge => Some(self.knowledge()),
            About::SmallTalk => Some(self.small_talk()),
            About::OutOfScope => Some(self.out_of_scope()),
        }
    }

    fn draft(&mut self) -> Option<(usize, Draft)> {
        if self.drafts.is_empty() {
            return None;
        }
        let tool = self.random.random_range(0..self.drafts.len());
        let draft = self.drafts[tool].choose(&mut self.random)?.clone();
        Some((tool, draft))
    }

    fn call(&mut self) -> Option<Asked> {
        let (at, draft) = self.draft()?;
        let tool = &self.catalogue.tools[at];
        let mut draft = draft.with_more(tool, &self.wordings, &mut self.random);
        draft.swap_values(tool, &self.wordings, &mut self.random);
        let text = draft.worded(&self.wordings, &mut self.random);
        Some(Asked {
            text,
            thread: Vec::new(),
            tool: Some(at),
            plan: call_of(tool, draft.values(tool)?),
        })
    }

    /// "revenue last week" … "and in Benelux?"
    fn follow_up(&mut self) -> Option<Asked> {
        let (at, draft) = self.draft()?;
        let tool = &self.catalogue.tools[at];
        let mut first = draft.with_more(tool, &self.wordings, &mut self.random);
        first.swap_values(tool, &self.wordings, &mut self.random);
        let mut values = first.values(tool)?;
        let (said, parameter, value) =
            values::another(tool, &values, &self.wordings, &mut self.random)?;
        values.insert(parameter, value);
        let values = in_order(tool, values);
        let frame = self.wordings.follow_ups.choose(&mut self.random)?;
        let turn = |role, text: String| Turn { role, text };
        let rows = self.random.random_range(0..50);
        Some(Asked {
            text: typing::typed(&frame.replace("{}", &said), &mut self.random),
            thread: vec![
                turn(Role::User, first.worded(&self.wordings, &mut self.random)),
                turn(Role::Assistant, format!("{rows} rows. [1]")),
            ],
            tool: Some(at),
            plan: call_of(tool, values),
        })
    }

    /// A question for a tool without the value that it needs.
    fn near_miss(&mut self) -> Option<Asked> {
        let tools = self.catalogue.tools.iter().zip(&self.drafts);
        let needy: Vec<_> = tools.filter(|(tool, _)| needs_something(tool)).collect();
        let (tool, drafts) = *needy.choose(&mut self.random)?;
        let draft = drafts.choose(&mut self.random)?;
        let text = draft.without_needed(tool, &mut self.random)?;
        let text = match self.wordings.opener(&mut self.random) {
            Some(opener) => format!("{opener} {text}"),
            None => text,
        };
        Some(Asked {
            text: typing::typed(&text, &mut self.random),
            thread: Vec::new(),
            tool: None,
            plan: json!({ "intent": "knowledge" }),
        })
    }

    /// The tools that the asker may use: most often all, sometimes fewer, now
    /// and then all but those that would answer.
    fn offer<'b>(
        &mut self,
        about: About,
        asked: &Asked,
        everything: &[&'b ToolSpec],
    ) -> (About, Vec<&'b ToolSpec>, Value) {
        let plan = asked.plan.clone();
        let die = self.random.random_range(0..100);
        if die < 70 || everything.len() < 4 {
            return (about, everything.to_vec(), plan);
        }
        let right = asked.tool.and_then(|at| everything.get(at));
        let without = about == About::Call && die >= 90;
        let mut offered = Vec::new();
        for (at, tool) in everything.iter().enumerate() {
            let is_right = asked.tool == Some(at);
            let keep = match (without, right) {
                (true, Some(right)) => !is_right && !alike(right, tool),
                _ => is_right || self.random.random_range(0..2) == 0,
            };
            if keep {
                offered.push(*tool);
            }
        }
        match without {
            true => (About::NotOffered, offered, json!({ "intent": "knowledge" })),
            false => (about, offered, plan),
        }
    }
}

/// Tools that share a word of their names may answer the same question.
fn alike(a: &ToolSpec, b: &ToolSpec) -> bool {
    use crate::pipeline::arguments::name_words;
    let words = name_words(&a.name);
    name_words(&b.name).iter().any(|word| words.contains(word))
}

fn needs_something(tool: &ToolSpec) -> bool {
    let mut parameters = tool.parameters.iter();
    parameters.any(|parameter| !parameter.optional && parameter.default.is_none())
}

fn call_of(tool: &ToolSpec, values: Map<String, Value>) -> Value {
    json!({ "tool": tool.name, "with": values })
}

/// As the schema has them, which a constrained model can't leave.
fn in_order(tool: &ToolSpec, mut values: Map<String, Value>) -> Map<String, Value> {
    let names = tool.parameters.iter().map(|parameter| &parameter.name);
    names
        .filter_map(|name| Some((name.clone(), values.remove(name)?)))
        .collect()
}

#[cfg(test)]
mod tests;
