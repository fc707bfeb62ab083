//! A small reader of SQL that knows strings, quoted names and comments.
//!
//! It finds the named placeholders (`:since`) that people write and puts in
//! the numbered ones that drivers bind, and it tells whether anything follows
//! the first `;`. It does not know the grammar; the gate does.

use super::guard::Dialect;

/// SQL with numbered placeholders; the first name belongs to number 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholders {
    pub sql: String,
    pub names: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderError {
    #[error("uses the placeholder `{0}`; write a named one such as `:region`")]
    Unnamed(String),
}

/// `WHERE region = :region` as `WHERE region = $1` (`?1` on SQLite).
pub fn number_placeholders(sql: &str, dialect: Dialect) -> Result<Placeholders, PlaceholderError> {
    let mut out = String::with_capacity(sql.len());
    let mut names: Vec<String> = Vec::new();
    for piece in pieces(sql, dialect) {
        let Piece::Code(code) = piece else {
            out.push_str(piece.text());
            continue;
        };
        if let Some(unnamed) = unnamed_placeholder(code, dialect) {
            return Err(PlaceholderError::Unnamed(unnamed));
        }
        let mut rest = code;
        while let Some((before, name, after)) = next_placeholder(rest) {
            let number = names.iter().position(|known| known == name);
            let number = number.unwrap_or_else(|| {
                names.push(name.to_string());
                names.len() - 1
            });
            let sign = match dialect {
                Dialect::Postgres => '$',
                Dialect::Sqlite => '?',
            };
            out.push_str(before);
            out.push_str(&format!("{sign}{}", number + 1));
            rest = after;
        }
        out.push_str(rest);
    }
    Ok(Placeholders { sql: out, names })
}

/// Whether nothing but blanks, comments and `;` follows the first `;`.
pub fn is_one_statement(sql: &str, dialect: Dialect) -> bool {
    let mut ended = false;
    for piece in pieces(sql, dialect) {
        match piece {
            Piece::Comment(_) => {}
            Piece::Quoted(_) if ended => return false,
            Piece::Quoted(_) => {}
            Piece::Code(code) => {
                for c in code.chars() {
                    match c {
                        ';' => ended = true,
                        c if ended && !c.is_whitespace() => return false,
                        _ => {}
                    }
                }
            }
        }
    }
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Code(&'a str),
    /// A string or a quoted name, quotes included.
    Quoted(&'a str),
    Comment(&'a str),
}

impl<'a> Piece<'a> {
    fn text(self) -> &'a str {
        match self {
            Piece::Code(text) | Piece::Quoted(text) | Piece::Comment(text) => text,
        }
    }
}

fn pieces(sql: &str, dialect: Dialect) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut code = 0;
    let mut at = 0;
    while at < sql.len() {
        match special_end(sql, at, dialect) {
            Some((end, is_comment)) => {
                if code < at {
                    found.push(Piece::Code(&sql[code..at]));
                }
                let text = &sql[at..end];
                found.push(if is_comment {
                    Piece::Comment(text)
                } else {
                    Piece::Quoted(text)
                });
                at = end;
                code = end;
            }
            None => at += sql[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    if code < sql.len() {
        found.push(Piece::Code(&sql[code..]));
    }
    found
}

/// Where the string, quoted name or comment that begins at `at` ends.
fn special_end(sql: &str, at: usize, dialect: Dialect) -> Option<(usize, bool)> {
    let rest = &sql[at..];
    let quoted = |end: usize| Some((at + end, false));
    let comment = |end: usize| Some((at + end, true));
    if rest.starts_with("--") {
        return comment(rest.find('\n').map_or(rest.len(), |end| end + 1));
    }
    if let Some(inside) = rest.strip_prefix("/*") {
        return comment(match dialect {
            Dialect::Postgres => nested_comment_end(rest),
            Dialect::Sqlite => inside.find("*/").map_or(rest.len(), |end| end + 4),
        });
    }
    match (rest.as_bytes().first()?, dialect) {
        (b'\'', Dialect::Postgres) if follows_escape_sign(&sql[..at]) => {
            quoted(quoted_end(rest, '\'', true))
        }
        (b'\'', _) => quoted(quoted_end(rest, '\'', false)),
        (b'"', _) => quoted(quoted_end(rest, '"', false)),
        (b'`', Dialect::Sqlite) => quoted(quoted_end(rest, '`', false)),
        (b'[', Dialect::Sqlite) => quoted(rest.find(']').map_or(rest.len(), |end| end + 1)),
        (b'$', Dialect::Postgres) if !ends_in_name(&sql[..at]) => {
            dollar_quoted_end(rest).and_then(quoted)
        }
        _ => None,
    }
}

fn quoted_end(text: &str, quote: char, backslash_escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if backslash_escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + c.len_utf8(),
            }
        }
    }
    text.len()
}

fn nested_comment_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// `$$…$$` and `$tag$…$tag$`; `None` for `$1`.
fn dollar_quoted_end(text: &str) -> Option<usize> {
    let tag_end = 1 + text[1..].find('$')?;
    let tag = &text[..=tag_end];
    let name = &tag[1..tag.len() - 1];
    let is_tag = name.chars().all(is_name_char) && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let body = &text[tag.len()..];
    Some(
        body.find(tag)
            .map_or(text.len(), |end| tag.len() + end + tag.len()),
    )
}

/// `E'…'`, where a backslash escapes.
fn follows_escape_sign(before: &str) -> bool {
    let mut chars = before.chars().rev();
    matches!(chars.next(), Some('e' | 'E')) && !chars.next().is_some_and(is_name_char)
}

fn ends_in_name(before: &str) -> bool {
    before.chars().next_back().is_some_and(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text before, the name, the text after. `::cast` is none.
fn next_placeholder(code: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(colon) = code[from..].find(':').map(|at| from + at) {
        let after = &code[colon + 1..];
        if after.starts_with(':') {
            from = colon + 2;
            continue;
        }
        let end = after.find(|c| !is_name_char(c)).unwrap_or(after.len());
        let name = &after[..end];
        if name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Some((&code[..colon], name, &after[end..]));
        }
        from = colon + 1;
    }
    None
}

fn unnamed_placeholder(code: &str, dialect: Dialect) -> Option<String> {
    let (signs, must_be_numbered): (&[char], bool) = match dialect {
        // `?` alone is an operator on jsonb.
        Dialect::Postgres => (&['$'], true),
        Dialect::Sqlite => (&['?', '$', '@'], false),
    };
    let at = code.match_indices(signs).map(|(at, _)| at).find(|&at| {
        let is_numbered = code[at + 1..].starts_with(|c: char| c.is_ascii_digit());
        (is_numbered || !must_be_numbered) && !ends_in_name(&code[..at])
    })?;
    let name: String = code[at + 1..]
        .chars()
        .take_while(|c| is_name_char(*c))
        .collect();
    Some(format!("{}{name}", &code[at..=at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_placeholders_become_numbered_ones() {
        let check = |sql: &str, expected: &str, names: &[&str]| {
            let found =
                number_placeholders(sql, Dialect::Postgres).expect("has named placeholders only");
            assert_eq!(
                (found.sql.as_str(), found.names),
                (expected, names.iter().map(|n| n.to_string()).collect()),
                "{sql}"
            );
        };
        check("SELECT 1", "SELECT 1", &[]);
        check("a = :a", "a = $1", &["a"]);
        check(":a < :b AND :a > 0", "$1 < $2 AND $1 > 0", &["a", "b"]);
        check("x::date = :d::date", "x::date = $1::date", &["d"]);
        check("':a' || \":b\" || :c", "':a' || \":b\" || $1", &["c"]);
        check("'it''s :a' = :b", "'it''s :a' = $1", &["b"]);
        check(r"E'\':a' = :b", r"E'\':a' = $1", &["b"]);
        check(r"'\' = :b", r"'\' = $1", &["b"]);
        check("-- :a\n:b", "-- :a\n$1", &["b"]);
        check("/* /* :a */ :b */ :c", "/* /* :a */ :b */ $1", &["c"]);
        check("$$:a$$ = :b", "$$:a$$ = $1", &["b"]);
        check("$x$ :a $y$ $x$ = :b", "$x$ :a $y$ $x$ = $1", &["b"]);
        check("'09:30' < :t", "'09:30' < $1", &["t"]);
        check("x[1:2]", "x[1:2]", &[]);
        check("data ? 'k' AND :a", "data ? 'k' AND $1", &["a"]);
        check("größe = :größe", "größe = $1", &["größe"]);
        check("':a", "':a", &[]);
        check("/* :a", "/* :a", &[]);
    }

    #[test]
    fn sqlite_quotes_and_comments_are_its_own() {
        let check = |sql: &str, expected: &str| {
            let found =
                number_placeholders(sql, Dialect::Sqlite).expect("has named placeholders only");
            assert_eq!(found.sql, expected, "{sql}");
        };
        check("[:a] = :b", "[:a] = ?1");
        check("`:a` = :b", "`:a` = ?1");
        check("/* /* :a */ :b", "/* /* :a */ ?1");
        check(r"E'\' = :b", r"E'\' = ?1");
    }

    #[test]
    fn unnamed_placeholders_are_refused() {
        let check = |sql: &str, dialect, sign: &str| {
            assert_eq!(
                number_placeholders(sql, dialect),
                Err(PlaceholderError::Unnamed(sign.into())),
                "{sql}"
            );
        };
        check("a = $1", Dialect::Postgres, "$1");
        check("a = ?", Dialect::Sqlite, "?");
        check("a = ?2", Dialect::Sqlite, "?2");
        check("a = @b", Dialect::Sqlite, "@b");
    }

    #[test]
    fn second_statement_is_seen() {
        let check = |sql: &str, expected| {
            assert_eq!(is_one_statement(sql, Dialect::Sqlite), expected, "{sql}");
        };
        check("SELECT 1", true);
        check("SELECT 1;", true);
        check("SELECT 1; -- done\n ; ", true);
        check("SELECT ';'", true);
        check("SELECT 1; SELECT 2", false);
        check("SELECT 1;'x'", false);
        check("SELECT [;] /* ; */ ; DROP TABLE t", false);
        check("SELECT '''; DROP TABLE t; --'", true);
    }
}
