//! What the audit log says about each kind of event.

use crate::domain::{
    Answer, Evidence, Feedback, FeedbackChange, IncomingQuestion, Question, QuestionId,
};
use serde_json::{Value, json};
use std::fmt::Write;

#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    pub kind: AuditKind,
    pub question: Option<QuestionId>,
    pub body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    Answered,
    Refused,
    GivenUp,
    Feedback,
}

impl AuditKind {
    pub fn as_str(self) -> &'static str {
        match self {
            AuditKind::Answered => "answered",
            AuditKind::Refused => "refused",
            AuditKind::GivenUp => "given_up",
            AuditKind::Feedback => "feedback",
        }
    }
}

impl AuditRecord {
    /// Who asked what and where, the plan, each tool call with its statement,
    /// each document with its version, the answer, what made it, how long it took.
    pub fn answered(
        id: QuestionId,
        question: &Question,
        answer: &Answer,
        plain_text: &str,
    ) -> Self {
        let body = json!({
            "asker": question.asker,
            "place": question.place,
            "text": question.text,
            "asked_at": question.asked_at,
            "access": question.access,
            "plan": answer.plan,
            "evidence": answer.evidence.iter().map(provenance).collect::<Vec<_>>(),
            "gaps": answer.gaps,
            "answer": plain_text,
            "citations": answer.citations,
            "abstained": answer.abstained,
            "confidence": answer.confidence,
            "provenance": answer.provenance,
            "timings_ms": answer.timings,
        });
        Self {
            kind: AuditKind::Answered,
            question: Some(id),
            body,
        }
    }

    pub fn refused(id: QuestionId, incoming: &IncomingQuestion, reason: &str) -> Self {
        let body = json!({
            "asker": incoming.asker,
            "place": incoming.place,
            "text": incoming.text,
            "asked_at": incoming.asked_at,
            "reason": reason,
        });
        Self {
            kind: AuditKind::Refused,
            question: Some(id),
            body,
        }
    }

    pub fn given_up(id: QuestionId, reason: &str) -> Self {
        Self {
            kind: AuditKind::GivenUp,
            question: Some(id),
            body: json!({ "reason": reason }),
        }
    }

    pub fn feedback(id: QuestionId, act: &Feedback) -> Self {
        let body = json!({
            "person": act.person,
            "signal": act.signal,
            "verdict": act.signal.verdict(),
            "removed": act.change == FeedbackChange::Removed,
            "at_us": act.at_us,
            "reason": act.reason,
        });
        Self {
            kind: AuditKind::Feedback,
            question: Some(id),
            body,
        }
    }
}

/// Where a piece of evidence came from. Its text stays out: the document's
/// version, or the statement and its time, say what it was.
fn provenance(evidence: &Evidence) -> Value {
    let mut line = json!({
        "n": evidence.n,
        "kind": evidence.kind,
        "document": evidence.document,
        "locator": evidence.locator,
        "version": evidence.version,
        "score": evidence.score,
    });
    if evidence.orders > 0 {
        line["orders"] = evidence.orders.into();
    }
    if let Some(result) = &evidence.rows {
        line["tool"] = json!({
            "name": result.tool,
            "source": result.source,
            "statement": result.statement,
            "rows": result.rows.rows.len(),
            "as_of": result.as_of,
        });
    }
    if !evidence.relations.is_empty() {
        let kinds = evidence.relations.iter().map(|relation| &relation.kind);
        line["relations"] = json!(kinds.collect::<Vec<_>>());
    }
    line
}

/// JSON with the keys of every object in order and nothing between tokens: one
/// text for one value, however its maps were built.
pub(in crate::store) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            write_list(text, '{', '}', keys, |key, text| {
                write_plain(&Value::String(key.clone()), text);
                text.push(':');
                write_canonical(&map[key], text);
            });
        }
        Value::Array(items) => write_list(text, '[', ']', items, write_canonical),
        plain => write_plain(plain, text),
    }
}

fn write_list<T>(
    text: &mut String,
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    text.push(open);
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(close);
}

fn write_plain(value: &Value, text: &mut String) {
    // Writing to a String has no way to fail.
    let _ = write!(text, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_does_not_depend_on_the_order_of_keys() {
        let check = |written: &str, expected: &str| {
            let value: Value = serde_json::from_str(written).unwrap();
            assert_eq!(canonical(&value), expected);
        };
        check(
            r#"{"b": 1, "a": {"d": [1, 2.5], "c": null}}"#,
            r#"{"a":{"c":null,"d":[1,2.5]},"b":1}"#,
        );
        check(
            r#"{"a": {"c": null, "d": [1, 2.5]}, "b": 1}"#,
            r#"{"a":{"c":null,"d":[1,2.5]},"b":1}"#,
        );
        check(r#" [ "é\n\"", {} , [] ] "#, r#"["é\n\"",{},[]]"#);
    }
}
