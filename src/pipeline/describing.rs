//! Databases in the words of a prompt, within a budget of tokens.
//!
//! Promise: every table is named, the ones that the question speaks of are
//! told in full first, and what the database's own comments say stays on one
//! line and short. A table that has no room keeps its name alone.

use super::grounding::coverage;
use crate::domain::{Schema, SchemaTable};

/// A text in letters is at least so many characters a token.
const CHARS_A_TOKEN: usize = 3;
const MAX_ABOUT: usize = 120;
const MAX_VALUES: usize = 8;
const MAX_VALUE: usize = 40;

/// Tables and columns of these databases, in at most `tokens`.
pub(super) fn describe(databases: &[&Schema], question: &str, tokens: usize) -> String {
    let mut left = tokens * CHARS_A_TOKEN;
    let mut told: Vec<String> = Vec::new();
    for database in databases {
        let head = format!("{} ({}):", database.tool, database.dialect);
        left = left.saturating_sub(head.len() + 1);
        told.push(head);
        let mut tables: Vec<(f32, &SchemaTable)> = database
            .tables
            .iter()
            .map(|table| (coverage(question, &words(table)), table))
            .collect();
        tables.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut names_only = Vec::new();
        for (_, table) in tables {
            let forms = [full(table), brief(table)];
            match forms.into_iter().find(|form| form.len() < left) {
                Some(form) => {
                    left -= form.len() + 1;
                    told.push(form);
                }
                None => names_only.push(table.name.as_str()),
            }
        }
        let names = names_only.join(", ");
        if !names.is_empty() && names.len() + 20 < left {
            left -= names.len() + 20;
            told.push(format!("- also the tables {names}"));
        }
    }
    told.join("\n")
}

fn words(table: &SchemaTable) -> String {
    let columns = table.columns.iter().map(|column| {
        format!(
            "{} {} {}",
            column.name,
            column.about,
            column.values.join(" ")
        )
    });
    let columns: Vec<String> = columns.collect();
    format!("{} {} {}", table.name, table.about, columns.join(" ")).replace('_', " ")
}

fn full(table: &SchemaTable) -> String {
    let mut text = format!("- {}", table.name);
    if !table.about.is_empty() {
        text.push_str(&format!(": {}", line(&table.about, MAX_ABOUT)));
    }
    for column in &table.columns {
        text.push_str(&format!("\n  {} {}", column.name, column.kind));
        if !column.about.is_empty() {
            text.push_str(&format!(": {}", line(&column.about, MAX_ABOUT)));
        }
        if !column.values.is_empty() {
            let values = column.values.iter().take(MAX_VALUES);
            let values: Vec<String> = values
                .map(|value| format!("`{}`", line(value, MAX_VALUE)))
                .collect();
            text.push_str(&format!(" (such as {})", values.join(", ")));
        }
    }
    text
}

fn brief(table: &SchemaTable) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.kind))
        .collect();
    format!("- {} ({})", table.name, columns.join(", "))
}

/// On one line, cut.
fn line(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SchemaColumn;

    fn table(name: &str, about: &str) -> SchemaTable {
        SchemaTable {
            name: name.into(),
            about: about.into(),
            columns: vec![SchemaColumn {
                name: "state".into(),
                kind: "text".into(),
                about: "where it stands".into(),
                values: vec!["open".into(), "won\nnow".into()],
            }],
        }
    }

    fn crm() -> Schema {
        Schema {
            tool: "crm_sql".into(),
            database: "crm".into(),
            dialect: "PostgreSQL".into(),
            tables: vec![table("visits", ""), table("deals", "what we may sell")],
        }
    }

    #[test]
    fn tables_that_the_question_speaks_of_come_first() {
        let crm = crm();
        assert_eq!(
            describe(&[&crm], "how many deals are open", 200),
            "crm_sql (PostgreSQL):\n- deals: what we may sell\n  state text: where it stands (such as `open`, `won now`)\n\
             - visits\n  state text: where it stands (such as `open`, `won now`)"
        );
    }

    #[test]
    fn what_has_no_room_is_named_alone() {
        let crm = crm();
        let told = describe(&[&crm], "deals", 50);
        assert!(told.contains("such as `open`"), "{told}");
        assert!(told.ends_with("- visits (state text)"), "{told}");
        for tokens in 0..60 {
            let told = describe(&[&crm], "deals", tokens);
            assert!(
                told.len() <= tokens * CHARS_A_TOKEN + 30,
                "{tokens}: {told}"
            );
        }
    }
}
