//! LogQL's words: names, quoted texts, numbers, durations, sizes, signs.

use super::{ast::Value, parser::LogqlError};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Value(Value),
    Sign(&'static str),
    End,
}

/// A token and the byte where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub token: Token,
    pub at: usize,
}

/// Longer signs first.
const SIGNS: [&str; 27] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "[", "]", ",",
    "|", "=", ">", "<", "+", "-", "*", "/", "%", "^",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, LogqlError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' => quoted(rest, at)?,
            '`' => {
                let end = rest[1..].find('`');
                let end = end.ok_or_else(|| LogqlError::new(at, "a quote is not closed"))?;
                (Token::Text(rest[1..=end].into()), end + 2)
            }
            c if c.is_ascii_digit() || (c == '.' && digit_follows(rest)) => number(rest, at)?,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let length = rest.find(|c| !is_inner(c)).unwrap_or(rest.len());
                (Token::Name(rest[..length].into()), length)
            }
            other => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign
                    .ok_or_else(|| LogqlError::new(at, format!("`{other}` has no meaning here")))?;
                (Token::Sign(sign), sign.len())
            }
        };
        found.push(Placed { token, at });
        at += length;
    }
    found.push(Placed {
        token: Token::End,
        at: text.len(),
    });
    Ok(found)
}

fn digit_follows(rest: &str) -> bool {
    rest[1..].starts_with(|c: char| c.is_ascii_digit())
}

/// A text in double quotes, with the escapes of Go.
fn quoted(rest: &str, at: usize) -> Result<(Token, usize), LogqlError> {
    let unclosed = || LogqlError::new(at, "a quote is not closed");
    let mut bytes: Vec<u8> = Vec::new();
    let mut chars = rest.char_indices().skip(1);
    loop {
        let (here, c) = chars.next().ok_or_else(unclosed)?;
        match c {
            '"' => {
                let text = String::from_utf8(bytes)
                    .map_err(|_| LogqlError::new(at, "a text's escapes make no UTF-8"))?;
                return Ok((Token::Text(text), here + 1));
            }
            '\n' => return Err(unclosed()),
            '\\' => {
                let (_, escape) = chars.next().ok_or_else(unclosed)?;
                let mut digits = |count: usize, first: Option<char>| {
                    let mut text: String = first.into_iter().collect();
                    while text.len() < count {
                        text.push(chars.next().filter(|(_, c)| c.is_ascii_hexdigit())?.1);
                    }
                    Some(text)
                };
                let wrong = || LogqlError::new(at + here, format!("`\\{escape}` is no escape"));
                let byte = |text: Option<String>, radix| {
                    let text = text.ok_or_else(wrong)?;
                    u8::from_str_radix(&text, radix).map_err(|_| wrong())
                };
                let simple = match escape {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    '\\' | '"' => escape,
                    'x' => {
                        bytes.push(byte(digits(2, None), 16)?);
                        continue;
                    }
                    '0'..='7' => {
                        bytes.push(byte(digits(3, Some(escape)), 8)?);
                        continue;
                    }
                    'u' | 'U' => {
                        let count = if escape == 'u' { 4 } else { 8 };
                        let code = digits(count, None).ok_or_else(wrong)?;
                        let code = u32::from_str_radix(&code, 16).map_err(|_| wrong())?;
                        char::from_u32(code).ok_or_else(wrong)?
                    }
                    _ => return Err(wrong()),
                };
                push(&mut bytes, simple);
            }
            other => push(&mut bytes, other),
        }
    }
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// `5`, `1.5e3`, `1h30m`, `20KiB`.
fn number(rest: &str, at: usize) -> Result<(Token, usize), LogqlError> {
    let mut length = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == 'µ'))
        .unwrap_or(rest.len());
    // The sign of an exponent belongs to the number.
    let is_exponent = |end: usize| {
        let before = &rest[..end];
        before.ends_with(['e', 'E'])
            && before[..before.len() - 1]
                .chars()
                .all(|c| c.is_ascii_digit() || c == '.')
            && rest[end..].starts_with(['+', '-'])
            && rest[end + 1..].starts_with(|c: char| c.is_ascii_digit())
    };
    if is_exponent(length) {
        let tail = &rest[length + 1..];
        length += 1 + tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
    }
    let word = &rest[..length];
    let value = read_value(word)
        .ok_or_else(|| LogqlError::new(at, format!("`{word}` is no number, duration or size")))?;
    Ok((Token::Value(value), length))
}

/// A number, a duration in Go's notation (with `d`, `w`, `y`), or a size.
pub(super) fn read_value(word: &str) -> Option<Value> {
    if let Some(number) = plain_number(word) {
        return Some(Value::Number(number));
    }
    if let Some(nanoseconds) = duration(word) {
        return Some(Value::Duration(nanoseconds));
    }
    bytes(word).map(Value::Bytes)
}

fn plain_number(word: &str) -> Option<f64> {
    if let Some(hex) = word.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|n| n as f64);
    }
    let number: f64 = word.parse().ok()?;
    // Rust also reads "inf" and "nan", which begin with a letter.
    number.is_finite().then_some(number)
}

/// Nanoseconds of `1h30m`, `1.5s`, `2w`; a negative one with a `-`.
pub(super) fn duration(word: &str) -> Option<i64> {
    let (sign, mut rest) = match word.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, word),
    };
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.');
        let unit = unit.unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3_600e9,
                "d" => 86_400e9,
                "w" => 7.0 * 86_400e9,
                "y" => 365.0 * 86_400e9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (total.is_finite() && total < i64::MAX as f64).then_some((sign * total) as i64)
}

/// `20KB` is 20,000, `20KiB` is 20,480, as in Loki (humanize).
pub(super) fn bytes(word: &str) -> Option<f64> {
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = word[..digits].parse().ok()?;
    let factor: f64 = match word[digits..].trim().to_lowercase().as_str() {
        "b" => 1.0,
        "kb" | "k" => 1e3,
        "mb" => 1e6,
        "gb" | "g" => 1e9,
        "tb" | "t" => 1e12,
        "pb" => 1e15,
        "kib" | "ki" => 1024.0,
        "mib" | "mi" => 1024f64.powi(2),
        "gib" | "gi" => 1024f64.powi(3),
        "tib" | "ti" => 1024f64.powi(4),
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_units() {
        let check = |word: &str, expected: Option<Value>| {
            assert_eq!(read_value(word), expected, "{word}");
        };
        check("5", Some(Value::Number(5.0)));
        check("1.5e3", Some(Value::Number(1500.0)));
        check("1h30m", Some(Value::Duration(5_400_000_000_000)));
        check("250ms", Some(Value::Duration(250_000_000)));
        check("1w", Some(Value::Duration(604_800_000_000_000)));
        check("20KiB", Some(Value::Bytes(20_480.0)));
        check("20kb", Some(Value::Bytes(20_000.0)));
        check("5x", None);
        check("99999999999999999999h", None);
    }

    #[test]
    fn texts_are_read_as_go_writes_them() {
        let check = |text: &str, expected: &str| {
            let found = tokens(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found[0].token, Token::Text(expected.into()), "{text}");
        };
        check(r#""a\"b\\c""#, r#"a"b\c"#);
        check(r#""\x41\102\u00e9""#, "ABé");
        check("`a\\\"b`", r#"a\"b"#);
        for wrong in [
            r#"""#,
            r#""\q""#,
            r#""\xff""#,
            "`a",
            "\"a\nb\"",
            "5parsecs",
            "\\",
        ] {
            assert!(tokens(wrong).is_err(), "{wrong}");
        }
    }
}
