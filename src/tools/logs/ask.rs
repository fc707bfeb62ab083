//! What is asked of a log source, and its LogQL.
//!
//! Promise: service, level and words are parts of a tree and become text in
//! `logql` alone, so nothing that a person types is read as LogQL.

use super::{
    level::spellings,
    logql::{
        Expression, Grouping, LabelFilter, LineOp, LogQuery, MatchOp, Matcher, Metric, Needle,
        RangeFunction, Rename, Stage, VectorFunction,
    },
};
use crate::config::LineFormat;
use chrono::{DateTime, Utc};

/// Lines of a span of time, narrowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub service: Option<String>,
    pub level: Option<String>,
    /// Each must occur, in any case and order.
    pub words: Vec<String>,
    /// From this on, up to and not including `until`.
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Asked {
    pub fn everything(since: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        Self {
            service: None,
            level: None,
            words: Vec::new(),
            since,
            until,
        }
    }

    /// Nanoseconds, at least one.
    pub fn range(&self) -> i64 {
        let range = (self.until - self.since).num_nanoseconds();
        range.unwrap_or(i64::MAX).max(1)
    }
}

/// What a LogQL source calls its labels.
#[derive(Clone, Debug)]
pub struct LabelNames {
    pub service: String,
    pub level: String,
    /// The level stands in the line, not in a label.
    pub parser: Option<LineFormat>,
}

/// The name of a level that was read from the line.
const READ_LEVEL: &str = "line_level";

impl LabelNames {
    pub fn level_label(&self) -> &str {
        match self.parser {
            Some(_) => READ_LEVEL,
            None => &self.level,
        }
    }

    pub fn lines(&self, asked: &Asked) -> LogQuery {
        let matcher = match &asked.service {
            Some(service) => Matcher::new(&self.service, MatchOp::Equal, service),
            None => Matcher::new(&self.service, MatchOp::Regex, ".+"),
        };
        let mut stages: Vec<Stage> = asked.words.iter().map(|word| contains(word)).collect();
        if let Some(format) = self.parser {
            let field = Rename {
                label: READ_LEVEL.into(),
                from: self.level.clone(),
                is_label: false,
            };
            stages.push(match format {
                LineFormat::Json => Stage::Json(vec![field]),
                LineFormat::Logfmt => Stage::Logfmt {
                    flags: Vec::new(),
                    fields: vec![field],
                },
            });
            // A line that is written otherwise has no level, which is no reason to fail.
            let names = ["__error__", "__error_details__"];
            stages.push(Stage::Drop(
                names
                    .map(|label| super::logql::NameMatch {
                        label: label.into(),
                        value: None,
                    })
                    .into(),
            ));
        }
        if let Some(level) = &asked.level {
            let names: Vec<String> = spellings(level).iter().map(|s| regex::escape(s)).collect();
            let pattern = format!("(?i)({})", names.join("|"));
            let matcher = Matcher::new(self.level_label(), MatchOp::Regex, pattern);
            stages.push(Stage::Label(LabelFilter::Text(matcher)));
        }
        LogQuery {
            selector: vec![matcher],
            stages,
        }
    }

    /// How many lines by service and level, at the end of the span.
    pub fn counts(&self, asked: &Asked) -> Metric {
        self.counted(asked, asked.range(), true)
    }

    /// How many lines in the `range` nanoseconds before each point.
    pub fn buckets(&self, asked: &Asked, range: i64) -> Metric {
        self.counted(asked, range, false)
    }

    fn counted(&self, asked: &Asked, range: i64, by_level: bool) -> Metric {
        let labels = match by_level {
            true => vec![self.service.clone(), self.level_label().to_string()],
            false => Vec::new(),
        };
        Metric::Vector {
            function: VectorFunction::Sum,
            parameter: None,
            inner: Box::new(Metric::Range {
                function: RangeFunction::Count,
                parameter: None,
                query: self.lines(asked),
                range,
                offset: 0,
                grouping: None,
            }),
            grouping: by_level.then_some(Grouping {
                without: false,
                labels,
            }),
        }
    }

    /// The question as a person may ask it again on the command line.
    pub fn statement(&self, asked: &Asked, metric: bool) -> String {
        match metric {
            true => Expression::Metric(self.counts(asked)).to_string(),
            false => Expression::Log(self.lines(asked)).to_string(),
        }
    }
}

fn contains(word: &str) -> Stage {
    Stage::Line {
        op: LineOp::Regex,
        needles: vec![Needle::Text(format!("(?i){}", regex::escape(word)))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::logs::logql::{Pipeline, parse};
    use proptest::prelude::*;

    fn asked(word: &str) -> Asked {
        let since: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().expect("is a time");
        Asked {
            service: Some(word.into()),
            level: Some("error".into()),
            words: vec![word.into()],
            since,
            until: since + chrono::TimeDelta::hours(24),
        }
    }

    fn names(parser: Option<LineFormat>) -> LabelNames {
        LabelNames {
            service: "service_name".into(),
            level: "level".into(),
            parser,
        }
    }

    #[test]
    fn question_is_written_as_logql() {
        let check = |parser, expected: &str| {
            let found = names(parser).statement(&asked("pay"), true);
            assert_eq!(found, expected);
        };
        check(
            None,
            r#"sum by (service_name, level) (count_over_time({service_name="pay"} |~ "(?i)pay" | level=~"(?i)(error|err|severe)" [24h]))"#,
        );
        check(
            Some(LineFormat::Json),
            r#"sum by (service_name, line_level) (count_over_time({service_name="pay"} |~ "(?i)pay" | json line_level="level" | drop __error__, __error_details__ | line_level=~"(?i)(error|err|severe)" [24h]))"#,
        );
    }

    proptest! {
        /// Whatever a person types stays one text: read again, the query has the same parts.
        #[test]
        fn words_can_not_leave_their_quotes(word in any::<String>()) {
            let names = names(None);
            let query = names.lines(&asked(&word));
            let read = parse(&Expression::Log(query.clone()).to_string());
            if !word.is_empty() {
                prop_assert_eq!(read, Ok(Expression::Log(query)));
            }
        }

        #[test]
        fn words_are_found_as_they_are_typed(word in "[ -~]{1,20}") {
            let names = names(None);
            let question = Asked { service: None, level: None, ..asked(&word) };
            let query = names.lines(&question);
            let pipeline = Pipeline::new(&query).expect("is evaluated");
            let labels = [("service_name".to_string(), "till".to_string())].into();
            let line = format!("before {} behind", word.to_uppercase());
            prop_assert!(pipeline.run(&line, &labels).is_some());
        }
    }

    #[test]
    fn hostile_words_stay_words() {
        for word in [
            r#"" } or {a="b"#,
            "\\",
            "\\\"",
            "`",
            "a\"\n|~ \".*",
            "#",
            "(?i)",
            ".*",
            "{{.x}}",
            "\0",
            "\u{2028}",
            "[5m]) or vector(1) #",
        ] {
            let query = names(None).lines(&asked(word));
            let text = Expression::Log(query.clone()).to_string();
            assert_eq!(parse(&text), Ok(Expression::Log(query)), "{text}");
        }
    }
}
