//! Written answers held against the ones that were wanted.
//!
//! Reads what the recipes train on, and marks as they do: the whole answer
//! right, and how much of it stands there in its order.

use crate::domain::{Block, Said, Speaker};
use serde::{Deserialize, Serialize};
use std::{io::BufRead, path::Path};
use unicode_segmentation::UnicodeSegmentation;

/// What is said to the model, and what it should write.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub said: Vec<Said>,
    pub wanted: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    #[error("{path}: {source}")]
    Unreadable {
        path: String,
        source: std::io::Error,
    },
    #[error("{path}, line {line}: {problem}")]
    Invalid {
        path: String,
        line: usize,
        problem: String,
    },
    #[error("{path}: no examples")]
    Empty { path: String },
}

/// A record as people keep training data: instructions, or ShareGPT.
#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Instruction {
        instruction: String,
        #[serde(default)]
        input: String,
        output: String,
    },
    ShareGpt {
        conversations: Vec<Line>,
    },
}

#[derive(Deserialize)]
struct Line {
    from: String,
    value: String,
}

/// Reads JSON lines; the last thing that the assistant says is what is wanted.
pub fn read_tasks(path: &Path) -> Result<Vec<Task>, TaskError> {
    let name = path.display().to_string();
    let unreadable = |source| TaskError::Unreadable {
        path: name.clone(),
        source,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut tasks = Vec::new();
    for (n, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.map_err(unreadable)?;
        if line.trim().is_empty() {
            continue;
        }
        let task = task(&line).map_err(|problem| TaskError::Invalid {
            path: name.clone(),
            line: n + 1,
            problem,
        })?;
        tasks.push(task);
    }
    if tasks.is_empty() {
        return Err(TaskError::Empty { path: name });
    }
    Ok(tasks)
}

fn task(line: &str) -> Result<Task, String> {
    let record = serde_json::from_str(line).map_err(|_| {
        "expected {\"instruction\",\"input\"?,\"output\"} or {\"conversations\":[{\"from\",\"value\"}]}"
            .to_string()
    })?;
    match record {
        Record::Instruction {
            instruction,
            input,
            output,
        } => {
            let parts = [instruction.trim(), input.trim()];
            let asked: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            Ok(Task {
                said: vec![Said {
                    role: Speaker::User,
                    text: asked.join("\n\n"),
                }],
                wanted: output.trim().to_string(),
            })
        }
        Record::ShareGpt { conversations } => {
            let mut said = conversations
                .into_iter()
                .map(turn)
                .collect::<Result<Vec<_>, _>>()?;
            match said.pop() {
                Some(last) if last.role == Speaker::Assistant => Ok(Task {
                    said,
                    wanted: last.text,
                }),
                _ => Err("the last turn is not the assistant's".into()),
            }
        }
    }
}

fn turn(line: Line) -> Result<Said, String> {
    let role = match line.from.as_str() {
        "system" => Speaker::System,
        "human" | "user" => Speaker::User,
        "gpt" | "assistant" => Speaker::Assistant,
        other => return Err(format!("nobody is called `{other}`")),
    };
    Ok(Said {
        role,
        text: line.value.trim().to_string(),
    })
}

/// How near one answer came. Shares, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearness {
    /// 1 where nothing but spaces differs.
    pub exact: f64,
    /// ROUGE-L, the F measure of the longest common subsequence of words (Lin, 2004).
    pub rouge_l: f64,
}

pub fn nearness(written: &str, wanted: &str) -> Nearness {
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Nearness {
        exact: f64::from(u8::from(joined(written) == joined(wanted))),
        rouge_l: rouge_l(written, wanted),
    }
}

fn rouge_l(written: &str, wanted: &str) -> f64 {
    let (written, wanted) = (written.to_lowercase(), wanted.to_lowercase());
    let (a, b): (Vec<&str>, Vec<&str>) = (
        written.unicode_words().collect(),
        wanted.unicode_words().collect(),
    );
    if a.is_empty() || b.is_empty() {
        return f64::from(u8::from(a.is_empty() && b.is_empty()));
    }
    // One row of the table of lengths is enough for the length.
    let mut row = vec![0_usize; b.len() + 1];
    for x in &a {
        let mut diagonal = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y {
                diagonal + 1
            } else {
                above.max(row[j])
            };
            diagonal = above;
        }
    }
    2.0 * row[b.len()] as f64 / (a.len() + b.len()) as f64
}

/// What one writer made of all tasks.
#[derive(Clone, Debug, Serialize)]
pub struct WrittenReport {
    /// `base`, or the adapter.
    pub writer: String,
    pub tasks: usize,
    /// Tasks that the model could not take or finish; they count as wrong.
    pub failed: usize,
    pub exact: f64,
    pub rouge_l: f64,
    /// Tokens written in all.
    pub tokens: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

pub fn written_table(suite: &str, reports: &[WrittenReport]) -> Block {
    let header = [
        "writer", "n", "failed", "exact", "ROUGE-L", "p50 ms", "p99 ms",
    ];
    let row = |report: &WrittenReport| {
        vec![
            report.writer.clone(),
            report.tasks.to_string(),
            report.failed.to_string(),
            format!("{:.3}", report.exact),
            format!("{:.3}", report.rouge_l),
            format!("{:.1}", report.p50_ms),
            format!("{:.1}", report.p99_ms),
        ]
    };
    Block::Table {
        caption: suite.to_string(),
        header: header.map(String::from).to_vec(),
        rows: reports.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness_counts_words_in_their_order() {
        let check = |written: &str, wanted: &str, exact: f64, rouge: f64| {
            let near = nearness(written, wanted);
            assert_eq!(near.exact, exact, "{written}");
            assert!((near.rouge_l - rouge).abs() < 1e-9, "{written}: {near:?}");
        };
        check(
            "The bike is in  Riga. [1]\n",
            "The bike is in Riga. [1]",
            1.0,
            1.0,
        );
        check("The bike is in Oslo.", "The bike is in Riga.", 0.0, 0.8);
        check("Riga in is bike", "bike is in Riga", 0.0, 0.25);
        check("", "Riga", 0.0, 0.0);
        check("", "", 1.0, 1.0);
    }

    #[test]
    fn both_forms_of_training_data_are_read() {
        let check = |line: &str, said: usize, wanted: &str| {
            let task = task(line).expect("it is read");
            assert_eq!((task.said.len(), task.wanted.as_str()), (said, wanted));
        };
        check(r#"{"instruction":"a","output":" b "}"#, 1, "b");
        check(r#"{"instruction":"a","input":"c","output":"b"}"#, 1, "b");
        check(
            r#"{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}"#,
            2,
            "b",
        );
    }

    #[test]
    fn broken_record_is_named_by_its_problem() {
        let check = |line: &str, expected: &str| {
            let problem = task(line).expect_err("it is refused");
            assert!(problem.contains(expected), "{problem}");
        };
        check("{", "expected {\"instruction\"");
        check(r#"{"conversations":[{"from":"gpt"}]}"#, "expected");
        check(r#"{"conversations":[{"from":"cat","value":"b"}]}"#, "`cat`");
        check(
            r#"{"conversations":[{"from":"human","value":"b"}]}"#,
            "not the assistant's",
        );
        check(r#"{"conversations":[]}"#, "not the assistant's");
    }
}
