//! How often the checker is right, on answers written by hand: `tests/fixtures/claims.toml`.

use super::check;
use crate::domain::{DocumentId, Evidence, EvidenceKind};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Written {
    case: Vec<Case>,
}

/// A source, answers that it supports, and answers with one fact changed.
#[derive(Deserialize)]
struct Case {
    title: String,
    section: String,
    source: String,
    correct: Vec<String>,
    wrong: Vec<Wrong>,
}

#[derive(Deserialize)]
struct Wrong {
    kind: String,
    text: String,
}

#[derive(Default)]
struct Share {
    of: usize,
    hit: usize,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.of += 1;
        self.hit += usize::from(hit);
    }

    fn share(&self) -> f64 {
        self.hit as f64 / self.of.max(1) as f64
    }
}

/// Whether something of the answer is taken out.
fn is_cut(case: &Case, answer: &str) -> bool {
    let source = Evidence {
        n: 1,
        kind: EvidenceKind::Document,
        document: DocumentId::new("source.md"),
        title: case.title.clone(),
        locator: String::new(),
        section: case.section.clone(),
        version: String::new(),
        date: None,
        owner: None,
        text: case.source.clone(),
        score: 1.0,
        orders: 0,
        rows: None,
        relations: Vec::new(),
        copies: Vec::new(),
    };
    !check(answer, &[&source]).cut.is_empty()
}

/// Prints the shares: `cargo nextest run --no-capture -E 'test(changed_facts)'`.
/// The bounds only tell when it got worse; `benches/README.md` has the figures.
#[test]
fn changed_facts_are_caught_more_often_than_right_ones_are_cut() {
    let written: Written =
        toml::from_str(include_str!("../../../tests/fixtures/claims.toml")).unwrap();
    // The rules were written while looking at the even ones.
    for half in [0, 1] {
        let cases = written.case.iter().skip(half).step_by(2);
        let (mut cut, mut caught) = (Share::default(), Share::default());
        let mut kinds: BTreeMap<&str, Share> = BTreeMap::new();
        for case in cases {
            for answer in &case.correct {
                cut.count(is_cut(case, answer));
            }
            for wrong in &case.wrong {
                let hit = is_cut(case, &wrong.text);
                caught.count(hit);
                kinds.entry(&wrong.kind).or_default().count(hit);
            }
        }
        let kinds: Vec<String> = kinds
            .iter()
            .map(|(kind, share)| format!("{kind} {:.2}", share.share()))
            .collect();
        println!(
            "half {half}: of {} right answers cut {:.3}, of {} wrong ones caught {:.3} ({})",
            cut.of,
            cut.share(),
            caught.of,
            caught.share(),
            kinds.join(", ")
        );
        assert!(cut.share() < 0.35, "right answers cut");
        assert!(caught.share() > 0.65, "wrong answers caught");
    }
}
