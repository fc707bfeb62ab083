//! The methods of Python's `str` and `dict` that published chat templates call.

use super::jinja_bounds::check_product;
use minijinja::{
    Error, ErrorKind, State,
    value::{Value, ValueKind, from_args},
};

/// What minijinja asks for a method that it does not have.
pub(super) fn call_method(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => call_on_text(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Map => call_on_map(state, value, method, args),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn call_on_text(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    Ok(match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            strip(text, method, chars).into()
        }
        "startswith" | "endswith" => {
            let (affix,): (&Value,) = from_args(args)?;
            let holds = |affix: &str| match method {
                "startswith" => text.starts_with(affix),
                _ => text.ends_with(affix),
            };
            any_of(affix, holds)?.into()
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            text.strip_prefix(prefix).unwrap_or(text).into()
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            text.strip_suffix(suffix).unwrap_or(text).into()
        }
        "split" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
            split(text, separator, most)?
        }
        "splitlines" => {
            let () = from_args(args)?;
            text.lines().map(Value::from).collect()
        }
        "replace" => {
            let (old, new, most): (&str, &str, Option<usize>) = from_args(args)?;
            check_product(&[text.into(), new.into()])?;
            match most {
                Some(most) => text.replacen(old, new, most).into(),
                None => text.replace(old, new).into(),
            }
        }
        "find" => {
            let (part,): (&str,) = from_args(args)?;
            let at = text.find(part).map(|at| text[..at].chars().count());
            at.map_or(Value::from(-1), Value::from)
        }
        "join" => {
            let (parts,): (&Value,) = from_args(args)?;
            check_product(&[text.into(), parts.clone()])?;
            let parts: Vec<String> = parts.try_iter()?.map(|part| part.to_string()).collect();
            parts.join(text).into()
        }
        "lower" => text.to_lowercase().into(),
        "upper" => text.to_uppercase().into(),
        "capitalize" => capitalized(text).into(),
        "title" => {
            let words = text.split_inclusive(|c: char| !c.is_alphabetic());
            words.map(capitalized).collect::<String>().into()
        }
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn call_on_map(
    state: &mut State,
    map: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match method {
        "items" => state.apply_filter("items", std::slice::from_ref(map)),
        "keys" => state.apply_filter("list", std::slice::from_ref(map)),
        "values" => {
            let keys = map.try_iter()?;
            let values: Result<Vec<Value>, Error> = keys.map(|key| map.get_item(&key)).collect();
            Ok(values?.into())
        }
        "get" => {
            let (key, default): (&Value, Option<Value>) = from_args(args)?;
            let found = map.get_item(key)?;
            let default = default.unwrap_or(Value::from(()));
            Ok(if found.is_undefined() { default } else { found })
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn strip<'a>(text: &'a str, method: &str, chars: Option<&str>) -> &'a str {
    let strips = |c: char| chars.map_or(c.is_whitespace(), |chars| chars.contains(c));
    match method {
        "lstrip" => text.trim_start_matches(strips),
        "rstrip" => text.trim_end_matches(strips),
        _ => text.trim_matches(strips),
    }
}

fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// Python takes one string or a tuple of them.
fn any_of(affixes: &Value, test: impl Fn(&str) -> bool) -> Result<bool, Error> {
    if let Some(affix) = affixes.as_str() {
        return Ok(test(affix));
    }
    Ok(affixes
        .try_iter()?
        .any(|affix| affix.as_str().is_some_and(&test)))
}

fn split(text: &str, separator: Option<&str>, most: Option<i64>) -> Result<Value, Error> {
    let parts = most
        .and_then(|most| usize::try_from(most).ok())
        .map(|most| most.saturating_add(1));
    match (separator, parts) {
        (Some(""), _) => Err(invalid("empty separator")),
        (Some(separator), Some(parts)) => {
            Ok(text.splitn(parts, separator).map(Value::from).collect())
        }
        (Some(separator), None) => Ok(text.split(separator).map(Value::from).collect()),
        (None, None) => Ok(text.split_whitespace().map(Value::from).collect()),
        (None, Some(_)) => Err(invalid("split with a limit needs a separator")),
    }
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars.as_str().to_lowercase().chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::jinja::for_tests::{check, check_refused};

    #[test]
    fn methods_of_python_strings_work_in_templates() {
        check(
            "{{ ' a b '.strip() }}|{{ '\na'.lstrip('\n') }}|{{ 'a--'.rstrip('-') }}",
            "a b|a|a",
        );
        check(
            "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'bc')) }}",
            "True True",
        );
        check(
            "{{ '<t>x</t>y'.split('</t>')[-1] }} {{ 'a b  c'.split()|length }}",
            "y 3",
        );
        check(
            "{{ 'a,b,c'.split(',', 1)[1] }} {{ 'a\nb'.splitlines()[1] }}",
            "b,c b",
        );
        check(
            "{{ 'aXbX'.replace('X', '-') }} {{ 'aXbX'.replace('X', '-', 1) }}",
            "a-b- a-bX",
        );
        check(
            "{{ 'ab'.upper() + 'AB'.lower() }} {{ 'hello wORLD'.title() }}",
            "ABab Hello World",
        );
        check(
            "{{ 'hELLO'.capitalize() }} {{ ', '.join(['a', 'b']) }}",
            "Hello a, b",
        );
        check("{{ 'äbc'.find('b') }} {{ 'abc'.find('z') }}", "1 -1");
        check(
            "{{ 'user_x'.removeprefix('user_') }}{{ 'a.b'.removesuffix('.b') }}",
            "xa",
        );
        check_refused("{{ 'a'.split('') }}", "separator");
        check_refused("{{ 'a'.encode() }}", "unknown method");
    }

    #[test]
    fn methods_of_python_dictionaries_work_in_templates() {
        check(
            "{% for k, v in words.items() %}{{ k }}={{ v }};{% endfor %}",
            "b=x<y;a=it's;",
        );
        check(
            "{{ words.keys()|join(',') }} {{ words.values()|join(',') }}",
            "b,a x<y,it's",
        );
        check(
            "{{ words.get('a') }} {{ words.get('z') is none }} {{ words.get('z', 'd') }}",
            "it's True d",
        );
    }
}
