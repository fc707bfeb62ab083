//! Patterns that are part of the program.

use regex::Regex;

/// A constant pattern; the tests compile each one.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern that the tests compile")
}
