//! The schema of a SQL dump, without the database.
//!
//! Promise: nothing of the dump is run on a database of the company, and rows
//! of data in it are passed over. What can't be read is counted, not guessed.

mod mysql;
mod postgres;
mod sqlite;
mod view;

use super::{
    guard::Dialect,
    lexer::{Piece, pieces},
    schema::Table,
};
use std::{fs::File, io::Read, path::Path};

/// Larger dumps hold data, which is not wanted.
const MAX_BYTES: u64 = 64 << 20;

/// What a dump tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dumped {
    /// By name.
    pub tables: Vec<Table>,
    /// Statements about tables that could not be read.
    pub unread: usize,
}

/// The error completes "dump `FILE` …".
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error("can't be read: {0}")]
    Io(#[from] std::io::Error),
    #[error(
        "is larger than {} MiB; write one without data: `pg_dump --schema-only`, `mysqldump --no-data`, `sqlite3 FILE .schema`",
        MAX_BYTES >> 20
    )]
    TooLarge,
    #[error("creates no table that could be read{}", in_words(.unread))]
    Empty { unread: usize },
    #[error("can't be set up: {0}")]
    SetUp(String),
}

fn in_words(unread: &usize) -> String {
    match unread {
        0 => String::new(),
        n => format!("; {n} statements about tables are not understood"),
    }
}

/// Reads a dump in the dialect of its database; without one, in the dialect
/// that understands most of it.
pub async fn read_dump(path: &Path, dialect: Option<Dialect>) -> Result<Dumped, DumpError> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(DumpError::TooLarge);
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut best: Option<Dumped> = None;
    for known in [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql] {
        if dialect.is_some_and(|dialect| dialect != known) {
            continue;
        }
        let read = match known {
            Dialect::Sqlite => sqlite::read(&statements(&text, known)).await?,
            Dialect::Postgres => postgres::read(&statements(&text, known)),
            Dialect::MySql => mysql::read(&statements(&text, known)),
        };
        let is_better = |best: &Dumped| read.unread < best.unread;
        if best.as_ref().is_none_or(is_better) {
            best = Some(read);
        }
    }
    let dumped = best.unwrap_or_default();
    match dumped.tables.is_empty() {
        true => Err(DumpError::Empty {
            unread: dumped.unread,
        }),
        false => Ok(dumped),
    }
}

/// The statements of a dump that speak of tables, without comments.
fn statements(text: &str, dialect: Dialect) -> Vec<String> {
    let text = without_data(text);
    let text = match dialect {
        Dialect::MySql => with_views(&text),
        _ => text,
    };
    let mut found = Vec::new();
    let mut open = String::new();
    let mut end = |open: &mut String| {
        let statement = std::mem::take(open);
        if is_about_tables(&statement) {
            found.push(statement.trim().to_string());
        }
    };
    for piece in pieces(&text, dialect) {
        match piece {
            Piece::Comment(_) => open.push(' '),
            Piece::Code(code) => {
                let mut parts = code.split(';');
                open.push_str(parts.next().unwrap_or_default());
                for part in parts {
                    end(&mut open);
                    open.push_str(part);
                }
            }
            other => open.push_str(other.text()),
        }
    }
    end(&mut open);
    found
}

/// mysqldump hides what a view needs in comments that its servers read:
/// `/*!50001 CREATE ALGORITHM=MERGE */ /*!50013 DEFINER=… */ /*!50001 VIEW …*/`.
fn with_views(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for piece in pieces(text, Dialect::MySql) {
        let Piece::Comment(comment) = piece else {
            kept.push_str(piece.text());
            continue;
        };
        let inner = comment
            .strip_prefix("/*!")
            .or_else(|| comment.strip_prefix("/*M!"))
            .and_then(|rest| rest.strip_suffix("*/"))
            .map(|rest| {
                rest.trim_start_matches(|c: char| c.is_ascii_digit())
                    .trim_start()
            });
        let first = |inner: &str| {
            let word: String = inner.chars().take_while(|c| c.is_alphanumeric()).collect();
            word.to_uppercase()
        };
        let hides = |inner: &&str| match first(inner).as_str() {
            "VIEW" | "DEFINER" | "SQL" => true,
            "CREATE" => {
                let upper = inner.to_uppercase();
                upper.contains("ALGORITHM") || upper.contains("VIEW")
            }
            _ => false,
        };
        match inner.filter(hides) {
            Some(inner) => {
                kept.push(' ');
                kept.push_str(inner);
                kept.push(' ');
            }
            None => kept.push_str(comment),
        }
    }
    kept
}

fn is_about_tables(statement: &str) -> bool {
    if is_a_view(statement) {
        return true;
    }
    let words: Vec<String> = statement
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .take(5)
        .map(str::to_uppercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["CREATE", rest @ ..] => rest
            .iter()
            .take(3)
            .find(|word| {
                ![
                    "UNLOGGED",
                    "FOREIGN",
                    "TEMP",
                    "TEMPORARY",
                    "GLOBAL",
                    "LOCAL",
                ]
                .contains(word)
            })
            .is_some_and(|word| ["TABLE", "TYPE"].contains(word)),
        ["ALTER", "TABLE", ..]
        | [
            "COMMENT",
            "ON",
            "TABLE" | "COLUMN" | "VIEW" | "MATERIALIZED",
            ..,
        ] => true,
        _ => false,
    }
}

/// `CREATE … VIEW`, whatever stands between.
fn is_a_view(statement: &str) -> bool {
    const BETWEEN: [&str; 11] = [
        "OR",
        "REPLACE",
        "TEMP",
        "TEMPORARY",
        "RECURSIVE",
        "MATERIALIZED",
        "ALGORITHM",
        "DEFINER",
        "SQL",
        "SECURITY",
        "INVOKER",
    ];
    let mut words = statement.split_whitespace();
    if !words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("CREATE"))
    {
        return false;
    }
    for word in words.take(12) {
        let upper = word.to_uppercase();
        let name = upper.split('=').next().unwrap_or_default();
        match name {
            "VIEW" => return true,
            name if BETWEEN.contains(&name) => {}
            // `= MERGE`, `= x@y` and what else stands behind those words.
            _ if upper.starts_with('=') || upper.contains('@') => {}
            "MERGE" | "UNDEFINED" | "TEMPTABLE" | "CURRENT_USER" => {}
            _ => return false,
        }
    }
    false
}

/// Without what is for psql alone: rows behind `COPY … FROM stdin;`, and `\connect`.
fn without_data(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut in_rows = false;
    for line in text.lines() {
        if in_rows {
            in_rows = line.trim_end() != "\\.";
            continue;
        }
        let begin = line.get(..5).unwrap_or_default();
        if begin.eq_ignore_ascii_case("copy ") && line.to_lowercase().contains("from stdin") {
            in_rows = true;
        } else if !line.starts_with('\\') {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_about_tables_are_found_among_all_others() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(statements(text, Dialect::Postgres), expected, "{text}");
        };
        check(
            "SET x = 1;\n-- CREATE TABLE a (x int);\nCREATE TABLE b (x text DEFAULT ';');",
            &["CREATE TABLE b (x text DEFAULT ';')"],
        );
        check(
            "COPY public.b (x) FROM stdin;\n1;\tCREATE TABLE c ();\n\\.\n\\connect x\nALTER TABLE b ADD y int",
            &["ALTER TABLE b ADD y int"],
        );
        check(
            "CREATE FUNCTION f() RETURNS int AS $$ CREATE TABLE d (x int); $$ LANGUAGE sql;",
            &[],
        );
        check(
            "CREATE INDEX i ON b (x); INSERT INTO b VALUES ('a;b'); DROP TABLE b",
            &[],
        );
        check(
            "CREATE OR REPLACE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW w AS SELECT 2; CREATE RULE view AS x",
            &[
                "CREATE OR REPLACE VIEW v AS SELECT 1",
                "CREATE MATERIALIZED VIEW w AS SELECT 2",
            ],
        );
        check("", &[]);
    }

    #[test]
    fn views_of_mysql_are_found_in_the_comments_that_hide_them() {
        let text = "/*!50001 DROP VIEW IF EXISTS `v`*/;\n/*!50001 SET x = 1 */;\n\
            /*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n\
            /*!50001 VIEW `v` AS select `a`.`id` AS `id` from `a` */;\n\
            /*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET x = 1 */;";
        let found = statements(text, Dialect::MySql);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("CREATE ALGORITHM=UNDEFINED"),
            "{found:?}"
        );
        assert!(found[0].ends_with("from `a`"), "{found:?}");
    }

    #[tokio::test]
    async fn dump_without_tables_says_so() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "SELECT 1; CREATE TABLE (;").expect("is written");
        let error = read_dump(file.path(), None).await.expect_err("has none");
        assert_eq!(
            error.to_string(),
            "creates no table that could be read; 1 statements about tables are not understood"
        );
    }
}
