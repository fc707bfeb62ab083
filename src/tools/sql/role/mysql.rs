//! What an account of MySQL or MariaDB could do beyond reading.
//!
//! The server says so itself, in `SHOW GRANTS`. Rights count that come through
//! a role, active or not, or on MariaDB through PUBLIC. Rights that a newer server brings
//! are unknown here, and an unknown right is one to write.

use super::WriteRight;
use crate::tools::sql::{
    guard::Dialect,
    lexer::{self, Piece},
};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row, mysql::MySqlDatabaseError};

/// Rights that read: rows, the text of views, the names of databases.
const HARMLESS: &[&str] = &["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES"];

/// Roles in roles; a company has a handful.
const MAX_ROLES: usize = 64;

/// MariaDB's number for a role that is not granted to the account itself.
const ROLE_NOT_GRANTED: u16 = 1959;

/// Every write right of the account; empty where it can only read. Takes on the
/// account's roles one after the other, so that the connection is of no use after.
pub async fn write_rights(mut connection: MySqlConnection) -> Result<Vec<WriteRight>, sqlx::Error> {
    let mut found = Vec::new();
    let mut roles = Vec::new();
    let mut lines = grants(&mut connection, "SHOW GRANTS").await?;
    let mut asked = 0;
    loop {
        for line in lines {
            read_grant(&line, &mut found, &mut roles);
        }
        let Some(role) = roles.get(asked) else {
            break;
        };
        if asked == MAX_ROLES {
            found.push(WriteRight {
                right: format!("more than {MAX_ROLES} roles, which can't all be read"),
                remedy: format!("REVOKE {role} FROM CURRENT_USER"),
            });
            break;
        }
        lines = with_role(&mut connection, role).await?;
        asked += 1;
    }
    connection.close().await?;
    found.sort_by(|a, b| a.right.cmp(&b.right));
    found.dedup();
    Ok(found)
}

/// The grants of the account with those of a role and of the roles in it.
async fn with_role(
    connection: &mut MySqlConnection,
    role: &str,
) -> Result<Vec<String>, sqlx::Error> {
    // MySQL says it of a role that is not active, MariaDB of an active one.
    let using = format!("SHOW GRANTS FOR CURRENT_USER() USING {role}");
    match grants(connection, &using).await {
        Err(sqlx::Error::Database(_)) => {}
        lines => return lines,
    }
    let take_on = sqlx::raw_sql(AssertSqlSafe(format!("SET ROLE {role}")));
    match connection.execute(take_on).await {
        Err(error) if is_not_granted(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(_) => grants(connection, "SHOW GRANTS").await,
    }
}

/// A role in another one: shown with the one that the account has.
fn is_not_granted(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    let database = database.and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    database.is_some_and(|error| error.number() == ROLE_NOT_GRANTED)
}

/// `statement` holds nothing but names that the server gave, in its own quotes.
async fn grants(
    connection: &mut MySqlConnection,
    statement: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_string()));
    let rows = connection.fetch_all(statement).await?;
    rows.iter().map(|row| row.try_get_unchecked(0)).collect()
}

/// Takes one line apart: `GRANT SELECT, INSERT (a) ON x TO y WITH GRANT OPTION`
/// or `GRANT role TO y`. Whatever has another form counts as a right to write.
fn read_grant(line: &str, found: &mut Vec<WriteRight>, roles: &mut Vec<String>) {
    let visible = without_names(line);
    if visible.starts_with("REVOKE ") || visible.starts_with("SET DEFAULT ROLE ") {
        return;
    }
    let Some(grant) = Grant::parse(line, &visible) else {
        // The line itself may hold the hash of a password.
        found.push(WriteRight {
            right: "a grant of a form that is not known".into(),
            remedy: "SHOW GRANTS".into(),
        });
        return;
    };
    let Grant {
        rights,
        object,
        grantee,
        option,
    } = grant;
    match object {
        Some(object) => {
            let writing: Vec<&str> = rights
                .iter()
                .copied()
                .filter(|right| !HARMLESS.contains(&right_name(right).as_str()))
                .collect();
            if !writing.is_empty() {
                let rights = writing.join(", ");
                found.push(WriteRight {
                    right: format!("{rights} on {object}"),
                    remedy: format!("REVOKE {rights} ON {object} FROM {grantee}"),
                });
            }
            if option.contains("GRANT OPTION") {
                found.push(WriteRight {
                    right: format!("GRANT OPTION on {object}"),
                    remedy: format!("REVOKE GRANT OPTION ON {object} FROM {grantee}"),
                });
            }
        }
        None => {
            for role in rights {
                if option.contains("ADMIN OPTION") {
                    found.push(WriteRight {
                        right: format!("ADMIN OPTION for {role}"),
                        remedy: format!("REVOKE ADMIN OPTION FOR {role} FROM {grantee}"),
                    });
                }
                if !roles.iter().any(|known| known == role) {
                    roles.push(role.to_string());
                }
            }
        }
    }
}

struct Grant<'a> {
    /// Rights with their columns, or the names of roles.
    rights: Vec<&'a str>,
    /// `None` for the grant of a role.
    object: Option<&'a str>,
    grantee: &'a str,
    /// What follows the grantee, names and passwords left out.
    option: &'a str,
}

impl<'a> Grant<'a> {
    /// `visible` is `line` with the names blanked: a name may hold any word.
    fn parse(line: &'a str, visible: &'a str) -> Option<Self> {
        let start = "GRANT ".len();
        visible.strip_prefix("GRANT ")?;
        let to = visible.find(" TO ")?;
        let on = visible[..to].find(" ON ");
        let rights_end = on.unwrap_or(to);
        let rights = list(
            line.get(start..rights_end)?,
            visible.get(start..rights_end)?,
        );
        let object = match on {
            Some(on) => Some(line.get(on + " ON ".len()..to)?),
            None => None,
        };
        let grantee = to + " TO ".len();
        let end = visible[grantee..].find([' ', ',']);
        let end = end.map_or(visible.len(), |end| grantee + end);
        Some(Self {
            rights,
            object,
            grantee: line.get(grantee..end)?,
            option: visible.get(end..)?,
        })
    }
}

/// The parts between commas that stand in no parentheses.
fn list<'a>(text: &'a str, visible: &str) -> Vec<&'a str> {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0usize);
    for (at, c) in visible.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// `INSERT (a, b)` as `INSERT`.
fn right_name(right: &str) -> String {
    let name = right.split('(').next().unwrap_or_default();
    name.trim().to_uppercase()
}

/// Every quoted name and string as so many `x`, so that places stay the same.
fn without_names(line: &str) -> String {
    let pieces = lexer::pieces(line, Dialect::MySql).into_iter();
    pieces
        .map(|piece| match piece {
            Piece::Code(code) => code.to_string(),
            other => "x".repeat(other.text().len()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Vec<String>, Vec<String>) {
        let (mut found, mut roles) = (Vec::new(), Vec::new());
        read_grant(line, &mut found, &mut roles);
        (found.iter().map(ToString::to_string).collect(), roles)
    }

    #[test]
    fn rights_to_read_are_no_fault() {
        for line in [
            "GRANT USAGE ON *.* TO `lore`@`%` IDENTIFIED BY PASSWORD '*A1B2 ON x TO y'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `lore`@`%`",
            "GRANT SELECT (`INSERT`, `b`) ON `shop`.`orders` TO 'lore'@'%'",
            "GRANT SHOW DATABASES ON *.* TO `lore`@`%` REQUIRE SSL",
            "REVOKE SELECT ON `mysql`.* FROM `lore`@`%`",
            "SET DEFAULT ROLE `readers` FOR `lore`@`%`",
        ] {
            assert_eq!(read(line), (vec![], vec![]), "{line}");
        }
    }

    #[test]
    fn other_rights_are_named_with_the_remedy() {
        let check = |line: &str, expected: &[&str]| {
            assert_eq!(read(line).0, expected, "{line}");
        };
        check(
            "GRANT SELECT, INSERT, UPDATE (`a`, `b`) ON `shop`.* TO `lore`@`%`",
            &[
                "INSERT, UPDATE (`a`, `b`) on `shop`.* (take it away with `REVOKE INSERT, UPDATE (`a`, `b`) ON `shop`.* FROM `lore`@`%`;`)",
            ],
        );
        check(
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            &[
                "ALL PRIVILEGES on *.* (take it away with `REVOKE ALL PRIVILEGES ON *.* FROM `root`@`localhost`;`)",
                "GRANT OPTION on *.* (take it away with `REVOKE GRANT OPTION ON *.* FROM `root`@`localhost`;`)",
            ],
        );
        check(
            "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `lore`@`%`",
            &[
                "EXECUTE on PROCEDURE `shop`.`p` (take it away with `REVOKE EXECUTE ON PROCEDURE `shop`.`p` FROM `lore`@`%`;`)",
            ],
        );
        check(
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
            &[
                "PROXY on ''@'%' (take it away with `REVOKE PROXY ON ''@'%' FROM 'root'@'localhost';`)",
                "GRANT OPTION on ''@'%' (take it away with `REVOKE GRANT OPTION ON ''@'%' FROM 'root'@'localhost';`)",
            ],
        );
        check(
            "GRANT A_RIGHT_OF_A_LATER_SERVER ON *.* TO `lore`@`%`",
            &[
                "A_RIGHT_OF_A_LATER_SERVER on *.* (take it away with `REVOKE A_RIGHT_OF_A_LATER_SERVER ON *.* FROM `lore`@`%`;`)",
            ],
        );
    }

    #[test]
    fn roles_are_followed_and_their_administration_is_a_right() {
        let roles = |roles: &[&str]| roles.iter().map(|role| role.to_string()).collect();
        assert_eq!(
            read("GRANT `readers`@`%`,`all ON x`@`%` TO `lore`@`%`"),
            (vec![], roles(&["`readers`@`%`", "`all ON x`@`%`"]))
        );
        let (found, named) = read("GRANT `writers` TO `lore`@`%` WITH ADMIN OPTION");
        assert_eq!(named, ["`writers`"]);
        assert!(
            found[0].starts_with("ADMIN OPTION for `writers`"),
            "{found:?}"
        );
    }

    #[test]
    fn grant_that_cant_be_read_is_a_right_and_is_not_shown() {
        for line in ["", "GRANT", "GRANT SELECT", "ALLOW ALL '*HASH'"] {
            let (found, _) = read(line);
            assert!(
                found[0].starts_with("a grant of a form"),
                "{line} {found:?}"
            );
            assert!(!found[0].contains("HASH"));
        }
    }
}
