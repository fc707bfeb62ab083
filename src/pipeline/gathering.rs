//! Plan -> evidence and gaps. Lookups run side by side; a failed one is a gap
//! that the answer names, never a failure of the answer.

use super::Pipeline;
use crate::{
    domain::{DocumentId, Gap, GapClass, Plan, Question, SourceKind, ToolResult, reply},
    pipeline::arguments::record_ids,
    ports::{Caller, Hit, SearchRequest, with_causes},
};
use futures::future::join_all;

/// Everything that was found, and everything that was not.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    pub hits: Vec<Hit>,
    pub results: Vec<ToolResult>,
    /// The records that the question names, each with its passages; empty
    /// where there is none that the asker may see.
    pub records: Vec<(String, Vec<Hit>)>,
    pub gaps: Vec<Gap>,
}

impl Pipeline {
    pub(super) async fn gather(&self, plan: &Plan, question: &Question) -> Gathered {
        let names: Vec<String> = if plan.tools.is_empty() {
            record_ids(&plan.search)
        } else {
            Vec::new()
        };
        let (hits, records, results) = futures::join!(
            self.search(plan, question),
            join_all(names.iter().map(|name| self.record(name, question))),
            join_all(plan.tools.iter().map(|call| self.call(call, question))),
        );
        let mut gathered = Gathered::default();
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

    async fn call(
        &self,
        call: &crate::domain::ToolCall,
        question: &Question,
    ) -> Result<ToolResult, Gap> {
        let caller = Caller {
            person: question.asker.person.clone(),
            access: question.access.clone(),
        };
        self.tools.call(call, &caller).await.map_err(|error| {
            tracing::warn!(question.id = %question.id, tool = %call.name, error = %with_causes(&error), "tool call failed");
            gap(&format!("“{}”", call.name.replace('_', " ")), error.class())
        })
    }
}

pub(super) fn gap(source: &str, class: GapClass) -> Gap {
    Gap {
        source: source.to_string(),
        class,
        message: reply::gap(source, class),
    }
}
