//! Fields of a line that is JSON or logfmt.

use super::pipeline::MAX_LABELS;
use serde_json::Value as Json;

pub(super) fn label_name(key: &str) -> String {
    let sound = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = key.chars().map(sound).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

/// Nested objects with `_` between the names; lists are left out, as in Loki.
pub(super) fn flatten(prefix: &str, value: &Json, flat: &mut Vec<(String, String)>) {
    match value {
        Json::Object(fields) => {
            for (key, value) in fields {
                if flat.len() >= MAX_LABELS {
                    return;
                }
                let key = label_name(key);
                let name = match prefix {
                    "" => key,
                    prefix => format!("{prefix}_{key}"),
                };
                flatten(&name, value, flat);
            }
        }
        Json::Array(_) | Json::Null => {}
        value => flat.push((prefix.into(), json_text(value))),
    }
}

pub(super) fn json_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// `a.b[0]["c"]`
pub(super) fn json_path(path: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("`{path}` is no path such as `request.headers[0]`");
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, after) = inner.split_once(']').ok_or_else(wrong)?;
            steps.push(step.trim_matches('"').to_string());
            rest = after.strip_prefix('.').unwrap_or(after);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err(wrong());
            }
            steps.push(rest[..end].to_string());
            let after = &rest[end..];
            rest = after.strip_prefix('.').unwrap_or(after);
        }
    }
    if steps.is_empty() {
        return Err(wrong());
    }
    Ok(steps)
}

pub(super) fn look_up<'a>(value: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(value, |value, step| match value {
        Json::Object(fields) => fields.get(step),
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// `key=value key="quoted value" flag`
pub(in crate::tools::logs) fn logfmt(line: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && pairs.len() < MAX_LABELS {
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '=')
            .unwrap_or(rest.len());
        let key = &rest[..end];
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            rest = after;
            if let Some(quoted) = rest.strip_prefix('"') {
                let mut escaped = false;
                let mut closed = quoted.len();
                for (i, c) in quoted.char_indices() {
                    match (c, escaped) {
                        ('"', false) => {
                            closed = i;
                            break;
                        }
                        ('\\', false) => escaped = true,
                        ('n', true) => {
                            value.push('\n');
                            escaped = false;
                        }
                        (c, _) => {
                            value.push(c);
                            escaped = false;
                        }
                    }
                }
                rest = quoted.get(closed + 1..).unwrap_or("");
            } else {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                value.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
        if !key.is_empty() {
            pairs.push((key.to_string(), value));
        }
        // What can't be a key, such as a lone `=`, is passed over.
        rest = rest.trim_start();
    }
    pairs
}
