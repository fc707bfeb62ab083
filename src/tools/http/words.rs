//! What the configuration says of an operation, checked against it.

use super::{
    api::{Api, called},
    call::ApiTool,
    operation::Operation,
};
use crate::{
    config::{ApiEntry, ApiOperation},
    domain::Chain,
    tools::template::{Sentences, Template},
};
use std::sync::Arc;

/// What the configuration says of an operation.
#[derive(Default)]
pub(super) struct Words {
    description: Option<String>,
    pub examples: Vec<String>,
    sentences: Option<Sentences>,
    columns: Vec<String>,
    rows: Option<String>,
}

impl Words {
    pub(super) fn of(
        entry: &ApiEntry,
        operation: &Operation,
        faults: &mut Vec<String>,
    ) -> Option<Self> {
        let given: Vec<&ApiOperation> = entry
            .described
            .iter()
            .filter(|words| called(entry, operation, &words.name))
            .collect();
        let Some(words) = given.first() else {
            return Some(Self::default());
        };
        let name = &words.name;
        if given.len() > 1 {
            faults.push(format!("operation `{name}` is described twice"));
        }
        let mut parse = |key: &str, text: &Option<String>| {
            let parsed = Template::parse(text.as_deref()?);
            let parsed = parsed
                .map_err(|problem| faults.push(format!("operation `{name}`: `{key}` {problem}")));
            parsed.ok()
        };
        let (lead, empty) = (parse("lead", &words.lead), parse("empty", &words.empty));
        let sentences = lead
            .zip(empty)
            .map(|(lead, empty)| Sentences { lead, empty });
        if let Some(sentences) = &sentences {
            check_slots(words, operation, sentences, faults);
        }
        Some(Self {
            description: words.description.clone(),
            examples: words.examples.clone(),
            sentences,
            columns: words.columns.clone(),
            rows: words.rows.clone(),
        })
    }

    pub(super) fn tool(self, operation: Operation, name: &str, api: &Arc<Api>) -> ApiTool {
        let mut spec = operation.spec(name, &self.examples);
        if let Some(description) = self.description {
            spec.description = description;
        }
        spec.chain = Some(Chain {
            api: api.name.clone(),
            ..operation.chain.clone()
        });
        ApiTool {
            accepts: operation.accepts(name),
            spec,
            api: api.clone(),
            operation,
            rows: self.rows,
            columns: self.columns,
            sentences: self.sentences,
        }
    }
}

fn check_slots(
    words: &ApiOperation,
    operation: &Operation,
    sentences: &Sentences,
    faults: &mut Vec<String>,
) {
    let name = &words.name;
    let is_argument = |slot: &str| {
        slot == "rows"
            || operation
                .parameters
                .iter()
                .any(|sent| sent.spec.name == slot)
    };
    // Which columns there are is known before a call only where they are named.
    let is_column =
        |slot: &str| words.columns.is_empty() || words.columns.iter().any(|column| column == slot);
    for slot in sentences
        .lead
        .slots()
        .filter(|slot| !is_argument(slot) && !is_column(slot))
    {
        faults.push(format!(
            "operation `{name}`: `lead` has `{{{slot}}}`, which is neither an argument nor one of `columns`"
        ));
    }
    for slot in sentences.empty.slots().filter(|slot| !is_argument(slot)) {
        faults.push(format!(
            "operation `{name}`: `empty` has `{{{slot}}}`, which is no argument"
        ));
    }
}
