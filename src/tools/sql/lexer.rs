//! A small reader of SQL that knows strings, quoted names and comments.
//!
//! It finds the named placeholders (`:since`) that people write and puts in
//! the ones that drivers bind, and it tells whether anything follows the first
//! `;`. It does not know the grammar; the gate does.

use super::guard::Dialect;

/// SQL with the driver's placeholders. The first name belongs to number 1; on
/// MySQL, which does not number them, a name stands here as often as it is used.
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

/// `WHERE region = :region` as `WHERE region = $1` (`?1` on SQLite, `?` on MySQL).
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
            out.push_str(before);
            out.push_str(&placeholder(name, &mut names, dialect));
            rest = after;
        }
        out.push_str(rest);
    }
    Ok(Placeholders { sql: out, names })
}

fn placeholder(name: &str, names: &mut Vec<String>, dialect: Dialect) -> String {
    let known = names.iter().position(|known| known == name);
    let known = known.filter(|_| dialect != Dialect::MySql);
    let number = known.unwrap_or_else(|| {
        names.push(name.to_string());
        names.len() - 1
    });
    match dialect {
        Dialect::Postgres => format!("${}", number + 1),
        Dialect::Sqlite => format!("?{}", number + 1),
        Dialect::MySql => "?".into(),
    }
}

/// Whether nothing but blanks, comments and `;` follows the first `;`.
pub fn is_one_statement(sql: &str, dialect: Dialect) -> bool {
    let mut ended = false;
    for piece in pieces(sql, dialect) {
        match piece {
            Piece::Comment(_) => {}
            Piece::Quoted(_) | Piece::Unclosed(_) if ended => return false,
            Piece::Quoted(_) | Piece::Unclosed(_) => {}
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

/// Whether the first word is this one, in any case.
pub(crate) fn begins_with(sql: &str, word: &str, dialect: Dialect) -> bool {
    let pieces = pieces(sql, dialect).into_iter();
    let mut code = pieces.filter(|piece| !matches!(piece, Piece::Comment(_)));
    let first = code.find_map(|piece| match piece {
        Piece::Code(code) => code
            .split(|c| !is_name_char(c))
            .find(|word| !word.is_empty()),
        other => Some(other.text()),
    });
    first.is_some_and(|first| first.eq_ignore_ascii_case(word))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Code(&'a str),
    /// A string or a quoted name, quotes included.
    Quoted(&'a str),
    Comment(&'a str),
    /// A string, a quoted name or a comment that lacks its end.
    Unclosed(&'a str),
}

impl<'a> Piece<'a> {
    pub(super) fn text(self) -> &'a str {
        match self {
            Piece::Code(text)
            | Piece::Quoted(text)
            | Piece::Comment(text)
            | Piece::Unclosed(text) => text,
        }
    }
}

pub(super) fn pieces(sql: &str, dialect: Dialect) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut code = 0;
    let mut at = 0;
    while at < sql.len() {
        match special(sql, at, dialect) {
            Some(piece) => {
                if code < at {
                    found.push(Piece::Code(&sql[code..at]));
                }
                found.push(piece);
                at += piece.text().len();
                code = at;
            }
            None => at += sql[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    if code < sql.len() {
        found.push(Piece::Code(&sql[code..]));
    }
    found
}

/// The string, quoted name or comment that begins at `at`.
fn special(sql: &str, at: usize, dialect: Dialect) -> Option<Piece<'_>> {
    let (before, rest) = sql.split_at(at);
    let quoted = |end: Option<usize>| {
        let piece = end.map(|end| Piece::Quoted(&rest[..end]));
        Some(piece.unwrap_or(Piece::Unclosed(rest)))
    };
    if starts_line_comment(rest, dialect) {
        let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        return Some(Piece::Comment(&rest[..end]));
    }
    if let Some(inside) = rest.strip_prefix("/*") {
        let end = match dialect {
            Dialect::Postgres => nested_comment_end(rest),
            Dialect::Sqlite | Dialect::MySql => inside.find("*/").map(|end| end + 4),
        };
        let piece = end.map(|end| Piece::Comment(&rest[..end]));
        return Some(piece.unwrap_or(Piece::Unclosed(rest)));
    }
    match (rest.as_bytes().first()?, dialect) {
        (b'\'', Dialect::Postgres) => quoted(quoted_end(rest, '\'', follows_escape_sign(before))),
        (b'\'', Dialect::Sqlite) => quoted(quoted_end(rest, '\'', false)),
        (b'\'', Dialect::MySql) => quoted(quoted_end(rest, '\'', true)),
        (b'"', _) => quoted(quoted_end(rest, '"', dialect == Dialect::MySql)),
        (b'`', Dialect::Sqlite | Dialect::MySql) => quoted(quoted_end(rest, '`', false)),
        (b'[', Dialect::Sqlite) => quoted(rest.find(']').map(|end| end + 1)),
        (b'$', Dialect::Postgres) if !ends_in_name(before) => {
            dollar_tag(rest).and_then(|tag| quoted(dollar_quoted_end(rest, tag)))
        }
        _ => None,
    }
}

/// On MySQL `--` needs a blank behind it: `1--1` is 2.
fn starts_line_comment(text: &str, dialect: Dialect) -> bool {
    match (text.strip_prefix("--"), dialect) {
        (Some(after), Dialect::MySql) => {
            let next = after.chars().next();
            next.is_none_or(|c| c.is_ascii_whitespace() || c.is_ascii_control())
        }
        (Some(_), _) => true,
        (None, _) => dialect == Dialect::MySql && text.starts_with('#'),
    }
}

fn quoted_end(text: &str, quote: char, backslash_escapes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if backslash_escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return Some(at + c.len_utf8()),
            }
        }
    }
    None
}

fn nested_comment_end(text: &str) -> Option<usize> {
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
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
    None
}

/// `$$` or `$tag$`; `None` for `$1`.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = 1 + text[1..].find('$')?;
    let name = &text[1..end];
    let is_tag = name.chars().all(is_name_char) && !name.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then_some(&text[..=end])
}

fn dollar_quoted_end(text: &str, tag: &str) -> Option<usize> {
    let body = &text[tag.len()..];
    body.find(tag).map(|end| tag.len() + end + tag.len())
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
        Dialect::MySql => (&['?'], false),
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
    fn mysql_quotes_and_comments_are_its_own() {
        let check = |sql: &str, expected: &str, names: &[&str]| {
            let found =
                number_placeholders(sql, Dialect::MySql).expect("has named placeholders only");
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            assert_eq!(
                (found.sql.as_str(), found.names),
                (expected, names),
                "{sql}"
            );
        };
        check(
            "a = :a AND b > :b OR :a",
            "a = ? AND b > ? OR ?",
            &["a", "b", "a"],
        );
        check("`:a``:a` = :b", "`:a``:a` = ?", &["b"]);
        check(r"'\':a' = :b", r"'\':a' = ?", &["b"]);
        check(r#""\":a" = :b"#, r#""\":a" = ?"#, &["b"]);
        check(r"`\` = :b", r"`\` = ?", &["b"]);
        check("# :a\n:b", "# :a\n?", &["b"]);
        check("-- :a\n:b", "-- :a\n?", &["b"]);
        check("1--:b", "1--?", &["b"]);
        check("/* /* :a */ :b", "/* /* :a */ ?", &["b"]);
        check("$$ = :b", "$$ = ?", &["b"]);
        check("[:a] = :b", "[?] = ?", &["a", "b"]);
    }

    #[test]
    fn first_word_is_found_behind_comments() {
        let check = |sql: &str, expected| {
            let found = begins_with(sql, "EXPLAIN", Dialect::Postgres);
            assert_eq!(found, expected, "{sql}");
        };
        check("EXPLAIN SELECT 1", true);
        check(" /* a */ -- b\n explain(ANALYZE) SELECT 1", true);
        check("SELECT 1 AS explain", false);
        check("\"explain\"", false);
        check("", false);
    }

    #[test]
    fn missing_end_is_seen() {
        let check = |sql: &str, dialect| {
            let last = pieces(sql, dialect).pop();
            assert!(matches!(last, Some(Piece::Unclosed(_))), "{sql} {last:?}");
        };
        check("SELECT 'a", Dialect::Postgres);
        check("SELECT $$a", Dialect::Postgres);
        check("/* /* */", Dialect::Postgres);
        check("SELECT [a", Dialect::Sqlite);
        check("/*", Dialect::Sqlite);
        check(r"SELECT 'a\'", Dialect::MySql);
        check("SELECT `a", Dialect::MySql);
        check("SELECT \"a", Dialect::MySql);
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
        check("a = ?", Dialect::MySql, "?");
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
