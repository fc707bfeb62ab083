//! Records and rows, shown as they are: a sentence, then the table.

use super::{
    Gathered,
    composing::{Draft, evidence_of, gap_notices},
    injection::orders,
    passage::sentences,
};
use crate::{
    domain::{
        Block, Confidence, Evidence, Inline, Intent, Message, Plan, Provenance, Rows, ToolResult,
        reply,
    },
    ports::Hit,
};
use serde_json::Value;
use std::collections::HashSet;

/// What the tools said. Every figure is a tool's.
pub(super) fn results(plan: &Plan, gathered: Gathered) -> Draft {
    let mut message = Message::new();
    let mut evidence = Vec::new();
    let mut found = false;
    for (i, result) in gathered.results.into_iter().enumerate() {
        let n = i + 1;
        if let Some(step) = gathered.steps.get(i) {
            if !step.is_empty() {
                message.push(took(n, step));
            }
            evidence.push(Evidence::of_result(n, result));
            continue;
        }
        let missing_record = plan.intent == Intent::Status && result.rows.rows.is_empty();
        if missing_record {
            message.push(reply::no_such_record(&record_of(plan)));
        } else {
            found = true;
            message.extend(result_blocks(n, &result));
        }
        evidence.push(Evidence::of_result(n, result));
    }
    message.extend(gap_notices(&gathered.gaps));
    Draft {
        message,
        citations: if found {
            evidence.iter().map(|e| e.n).collect()
        } else {
            Vec::new()
        },
        evidence,
        gaps: gathered.gaps,
        abstained: !found,
        settled: gathered.settled,
        calls: gathered.calls,
        confidence: if plan.confidence > 0.65 {
            Confidence::High
        } else {
            Confidence::Medium
        },
        provenance: Provenance::quotation(),
    }
}

/// What one call of a chain brought for the next one.
fn took(n: usize, step: &str) -> Block {
    Block::Paragraph {
        text: vec![Inline::text(step), Inline::text(" "), Inline::Cite { n }],
    }
}

fn record_of(plan: &Plan) -> String {
    super::arguments::record_ids(&plan.search)
        .into_iter()
        .next()
        .unwrap_or_default()
}

fn result_blocks(n: usize, result: &ToolResult) -> Message {
    let mut message = vec![Block::Paragraph {
        text: vec![
            Inline::strong(result.lead.clone()),
            Inline::text(" "),
            Inline::Cite { n },
        ],
    }];
    if worth_a_table(&result.rows, &result.lead) {
        message.push(Block::Rows {
            name: result.tool.clone(),
            rows: result.rows.clone(),
        });
    }
    if result.rows.truncated {
        message.push(Block::notice(reply::command::more_at_the_source(
            result.rows.rows.len(),
        )));
    }
    let time = result.as_of.format("%-d %B %Y, %H:%M").to_string();
    message.push(Block::notice(reply::data_as_of(
        &time,
        &result.tool.replace('_', " "),
    )));
    message
}

/// One row of one or two values needs none where the sentence has them.
pub fn worth_a_table(rows: &Rows, lead: &str) -> bool {
    // "1,204" is 1204.
    let said = lead.replace(',', "");
    let is_said = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => lead.contains(text.trim()),
        Value::Number(number) => match number.as_f64().filter(|number| number.fract() == 0.0) {
            Some(whole) => said.contains(&format!("{whole:.0}")),
            None => number
                .as_f64()
                .is_some_and(|number| said.contains(&format!("{number:.1}"))),
        },
        other => said.contains(&other.to_string()),
    };
    match rows.rows.as_slice() {
        [] => false,
        [row] => row.len() > 2 || !row.iter().all(is_said),
        _ => true,
    }
}

/// The records that the question names, or that there is none.
pub(super) fn records(gathered: Gathered) -> Draft {
    let mut message = Message::new();
    let mut evidence: Vec<Evidence> = Vec::new();
    let mut citations = Vec::new();
    for (name, passages) in &gathered.records {
        match passages.first() {
            Some(first) => {
                let n = evidence.len() + 1;
                message.extend(record(n, first, passages));
                evidence.push(evidence_of(n, first));
                citations.push(n);
            }
            None => message.push(reply::no_such_record(name)),
        }
    }
    message.extend(gap_notices(&gathered.gaps));
    let abstained = citations.is_empty();
    Draft {
        message,
        evidence,
        citations,
        gaps: gathered.gaps,
        abstained,
        settled: false,
        calls: Vec::new(),
        confidence: Confidence::High,
        provenance: Provenance::quotation(),
    }
}

/// A record in full: its name and title, then its text, line by line.
fn record(n: usize, first: &Hit, passages: &[Hit]) -> Message {
    let mut message = vec![Block::Paragraph {
        text: vec![
            Inline::strong(first.document.as_str()),
            Inline::text(format!(" {} ", first.title)),
            Inline::Cite { n },
        ],
    }];
    let lines = passages
        .iter()
        .flat_map(|passage| passage.text.lines())
        .filter(|line| !line.trim().is_empty());
    let orders: HashSet<String> = passages
        .iter()
        .flat_map(|passage| orders(&passage.text, &passage.title))
        .collect();
    let mut left_out = false;
    for line in lines {
        let (ordering, words): (Vec<String>, Vec<String>) = sentences(line)
            .into_iter()
            .partition(|sentence| orders.contains(sentence));
        left_out |= !ordering.is_empty();
        if !words.is_empty() {
            message.push(Block::Quote {
                text: vec![Inline::text(words.join(" "))],
            });
        }
    }
    if left_out {
        message.push(Block::notice(reply::orders_left_out()));
    }
    message
}
