//! The levels of log lines, under the many names that programs give them.

/// A level and its other spellings, lower case.
const LEVELS: [(&str, &[&str]); 7] = [
    (
        "fatal",
        &[
            "fatal",
            "critical",
            "crit",
            "emerg",
            "emergency",
            "alert",
            "panic",
        ],
    ),
    ("error", &["error", "err", "severe"]),
    ("warning", &["warning", "warn"]),
    ("notice", &["notice"]),
    ("info", &["info", "information", "informational"]),
    ("debug", &["debug", "dbg", "fine"]),
    ("trace", &["trace", "finest"]),
];

/// The name under which a level is counted: `WARN` is `warning`. A level that
/// is not known keeps its name.
pub fn canonical(level: &str) -> String {
    let level = level.trim().to_lowercase();
    let known = LEVELS
        .iter()
        .find(|(_, spellings)| spellings.contains(&level.as_str()));
    known.map_or(level, |(name, _)| name.to_string())
}

/// Every spelling of a level, lower case.
pub fn spellings(level: &str) -> Vec<String> {
    let name = canonical(level);
    let known = LEVELS.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, spellings)) => spellings.iter().map(|text| text.to_string()).collect(),
        None => vec![name],
    }
}

/// The level that a word of a plain line names: `ERROR`, `[error]`,
/// `level=warn`, `error:`, `<info>`. A bare word must be in capitals.
pub fn in_word(word: &str) -> Option<&'static str> {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '=');
    // Apache's `[core:error]`, logfmt's `level=error`.
    let name = bare.rsplit([':', '=']).next().unwrap_or(bare);
    let marked = name.len() < word.len();
    let in_capitals = name.chars().all(|c| c.is_ascii_uppercase());
    if name.is_empty() || !(marked || in_capitals) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    LEVELS
        .iter()
        .flat_map(|(_, spellings)| spellings.iter())
        .find(|spelling| **spelling == name)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_level_are_one_level() {
        let check = |level: &str, expected: &str| assert_eq!(canonical(level), expected);
        check("WARN", "warning");
        check("crit", "fatal");
        check(" Error ", "error");
        check("audit", "audit");
        assert_eq!(spellings("warn"), ["warning", "warn"]);
        assert_eq!(spellings("AUDIT"), ["audit"]);
    }

    #[test]
    fn level_of_a_plain_line_is_told_from_its_words() {
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(in_word(word), expected, "{word}");
        };
        check("ERROR", Some("error"));
        check("[notice]", Some("notice"));
        check("[core:error]", Some("error"));
        check("level=warn", Some("warn"));
        check("error:", Some("error"));
        check("error", None);
        check("Info", None);
        check("", None);
        check("[]", None);
    }
}
