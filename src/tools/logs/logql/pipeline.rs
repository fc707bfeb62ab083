//! The stages of a log query, compiled, and run over one line after another.
//!
//! A stage that can't read a line sets the label `__error__` and keeps the
//! line, as in Loki.

use super::{
    ast::{Conversion, LabelFilter, LineOp, LogQuery, MatchOp, NameMatch, Needle, Stage, Value},
    fields::{flatten, json_path, json_text, label_name, logfmt, look_up},
    ip::IpRange,
    lexer::{bytes, duration},
    parser::regex,
    pattern::{Piece, captures, pieces},
    template::Template,
};
use regex::Regex;
use serde_json::Value as Json;
use std::{borrow::Cow, collections::BTreeMap};

pub type Labels = BTreeMap<String, String>;

/// The label of a line that a stage could not read.
pub(super) const ERROR: &str = "__error__";
/// Labels that one line may get.
pub(super) const MAX_LABELS: usize = 200;

/// What goes through the stages, and comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    pub line: Cow<'a, str>,
    pub labels: Labels,
    /// What `unwrap` took from it.
    pub value: Option<f64>,
}

/// A log query that is ready to be evaluated.
pub struct Pipeline {
    selector: Vec<Test>,
    stages: Vec<Ready>,
}

struct Test {
    label: String,
    matches: Text,
}

/// Compares a text.
enum Text {
    Equal(String),
    NotEqual(String),
    Regex(Regex),
    NotRegex(Regex),
}

impl Text {
    fn new(op: MatchOp, value: &str) -> Result<Self, String> {
        let whole = || regex(&format!("^(?s:{value})$"));
        Ok(match op {
            MatchOp::Equal => Text::Equal(value.into()),
            MatchOp::NotEqual => Text::NotEqual(value.into()),
            MatchOp::Regex => Text::Regex(whole()?),
            MatchOp::NotRegex => Text::NotRegex(whole()?),
        })
    }

    fn holds(&self, text: &str) -> bool {
        match self {
            Text::Equal(value) => text == value,
            Text::NotEqual(value) => text != value,
            Text::Regex(regex) => regex.is_match(text),
            Text::NotRegex(regex) => !regex.is_match(text),
        }
    }
}

enum Ready {
    Line { negated: bool, needles: Vec<Find> },
    Json(Vec<(String, Vec<String>)>),
    Logfmt(Vec<(String, String)>),
    Regexp(Regex),
    Pattern(Vec<Piece>),
    Decolorize(Regex),
    LineFormat(Template),
    LabelFormat(Vec<(String, Source)>),
    Label(Filter),
    Drop(Vec<(String, Option<Text>)>),
    Keep(Vec<(String, Option<Text>)>),
    Unwrap(String, Option<Conversion>),
}

enum Find {
    Text(String),
    Regex(Regex),
    Pattern(Vec<Piece>),
    Ip(IpRange),
}

enum Source {
    Label(String),
    Template(Template),
}

enum Filter {
    Text(Test),
    Number(String, super::ast::Comparison, Value),
    Ip(String, bool, IpRange),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

impl Pipeline {
    /// The error says which stage can't be evaluated.
    pub fn new(query: &LogQuery) -> Result<Self, String> {
        let test = |matcher: &super::ast::Matcher| -> Result<Test, String> {
            Ok(Test {
                label: matcher.label.clone(),
                matches: Text::new(matcher.op, &matcher.value)?,
            })
        };
        Ok(Self {
            selector: query.selector.iter().map(test).collect::<Result<_, _>>()?,
            stages: query.stages.iter().map(ready).collect::<Result<_, _>>()?,
        })
    }

    /// The labels that the stream selector looks at.
    pub fn selected(&self) -> impl Iterator<Item = &str> {
        self.selector.iter().map(|test| test.label.as_str())
    }

    /// `None` where the line is left out.
    pub fn run<'a>(&self, line: &'a str, labels: &Labels) -> Option<Record<'a>> {
        let value = |label: &str| labels.get(label).map_or("", String::as_str);
        if !self
            .selector
            .iter()
            .all(|test| test.matches.holds(value(&test.label)))
        {
            return None;
        }
        // Line filters come first mostly, and leave most lines out: no labels are copied for those.
        let leading = self
            .stages
            .iter()
            .take_while(|stage| matches!(stage, Ready::Line { .. }))
            .count();
        let (filters, rest) = self.stages.split_at(leading);
        for filter in filters {
            if let Ready::Line { negated, needles } = filter
                && needles.iter().any(|needle| needle.is_in(line)) == *negated
            {
                return None;
            }
        }
        let mut record = Record {
            line: Cow::Borrowed(line),
            labels: labels.clone(),
            value: None,
        };
        for stage in rest {
            if !stage.apply(&mut record, labels) {
                return None;
            }
        }
        Some(record)
    }
}

fn ready(stage: &Stage) -> Result<Ready, String> {
    let matches = |names: &[NameMatch]| -> Result<Vec<(String, Option<Text>)>, String> {
        let one = |name: &NameMatch| {
            let value = name.value.as_ref();
            let text = value.map(|(op, value)| Text::new(*op, value)).transpose()?;
            Ok((name.label.clone(), text))
        };
        names.iter().map(one).collect()
    };
    Ok(match stage {
        Stage::Line { op, needles } => {
            let find = |needle: &Needle| {
                Ok::<_, String>(match (needle, op) {
                    (Needle::Ip(range), _) => {
                        Find::Ip(IpRange::parse(range).ok_or("is no address")?)
                    }
                    (Needle::Text(text), LineOp::Regex | LineOp::RegexNot) => {
                        Find::Regex(regex(text)?)
                    }
                    (Needle::Text(text), LineOp::Pattern | LineOp::PatternNot) => {
                        Find::Pattern(pieces(text))
                    }
                    (Needle::Text(text), _) => Find::Text(text.clone()),
                })
            };
            Ready::Line {
                negated: matches!(
                    op,
                    LineOp::ContainsNot | LineOp::RegexNot | LineOp::PatternNot
                ),
                needles: needles.iter().map(find).collect::<Result<_, _>>()?,
            }
        }
        Stage::Json(fields) => Ready::Json(
            fields
                .iter()
                .map(|field| Ok((field.label.clone(), json_path(&field.from)?)))
                .collect::<Result<_, String>>()?,
        ),
        Stage::Logfmt { fields, .. } => Ready::Logfmt(
            fields
                .iter()
                .map(|field| (field.label.clone(), field.from.clone()))
                .collect(),
        ),
        Stage::Regexp(pattern) => Ready::Regexp(regex(pattern)?),
        Stage::Pattern(pattern) => Ready::Pattern(pieces(pattern)),
        Stage::Unpack => return Err("`unpack` can't be evaluated on files".into()),
        Stage::Decolorize => Ready::Decolorize(regex("\u{1b}\\[[0-9;]*m")?),
        Stage::LineFormat(template) => Ready::LineFormat(Template::parse(template)?),
        Stage::LabelFormat(renames) => {
            let one = |rename: &super::ast::Rename| {
                let source = match rename.is_label {
                    true => Source::Label(rename.from.clone()),
                    false => Source::Template(Template::parse(&rename.from)?),
                };
                Ok((rename.label.clone(), source))
            };
            Ready::LabelFormat(renames.iter().map(one).collect::<Result<_, String>>()?)
        }
        Stage::Label(filter) => Ready::Label(ready_filter(filter)?),
        Stage::Drop(names) => Ready::Drop(matches(names)?),
        Stage::Keep(names) => Ready::Keep(matches(names)?),
        Stage::Unwrap { label, conversion } => Ready::Unwrap(label.clone(), *conversion),
    })
}

fn ready_filter(filter: &LabelFilter) -> Result<Filter, String> {
    Ok(match filter {
        LabelFilter::Text(matcher) => Filter::Text(Test {
            label: matcher.label.clone(),
            matches: Text::new(matcher.op, &matcher.value)?,
        }),
        LabelFilter::Number {
            label,
            comparison,
            value,
        } => Filter::Number(label.clone(), *comparison, *value),
        LabelFilter::Ip {
            label,
            negated,
            range,
        } => {
            let range = IpRange::parse(range).ok_or("is no address")?;
            Filter::Ip(label.clone(), *negated, range)
        }
        LabelFilter::And(left, right) => Filter::And(
            Box::new(ready_filter(left)?),
            Box::new(ready_filter(right)?),
        ),
        LabelFilter::Or(left, right) => Filter::Or(
            Box::new(ready_filter(left)?),
            Box::new(ready_filter(right)?),
        ),
    })
}

impl Find {
    fn is_in(&self, line: &str) -> bool {
        match self {
            Find::Text(text) => line.contains(text),
            Find::Regex(regex) => regex.is_match(line),
            Find::Pattern(pieces) => captures(pieces, line).is_some(),
            Find::Ip(range) => line
                .split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
                .any(|word| range.holds(word)),
        }
    }
}

impl Ready {
    /// False where the line is left out.
    fn apply(&self, record: &mut Record<'_>, stream: &Labels) -> bool {
        match self {
            Ready::Line { negated, needles } => {
                return needles.iter().any(|needle| needle.is_in(&record.line)) != *negated;
            }
            Ready::Json(fields) => {
                let found: Result<Json, _> = serde_json::from_str(record.line.trim());
                match found {
                    Ok(Json::Object(object)) => {
                        let object = Json::Object(object);
                        let mut flat = Vec::new();
                        if fields.is_empty() {
                            flatten("", &object, &mut flat);
                        } else {
                            for (label, path) in fields {
                                let found = look_up(&object, path);
                                flat.push((label.clone(), found.map_or(String::new(), json_text)));
                            }
                        }
                        for (label, value) in flat {
                            extract(&mut record.labels, stream, label, value);
                        }
                    }
                    _ => fail(record, "JSONParserErr"),
                }
            }
            Ready::Logfmt(fields) => {
                let pairs = logfmt(&record.line);
                for (key, value) in pairs {
                    if fields.is_empty() {
                        extract(&mut record.labels, stream, label_name(&key), value);
                        continue;
                    }
                    for (label, _) in fields.iter().filter(|(_, from)| *from == key) {
                        extract(&mut record.labels, stream, label.clone(), value.clone());
                    }
                }
            }
            Ready::Regexp(regex) => {
                let Some(found) = regex.captures(&record.line) else {
                    return true;
                };
                let names = regex.capture_names().flatten();
                let values: Vec<(String, String)> = names
                    .map(|name| {
                        let value = found.name(name).map_or("", |value| value.as_str());
                        (name.to_string(), value.to_string())
                    })
                    .collect();
                for (label, value) in values {
                    extract(&mut record.labels, stream, label, value);
                }
            }
            Ready::Pattern(pieces) => {
                let found = captures(pieces, &record.line).unwrap_or_default();
                let found: Vec<(String, String)> = found
                    .into_iter()
                    .map(|(name, value)| (name.to_string(), value.to_string()))
                    .collect();
                for (label, value) in found {
                    extract(&mut record.labels, stream, label, value);
                }
            }
            Ready::Decolorize(colour) => {
                record.line = Cow::Owned(colour.replace_all(&record.line, "").into_owned());
            }
            Ready::LineFormat(template) => {
                record.line = Cow::Owned(template.fill(&record.labels, &record.line));
            }
            Ready::LabelFormat(renames) => {
                for (label, source) in renames {
                    match source {
                        Source::Label(from) => {
                            if let Some(value) = record.labels.remove(from) {
                                record.labels.insert(label.clone(), value);
                            }
                        }
                        Source::Template(template) => {
                            let value = template.fill(&record.labels, &record.line);
                            record.labels.insert(label.clone(), value);
                        }
                    }
                }
            }
            Ready::Label(filter) => return filter.holds(record),
            Ready::Drop(names) => record.labels.retain(|label, value| {
                !names
                    .iter()
                    .any(|(name, text)| name == label && fits(text, value))
            }),
            Ready::Keep(names) => record.labels.retain(|label, value| {
                label.starts_with("__")
                    || names
                        .iter()
                        .any(|(name, text)| name == label && fits(text, value))
            }),
            Ready::Unwrap(label, conversion) => {
                // Without the label there is no sample; with a value that is no number, an error.
                let Some(text) = record.labels.remove(label) else {
                    return false;
                };
                record.value = convert(&text, *conversion);
                if record.value.is_none() {
                    fail(record, "SampleExtractionErr");
                }
            }
        }
        true
    }
}

fn fits(text: &Option<Text>, value: &str) -> bool {
    text.as_ref().is_none_or(|text| text.holds(value))
}

fn fail(record: &mut Record<'_>, error: &str) {
    record.labels.insert(ERROR.into(), error.into());
}

fn convert(text: &str, conversion: Option<Conversion>) -> Option<f64> {
    match conversion {
        None => text.trim().parse::<f64>().ok().filter(|n| n.is_finite()),
        Some(Conversion::Duration | Conversion::DurationSeconds) => {
            duration(text.trim()).map(|nanoseconds| nanoseconds as f64 / 1e9)
        }
        Some(Conversion::Bytes) => bytes(text.trim()),
    }
}

/// A label of the stream is not overwritten; the field gets another name.
fn extract(labels: &mut Labels, stream: &Labels, label: String, value: String) {
    let label = if stream.contains_key(&label) {
        format!("{label}_extracted")
    } else {
        label
    };
    if labels.len() < MAX_LABELS {
        labels.insert(label, value);
    }
}

impl Filter {
    fn holds(&self, record: &mut Record<'_>) -> bool {
        let text = |label: &str| record.labels.get(label).map_or("", String::as_str);
        match self {
            Filter::Text(test) => test.matches.holds(text(&test.label)),
            Filter::Number(label, comparison, value) => {
                let Some(found) = record.labels.get(label) else {
                    return false;
                };
                let found = match value {
                    Value::Number(_) => found.trim().parse().ok(),
                    Value::Duration(_) => duration(found.trim()).map(|n| n as f64),
                    Value::Bytes(_) => bytes(found.trim()).or_else(|| found.trim().parse().ok()),
                };
                let wanted = match value {
                    Value::Number(number) | Value::Bytes(number) => *number,
                    Value::Duration(nanoseconds) => *nanoseconds as f64,
                };
                match found {
                    Some(found) => comparison.holds(found, wanted),
                    None => {
                        fail(record, "LabelFilterErr");
                        true
                    }
                }
            }
            Filter::Ip(label, negated, range) => range.holds(text(label)) != *negated,
            Filter::And(left, right) => left.holds(record) && right.holds(record),
            Filter::Or(left, right) => left.holds(record) || right.holds(record),
        }
    }
}
