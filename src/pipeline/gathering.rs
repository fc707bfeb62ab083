//! Plan -> evidence and gaps. Lookups run side by side; a failed one is a gap
//! that the answer names, never a failure of the answer.

use super::{
    Pipeline,
    picking::{Unpicked, pick},
};
use crate::{
    domain::{
        DocumentId, Gap, GapClass, Link, Plan, Question, SourceKind, ToolCall, ToolResult, Which,
        reply,
    },
    pipeline::arguments::record_ids,
    ports::{Caller, Hit, SearchRequest, ToolError, with_causes},
};
use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

/// Everything that was found, and everything that was not.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    pub hits: Vec<Hit>,
    pub results: Vec<ToolResult>,
    /// The records that the question names, each with its passages; empty
    /// where there is none that the asker may see.
    pub records: Vec<(String, Vec<Hit>)>,
    pub gaps: Vec<Gap>,
    /// Of a chain of calls: what was taken from each result but the last, in words.
    pub steps: Vec<String>,
    /// The systems were asked, and have no such record or several: to look
    /// elsewhere would be to guess.
    pub settled: bool,
    /// Calls that were made beside those of the plan.
    pub calls: Vec<ToolCall>,
}

impl Pipeline {
    pub(super) async fn gather(&self, plan: &Plan, question: &Question) -> Gathered {
        let names: Vec<String> = if plan.tools.is_empty() {
            record_ids(&plan.search)
        } else {
            Vec::new()
        };
        let (hits, records, (results, mut gathered)) = futures::join!(
            self.search(plan, question),
            join_all(names.iter().map(|name| self.record(name, question))),
            self.call_all(plan, question),
        );
        match hits {
            Ok(hits) => gathered.hits = hits,
            Err(gap) => gathered.gaps.push(gap),
        }
        for (name, record) in names.into_iter().zip(records) {
            match record {
                Ok(passages) => gathered.records.push((name, passages)),
                Err(gap) => gathered.gaps.push(gap),
            }
        }
        for result in results {
            match result {
                Ok(result) => gathered.results.push(result),
                Err(gap) => gathered.gaps.push(gap),
            }
        }
        gathered.gaps.dedup();
        gathered
    }

    async fn search(&self, plan: &Plan, question: &Question) -> Result<Vec<Hit>, Gap> {
        let kinds: Vec<SourceKind> = plan
            .sources
            .iter()
            .copied()
            .filter(|kind| *kind != SourceKind::Business)
            .collect();
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let request = SearchRequest {
            text: plan.search.clone(),
            top_k: plan.top_k,
            kinds,
            source: None,
            access: question.access.clone(),
            exclude: Vec::new(),
        };
        self.search.search(&request).await.map_err(|error| {
            tracing::warn!(question.id = %question.id, error = %with_causes(&error), "search failed");
            gap("the company's documents", GapClass::SourceDown)
        })
    }

    async fn record(&self, name: &str, question: &Question) -> Result<Vec<Hit>, Gap> {
        self.search.document(&DocumentId::new(name), &question.access).await.map_err(|error| {
            tracing::warn!(question.id = %question.id, error = %with_causes(&error), "record lookup failed");
            gap("the company's documents", GapClass::SourceDown)
        })
    }

    /// Side by side; where calls lead to one another, one after the other.
    async fn call_all(
        &self,
        plan: &Plan,
        question: &Question,
    ) -> (Vec<Result<ToolResult, Gap>>, Gathered) {
        if !plan.links.is_empty() {
            return self.follow(plan, question).await;
        }
        let calls = plan.tools.iter().map(|call| self.call(call, question));
        let mut gathered = Gathered::default();
        let mut results = Vec::new();
        for (call, result) in plan.tools.iter().zip(join_all(calls).await) {
            results.push(match result {
                Ok(mut result) => {
                    result.bodies = Vec::new();
                    Ok(result)
                }
                Err(error) => match self.mended(call, &error, question).await {
                    Some((again, result)) => {
                        gathered.calls.push(again);
                        result
                    }
                    None => Err(self.failed(call, &error, question)),
                },
            });
        }
        (results, gathered)
    }

    /// What a model's second statement brings, where its first one did not
    /// run for a reason that lies in the statement.
    async fn mended(
        &self,
        call: &ToolCall,
        error: &ToolError,
        question: &Question,
    ) -> Option<(ToolCall, Result<ToolResult, Gap>)> {
        let reason = match error {
            ToolError::Refused { reason } => reason.clone(),
            ToolError::Failed { source, .. } => with_causes(source.as_ref()),
            _ => return None,
        };
        let now = self.clock.now();
        let again = self.planner.mended(question, call, reason, now).await?;
        let result = self.call(&again, question).await;
        let result = result.map_err(|error| self.failed(&again, &error, question));
        Some((again, result))
    }

    /// Each call with what those before it found, all of them together within
    /// the time of one. It ends where a value is missing.
    async fn follow(
        &self,
        plan: &Plan,
        question: &Question,
    ) -> (Vec<Result<ToolResult, Gap>>, Gathered) {
        let deadline = Instant::now() + self.tools.time_limit();
        let mut gathered = Gathered::default();
        let mut results: Vec<ToolResult> = Vec::new();
        let mut gap = None;
        for (at, call) in plan.tools.iter().enumerate() {
            let mut call = call.clone();
            let links = plan.links.iter().filter(|link| link.to == at);
            match fill(&mut call, links, &results, &mut gathered.steps) {
                Ok(()) => {}
                Err(broken) => {
                    gathered.settled = true;
                    gap = Some(broken);
                    break;
                }
            }
            let late = || named_gap(&call.name, GapClass::Timeout);
            match timeout_at(deadline, self.call(&call, question)).await {
                Ok(Ok(result)) => results.push(result),
                Ok(Err(error)) => gap = Some(self.failed(&call, &error, question)),
                Err(_) => gap = Some(late()),
            }
            if gap.is_some() {
                break;
            }
        }
        // What led nowhere is not shown as a step of the way.
        gathered.steps.resize(
            match gap {
                Some(_) => results.len(),
                None => results.len().saturating_sub(1),
            },
            String::new(),
        );
        for result in &mut results {
            result.bodies = Vec::new();
        }
        let results = results.into_iter().map(Ok).chain(gap.map(Err));
        (results.collect(), gathered)
    }

    async fn call(&self, call: &ToolCall, question: &Question) -> Result<ToolResult, ToolError> {
        let caller = Caller {
            person: question.asker.person.clone(),
            access: question.access.clone(),
        };
        self.tools.call(call, &caller).await
    }

    fn failed(&self, call: &ToolCall, error: &ToolError, question: &Question) -> Gap {
        let of_model = self.tools.catalogue().schema(&call.name).is_some();
        match of_model {
            // What a database says of a statement may repeat parts of it.
            true => {
                tracing::warn!(question.id = %question.id, tool = %call.name, class = error.class().as_str(), "a model's statement failed")
            }
            false => {
                tracing::warn!(question.id = %question.id, tool = %call.name, error = %with_causes(error), "tool call failed")
            }
        }
        match (of_model, error) {
            (true, ToolError::Refused { .. } | ToolError::Failed { .. }) => Gap {
                source: call.name.clone(),
                class: GapClass::BadQuestion,
                message: reply::no_statement(&call.name.replace('_', " ")),
            },
            _ => named_gap(&call.name, error.class()),
        }
    }
}

/// Takes what a call needs from the answers before it, and says what was taken.
fn fill<'a>(
    call: &mut ToolCall,
    links: impl Iterator<Item = &'a Link>,
    results: &[ToolResult],
    steps: &mut Vec<String>,
) -> Result<(), Gap> {
    for link in links {
        let Some(earlier) = results.get(link.from) else {
            return Err(named_gap(&call.name, GapClass::BadQuestion));
        };
        let tool = earlier.tool.replace('_', " ");
        let wanted = match &link.which {
            Which::Named(name) => Some(name.as_str()),
            _ => None,
        };
        let broken = |class, message| Gap {
            source: earlier.source.clone(),
            class,
            message,
        };
        match pick(&earlier.bodies, link) {
            Ok(picked) => {
                let value = match &picked.value {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let name = picked.name.filter(|name| *name != value);
                steps.push(reply::took(&link.kind, name.as_deref(), &value, &tool));
                call.args.insert(link.parameter.clone(), picked.value);
            }
            Err(Unpicked::None) => {
                let message = reply::found_none(&link.kind, wanted, &tool);
                return Err(broken(GapClass::NoData, message));
            }
            Err(Unpicked::Several(some)) => {
                let message = reply::found_several(&link.kind, wanted, &tool, &some);
                return Err(broken(GapClass::BadQuestion, message));
            }
        }
    }
    Ok(())
}

fn named_gap(tool: &str, class: GapClass) -> Gap {
    gap(&format!("“{}”", tool.replace('_', " ")), class)
}

pub(super) fn gap(source: &str, class: GapClass) -> Gap {
    Gap {
        source: source.to_string(),
        class,
        message: reply::gap(source, class),
    }
}
