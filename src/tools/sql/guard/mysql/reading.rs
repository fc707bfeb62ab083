//! What the gate reads in a MySQL statement before its parser does.
//!
//! The parser is not the server's, so that it never decides where a string or
//! a comment ends: strings and comments are put aside here, by rules that hold
//! for the SQL mode that our sessions set. Texts that the server might read in
//! another way (comments that it runs, variables, blanks of other scripts) are
//! refused.

use crate::tools::sql::{
    guard::{
        Dialect, Refusal,
        functions::{self, Ruling},
        refuse,
    },
    lexer::{self, Piece},
};

/// Commands, by their first word, for a reason that says what the statement is.
const COMMANDS: &str = "
    ALTER ANALYZE BEGIN BINLOG CACHE CALL CHANGE CHECK CHECKSUM COMMIT CREATE DEALLOCATE DELETE DESC
    DESCRIBE DO DROP EXECUTE EXPLAIN FLUSH GET GRANT HANDLER HELP IMPORT INSERT INSTALL KILL LOAD
    LOCK OPTIMIZE PREPARE PURGE RELEASE RENAME REPAIR REPLACE RESET RESIGNAL RESTART REVOKE ROLLBACK
    SAVEPOINT SET SHOW SHUTDOWN SIGNAL START STOP TRUNCATE UNINSTALL UNLOCK UPDATE USE XA";

/// Reserved words that no reading statement has. The parser knows most of
/// them; a word that it would take for something else is refused all the same.
const ACTS: &str = "ALTER CALL CREATE DELETE DROP GRANT LOAD RENAME REVOKE UNLOCK";

/// The statement with every string empty and every comment a blank.
pub fn without_strings(sql: &str) -> Result<String, Refusal> {
    let mut quiet = String::with_capacity(sql.len());
    for piece in lexer::pieces(sql, Dialect::MySql) {
        match piece {
            Piece::Comment(comment) => {
                harmless_comment(comment)?;
                quiet.push(' ');
            }
            Piece::Quoted(name) if name.starts_with('`') => quiet.push_str(name),
            // A blank behind it, so that two strings side by side stay two.
            Piece::Quoted(_) => quiet.push_str("'' "),
            Piece::Unclosed(_) => {
                return refuse("can't be parsed: a string, a name or a comment lacks its end");
            }
            Piece::Code(code) => {
                plain_characters(code)?;
                quiet.push_str(code);
            }
        }
    }
    Ok(quiet)
}

fn harmless_comment(comment: &str) -> Result<(), Refusal> {
    if comment.contains(|c: char| c.is_control() && !c.is_ascii_whitespace()) {
        return refuse("has a control character in a comment");
    }
    let Some(inside) = comment.strip_prefix("/*") else {
        return Ok(());
    };
    if inside.starts_with(['!', 'M', 'm']) && inside.trim_start_matches(['M', 'm']).starts_with('!')
    {
        return refuse("has a comment that the server runs, `/*! … */`");
    }
    if inside.starts_with('+') {
        return refuse("has an optimizer hint, `/*+ … */`, which can lift limits");
    }
    Ok(())
}

fn plain_characters(code: &str) -> Result<(), Refusal> {
    if code.contains('@') {
        return refuse("uses a variable, `@…`");
    }
    if code.contains(":=") {
        return refuse("assigns a variable with `:=`");
    }
    let is_plain = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\\' => false,
        c if c.is_ascii() => !c.is_ascii_control(),
        c => c.is_alphanumeric(),
    };
    match code.chars().find(|c| !is_plain(*c)) {
        Some(c) => refuse(format!(
            "has the character U+{:04X} outside a string",
            u32::from(c)
        )),
        None => Ok(()),
    }
}

/// The command that it is, where it is none that reads.
pub fn command(quiet: &str) -> Option<String> {
    let first = words(quiet).next()?.0.to_uppercase();
    COMMANDS
        .split_whitespace()
        .any(|command| command == first)
        .then_some(first)
}

/// Refuses words that act, wherever they stand.
pub fn no_acting_words(quiet: &str) -> Result<(), Refusal> {
    for (word, is_called) in words(quiet) {
        let upper = word.to_uppercase();
        match upper.as_str() {
            "INTO" | "OUTFILE" | "DUMPFILE" => {
                return refuse("writes its result INTO a file, a table or a variable");
            }
            "UPDATE" | "LOCK" => {
                return refuse("locks rows with FOR UPDATE or LOCK IN SHARE MODE");
            }
            "PROCEDURE" => return refuse("hands its rows to a PROCEDURE"),
            act if ACTS.split_whitespace().any(|known| known == act) => {
                return refuse(format!("has {act} in it, where only a SELECT may stand"));
            }
            _ => {}
        }
        if let Ruling::Forbidden(deed) = functions::mysql(word)
            && is_called
        {
            return refuse(format!("calls `{}`, which {deed}", word.to_lowercase()));
        }
    }
    Ok(())
}

/// The words outside quoted names, and whether a parenthesis follows.
fn words(quiet: &str) -> impl Iterator<Item = (&str, bool)> {
    let pieces = lexer::pieces(quiet, Dialect::MySql).into_iter();
    let code = pieces.filter_map(|piece| match piece {
        Piece::Code(code) => Some(code),
        _ => None,
    });
    code.flat_map(|code| {
        let mut rest = code;
        std::iter::from_fn(move || {
            let start = rest.find(is_word)?;
            let from = &rest[start..];
            let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            rest = after;
            Some((word, after.trim_start().starts_with('(')))
        })
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
