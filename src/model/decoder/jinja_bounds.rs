//! What a template may use up, and the filters that can make much out of little.
//!
//! Promise: a rendering ends after so many instructions, and neither the prompt
//! nor what one call of a filter or method makes is larger than [`LARGEST`].
//! Not promised: that a template made to use up memory can't. minijinja does
//! not say how large a text grows that is put together with `~` again and again.

use minijinja::{
    Environment, Error, ErrorKind, State, filters,
    value::{Rest, Value, ValueKind, ValueOrKwargs},
};
use std::io::{self, Write};

/// Of minijinja's machine. A conversation of a hundred turns takes some ten
/// thousand, and a million take a tenth of a second.
const INSTRUCTIONS: u64 = 1_000_000;

/// Bytes; a prompt of a million tokens has a quarter of it.
pub(super) const LARGEST: usize = 16 << 20;

/// About what a value in a list takes.
const VALUE_BYTES: usize = 32;

/// Digits of a width in a format, such as `%08d`.
const WIDTH_DIGITS: usize = 3;

/// Bounds the environment's instructions and filters.
pub(super) fn bound(jinja: &mut Environment) {
    jinja.set_fuel(Some(INSTRUCTIONS));
    for (name, filter) in multiplying_filters() {
        let bounded = move |state: &mut State, args: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let args = args.into_values();
            check_product(&args)?;
            filter.call(state, &args)
        };
        jinja.add_filter(name, bounded);
    }
    let format = Value::from_function(filters::format);
    let bounded = move |state: &mut State, args: Rest<ValueOrKwargs>| -> Result<Value, Error> {
        let args = args.into_values();
        check_widths(args.first().and_then(Value::as_str).unwrap_or_default())?;
        filter_sizes(&args).try_for_each(check_size)?;
        format.call(state, &args)
    };
    jinja.add_filter("format", bounded);
}

/// What they make is at most the product of what they are given.
fn multiplying_filters() -> [(&'static str, Value); 17] {
    [
        ("batch", Value::from_function(filters::batch)),
        ("chain", Value::from_function(filters::chain)),
        ("groupby", Value::from_function(filters::groupby)),
        ("indent", Value::from_function(filters::indent)),
        ("join", Value::from_function(filters::join)),
        ("list", Value::from_function(filters::list)),
        ("map", Value::from_function(filters::map)),
        ("max", Value::from_function(filters::max)),
        ("min", Value::from_function(filters::min)),
        ("replace", Value::from_function(filters::replace)),
        ("reverse", Value::from_function(filters::reverse)),
        ("select", Value::from_function(filters::select)),
        ("slice", Value::from_function(filters::slice)),
        ("sort", Value::from_function(filters::sort)),
        ("sum", Value::from_function(filters::sum)),
        ("unique", Value::from_function(filters::unique)),
        ("zip", Value::from_function(filters::zip)),
    ]
}

/// Refuses a call that could make more than [`LARGEST`] out of these.
pub(super) fn check_product(args: &[Value]) -> Result<(), Error> {
    check_size(filter_sizes(args).fold(1, usize::saturating_mul))
}

fn check_size(bytes: usize) -> Result<(), Error> {
    if bytes <= LARGEST {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidOperation,
        format!("a filter could make more than {LARGEST} bytes"),
    ))
}

/// Keyword arguments come as one map, behind the others.
fn filter_sizes(args: &[Value]) -> impl Iterator<Item = usize> {
    args.iter().flat_map(|arg| {
        let keywords = arg.is_kwargs().then(|| arg.try_iter().ok()).flatten();
        let values = keywords.into_iter().flatten();
        let values = values.filter_map(|key| arg.get_item(&key).ok());
        let values: Vec<usize> = values.map(|value| size(&value)).collect();
        match arg.is_kwargs() {
            true => values,
            false => vec![size(arg)],
        }
    })
}

fn size(value: &Value) -> usize {
    let size = match value.kind() {
        ValueKind::String => value.as_str().map_or(1, str::len),
        ValueKind::Number => value.as_usize().unwrap_or(1),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            value.len().unwrap_or(1).saturating_mul(VALUE_BYTES)
        }
        _ => 1,
    };
    size.max(1)
}

fn check_widths(format: &str) -> Result<(), Error> {
    let mut numbers = format.split(|c: char| !c.is_ascii_digit());
    match numbers.find(|number| number.len() > WIDTH_DIGITS) {
        None => Ok(()),
        Some(number) => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("format: a width of {number}"),
        )),
    }
}

/// The text of a rendering, as far as it is not larger than [`LARGEST`].
#[derive(Default)]
pub(super) struct Rendered {
    bytes: Vec<u8>,
    is_cut_off: bool,
}

impl Rendered {
    /// `written` is what writing it gave.
    pub fn into_text<T>(self, written: Result<T, Error>) -> Result<String, Error> {
        let failed = |problem: String| Error::new(ErrorKind::WriteFailure, problem);
        if self.is_cut_off {
            return Err(failed(format!("the prompt has more than {LARGEST} bytes")));
        }
        written?;
        String::from_utf8(self.bytes).map_err(|error| failed(error.to_string()))
    }
}

impl Write for Rendered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_cut_off |= self.bytes.len() + bytes.len() > LARGEST;
        if self.is_cut_off {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::jinja::for_tests::{check, check_refused};
    use std::time::{Duration, Instant};

    #[test]
    fn filter_that_would_make_too_much_is_refused_at_once() {
        let began = Instant::now();
        for call in [
            "'a'|indent(99999999)",
            "'a'|indent(width=99999999)",
            "('a' * 9999)|replace('a', 'b' * 9999)",
            "('a' * 9999).replace('a', 'b' * 9999)",
            "('a' * 9999)|join('b' * 9999)",
            "('b' * 9999).join('a' * 9999)",
            "['a']|batch(99999999, 'x')",
            "['a']|slice(99999999, 'x')",
            "([0] * 99999999)|list",
            "([0] * 99999999)|sort",
            "([0] * 99999999)|tojson",
        ] {
            check_refused(&format!("{{{{ {call} }}}}"), "more than 16777216 bytes");
        }
        check_refused("{{ '%99999999d'|format(1) }}", "a width of 99999999");
        check_refused("{{ 'a' * 99999999 }}", "more than 16777216 bytes");
        assert!(began.elapsed() < Duration::from_secs(2), "they took long");
    }

    #[test]
    fn template_that_does_not_end_runs_out_of_fuel() {
        let loops = "{% for a in range(9999) %}".repeat(3);
        let ends = "{% endfor %}".repeat(3);
        check_refused(&format!("{loops}{{% set x = a %}}{ends}"), "fuel");
        check_refused(
            "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(30) }}",
            "fuel",
        );
    }

    #[test]
    fn what_templates_do_with_filters_is_done() {
        check("{{ 'a\nb'|indent(2) }}", "a\n  b");
        check("{{ 'a\nb'|indent(width=1, first=true) }}", " a\n b");
        check("{{ ['a', 'b']|join(', ') }}", "a, b");
        check("{{ '%s is %03d'|format('it', 7) }}", "it is 007");
        check("{{ [1, 2, 3]|batch(2)|list }}", "[[1, 2], [3]]");
        check("{{ 'aXb'|replace('X', '-') }}{{ '=' * 4 }}", "a-b====");
        check("{{ [3, 1]|sort|map('string')|join }}", "13");
    }
}
