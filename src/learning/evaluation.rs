//! Gold questions: asked, and the answers held against what was expected.

use crate::domain::{
    Answer, Block, Inline, Intent, Plan, SourceKind, StageTimings, plain::plain_text,
};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::Path, sync::LazyLock};

/// A suite as it lies in `tests/eval/*.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    #[serde(rename = "question")]
    pub questions: Vec<GoldQuestion>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldQuestion {
    pub id: String,
    pub text: String,
    pub category: String,
    #[serde(default)]
    pub typed: String,
    /// Who asks; default: somebody in no group.
    #[serde(default, rename = "as")]
    pub asker: Option<String>,
    #[serde(default)]
    pub sources: Vec<SourceKind>,
    #[serde(default)]
    pub tool: Option<String>,
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Any one of these must be cited.
    #[serde(default)]
    pub documents: Vec<String>,
    /// Each must stand in the answer; of a list, any.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// One row; each of its values must stand in the answer.
    #[serde(default)]
    pub numbers_sql: Option<String>,
    #[serde(default)]
    pub abstain: bool,
    /// None of these may stand in the answer.
    #[serde(default)]
    pub forbidden: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    One(String),
    AnyOf(Vec<String>),
}

#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    #[error("{path}: {source}")]
    Unreadable {
        path: String,
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Invalid {
        path: String,
        source: toml::de::Error,
    },
}

impl Suite {
    pub fn read(path: &Path) -> Result<Self, SuiteError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| SuiteError::Unreadable {
            path: name.clone(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| SuiteError::Invalid { path: name, source })
    }
}

/// What was right about one answer. `None`: the question does not test it.
#[derive(Clone, Debug, Serialize)]
pub struct Marks {
    pub id: String,
    pub category: String,
    pub facts: Option<bool>,
    pub abstention: bool,
    pub plan: bool,
    pub intent: Option<bool>,
    pub sources: bool,
    pub tool: Option<bool>,
    pub arguments: Option<bool>,
    pub document: Option<bool>,
    pub leaked: bool,
    pub total_ms: f64,
    #[serde(skip)]
    pub timings: StageTimings,
}

/// Holds an answer against the gold question. `numbers` is the row of `numbers_sql`.
pub fn mark(gold: &GoldQuestion, answer: &Answer, numbers: &[Value]) -> Marks {
    let shown = comparable(&plain_text(&answer.message));
    let tests_facts = !gold.facts.is_empty() || !numbers.is_empty();
    let facts = gold.facts.iter().all(|fact| fact.stands_in(&shown))
        && numbers.iter().all(|value| stands_in(value, &shown));
    let tool = answer.plan.tools.first();
    Marks {
        id: gold.id.clone(),
        category: gold.category.clone(),
        facts: tests_facts.then_some(facts),
        abstention: answer.abstained == gold.abstain,
        plan: tool_is_right(gold, &answer.plan) && sources_are_right(gold, &answer.plan),
        intent: intents_of(&gold.category).map(|right| right.contains(&answer.plan.intent)),
        sources: sources_are_right(gold, &answer.plan),
        tool: gold
            .tool
            .as_ref()
            .map(|_| tool_is_right(gold, &answer.plan)),
        arguments: (!gold.arguments.is_empty()).then(|| {
            tool.is_some_and(|tool| {
                gold.arguments
                    .iter()
                    .all(|(name, value)| same_value(tool.args.get(name), value))
            })
        }),
        document: (!gold.documents.is_empty()).then(|| cites_any(answer, &gold.documents)),
        leaked: gold
            .forbidden
            .iter()
            .any(|text| shown.contains(&comparable(text))),
        total_ms: answer.timings.0.get("total").copied().unwrap_or_default(),
        timings: answer.timings.clone(),
    }
}

/// Right: the expected tool and no other.
fn tool_is_right(gold: &GoldQuestion, plan: &Plan) -> bool {
    match &gold.tool {
        Some(name) => plan.tools.len() == 1 && plan.tools[0].name == *name,
        None => plan.tools.is_empty() || gold.sources.contains(&SourceKind::Business),
    }
}

/// Right: every expected source is looked in; business data is asked only
/// where expected. Looking in documents and tickets together counts for either.
fn sources_are_right(gold: &GoldQuestion, plan: &Plan) -> bool {
    let looks_in = |source: &SourceKind| plan.sources.contains(source);
    if gold.sources.is_empty() {
        return plan.sources.is_empty();
    }
    gold.sources.iter().all(looks_in)
        && (gold.sources.contains(&SourceKind::Business) || !looks_in(&SourceKind::Business))
}

/// The intents that a category is right with; none: the category does not tell.
fn intents_of(category: &str) -> Option<&'static [Intent]> {
    Some(match category {
        "knowledge" | "superseded" | "absent" | "restricted" | "how_to" => &[Intent::Knowledge],
        "injection" => &[Intent::Knowledge, Intent::Status],
        // A total is analytical too, and is looked up alike.
        "live" | "count" => &[Intent::Live, Intent::Analytical],
        "analytical" | "trend" => &[Intent::Analytical],
        "status" => &[Intent::Status],
        "chitchat" => &[Intent::SmallTalk],
        "out_of_scope" | "order" => &[Intent::OutOfScope],
        _ => return None,
    })
}

fn cites_any(answer: &Answer, documents: &[String]) -> bool {
    answer.evidence.iter().any(|evidence| {
        answer.citations.contains(&evidence.n)
            && documents.iter().any(|wanted| {
                evidence.document.as_str() == wanted
                    || evidence.document.as_str().ends_with(&format!("/{wanted}"))
            })
    })
}

fn same_value(found: Option<&Value>, wanted: &Value) -> bool {
    match (found, wanted) {
        (Some(Value::Number(a)), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Some(Value::String(a)), Value::String(b)) => a.eq_ignore_ascii_case(b),
        (Some(a), b) => a == b,
        (None, _) => false,
    }
}

impl Fact {
    fn stands_in(&self, shown: &str) -> bool {
        match self {
            Fact::One(text) => shown.contains(&comparable(text)),
            Fact::AnyOf(texts) => texts.iter().any(|text| shown.contains(&comparable(text))),
        }
    }
}

/// A number stands in a text if one there rounds to the same.
fn stands_in(value: &Value, shown: &str) -> bool {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"-?\d+(?:\.\d+)?").expect("a constant pattern that the tests compile")
    });
    match value {
        Value::Number(number) => {
            let wanted = number.as_f64().unwrap_or(f64::NAN);
            NUMBER
                .find_iter(shown)
                .filter_map(|found| found.as_str().parse::<f64>().ok())
                .any(|there| {
                    (there - wanted).abs() <= if wanted.fract() == 0.0 { 0.5 } else { 0.01 }
                })
        }
        Value::String(text) => shown.contains(&comparable(text)),
        Value::Null => true,
        other => shown.contains(&other.to_string()),
    }
}

/// Case, spaces, dashes, quotation marks and thousands separators do not count.
fn comparable(text: &str) -> String {
    static THOUSANDS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(\d)[,\u{202f}\u{a0}](\d{3})")
            .expect("a constant pattern that the tests compile")
    });
    let mut text = text
        .to_lowercase()
        .replace(['–', '—', '‑'], "-")
        .replace(['’', '‘'], "'")
        .replace(['“', '”'], "\"");
    text = text.replace(['`', '*'], "");
    loop {
        let joined = THOUSANDS.replace_all(&text, "$1$2").into_owned();
        if joined == text {
            break;
        }
        text = joined;
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Shares by category, and over all.
#[derive(Debug, Serialize)]
pub struct Report {
    pub suite: String,
    pub questions: usize,
    pub by_category: BTreeMap<String, Shares>,
    pub all: Shares,
    pub leaked: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Planning alone.
    pub plan_p50_ms: f64,
    pub plan_p99_ms: f64,
    /// Each stage's share of the time of all questions together, 0 to 1.
    pub stages: BTreeMap<String, f64>,
    pub wrong: Vec<Marks>,
}

/// Each a share of the questions that test it, 0 to 1.
#[derive(Debug, Serialize)]
pub struct Shares {
    pub n: usize,
    pub facts: Option<f64>,
    pub abstention: Option<f64>,
    pub plan: Option<f64>,
    pub intent: Option<f64>,
    pub sources: Option<f64>,
    pub tool: Option<f64>,
    pub arguments: Option<f64>,
    pub document: Option<f64>,
}

pub fn report(suite: &str, marks: Vec<Marks>) -> Report {
    let mut categories: BTreeMap<String, Vec<&Marks>> = BTreeMap::new();
    for marks in &marks {
        categories
            .entry(marks.category.clone())
            .or_default()
            .push(marks);
    }
    let total = sorted(marks.iter().map(|marks| marks.total_ms));
    let planning = marks.iter().filter_map(|marks| marks.timings.0.get("plan"));
    let planning = sorted(planning.copied());
    Report {
        suite: suite.to_string(),
        questions: marks.len(),
        by_category: categories
            .iter()
            .map(|(name, marks)| (name.clone(), shares(marks)))
            .collect(),
        all: shares(&marks.iter().collect::<Vec<_>>()),
        leaked: marks.iter().filter(|marks| marks.leaked).count(),
        p50_ms: quantile(&total, 0.5),
        p99_ms: quantile(&total, 0.99),
        plan_p50_ms: quantile(&planning, 0.5),
        plan_p99_ms: quantile(&planning, 0.99),
        stages: stage_shares(&marks),
        wrong: marks
            .iter()
            .filter(|marks| !marks.is_right())
            .cloned()
            .collect(),
    }
}

fn sorted(times: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted
        .get(((sorted.len() as f64 - 1.0) * share).round() as usize)
        .copied()
        .unwrap_or_default()
}

fn stage_shares(marks: &[Marks]) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for (stage, ms) in marks.iter().flat_map(|marks| &marks.timings.0) {
        *sums.entry(stage.clone()).or_default() += ms;
    }
    let total = sums.remove("total").unwrap_or_default();
    sums.values_mut()
        .for_each(|sum| *sum = (1e3 * *sum / total).round() / 1e3);
    sums
}

impl Marks {
    pub fn is_right(&self) -> bool {
        self.facts != Some(false) && self.abstention && self.plan && !self.leaked
    }
}

fn shares(marks: &[&Marks]) -> Shares {
    let share = |of: &dyn Fn(&Marks) -> Option<bool>| {
        let tested: Vec<bool> = marks.iter().filter_map(|marks| of(marks)).collect();
        let right = tested.iter().filter(|right| **right).count();
        (!tested.is_empty()).then(|| (1e4 * right as f64 / tested.len() as f64).round() / 1e4)
    };
    Shares {
        n: marks.len(),
        facts: share(&|marks| marks.facts),
        abstention: share(&|marks| Some(marks.abstention)),
        plan: share(&|marks| Some(marks.plan)),
        intent: share(&|marks| marks.intent),
        sources: share(&|marks| Some(marks.sources)),
        tool: share(&|marks| marks.tool),
        arguments: share(&|marks| marks.arguments),
        document: share(&|marks| marks.document),
    }
}

impl Report {
    /// The figures as blocks, so that they are printed like every other table.
    pub fn table(&self) -> Block {
        let figure = |share: Option<f64>| {
            share.map_or_else(|| "–".to_string(), |share| format!("{share:.2}"))
        };
        let row = |name: &str, shares: &Shares| {
            let figures = [
                shares.facts,
                shares.abstention,
                shares.plan,
                shares.intent,
                shares.sources,
                shares.tool,
                shares.arguments,
                shares.document,
            ];
            [name.to_string(), shares.n.to_string()]
                .into_iter()
                .chain(figures.map(figure))
                .collect::<Vec<_>>()
        };
        let header = [
            "category",
            "n",
            "facts",
            "abstention",
            "plan",
            "intent",
            "sources",
            "tool",
            "arguments",
            "document",
        ];
        Block::Table {
            caption: format!(
                "{}: {} questions, {} leaked",
                self.suite, self.questions, self.leaked
            ),
            header: header.map(String::from).to_vec(),
            rows: self
                .by_category
                .iter()
                .map(|(name, shares)| row(name, shares))
                .chain([row("all", &self.all)])
                .collect(),
        }
    }

    /// A paragraph with the time a question takes.
    pub fn times(&self) -> Block {
        let stages: Vec<String> = self
            .stages
            .iter()
            .map(|(stage, share)| format!("{stage} {:.0} %", share * 100.0))
            .collect();
        Block::Paragraph {
            text: vec![Inline::text(format!(
                "p50 {:.1} ms, p99 {:.1} ms; planning alone {:.1} and {:.1} ms; of the time: {}",
                self.p50_ms,
                self.p99_ms,
                self.plan_p50_ms,
                self.plan_p99_ms,
                stages.join(", ")
            ))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_compared_as_people_read_them() {
        let shown = comparable("Revenue last week was 1,864,135.52 EUR – up 3.5 %");
        let check = |value: Value, expected: bool| {
            assert_eq!(stands_in(&value, &shown), expected, "{value}")
        };
        check(json!(1864136.0), true);
        check(json!(1864137.0), false);
        check(json!(3.5), true);
        check(json!("LAST WEEK"), true);
        check(json!("next week"), false);
    }
}
