//! Jinja as chat templates expect it: the environment that transformers sets
//! up in Python, with the functions and methods of Python that templates call.

use super::{
    jinja_bounds::{LARGEST, Rendered, bound, check_product},
    python::call_method,
};
use chrono::Local;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind,
    value::{Kwargs, Value, ValueKind},
};
use regex::{Captures, Regex};
use std::{
    borrow::Cow,
    collections::HashSet,
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

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

/// A statement or an expression.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    let tag = r"(?s)\{%.*?%\}|\{\{.*?\}\}";
    Regex::new(tag).expect("the pattern is a constant, and a test reads it")
});

/// A quoted text, a name, or one other character.
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    let word = r#"(?s)'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\w+|\S"#;
    Regex::new(word).expect("the pattern is a constant, and a test reads it")
});

/// An environment that knows this one template, by [`render`].
pub(super) fn compile(source: &str) -> Result<Environment<'static>, Error> {
    contained(|| compile_uncontained(source))
}

pub(super) fn render(jinja: &Environment, variables: Value) -> Result<String, Error> {
    contained(|| {
        let mut text = Rendered::default();
        let template = jinja.get_template(NAME)?;
        let written = template.render_captured_to(variables, &mut text);
        text.into_text(written)
    })
}

/// minijinja panics at some expressions, such as `''[::-1]`.
fn contained<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    outcome.unwrap_or_else(|_| Err(problem("the template makes minijinja panic")))
}

fn compile_uncontained(source: &str) -> Result<Environment<'static>, Error> {
    refuse_rings(source)?;
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
    bound(&mut jinja);
    jinja.add_function("raise_exception", raise_exception);
    jinja.add_function("strftime_now", strftime_now);
    jinja.add_filter("tojson", tojson);
    jinja.set_unknown_method_callback(call_method);
    jinja.add_template_owned(NAME, translated(source))?;
    Ok(jinja)
}

/// A namespace can be put into itself, and to print it would use up the stack
/// and end the process: no field of one may be set to a namespace.
fn refuse_rings(source: &str) -> Result<(), Error> {
    let tags = TAG.find_iter(source).map(|tag| words_of(tag.as_str()));
    let tags: Vec<Vec<&str>> = tags.collect();
    let names = tags.iter().filter_map(|words| match words[..] {
        ["set", name, "=", "namespace", ..] => Some(name),
        _ => None,
    });
    let names: HashSet<&str> = names.collect();
    for words in &tags {
        let ["set", owner, ".", _, "=", value @ ..] = &words[..] else {
            continue;
        };
        for (at, name) in value.iter().enumerate() {
            let is_namespace = name == owner || names.contains(name);
            let is_field = at > 0 && value[at - 1] == ".";
            let has_field = matches!(value.get(at + 1), Some(&"." | &"["));
            if is_namespace && !is_field && !has_field {
                return Err(problem(format!(
                    "namespace `{name}` is put into a namespace"
                )));
            }
        }
    }
    Ok(())
}

/// The words of a tag without its braces.
fn words_of(tag: &str) -> Vec<&str> {
    let inner = tag.trim_start_matches(['{', '%', '-', '+']);
    WORD.find_iter(inner).map(|word| word.as_str()).collect()
}

/// What Python's Jinja reads and minijinja doesn't. In place of a generation tag
/// stands an empty comment, which takes away white space as the tag would; a
/// backslash before a line's end joins two lines of a quoted text.
fn translated(source: &str) -> String {
    let source = GENERATION.replace_all(source, "{#$1 $3#}");
    let joined = TAG.replace_all(&source, |tag: &Captures| tag[0].replace("\\\n", ""));
    joined.into_owned()
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
    check_product(std::slice::from_ref(value))?;
    if text.len() > LARGEST {
        return Err(problem(format!("tojson: more than {LARGEST} bytes")));
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

/// Templates that tests render, with `words` to look into.
#[cfg(test)]
pub(super) mod for_tests {
    use super::*;

    pub fn run(source: &str) -> Result<String, Error> {
        let words = Value::from_pairs([("b", "x<y"), ("a", "it's")]);
        render(&compile(source)?, Value::from_pairs([("words", words)]))
    }

    #[track_caller]
    pub fn check(source: &str, expected: &str) {
        let text = run(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(text, expected, "{source}");
    }

    #[track_caller]
    pub fn check_refused(source: &str, expected: &str) {
        let error = run(source).expect_err("must be refused").to_string();
        assert!(error.contains(expected), "{source}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::for_tests::{check, check_refused, run};
    use super::*;

    #[test]
    fn json_is_written_as_python_writes_it() {
        check("{{ words | tojson }}", r#"{"b": "x<y", "a": "it's"}"#);
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

    /// The expected texts are what Jinja2 3.1 writes with the settings of transformers.
    #[test]
    fn expressions_of_published_templates_mean_what_they_mean_in_python() {
        check(
            "{%- set l = [{'role': 'user'}, {'role': 'tool'}, {'role': 'user'}] %}{{ l[1:] | length }}\
             {% set u = l | selectattr('role', 'equalto', 'user') | list %}{{ u | length }}{{ l[0] == u[-1] }}",
            "22True",
        );
        check(
            "{%- macro m(v, k=True) -%}{%- if v is mapping -%}{%- for a, b in v | dictsort -%}\
             {{ a }}={{- m(b, k=False) -}};{%- endfor -%}{%- elif v is sequence and v is not string -%}\
             {% for i in v %}{{ m(i) }}{% endfor %}{%- else -%}{{ v }}{{ k }}{%- endif -%}{%- endmacro -%}\
             {{ m({'b': [1, 2], 'a': 'x'}) }}",
            "a=xFalse;b=1True2True;",
        );
        check(
            "{%- set t = [('role', 'user')] %}{% set t = t + [('name', 'n')] %}\
             {% for p in t %}{{ ' ' + p[0] + '=' -}}{{- p[1] -}}{{- ',' if not loop.last -}}{% endfor %}",
            " role=user, name=n",
        );
        check(
            "{{ 'abc'[:-1] }}{{ 'abcdef'[-3:] }}{{ ['a'] | map('upper') | list }}",
            "abdef['A']",
        );
        check(
            "{{- 'x' }}\n\n{{ 'y' -}}\n z\n{#- c -#}\n w{%- if true +%}\nv{% endif %}",
            "x\n\nyzw\nv",
        );
        check("{%- set m = \"one.\\\ntwo\" %}{{ m }}\\\n", "one.two\\");
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
    fn panic_of_the_engine_is_an_error() {
        check_refused("{{ ''[::-1] }}", "makes minijinja panic");
    }

    #[test]
    fn namespace_within_itself_is_refused() {
        let ring = "{% set n = namespace(a=1) %}{% set n.a = n %}{{ n.a }}";
        check_refused(ring, "namespace `n` is put into a namespace");
        check_refused(
            "{%- macro m(a) -%}{%- set a.b = [a] %}{% endmacro %}",
            "is put into",
        );
        check(
            "{% macro m(s) %}{{ s.n }}{% endmacro %}{%- set n = namespace(n=1, s='n') -%}\
             {%- set n.n = n.n + n['n'] -%}{{ m(n) }} n {{ 'n' }}{{ n.n == 2 }}",
            "2 n nTrue",
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
