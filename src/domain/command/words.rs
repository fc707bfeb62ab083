//! A typed line as words: `key=value`, and quotes of every kind that keyboards
//! and chat programs make.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Of `key=value`.
    pub key: Option<String>,
    pub value: String,
    /// It stood in quotes, so it is all there is of this value.
    pub quoted: bool,
    /// Where it begins in the line, in bytes.
    pub start: usize,
}

/// Never fails: a quote that is not closed reaches to the end of the line.
pub fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(start) = next_word(line, at) {
        let (key, value_at) = key_at(line, start);
        let (value, quoted, end) = value_at_of(line, value_at);
        words.push(Word {
            key,
            value,
            quoted,
            start,
        });
        at = end;
    }
    words
}

fn next_word(line: &str, at: usize) -> Option<usize> {
    let offset = line[at..].find(|c: char| !c.is_whitespace())?;
    Some(at + offset)
}

/// The key before `=`, and where the value begins.
fn key_at(line: &str, start: usize) -> (Option<String>, usize) {
    let rest = &line[start..];
    let length = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && !"_-.$[]".contains(c))
        .unwrap_or(rest.len());
    let begins_well = rest.starts_with(|c: char| c.is_ascii_alphabetic() || "_$".contains(c));
    if begins_well && rest[length..].starts_with('=') {
        return (Some(rest[..length].to_string()), start + length + 1);
    }
    (None, start)
}

/// The value, whether it was quoted, and where the next word may begin.
fn value_at_of(line: &str, at: usize) -> (String, bool, usize) {
    let rest = &line[at..];
    if let Some(open) = rest.chars().next()
        && let Some(closing) = closing_of(open)
        && let Some((value, length)) = quoted_value(&rest[open.len_utf8()..], closing)
    {
        return (value, true, at + open.len_utf8() + length);
    }
    let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
    (rest[..length].to_string(), false, at + length)
}

/// What may close a quote: telephones mix their pairs freely.
fn closing_of(open: char) -> Option<&'static [char]> {
    match open {
        '"' | '“' | '”' | '„' => Some(&['"', '“', '”']),
        '«' => Some(&['»']),
        '»' => Some(&['«']),
        '\'' | '‘' | '’' | '‚' => Some(&['\'', '‘', '’']),
        '`' => Some(&['`']),
        _ => None,
    }
}

/// The text up to the closing quote, and the length with it. A quote closes
/// only before a space or the end, so that `"{app="kelp"} |= "late""` is one
/// value. `None`: an apostrophe that nothing closes is a letter.
fn quoted_value(text: &str, closing: &[char]) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let escapes = c == '\\' && next.is_some_and(|n| n == '\\' || closing.contains(&n));
        if escapes {
            value.extend(next);
            chars.next();
        } else if closing.contains(&c) && next.is_none_or(char::is_whitespace) {
            return Some((value, at + c.len_utf8()));
        } else {
            value.push(c);
        }
    }
    (!closing.contains(&'\'')).then_some((value, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_read_word_by_word() {
        let check = |line: &str, expected: &[(&str, &str)]| {
            let found = words(line);
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|word| (word.key.as_deref().unwrap_or(""), word.value.as_str()))
                .collect();
            assert_eq!(found, expected, "{line}");
        };
        check("", &[]);
        check("  a  b ", &[("", "a"), ("", "b")]);
        check("a=1 b-c=x", &[("a", "1"), ("b-c", "x")]);
        check("a=\"last month\" b", &[("a", "last month"), ("", "b")]);
        check("a=“last month” b", &[("a", "last month"), ("", "b")]);
        check("a=„last month“", &[("a", "last month")]);
        check("a=«last month»", &[("a", "last month")]);
        check("'it''s' it's", &[("", "it''s"), ("", "it's")]);
        check("'tis late", &[("", "'tis"), ("", "late")]);
        check("\"not closed at all", &[("", "not closed at all")]);
        check(
            "\"{app=\"kelp\"} |= \"late\"\" since=24h",
            &[("", "{app=\"kelp\"} |= \"late\""), ("since", "24h")],
        );
        check("\"a \\\" b\\\\\"", &[("", "a \" b\\")]);
        check("a= b", &[("a", ""), ("", "b")]);
        check("=x 1=2 a==b", &[("", "=x"), ("", "1=2"), ("a", "=b")]);
        check("`x y`", &[("", "x y")]);
        check("\"", &[("", "")]);
    }
}
