//! Jinja as chat templates expect it: the environment that transformers sets
//! up in Python, with the functions and methods of Python that templates call.

use super::python::call_method;
use chrono::Local;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind,
    value::{Kwargs, Value, ValueKind},
};
use regex::Regex;
use std::{borrow::Cow, fmt::Write, sync::LazyLock};

/// Nested loops, conditions and macros; the templates of published models need fewer than 50.
const DEEPEST: usize = 200;

/// Lists within lists that `tojson` writes; it calls itself once a level.
const DEEPEST_JSON: usize = 32;

const NAME: &str = "chat template";

/// Marks what an assistant wrote, for training; without a meaning here.
static GENERATION: LazyLock<Regex> = LazyLock::new(|| {
    let tag = r"\{%(-?)\s*(end)?generation\s*(-?)%\}";
    Regex::new(tag).expect("the pattern is a constant, and a test reads it")
});

/// An environment that knows this one template, by [`render`].
pub(super) fn compile(source: &str) -> Result<Environment<'static>, Error> {
    let mut jinja = Environment::new();
    jinja.set_syntax(
        jinja
            .syntax()
            .to_builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    jinja.set_auto_escape_callback(|_| AutoEscape::None);
    jinja.set_recursion_limit(DEEPEST);
    // Otherwise an error shows the values of variables: what people wrote.
    jinja.set_debug(false);
    jinja.add_function("raise_exception", raise_exception);
    jinja.add_function("strftime_now", strftime_now);
    jinja.add_filter("tojson", tojson);
    jinja.set_unknown_method_callback(call_method);
    jinja.add_template_owned(NAME, without_generation_tags(source).into_owned())?;
    Ok(jinja)
}

pub(super) fn render(jinja: &Environment, variables: Value) -> Result<String, Error> {
    jinja.get_template(NAME)?.render(variables)
}

/// An empty comment in its place, which takes away white space as the tag would.
fn without_generation_tags(source: &str) -> Cow<'_, str> {
    GENERATION.replace_all(source, "{#$1 $3#}")
}

fn problem(detail: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(problem(message))
}

fn strftime_now(format: &str) -> Result<String, Error> {
    let mut text = String::new();
    let written = write!(text, "{}", Local::now().format(format));
    written.map_err(|_| problem(format!("`{format}` is no date format")))?;
    Ok(text)
}

/// As Python's `json.dumps` writes it; minijinja's own escapes for HTML.
fn tojson(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let mut text = String::new();
    write_json(value, indent, 0, &mut text)?;
    Ok(text)
}

fn write_json(
    value: &Value,
    indent: Option<usize>,
    depth: usize,
    text: &mut String,
) -> Result<(), Error> {
    if depth > DEEPEST_JSON {
        return Err(problem("tojson: nested too deeply"));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => text.push_str("null"),
        // As text it would be Python's `True`.
        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => text.push_str(&value.to_string()),
        ValueKind::String => text.push_str(&quoted(value)),
        ValueKind::Map => write_items(('{', '}'), value, indent, depth, text, |key, text| {
            text.push_str(&quoted(key));
            text.push_str(": ");
            write_json(&value.get_item(key)?, indent, depth + 1, text)
        })?,
        ValueKind::Seq | ValueKind::Iterable => {
            write_items(('[', ']'), value, indent, depth, text, |item, text| {
                write_json(item, indent, depth + 1, text)
            })?;
        }
        kind => {
            return Err(problem(format!(
                "tojson: can't write a value of kind {kind}"
            )));
        }
    }
    Ok(())
}

fn write_items(
    (open, close): (char, char),
    items: &Value,
    indent: Option<usize>,
    depth: usize,
    text: &mut String,
    mut write_item: impl FnMut(&Value, &mut String) -> Result<(), Error>,
) -> Result<(), Error> {
    let new_line = |depth: usize| match indent {
        Some(width) => format!("\n{}", " ".repeat(width.min(8) * depth)),
        None => String::new(),
    };
    let between = if indent.is_some() { "," } else { ", " };
    text.push(open);
    let mut empty = true;
    for item in items.try_iter()? {
        if !empty {
            text.push_str(between);
        }
        empty = false;
        text.push_str(&new_line(depth + 1));
        write_item(&item, text)?;
    }
    if !empty {
        text.push_str(&new_line(depth));
    }
    text.push(close);
    Ok(())
}

fn quoted(value: &Value) -> String {
    serde_json::Value::from(value.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(source: &str) -> Result<String, Error> {
        let words = Value::from_pairs([("b", "x<y"), ("a", "it's")]);
        render(&compile(source)?, Value::from_pairs([("words", words)]))
    }

    fn check(source: &str, expected: &str) {
        let text = run(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(text, expected, "{source}");
    }

    fn check_refused(source: &str, expected: &str) {
        let error = run(source).expect_err("must be refused").to_string();
        assert!(error.contains(expected), "{source}: {error}");
    }

    #[test]
    fn json_is_written_as_python_writes_it() {
        check("{{ words | tojson }}", r#"{"a": "it's", "b": "x<y"}"#);
        check(
            "{{ [1, 2.5, true, none, [], {}, 'ä\"'] | tojson }}",
            r#"[1, 2.5, true, null, [], {}, "ä\""]"#,
        );
        check(
            "{{ {'a': [1, 2]} | tojson(indent=2) }}",
            "{\n  \"a\": [\n    1,\n    2\n  ]\n}",
        );
        check_refused(
            "{% set n = namespace(x=[]) %}{% for _ in range(60) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x | tojson }}",
            "nested too deeply",
        );
    }

    #[test]
    fn blocks_take_their_line_with_them() {
        check("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc");
    }

    #[test]
    fn loop_controls_and_generation_tags_are_known() {
        check(
            "{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "01",
        );
        check("x {%- generation -%} y {% endgeneration %}z", "xy z");
    }

    #[test]
    fn date_of_today_is_written_in_the_format() {
        let text = run("{{ strftime_now('%d %b %Y') }}").expect("a date");
        assert_eq!(text, Local::now().format("%d %b %Y").to_string());
        check_refused("{{ strftime_now('%') }}", "no date format");
    }

    #[test]
    fn exception_of_a_template_is_an_error() {
        check_refused(
            "{{ raise_exception('roles must alternate') }}",
            "roles must alternate",
        );
    }

    #[test]
    fn endless_recursion_and_giant_ranges_end() {
        check_refused(
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "recursion",
        );
        check_refused("{% for i in range(1000000000) %}{% endfor %}", "too many");
    }
}
