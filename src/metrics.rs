//! What is counted and timed, for Prometheus. Every metric of the program is
//! named here and nowhere else; its text is what `/metrics` says of it.
//!
//! Labels have few values that the program or the configuration fixes: never
//! words of a question, of an answer or of a source.

use crate::{
    domain::{Answer, EvidenceKind, GapClass, Platform},
    store::SourceState,
};
use chrono::{DateTime, Utc};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    set_global_recorder,
};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

const QUESTIONS: &str = "lorekeeper_questions_total";
const GAPS: &str = "lorekeeper_gaps_total";
const STAGES: &str = "lorekeeper_stage_seconds";
const SOURCE_AGE: &str = "lorekeeper_source_age_seconds";
const PERMISSIONS_AGE: &str = "lorekeeper_source_permissions_age_seconds";
const SOURCE_DOCUMENTS: &str = "lorekeeper_source_documents";
const SOURCE_FAILURES: &str = "lorekeeper_source_failures";
const SOURCE_SECONDS: &str = "lorekeeper_source_reading_seconds";

/// Upper bounds in seconds: a quoted answer takes milliseconds, a written one seconds.
const SECONDS: [f64; 12] = [
    0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

/// From now on everything is counted. Fails where this process counts already.
pub fn start() -> anyhow::Result<PrometheusHandle> {
    let recorder = recorder()?;
    let handle = recorder.handle();
    set_global_recorder(recorder)?;
    describe();
    Ok(handle)
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let stages = Matcher::Full(STAGES.into());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(stages, &SECONDS)?;
    Ok(builder.build_recorder())
}

fn describe() {
    describe_counter!(
        QUESTIONS,
        Unit::Count,
        "Questions and commands, by `platform` and `outcome`: answered, abstained, given_up"
    );
    describe_counter!(
        GAPS,
        Unit::Count,
        "What an answer had to do without, by `class`: source_down, timeout, not_allowed, no_data, bad_question, model_failed"
    );
    describe_histogram!(
        STAGES,
        Unit::Seconds,
        "How long a `stage` of an answer took: plan, gather, compose, total"
    );
    for (name, unit, text) in SOURCE_GAUGES {
        describe_gauge!(name, unit, text);
    }
    // Every class stands there from the start, so that an alarm sees its first rise.
    for class in GapClass::ALL {
        counter!(GAPS, "class" => class.as_str()).absolute(0);
    }
}

/// Each by `source`, as the configuration names it.
const SOURCE_GAUGES: [(&str, Unit, &str); 5] = [
    (
        SOURCE_AGE,
        Unit::Seconds,
        "How long ago the last complete reading of a `source` began; what was deleted before is gone",
    ),
    (
        PERMISSIONS_AGE,
        Unit::Seconds,
        "How long ago the last reading of a `source` began that also read who may see what",
    ),
    (
        SOURCE_DOCUMENTS,
        Unit::Count,
        "Documents of a `source` by `state`: indexed, withheld (nobody may see them), failed (could not be read)",
    ),
    (
        SOURCE_FAILURES,
        Unit::Count,
        "Readings of a `source` in a row that failed as a whole",
    ),
    (
        SOURCE_SECONDS,
        Unit::Seconds,
        "How long the last complete reading of a `source` took",
    ),
];

/// Tells how fresh the sources are. One that was never read has no age yet.
pub fn record_sources(states: &[SourceState], now: DateTime<Utc>) {
    for state in states {
        let labelled = |name: &'static str, value: f64| {
            gauge!(name, "source" => state.source.clone()).set(value);
        };
        let age = |since: DateTime<Utc>| (now - since).as_seconds_f64().max(0.0);
        if let Some(since) = state.synchronised_at {
            labelled(SOURCE_AGE, age(since));
            labelled(SOURCE_SECONDS, state.milliseconds as f64 / 1e3);
        }
        if let Some(since) = state.permissions_at {
            labelled(PERMISSIONS_AGE, age(since));
        }
        labelled(SOURCE_FAILURES, f64::from(state.failures));
        let documents = [
            ("indexed", state.documents),
            ("withheld", state.withheld),
            ("failed", state.faults),
        ];
        for (kind, count) in documents {
            gauge!(SOURCE_DOCUMENTS, "source" => state.source.clone(), "state" => kind)
                .set(count as f64);
        }
    }
}

/// Counts an answer that was saved.
pub fn record_answer(platform: Platform, answer: &Answer) {
    count_question(
        platform,
        match answer.abstained {
            true => "abstained",
            false => "answered",
        },
    );
    for class in gap_classes(answer) {
        counter!(GAPS, "class" => class.as_str()).increment(1);
    }
    for (stage, milliseconds) in &answer.timings.0 {
        histogram!(STAGES, "stage" => stage.clone()).record(milliseconds / 1e3);
    }
}

/// Counts a question that was given up.
pub fn record_given_up(platform: Platform) {
    count_question(platform, "given_up");
}

fn count_question(platform: Platform, outcome: &'static str) {
    counter!(QUESTIONS, "platform" => platform.as_str(), "outcome" => outcome).increment(1);
}

/// The gaps, and a `NoData` for each result without a row.
fn gap_classes(answer: &Answer) -> Vec<GapClass> {
    let gaps = answer.gaps.iter().map(|gap| gap.class);
    let results = answer
        .evidence
        .iter()
        .filter(|evidence| evidence.kind == EvidenceKind::Rows);
    let empty = results.filter(|evidence| {
        let result = evidence.rows.as_ref();
        result.is_none_or(|result| result.rows.rows.is_empty())
    });
    gaps.chain(empty.map(|_| GapClass::NoData)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::told,
        domain::{Evidence, Gap, Rows, StageTimings, ToolResult},
    };
    use std::collections::BTreeMap;

    /// What `/metrics` tells after these answers.
    fn told_after(answers: &[Answer]) -> String {
        let recorder = recorder().expect("the buckets are no empty list");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            for answer in answers {
                record_answer(Platform::Slack, answer);
            }
        });
        handle.render()
    }

    fn with_gap(class: GapClass) -> Answer {
        let gap = Gap {
            source: "the secret source".into(),
            class,
            message: "words of an answer".into(),
        };
        Answer {
            gaps: vec![gap],
            abstained: true,
            ..told(Vec::new())
        }
    }

    fn with_rows(rows: Rows) -> Answer {
        let result = ToolResult {
            tool: "sales_total".into(),
            source: "business".into(),
            statement: String::new(),
            rows,
            lead: "Sales were 5.".into(),
            as_of: chrono::DateTime::UNIX_EPOCH,
            bodies: Vec::new(),
        };
        Answer {
            evidence: vec![Evidence::of_result(1, result)],
            ..told(Vec::new())
        }
    }

    #[test]
    fn six_classes_are_six_metrics_from_the_start() {
        let before = told_after(&[]);
        for class in GapClass::ALL {
            let line =
                |n: u32| format!("lorekeeper_gaps_total{{class=\"{}\"}} {n}", class.as_str());
            assert!(before.contains(&line(0)), "{before}");
            let after = told_after(&[with_gap(class), with_gap(class)]);
            assert!(after.contains(&line(2)), "{after}");
        }
    }

    #[test]
    fn empty_result_counts_as_no_data_and_a_full_one_does_not() {
        let row = Rows {
            columns: vec!["sum".into()],
            rows: vec![vec![5.into()]],
            truncated: false,
        };
        let text = told_after(&[with_rows(Rows::default()), with_rows(row)]);
        assert!(
            text.contains("lorekeeper_gaps_total{class=\"no_data\"} 1"),
            "{text}"
        );
    }

    #[test]
    fn answers_count_by_outcome_and_stages_in_seconds() {
        let timings = BTreeMap::from([("plan".to_string(), 4.0), ("total".to_string(), 300.0)]);
        let answer = Answer {
            timings: StageTimings(timings),
            ..told(Vec::new())
        };
        let text = told_after(&[answer, with_gap(GapClass::Timeout)]);
        for line in [
            "lorekeeper_questions_total{platform=\"slack\",outcome=\"answered\"} 1",
            "lorekeeper_questions_total{platform=\"slack\",outcome=\"abstained\"} 1",
            "lorekeeper_stage_seconds_bucket{stage=\"plan\",le=\"0.002\"} 0",
            "lorekeeper_stage_seconds_bucket{stage=\"plan\",le=\"0.005\"} 1",
            "lorekeeper_stage_seconds_sum{stage=\"total\"} 0.3",
        ] {
            assert!(text.contains(line), "`{line}` is not in\n{text}");
        }
    }

    #[test]
    fn age_of_a_source_counts_from_where_its_reading_began() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        let state = SourceState {
            source: "wiki".into(),
            synchronised_at: Some(at(100)),
            permissions_at: Some(at(40)),
            documents: 7,
            withheld: 2,
            milliseconds: 1_500,
            ..SourceState::default()
        };
        let new = SourceState {
            source: "new".into(),
            failures: 3,
            ..SourceState::default()
        };
        let recorder = recorder().expect("the buckets are no empty list");
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || record_sources(&[state, new], at(160)));
        let text = handle.render();
        for line in [
            "lorekeeper_source_age_seconds{source=\"wiki\"} 60",
            "lorekeeper_source_permissions_age_seconds{source=\"wiki\"} 120",
            "lorekeeper_source_documents{source=\"wiki\",state=\"withheld\"} 2",
            "lorekeeper_source_reading_seconds{source=\"wiki\"} 1.5",
            "lorekeeper_source_failures{source=\"new\"} 3",
        ] {
            assert!(text.contains(line), "`{line}` is not in\n{text}");
        }
        assert!(!text.contains("age_seconds{source=\"new\"}"), "{text}");
    }

    #[test]
    fn words_of_sources_and_answers_are_no_labels() {
        let text = told_after(&[with_gap(GapClass::SourceDown)]);
        assert!(!text.contains("secret source"), "{text}");
        assert!(!text.contains("words of"), "{text}");
    }
}
