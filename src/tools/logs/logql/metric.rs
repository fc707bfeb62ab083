//! Metric queries over lines: one evaluation at one time, in one pass.
//!
//! Promise: memory grows with the number of series, which is bounded, never
//! with the number of lines.

use super::{
    ast::{BinaryOp, Grouping, Matching, Metric, RangeFunction, VectorFunction},
    parser::regex,
    pipeline::{ERROR, Labels, Pipeline},
};
use std::collections::BTreeMap;

/// More different sets of labels are an error, as in Loki.
const MAX_SERIES: usize = 20_000;
/// Values kept for a quantile.
const MAX_VALUES: usize = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub labels: Labels,
    pub value: f64,
}

/// A metric query on its way through the lines.
pub struct Evaluation {
    root: Metric,
    leaves: Vec<Leaf>,
    /// Nanoseconds since 1970.
    at: i64,
}

/// One range function with what it has seen.
struct Leaf {
    function: RangeFunction,
    parameter: f64,
    pipeline: Pipeline,
    grouping: Option<Grouping>,
    /// Lines after `since`, up to and with `until`.
    since: i64,
    until: i64,
    range: i64,
    series: BTreeMap<Labels, Seen>,
    values: usize,
    /// Lines that a stage could not read, and the first reason.
    unread: u64,
    reason: String,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    count: u64,
    bytes: u64,
    sum: f64,
    squares: f64,
    min: f64,
    max: f64,
    first: (i64, f64),
    last: (i64, f64),
    values: Vec<f64>,
}

impl Evaluation {
    /// `at` is the time of the evaluation, in nanoseconds since 1970.
    pub fn new(metric: &Metric, at: i64) -> Result<Self, String> {
        let mut leaves = Vec::new();
        collect(metric, at, &mut leaves)?;
        Ok(Self {
            root: metric.clone(),
            leaves,
            at,
        })
    }

    /// The lines that it needs: after the first time, up to and with the second.
    pub fn span(&self) -> (i64, i64) {
        let since = self.leaves.iter().map(|leaf| leaf.since).min();
        let until = self.leaves.iter().map(|leaf| leaf.until).max();
        (since.unwrap_or(self.at), until.unwrap_or(self.at))
    }

    /// The labels that its stream selectors look at.
    pub fn selected(&self) -> impl Iterator<Item = &str> {
        self.leaves.iter().flat_map(|leaf| leaf.pipeline.selected())
    }

    /// Takes in one line. The error ends the evaluation.
    pub fn take(&mut self, time: i64, line: &str, labels: &Labels) -> Result<(), String> {
        for leaf in &mut self.leaves {
            if leaf.since < time && time <= leaf.until {
                leaf.take(time, line, labels)?;
            }
        }
        Ok(())
    }

    /// The result: one sample a series, ordered by labels, or as the query orders.
    pub fn finish(self) -> Result<Vec<Sample>, String> {
        for leaf in &self.leaves {
            if leaf.unread > 0 {
                return Err(format!(
                    "{} lines could not be read ({}); leave them out with `| __error__=\"\"`",
                    leaf.unread, leaf.reason
                ));
            }
        }
        let mut leaves = self.leaves.into_iter();
        match reduce(&self.root, &mut leaves)? {
            Found::Number(value) => Ok(vec![Sample {
                labels: Labels::new(),
                value,
            }]),
            Found::Series(samples) => Ok(samples),
        }
    }
}

fn collect(metric: &Metric, at: i64, leaves: &mut Vec<Leaf>) -> Result<(), String> {
    match metric {
        Metric::Number(_) | Metric::Scalar(_) => Ok(()),
        Metric::Vector { inner, .. } | Metric::LabelReplace { inner, .. } => {
            collect(inner, at, leaves)
        }
        Metric::Binary { left, right, .. } => {
            collect(left, at, leaves)?;
            collect(right, at, leaves)
        }
        Metric::Range {
            function,
            parameter,
            query,
            range,
            offset,
            grouping,
        } => {
            if *function == RangeFunction::RateCounter {
                return Err("`rate_counter` can't be evaluated on files".into());
            }
            let until = at.saturating_sub(*offset);
            leaves.push(Leaf {
                function: *function,
                parameter: parameter.unwrap_or_default(),
                pipeline: Pipeline::new(query)?,
                grouping: grouping.clone(),
                since: until.saturating_sub(*range),
                until,
                range: *range,
                series: BTreeMap::new(),
                values: 0,
                unread: 0,
                reason: String::new(),
            });
            Ok(())
        }
    }
}

impl Leaf {
    fn take(&mut self, time: i64, line: &str, labels: &Labels) -> Result<(), String> {
        let Some(record) = self.pipeline.run(line, labels) else {
            return Ok(());
        };
        if let Some(error) = record.labels.get(ERROR).filter(|error| !error.is_empty()) {
            self.unread += 1;
            self.reason.clone_from(error);
            return Ok(());
        }
        let labels = match &self.grouping {
            Some(grouping) => grouped(record.labels, grouping),
            None => record.labels,
        };
        if self.series.len() == MAX_SERIES && !self.series.contains_key(&labels) {
            return Err(format!(
                "more than {MAX_SERIES} series: group by fewer labels, or narrow the selector"
            ));
        }
        let value = record.value.unwrap_or(1.0);
        let seen = self.series.entry(labels).or_default();
        if seen.count == 0 {
            (seen.min, seen.max) = (value, value);
            (seen.first, seen.last) = ((time, value), (time, value));
        }
        seen.count += 1;
        seen.bytes += record.line.len() as u64;
        seen.sum += value;
        seen.squares += value * value;
        seen.min = seen.min.min(value);
        seen.max = seen.max.max(value);
        if time < seen.first.0 {
            seen.first = (time, value);
        }
        if time >= seen.last.0 {
            seen.last = (time, value);
        }
        if self.function == RangeFunction::Quantile {
            self.values += 1;
            if self.values > MAX_VALUES {
                return Err(format!("more than {MAX_VALUES} values for a quantile"));
            }
            seen.values.push(value);
        }
        Ok(())
    }

    fn samples(self) -> Vec<Sample> {
        if self.function == RangeFunction::Absent {
            let absent = self.series.is_empty();
            return Vec::from_iter(absent.then(|| Sample {
                labels: Labels::new(),
                value: 1.0,
            }));
        }
        let seconds = self.range as f64 / 1e9;
        let (function, quantile) = (self.function, self.parameter);
        let samples = self.series.into_iter().map(|(labels, seen)| {
            let count = seen.count as f64;
            let mean = seen.sum / count;
            let variance = (seen.squares / count - mean * mean).max(0.0);
            let value = match function {
                RangeFunction::Count => count,
                // With `unwrap` the sum of the values, without it the number of lines.
                RangeFunction::Rate => seen.sum / seconds,
                RangeFunction::Bytes => seen.bytes as f64,
                RangeFunction::BytesRate => seen.bytes as f64 / seconds,
                RangeFunction::Sum => seen.sum,
                RangeFunction::Avg => mean,
                RangeFunction::Min => seen.min,
                RangeFunction::Max => seen.max,
                RangeFunction::Stddev => variance.sqrt(),
                RangeFunction::Stdvar => variance,
                RangeFunction::Quantile => at_quantile(seen.values, quantile),
                RangeFunction::First => seen.first.1,
                RangeFunction::Last => seen.last.1,
                // Neither comes here: one is refused, the other answered above.
                RangeFunction::RateCounter | RangeFunction::Absent => f64::NAN,
            };
            Sample { labels, value }
        });
        samples.collect()
    }
}

/// Linear between the two nearest values, as Prometheus does it.
fn at_quantile(mut values: Vec<f64>, quantile: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let rank = quantile * last as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(last);
    values[below] + (values[above] - values[below]) * rank.fract()
}

fn grouped(labels: Labels, grouping: &Grouping) -> Labels {
    let named = |label: &String| grouping.labels.contains(label);
    let kept = labels.into_iter();
    kept.filter(|(label, value)| named(label) != grouping.without && !value.is_empty())
        .collect()
}

enum Found {
    Number(f64),
    Series(Vec<Sample>),
}

fn reduce(metric: &Metric, leaves: &mut impl Iterator<Item = Leaf>) -> Result<Found, String> {
    Ok(match metric {
        Metric::Number(number) => Found::Number(*number),
        Metric::Scalar(number) => Found::Series(vec![Sample {
            labels: Labels::new(),
            value: *number,
        }]),
        Metric::Range { .. } => Found::Series(leaves.next().map(Leaf::samples).unwrap_or_default()),
        Metric::Vector {
            function,
            parameter,
            inner,
            grouping,
        } => {
            let samples = series(reduce(inner, leaves)?);
            Found::Series(aggregate(*function, *parameter, samples, grouping.as_ref()))
        }
        Metric::Binary {
            op,
            left,
            right,
            as_bool,
            matching,
        } => {
            let left = reduce(left, leaves)?;
            let right = reduce(right, leaves)?;
            binary(*op, left, right, *as_bool, matching.as_ref())?
        }
        Metric::LabelReplace {
            inner,
            target,
            replacement,
            source,
            regex: pattern,
        } => {
            let pattern = regex(&format!("^(?:{pattern})$"))?;
            let mut samples = series(reduce(inner, leaves)?);
            for sample in &mut samples {
                let value = sample.labels.get(source).map_or("", String::as_str);
                if let Some(found) = pattern.captures(value) {
                    let mut text = String::new();
                    found.expand(replacement, &mut text);
                    sample.labels.insert(target.clone(), text);
                }
            }
            Found::Series(samples)
        }
    })
}

fn series(found: Found) -> Vec<Sample> {
    match found {
        Found::Series(samples) => samples,
        Found::Number(value) => vec![Sample {
            labels: Labels::new(),
            value,
        }],
    }
}

fn aggregate(
    function: VectorFunction,
    parameter: Option<f64>,
    mut samples: Vec<Sample>,
    grouping: Option<&Grouping>,
) -> Vec<Sample> {
    match function {
        VectorFunction::Sort => {
            samples.sort_by(|a, b| a.value.total_cmp(&b.value));
            return samples;
        }
        VectorFunction::SortDesc => {
            samples.sort_by(|a, b| b.value.total_cmp(&a.value));
            return samples;
        }
        _ => {}
    }
    let nothing = Grouping {
        without: false,
        labels: Vec::new(),
    };
    let grouping = grouping.unwrap_or(&nothing);
    let mut groups: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        let key = grouped(sample.labels.clone(), grouping);
        groups.entry(key).or_default().push(sample);
    }
    let limit = parameter.unwrap_or_default() as usize;
    let mut found = Vec::new();
    for (labels, mut members) in groups {
        let count = members.len() as f64;
        let sum: f64 = members.iter().map(|sample| sample.value).sum();
        let variance = || {
            let mean = sum / count;
            let squares = members.iter().map(|sample| (sample.value - mean).powi(2));
            squares.sum::<f64>() / count
        };
        let values = members.iter().map(|sample| sample.value);
        let value = match function {
            VectorFunction::Sum => sum,
            VectorFunction::Avg => sum / count,
            VectorFunction::Min => values.fold(f64::INFINITY, f64::min),
            VectorFunction::Max => values.fold(f64::NEG_INFINITY, f64::max),
            VectorFunction::Count => count,
            VectorFunction::Stdvar => variance(),
            VectorFunction::Stddev => variance().sqrt(),
            VectorFunction::Topk | VectorFunction::ApproxTopk => {
                members.sort_by(|a, b| b.value.total_cmp(&a.value));
                found.extend(members.into_iter().take(limit));
                continue;
            }
            VectorFunction::Bottomk => {
                members.sort_by(|a, b| a.value.total_cmp(&b.value));
                found.extend(members.into_iter().take(limit));
                continue;
            }
            // Answered above.
            VectorFunction::Sort | VectorFunction::SortDesc => continue,
        };
        found.push(Sample { labels, value });
    }
    found
}

fn binary(
    op: BinaryOp,
    left: Found,
    right: Found,
    as_bool: bool,
    matching: Option<&Matching>,
) -> Result<Found, String> {
    let apply = |left: f64, right: f64| calculate(op, left, right, as_bool);
    Ok(match (left, right) {
        (Found::Number(left), Found::Number(right)) => {
            let value = calculate(op, left, right, true);
            Found::Number(value.unwrap_or(f64::NAN))
        }
        (Found::Series(samples), Found::Number(right)) => {
            let kept = samples.into_iter().filter_map(|sample| {
                let value = apply(sample.value, right)?;
                Some(Sample { value, ..sample })
            });
            Found::Series(kept.collect())
        }
        (Found::Number(left), Found::Series(samples)) => {
            let kept = samples.into_iter().filter_map(|sample| {
                let value = apply(left, sample.value)?;
                // A comparison that holds brings the series' own value.
                let value = match op.comparison().is_some() && !as_bool {
                    true => sample.value,
                    false => value,
                };
                Some(Sample { value, ..sample })
            });
            Found::Series(kept.collect())
        }
        (Found::Series(left), Found::Series(right)) => {
            Found::Series(joined(op, left, right, as_bool, matching)?)
        }
    })
}

fn joined(
    op: BinaryOp,
    left: Vec<Sample>,
    right: Vec<Sample>,
    as_bool: bool,
    matching: Option<&Matching>,
) -> Result<Vec<Sample>, String> {
    if matching.is_some_and(|matching| matching.group.is_some()) {
        return Err("`group_left` and `group_right` can't be evaluated on files".into());
    }
    let key = |labels: &Labels| match matching {
        None => labels.clone(),
        Some(matching) => {
            let grouping = Grouping {
                without: matching.ignoring,
                labels: matching.labels.clone(),
            };
            grouped(labels.clone(), &grouping)
        }
    };
    if op.is_set() {
        let of = |samples: &[Sample]| -> std::collections::BTreeSet<Labels> {
            samples.iter().map(|sample| key(&sample.labels)).collect()
        };
        let (on_left, on_right) = (of(&left), of(&right));
        let mut kept: Vec<Sample> = left;
        match op {
            BinaryOp::And => kept.retain(|sample| on_right.contains(&key(&sample.labels))),
            BinaryOp::Unless => kept.retain(|sample| !on_right.contains(&key(&sample.labels))),
            _ => {
                let more = right.into_iter();
                kept.extend(more.filter(|sample| !on_left.contains(&key(&sample.labels))));
            }
        }
        return Ok(kept);
    }
    let mut partners: BTreeMap<Labels, f64> = BTreeMap::new();
    for sample in right {
        if partners.insert(key(&sample.labels), sample.value).is_some() {
            return Err("several series on the right match one on the left".into());
        }
    }
    let mut taken = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    for sample in left {
        let key = key(&sample.labels);
        let Some(&right) = partners.get(&key) else {
            continue;
        };
        if !taken.insert(key.clone()) {
            return Err("several series on the left match one on the right".into());
        }
        if let Some(value) = calculate(op, sample.value, right, as_bool) {
            let labels = if op.comparison().is_some() && !as_bool {
                sample.labels
            } else {
                key
            };
            found.push(Sample { labels, value });
        }
    }
    Ok(found)
}

/// `None` where a comparison leaves the sample out.
fn calculate(op: BinaryOp, left: f64, right: f64, as_bool: bool) -> Option<f64> {
    if let Some(comparison) = op.comparison() {
        let holds = comparison.holds(left, right);
        return match (as_bool, holds) {
            (true, holds) => Some(f64::from(u8::from(holds))),
            (false, true) => Some(left),
            (false, false) => None,
        };
    }
    Some(match op {
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        BinaryOp::Divide => left / right,
        BinaryOp::Modulo => left % right,
        BinaryOp::Power => left.powf(right),
        _ => return None,
    })
}
