//! Names of records: `ORD-10023`.

use super::words::regex;
use regex::Regex;
use std::sync::LazyLock;

/// What has the pattern of a parameter.
pub fn id(question: &str, pattern: &str) -> Option<String> {
    // Patterns were compiled once when the catalogue was checked; a bad one finds nothing.
    let pattern = Regex::new(&format!(
        r"(?i)(?:^|[^A-Za-z0-9-])({pattern})(?:$|[^A-Za-z0-9-])"
    ))
    .ok()?;
    pattern
        .captures(question)
        .map(|found| found[1].to_uppercase())
}

/// Names of records such as `REQ-1234`, as they are written in the company.
pub fn record_ids(question: &str) -> Vec<String> {
    static RECORD: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([A-Za-z]{2,6})[- ]?(\d{3,8})\b"));
    static STRICT: LazyLock<Regex> = LazyLock::new(|| regex(r"\b[A-Za-z]{2,6}-\d{1,8}\b"));
    let mut ids: Vec<String> = STRICT
        .find_iter(question)
        .map(|found| found.as_str().to_uppercase())
        .collect();
    if ids.is_empty() {
        // People type "req1234" and "REQ 1234"; lower-case words before a number are no id.
        ids = RECORD
            .captures_iter(question)
            .filter(|found| {
                matches!(
                    found[1].to_lowercase().as_str(),
                    "req" | "inc" | "ord" | "tkt" | "bug"
                )
            })
            .map(|found| format!("{}-{}", found[1].to_uppercase(), &found[2]))
            .collect();
    }
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_by_name() {
        let check = |question: &str, expected: &[&str]| {
            assert_eq!(record_ids(question), expected, "{question}")
        };
        check("whats up with req-1042", &["REQ-1042"]);
        check("status REQ 1042 pls", &["REQ-1042"]);
        check("sales in the last 24 hours", &[]);
    }
}
