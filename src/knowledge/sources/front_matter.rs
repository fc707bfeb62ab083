//! The YAML between two lines of `---` at the start of a page.

use crate::knowledge::passage::Standing;
use chrono::NaiveDate;
use serde_yaml_ng::{Mapping, Value};

/// What a page says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontMatter {
    pub title: Option<String>,
    pub owner: Option<String>,
    pub date: Option<NaiveDate>,
    pub supersedes: Vec<String>,
    pub standing: Standing,
    pub audience: Vec<String>,
}

/// What is wrong, and the line of the file (1-based) where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontMatterFault {
    pub line: usize,
    pub problem: String,
}

/// Parts a page into its front matter and its body. A page without front
/// matter is all body; broken front matter is a fault, because the audience
/// might stand in it.
pub fn split(text: &str) -> Result<(FrontMatter, &str), FrontMatterFault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(rest) = after_marker(text) else {
        return Ok((FrontMatter::default(), text));
    };
    let Some((yaml, body)) = up_to_marker(rest) else {
        // A line of dashes also draws a rule; a key below it means front matter.
        let first = rest.lines().next().unwrap_or_default();
        return if looks_like_key(first) {
            Err(fault(1, "front matter has no closing line of `---`"))
        } else {
            Ok((FrontMatter::default(), text))
        };
    };
    match serde_yaml_ng::from_str::<Value>(yaml) {
        Ok(Value::Mapping(fields)) => Ok((parse(&fields)?, body)),
        Ok(Value::Null) => Ok((FrontMatter::default(), body)),
        // Prose between two rules.
        Ok(_) => Ok((FrontMatter::default(), text)),
        Err(error) => {
            // The YAML begins in the file's second line.
            let line = error.location().map_or(1, |location| location.line() + 1);
            Err(fault(line, &format!("front matter is not YAML: {error}")))
        }
    }
}

fn parse(fields: &Mapping) -> Result<FrontMatter, FrontMatterFault> {
    let get = |key: &str| fields.get(key).filter(|value| !value.is_null());
    let list = |key: &str| match get(key).map(texts) {
        None => Ok(Vec::new()),
        Some(Some(texts)) => Ok(texts),
        Some(None) => Err(fault(
            1,
            &format!("`{key}` in the front matter is neither a text nor a list of texts"),
        )),
    };
    let date = match get("date").and_then(text) {
        None => None,
        Some(date) => Some(parse_date(&date).ok_or_else(|| {
            fault(
                1,
                &format!("`date` in the front matter is `{date}`, expected YYYY-MM-DD"),
            )
        })?),
    };
    Ok(FrontMatter {
        title: get("title")
            .and_then(text)
            .filter(|title| !title.trim().is_empty()),
        owner: list("owner").map(|owners| (!owners.is_empty()).then(|| owners.join(", ")))?,
        date,
        supersedes: list("supersedes")?,
        standing: Standing {
            replaced_by: [list("superseded_by")?, list("replaced_by")?].concat(),
            over: get("status")
                .and_then(text)
                .is_some_and(|status| is_over(&status)),
            edition: get("version").and_then(text),
        },
        audience: list("audience")?,
    })
}

/// What authors write of a page that no longer holds.
fn is_over(status: &str) -> bool {
    const OVER: [&str; 9] = [
        "superseded",
        "replaced",
        "deprecated",
        "obsolete",
        "outdated",
        "archived",
        "retired",
        "withdrawn",
        "expired",
    ];
    OVER.contains(&status.trim().to_lowercase().as_str())
}

/// The day of a date or of a point in time that begins with it.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let day = text.trim().get(..10)?;
    NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Sequence(values) => values.iter().map(text).collect(),
        value => text(value).map(|text| vec![text]),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn after_marker(text: &str) -> Option<&str> {
    let (first, rest) = text.split_once('\n')?;
    (first.trim_end() == "---").then_some(rest)
}

fn up_to_marker(text: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((&text[..start], &text[start + line.len()..]));
        }
        start += line.len();
    }
    None
}

fn looks_like_key(line: &str) -> bool {
    line.split_once(':').is_some_and(|(key, _)| {
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

fn fault(line: usize, problem: &str) -> FrontMatterFault {
    FrontMatterFault {
        line,
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_says_who_may_read_it_and_what_it_replaces() {
        let text = "---\ntitle: \"Travel: 2024\"\nowner: people-ops\ndate: 2024-03-01\nsupersedes: [old.md, older.md]\naudience:\n  - finance\nlayout: {deep: 1}\n---\n# Body\n";
        let (front, body) = split(text).expect("well formed");
        assert_eq!(body, "# Body\n");
        assert_eq!(front.title.as_deref(), Some("Travel: 2024"));
        assert_eq!(front.owner.as_deref(), Some("people-ops"));
        assert_eq!(front.date, NaiveDate::from_ymd_opt(2024, 3, 1));
        assert_eq!(front.supersedes, ["old.md", "older.md"]);
        assert_eq!(front.audience, ["finance"]);
    }

    #[test]
    fn page_without_front_matter_is_all_body() {
        let check = |text: &str| assert_eq!(split(text), Ok((FrontMatter::default(), text)));
        check("# Only a heading\n");
        check("");
        check("---\n\nA rule above.\n");
        check("---\nprose between rules\n---\nmore\n");
    }

    #[test]
    fn broken_front_matter_is_named_with_its_line() {
        let check = |text: &str, line: usize, problem: &str| {
            let fault = split(text).expect_err("must be refused");
            assert_eq!(fault.line, line, "{fault:?}");
            assert!(fault.problem.contains(problem), "{fault:?}");
        };
        check("---\ntitle: Open end\n\n# Body\n", 1, "no closing line");
        check("---\ntitle: ok\nowner: [a, b\n---\nbody\n", 4, "not YAML");
        check(
            "---\naudience: {finance: yes}\n---\nbody\n",
            1,
            "`audience`",
        );
        check(
            "---\ndate: next week\n---\nbody\n",
            1,
            "expected YYYY-MM-DD",
        );
    }
}
