//! Pages that replace one another: the newest holds, unless the question is
//! about a year when an older one did.

use crate::{
    domain::{DocumentId, SourceKind},
    ports::Hit,
};
use chrono::{Datelike, NaiveDate};
use unicode_segmentation::UnicodeSegmentation;

/// The past year that a question is about: `in 2024`, `last year`.
pub(super) fn past_year(question: &str, today: NaiveDate) -> Option<i32> {
    let question = question.to_lowercase();
    let named = question
        .unicode_words()
        .filter(|word| word.len() == 4)
        .filter_map(|word| word.parse::<i32>().ok())
        .find(|year| (2000..today.year()).contains(year));
    let last = question.contains("last year") || question.contains("previous year");
    named.or(last.then(|| today.year() - 1))
}

/// The hits without pages that were replaced by the end of a year, and
/// without those that replaced one that held then; best first.
pub(super) fn held_in(year: i32, hits: Vec<Hit>) -> Vec<Hit> {
    let was_there = |hit: &Hit| hit.date.is_none_or(|date| date.year() <= year);
    let mut held: Vec<Hit> = hits
        .iter()
        .filter(|hit| {
            let mut versions = hits
                .iter()
                .filter(|other| is_version(other, hit) && was_there(other));
            match was_there(hit) {
                true => !versions.any(|newer| newer.date > hit.date),
                false => versions.next().is_none(),
            }
        })
        .cloned()
        .collect();
    held.sort_by(|a, b| b.score.total_cmp(&a.score));
    held
}

/// Pages of which a newer version is among the hits: (newer document, older title).
pub(super) fn replaced_titles(hits: &[Hit]) -> Vec<(DocumentId, String)> {
    let mut replaced = Vec::new();
    for older in hits {
        if let Some(newer) = hits.iter().find(|newer| replaces(newer, older)) {
            replaced.push((newer.document.clone(), older.title.clone()));
        }
    }
    replaced
}

pub(super) fn without_replaced(hits: Vec<Hit>) -> Vec<Hit> {
    let kept: Vec<Hit> = hits
        .iter()
        .filter(|older| !older.superseded && !hits.iter().any(|newer| replaces(newer, older)))
        .cloned()
        .collect();
    if kept.is_empty() { hits } else { kept }
}

/// A page replaces an older one of the same name, years and versions aside,
/// or one that says itself that it was superseded.
fn replaces(newer: &Hit, older: &Hit) -> bool {
    is_version(newer, older) && !newer.superseded && newer.date > older.date && older.date.is_some()
}

fn is_version(one: &Hit, other: &Hit) -> bool {
    one.document != other.document
        && one.kind == SourceKind::Documents
        && other.kind == SourceKind::Documents
        && plain_title(&one.title) == plain_title(&other.title)
}

fn plain_title(title: &str) -> String {
    title
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.chars().all(|c| c.is_ascii_digit()))
        .filter(|word| {
            !matches!(
                *word,
                "old" | "new" | "version" | "v1" | "v2" | "v3" | "archived" | "draft" | "updated"
            )
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Met;

    fn page(year: i32, score: f32) -> Hit {
        Hit {
            document: DocumentId::new(format!("expenses-{year}.md")),
            source: "docs".into(),
            kind: SourceKind::Documents,
            title: format!("Expenses {year}"),
            locator: String::new(),
            section: String::new(),
            version: String::new(),
            date: NaiveDate::from_ymd_opt(year, 3, 1),
            owner: None,
            superseded: year < 2026,
            text: String::new(),
            position: 0,
            score,
            similarity: 0.5,
            met: Met::default(),
        }
    }

    fn years(hits: &[Hit]) -> Vec<i32> {
        hits.iter()
            .filter_map(|hit| Some(hit.date?.year()))
            .collect()
    }

    #[test]
    fn newest_version_holds_unless_another_year_is_asked_for() {
        let hits = || vec![page(2026, 0.9), page(2024, 0.7), page(2022, 0.8)];
        assert_eq!(years(&without_replaced(hits())), [2026]);
        let check =
            |year: i32, expected: &[i32]| assert_eq!(years(&held_in(year, hits())), expected);
        check(2025, &[2024]);
        check(2024, &[2024]);
        check(2023, &[2022]);
        check(2021, &[2026, 2022, 2024]);
    }

    #[test]
    fn past_year_is_told_by_its_number_or_as_the_last() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a valid day");
        let check = |question: &str, expected: Option<i32>| {
            assert_eq!(past_year(question, today), expected, "{question}")
        };
        check("how much could a rep give in 2025?", Some(2025));
        check("the meal limit last year", Some(2025));
        check("the meal limit of 2026", None);
        check("may I claim 2100 EUR", None);
    }
}
