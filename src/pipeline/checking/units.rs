//! What an amount is counted in. Units of measure are those of the planner's
//! arguments; here currencies are told apart, and so are days and working days.

use super::amounts::between;
use crate::pipeline::arguments::{Quantity, unit_at};

/// What is measured, and how much of it one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    dimension: Dimension,
    pub factor: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Dimension {
    Of(Quantity),
    Named(&'static str),
}

const CALENDAR: &str = "calendar time";
const WORKING: &str = "working time";
const POINTS: &str = "points";
const DAY: f64 = 86_400.0;

/// Forms, dimension, factor.
const CURRENCIES: &[(&[&str], &str, f64)] = &[
    (&["€", "eur", "euro", "euros"], "eur", 1.0),
    (
        &["$", "usd", "us dollars", "us dollar", "dollars", "dollar"],
        "usd",
        1.0,
    ),
    (&["cad", "canadian dollars"], "cad", 1.0),
    (&["£", "gbp", "pounds", "pound"], "gbp", 1.0),
    (&["chf", "swiss francs", "francs", "franc"], "chf", 1.0),
    (&["sek"], "sek", 1.0),
    (&["nok"], "nok", 1.0),
    (&["dkk"], "dkk", 1.0),
    (&["kroner", "kronor"], "crowns", 1.0),
    (&["pln", "zloty"], "pln", 1.0),
    (&["yen", "jpy"], "yen", 1.0),
    (&["cents", "cent"], "cents", 1.0),
];

const OTHERS: &[(&[&str], &str, f64)] = &[
    (&["calendar days", "calendar day"], CALENDAR, DAY),
    (
        &[
            "working days",
            "working day",
            "business days",
            "business day",
            "workdays",
            "workday",
        ],
        WORKING,
        DAY,
    ),
    (
        &["percentage points", "percentage point", "pp"],
        POINTS,
        1.0,
    ),
    (&["per cent"], "percent", 1.0),
    (&["quarters", "quarter"], "quarters", 1.0),
    (&["bytes", "byte"], "bytes", 1.0),
    (&["kb", "kilobytes", "kilobyte"], "bytes", 1e3),
    (&["mb", "megabytes", "megabyte"], "bytes", 1e6),
    (&["gb", "gigabytes", "gigabyte"], "bytes", 1e9),
    (&["tb", "terabytes", "terabyte"], "bytes", 1e12),
    (&["mib"], "bytes", 1_048_576.0),
    (&["gib"], "bytes", 1_073_741_824.0),
    (&["kbit/s", "kbps"], "bits a second", 1e3),
    (&["mbit/s", "mbps"], "bits a second", 1e6),
    (&["gbit/s", "gbps"], "bits a second", 1e9),
];

/// `EUR` or `€` before a number.
pub(super) fn currency(sign: &str) -> Option<Unit> {
    let sign = sign.to_lowercase();
    let known = CURRENCIES
        .iter()
        .find(|(forms, ..)| forms.contains(&sign.as_str()));
    known.map(|(_, name, factor)| named(name, *factor))
}

/// The unit at the beginning of what follows a number, and the bytes up to its end.
pub(super) fn unit_behind(text: &str) -> Option<(Unit, usize)> {
    let start = text.find(|c: char| !matches!(c, ' ' | '-' | '\u{a0}' | '\u{202f}'))?;
    if text[..start].chars().count() > 1 {
        return None;
    }
    let skipped = start + between(&text[start..]);
    let rest = &text[skipped..];
    let (unit, length) = own(rest).or_else(|| {
        let (unit, length) = unit_at(rest)?;
        let unit = Unit {
            dimension: Dimension::Of(unit.quantity),
            factor: unit.factor,
        };
        Some((unit, length))
    })?;
    Some((unit, skipped + length))
}

fn named(name: &'static str, factor: f64) -> Unit {
    match name {
        "percent" => Unit {
            dimension: Dimension::Of(Quantity::Share),
            factor: 0.01,
        },
        _ => Unit {
            dimension: Dimension::Named(name),
            factor,
        },
    }
}

fn own(text: &str) -> Option<(Unit, usize)> {
    let starts = |form: &str| {
        let head = text.get(..form.len());
        let rest = text.get(form.len()..).unwrap_or_default();
        head.is_some_and(|head| head.to_lowercase() == form)
            && (!form.ends_with(char::is_alphanumeric) || !rest.starts_with(char::is_alphanumeric))
    };
    CURRENCIES
        .iter()
        .chain(OTHERS)
        .find_map(|(forms, name, factor)| {
            let form = forms.iter().find(|form| starts(form))?;
            Some((named(name, *factor), form.len()))
        })
}

impl Unit {
    /// "5 days" leaves out that they are working days; it must not add it.
    pub(super) fn may_stand_for(&self, source: &Unit) -> bool {
        let days = matches!(source.dimension, Dimension::Named(CALENDAR | WORKING));
        self.dimension == source.dimension || self.is_time() && days
    }

    /// Whether one could stand in the other's place, rightly or not.
    pub(super) fn rivals(&self, other: &Unit) -> bool {
        let time = |unit: &Unit| {
            unit.is_time() || matches!(unit.dimension, Dimension::Named(CALENDAR | WORKING))
        };
        self.dimension == other.dimension || time(self) && time(other)
    }

    pub(super) fn is_points(&self) -> bool {
        self.dimension == Dimension::Named(POINTS)
    }

    fn is_time(&self) -> bool {
        self.dimension == Dimension::Of(Quantity::Time)
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        match self.dimension {
            Dimension::Named(name) => name,
            Dimension::Of(Quantity::Time) => "time",
            Dimension::Of(Quantity::Share) => "share",
            Dimension::Of(_) => "measure",
        }
    }
}
