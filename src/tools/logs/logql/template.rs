//! The templates of `line_format` and `label_format`, as far as they only
//! name labels: `{{.user}} from {{.ip}}`, `{{ or .user .repeated_user }}`.

use super::pipeline::Labels;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    /// The first of these that is not empty.
    First(Vec<Name>),
}

#[derive(Clone, Debug, PartialEq)]
enum Name {
    Label(String),
    Line,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inner, after) = after
                .split_once("}}")
                .ok_or("a template has a `{{` without a `}}`")?;
            parts.push(Part::Text(before.into()));
            parts.push(Part::First(names(inner)?));
            rest = after;
        }
        parts.push(Part::Text(rest.into()));
        Ok(Self(parts))
    }

    pub(super) fn fill(&self, labels: &Labels, line: &str) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::First(names) => {
                    let values = names.iter().map(|name| match name {
                        Name::Label(label) => labels.get(label).map_or("", String::as_str),
                        Name::Line => line,
                    });
                    text.push_str(values.into_iter().find(|v| !v.is_empty()).unwrap_or(""));
                }
            }
        }
        text
    }
}

fn names(inner: &str) -> Result<Vec<Name>, String> {
    let wrong = || {
        format!(
            "`{{{{{}}}}}` can't be evaluated on files; `.label`, `or .a .b` and `__line__` can",
            inner.trim()
        )
    };
    let words: Vec<&str> = inner.trim_matches(['-', ' ']).split_whitespace().collect();
    let words = match words.as_slice() {
        ["or", rest @ ..] if !rest.is_empty() => rest,
        [one] => &[*one][..],
        _ => return Err(wrong()),
    };
    words
        .iter()
        .map(|word| match *word {
            "__line__" => Ok(Name::Line),
            word => {
                let label = word.strip_prefix('.').ok_or_else(wrong)?;
                let sound = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if label.is_empty() || !label.chars().all(sound) {
                    return Err(wrong());
                }
                Ok(Name::Label(label.into()))
            }
        })
        .collect()
}
