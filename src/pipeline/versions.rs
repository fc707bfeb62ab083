//! Pages that replace one another: the newest holds, unless the question is
//! about a year when an older one did.

use crate::{
    domain::{Alike, DocumentId, Likeness, SourceKind},
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

/// A hit with what its text is compared by.
struct Version<'a> {
    hit: &'a Hit,
    likeness: Likeness,
}

fn versions(hits: &[Hit]) -> Vec<Version<'_>> {
    let likeness = |hit: &Hit| Likeness::of(&hit.text);
    hits.iter()
        .map(|hit| Version {
            likeness: likeness(hit),
            hit,
        })
        .collect()
}

/// The hits without pages that were replaced by the end of a year, and
/// without those that replaced one that held then; best first.
pub(super) fn held_in(year: i32, hits: Vec<Hit>) -> Vec<Hit> {
    let was_there = |hit: &Hit| hit.date.is_none_or(|date| date.year() <= year);
    let all = versions(&hits);
    let held = all.iter().filter(|this| {
        let mut others = all
            .iter()
            .filter(|other| other.is_version_of(this) && was_there(other.hit));
        match was_there(this.hit) {
            true => !others.any(|newer| newer.hit.date > this.hit.date),
            false => others.next().is_none(),
        }
    });
    let mut held: Vec<Hit> = held.map(|version| version.hit.clone()).collect();
    held.sort_by(|a, b| b.score.total_cmp(&a.score));
    held
}

/// Pages of which a newer version is among the hits: (newer document, older title).
pub(super) fn replaced_titles(hits: &[Hit]) -> Vec<(DocumentId, String)> {
    let all = versions(hits);
    let mut replaced = Vec::new();
    for older in &all {
        if let Some(newer) = all.iter().find(|newer| newer.replaces(older)) {
            replaced.push((newer.hit.document.clone(), older.hit.title.clone()));
        }
    }
    replaced
}

pub(super) fn without_replaced(hits: Vec<Hit>) -> Vec<Hit> {
    let all = versions(&hits);
    let kept = all
        .iter()
        .filter(|older| !older.hit.superseded && !all.iter().any(|newer| newer.replaces(older)));
    let kept: Vec<Hit> = kept.map(|version| version.hit.clone()).collect();
    if kept.is_empty() { hits } else { kept }
}

/// The page that says the same as this one with other figures, where neither
/// is known to be the newer one.
pub(super) fn disagreeing<'a>(best: &Hit, hits: &'a [Hit]) -> Option<&'a Hit> {
    let likeness = Likeness::of(&best.text);
    let this = Version {
        hit: best,
        likeness,
    };
    let other = versions(hits).into_iter().find(|other| {
        let known = is_newer(best, other.hit) || is_newer(other.hit, best);
        this.may_be_version_of(other) && this.is_revision_of(other) && !known
    });
    other.map(|other| other.hit)
}

impl Version<'_> {
    /// A page replaces an older one of the same name, years and versions aside,
    /// or one that says the same with other figures; or one that says itself
    /// that it was superseded.
    fn replaces(&self, older: &Self) -> bool {
        !self.hit.superseded && self.is_version_of(older) && is_newer(self.hit, older.hit)
    }

    fn is_version_of(&self, other: &Self) -> bool {
        self.may_be_version_of(other)
            && (plain_title(&self.hit.title) == plain_title(&other.hit.title)
                || self.is_revision_of(other))
    }

    fn may_be_version_of(&self, other: &Self) -> bool {
        let counts = |hit: &Hit| hit.kind == SourceKind::Documents && !hit.timeless;
        is_another(self.hit, other.hit) && counts(self.hit) && counts(other.hit)
    }

    fn is_revision_of(&self, other: &Self) -> bool {
        self.likeness.to(&other.likeness) == Alike::OtherFigures
    }
}

/// By the date; where one of them has none, by the version that both tell.
fn is_newer(one: &Hit, other: &Hit) -> bool {
    match (one.date, other.date) {
        (Some(one), Some(other)) => one > other,
        _ => edition(one) > edition(other) && !edition(other).is_empty(),
    }
}

/// Two sources may call a page the same.
fn is_another(one: &Hit, other: &Hit) -> bool {
    (&one.source, &one.document) != (&other.source, &other.document)
}

/// `2.1` of the front matter, or the numbers of the title: `v3`, `2024`.
fn edition(hit: &Hit) -> Vec<u64> {
    let told = hit.edition.as_deref().unwrap_or(&hit.title);
    let numbers = told.split(|c: char| !c.is_ascii_digit());
    numbers.filter_map(|number| number.parse().ok()).collect()
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
            edition: None,
            timeless: false,
            copies: Vec::new(),
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

    fn told(source: &str, title: &str, date: Option<&str>, text: &str) -> Hit {
        Hit {
            document: DocumentId::new("travel.md"),
            source: source.into(),
            title: title.into(),
            date: date.map(|date| date.parse().expect("a day")),
            superseded: false,
            text: text.into(),
            ..page(2026, 0.5)
        }
    }

    const LIMIT: &str = "The limit for a hotel room on a business trip is 120 euros a night, breakfast not counted.";

    #[test]
    fn newer_page_with_other_figures_wins_and_says_so_whatever_it_is_called() {
        let check = |older: Option<&str>, newer: Option<&str>, kept: usize, disagree: bool| {
            let hits = vec![
                told("wiki", "Hotels", older, LIMIT),
                told("git", "Rooms on trips", newer, &LIMIT.replace("120", "150")),
            ];
            assert_eq!(
                without_replaced(hits.clone()).len(),
                kept,
                "{older:?} {newer:?}"
            );
            assert_eq!(
                disagreeing(&hits[0], &hits).is_some(),
                disagree,
                "{older:?} {newer:?}"
            );
            assert_eq!(replaced_titles(&hits).len(), 2 - kept);
        };
        check(Some("2024-01-01"), Some("2026-01-01"), 1, false);
        check(Some("2026-01-01"), Some("2024-01-01"), 1, false);
        check(None, Some("2026-01-01"), 2, true);
        check(Some("2026-01-01"), Some("2026-01-01"), 2, true);
    }

    #[test]
    fn version_decides_where_a_date_is_missing_and_records_replace_nothing() {
        let version = |edition: &str| Hit {
            edition: Some(edition.into()),
            ..told("wiki", "Hotels", None, LIMIT)
        };
        assert!(is_newer(&version("2.10"), &version("2.9")));
        assert!(!is_newer(&version("2.9"), &version("2.10")));
        let titled = |title: &str| told(title, title, None, LIMIT);
        let replaces = |newer: Hit, older: Hit| {
            let both = [newer, older];
            let [newer, older] = &versions(&both)[..] else {
                panic!("two are two");
            };
            newer.replaces(older)
        };
        assert!(replaces(titled("Hotels v3"), titled("Hotels v2")));
        assert!(!replaces(titled("Hotels v2"), titled("Hotels v3")));
        assert!(!replaces(titled("Hotels"), titled("Hotels")));
        let minutes = |date: &str| Hit {
            timeless: true,
            ..told(date, "Minutes", Some(date), LIMIT)
        };
        assert!(!replaces(minutes("2026-02-01"), minutes("2026-01-01")));
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
