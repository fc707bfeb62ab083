//! One collection: points in memory, searched exactly.

use qdrant_client::qdrant::{
    Condition, Filter, PointId, PointStruct, Value, condition::ConditionOneOf, r#match::MatchValue,
    value::Kind, vector, vectors::VectorsOptions,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tonic::Status;

pub struct Collection {
    pub dimension: usize,
    /// By their id in text, as the server lists them.
    pub points: BTreeMap<String, Point>,
    pub indexed_fields: BTreeSet<String>,
}

#[derive(Clone)]
pub struct Point {
    pub id: PointId,
    pub payload: HashMap<String, Value>,
    dense: Vec<f32>,
    terms: BTreeMap<u32, f32>,
}

impl Collection {
    pub fn new(dimension: usize) -> Self {
        Self {
            dimension,
            points: BTreeMap::new(),
            indexed_fields: BTreeSet::new(),
        }
    }

    pub fn upsert(&mut self, points: Vec<PointStruct>) -> Result<(), Status> {
        let read = points.into_iter().map(|point| self.read(point));
        let read = read.collect::<Result<Vec<Point>, Status>>()?;
        self.points
            .extend(read.into_iter().map(|point| (key(&point.id), point)));
        Ok(())
    }

    fn read(&self, point: PointStruct) -> Result<Point, Status> {
        let id = point.id.ok_or_else(|| wrong("point has no id"))?;
        let Some(VectorsOptions::Vectors(named)) = point.vectors.and_then(|v| v.vectors_options)
        else {
            return Err(wrong("Not existing vector name error: "));
        };
        let (mut dense, mut terms) = (Vec::new(), BTreeMap::new());
        for (name, vector) in named.vectors {
            match (name.as_str(), vector.vector) {
                ("dense", Some(vector::Vector::Dense(vector))) => dense = vector.data,
                ("terms", Some(vector::Vector::Sparse(vector))) => {
                    terms = vector.indices.into_iter().zip(vector.values).collect();
                }
                (other, _) => {
                    return Err(wrong(&format!("Not existing vector name error: {other}")));
                }
            }
        }
        self.check(&dense)?;
        Ok(Point {
            id,
            payload: point.payload,
            dense,
            terms,
        })
    }

    fn check(&self, vector: &[f32]) -> Result<(), Status> {
        let (expected, got) = (self.dimension, vector.len());
        if expected == got {
            return Ok(());
        }
        Err(wrong(&format!(
            "Vector dimension error: expected dim: {expected}, got {got}"
        )))
    }

    pub fn matching(&self, filter: Option<&Filter>) -> Result<Vec<&Point>, Status> {
        let mut found = Vec::new();
        for point in self.points.values() {
            if point.fits(filter)? {
                found.push(point);
            }
        }
        Ok(found)
    }

    /// Cosine with each point of the filter, best first.
    pub fn nearest(
        &self,
        vector: &[f32],
        filter: Option<&Filter>,
    ) -> Result<Vec<(f32, &Point)>, Status> {
        self.check(vector)?;
        let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        let cosine = |point: &Point| {
            let dot: f32 = vector.iter().zip(&point.dense).map(|(a, b)| a * b).sum();
            dot / (length(vector) * length(&point.dense))
        };
        let points = self.matching(filter)?.into_iter();
        Ok(sorted(points.map(|point| (cosine(point), point)).collect()))
    }

    /// Sparse product without a modifier, over points that share a term.
    pub fn sharing(
        &self,
        terms: &BTreeMap<u32, f32>,
        filter: Option<&Filter>,
    ) -> Result<Vec<(f32, &Point)>, Status> {
        let score = |point: &Point| {
            let shared = terms.iter().filter_map(|(term, weight)| {
                let of_point = point.terms.get(term)?;
                Some(weight * of_point)
            });
            let shared: Vec<f32> = shared.collect();
            (!shared.is_empty()).then(|| shared.iter().sum())
        };
        let points = self.matching(filter)?.into_iter();
        Ok(sorted(
            points
                .filter_map(|point| Some((score(point)?, point)))
                .collect(),
        ))
    }
}

impl Point {
    fn fits(&self, filter: Option<&Filter>) -> Result<bool, Status> {
        let Some(filter) = filter else {
            return Ok(true);
        };
        if !filter.should.is_empty() || filter.min_should.is_some() {
            return Err(Status::unimplemented("the fake knows no `should`"));
        }
        for condition in &filter.must {
            if !self.holds(condition)? {
                return Ok(false);
            }
        }
        for condition in &filter.must_not {
            if self.holds(condition)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds(&self, condition: &Condition) -> Result<bool, Status> {
        match &condition.condition_one_of {
            Some(ConditionOneOf::HasId(ids)) => Ok(ids.has_id.contains(&self.id)),
            Some(ConditionOneOf::Field(field)) => {
                let wanted = field.r#match.as_ref().and_then(|m| m.match_value.as_ref());
                let value = self.payload.get(&field.key).and_then(|v| v.kind.as_ref());
                match wanted {
                    Some(MatchValue::Keywords(wanted)) => Ok(texts(value)
                        .iter()
                        .any(|text| wanted.strings.contains(text))),
                    Some(MatchValue::Integer(wanted)) => Ok(is_number(value, *wanted)),
                    other => Err(Status::unimplemented(format!(
                        "the fake knows no {other:?}"
                    ))),
                }
            }
            other => Err(Status::unimplemented(format!(
                "the fake knows no {other:?}"
            ))),
        }
    }
}

/// The number, or a list that has it.
fn is_number(value: Option<&Kind>, wanted: i64) -> bool {
    match value {
        Some(Kind::IntegerValue(number)) => *number == wanted,
        Some(Kind::ListValue(list)) => list
            .values
            .iter()
            .any(|value| is_number(value.kind.as_ref(), wanted)),
        _ => false,
    }
}

/// A text, or each text of a list: a condition holds where one of them does.
fn texts(value: Option<&Kind>) -> Vec<String> {
    match value {
        Some(Kind::StringValue(text)) => vec![text.clone()],
        Some(Kind::ListValue(list)) => list
            .values
            .iter()
            .flat_map(|value| texts(value.kind.as_ref()))
            .collect(),
        _ => Vec::new(),
    }
}

fn sorted(mut scored: Vec<(f32, &Point)>) -> Vec<(f32, &Point)> {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
}

pub fn key(id: &PointId) -> String {
    format!("{:?}", id.point_id_options)
}

pub fn wrong(problem: &str) -> Status {
    Status::invalid_argument(format!("Wrong input: {problem}"))
}
