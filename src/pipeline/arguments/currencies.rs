//! Currencies by name: "Canadian dollars" are `CAD`.

use super::{Candidate, asked::Asked};
use serde_json::Value;
use std::ops::Range;

/// Currencies as people name them, and their codes (ISO 4217).
const CURRENCIES: &[(&str, &[&str])] = &[
    (
        "USD",
        &[
            "usd",
            "us dollar",
            "american dollar",
            "u.s. dollar",
            "dollar",
            "$",
        ],
    ),
    ("EUR", &["eur", "euro", "€"]),
    (
        "GBP",
        &["gbp", "british pound", "pound sterling", "pound", "£"],
    ),
    ("JPY", &["jpy", "japanese yen", "yen", "¥"]),
    ("CAD", &["cad", "canadian dollar"]),
    ("AUD", &["aud", "australian dollar"]),
    ("NZD", &["nzd", "new zealand dollar"]),
    ("CHF", &["chf", "swiss franc", "franc"]),
    ("CNY", &["cny", "chinese yuan", "yuan", "renminbi"]),
    ("INR", &["inr", "indian rupee", "rupee"]),
    ("MXN", &["mxn", "mexican peso"]),
    ("BRL", &["brl", "brazilian real"]),
    ("SEK", &["sek", "swedish krona"]),
    ("NOK", &["nok", "norwegian krone"]),
    ("DKK", &["dkk", "danish krone"]),
    ("PLN", &["pln", "zloty"]),
    ("KRW", &["krw", "won"]),
    ("ZAR", &["zar", "rand"]),
    ("SGD", &["sgd", "singapore dollar"]),
    ("HKD", &["hkd", "hong kong dollar"]),
];

/// The currencies that the question names, by their codes: the longest name at a place.
pub fn currencies(from: bool, to: bool, asked: &Asked) -> Vec<Candidate> {
    let lower = asked.text.to_lowercase();
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    for (code, names) in CURRENCIES {
        for name in *names {
            for (at, _) in lower.match_indices(name) {
                let end = at + name.len();
                let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
                let plural = lower[end..].strip_prefix('s').unwrap_or(&lower[end..]);
                let sign = !name.ends_with(char::is_alphabetic);
                let whole = sign
                    || !letter(lower[..at].chars().next_back()) && !letter(plural.chars().next());
                if whole && lower.len() == asked.text.len() {
                    found.retain(|(range, _)| !(at <= range.start && range.end <= end));
                    if !found
                        .iter()
                        .any(|(range, _)| range.start <= at && end <= range.end)
                    {
                        found.push((at..end, code));
                    }
                }
            }
        }
    }
    found
        .into_iter()
        .map(|(range, code)| {
            let before = asked.preposition_before(range.start);
            // "150 euros to dollars": the amount stands in what it is converted from.
            let amount = asked
                .numbers
                .iter()
                .any(|n| n.whole.contains(&range.start) || n.range.end + 1 == range.start);
            let score = match before.as_str() {
                "from" if from => 1.0,
                "to" | "into" | "in" if to => 1.0,
                "from" if to => -0.5,
                "to" | "into" if from => -0.5,
                _ if amount => {
                    if from {
                        1.0
                    } else if to {
                        -0.5
                    } else {
                        0.3
                    }
                }
                _ => 0.2,
            };
            Candidate {
                value: Value::from(code),
                at: vec![range],
                score: 0.6 + score,
            }
        })
        .collect()
}
