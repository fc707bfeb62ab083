//! Where the tables lie, and what its errors mean to the person who runs it.

use super::open::Generation;
use crate::knowledge::index::IndexError;
use sqlx::Error;

/// A database and a schema in it.
#[derive(Clone, Debug)]
pub struct Site {
    /// For messages: no password.
    pub place: String,
    pub schema: String,
}

const CREDENTIALS: &str = "user and password in `index.url`";
const RIGHTS: &str = "grant this user the right to create a schema in this database, \
    and run `CREATE EXTENSION vector` there as a superuser";

impl Site {
    pub fn generation(&self, id: i64) -> Generation {
        let schema = &self.schema;
        Generation {
            id,
            table: format!("{schema}.generation"),
            passages: format!("{schema}.passage_{id}"),
            postings: format!("{schema}.posting_{id}"),
            audiences: format!("{schema}.audience_{id}"),
        }
    }

    /// Sorts a database error by what a person can do about it.
    pub fn error(&self, error: Error, doing: &'static str) -> IndexError {
        let place = self.place.clone();
        match &error {
            // A line that breaks during the first words looks like a server that speaks in tongues.
            Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed => IndexError::Unreachable {
                place,
                source: error.into(),
            },
            Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                let message = database.message().to_string();
                self.of_code(&code, &message, doing)
                    .unwrap_or_else(|| IndexError::failed(doing)(error))
            }
            _ => IndexError::failed(doing)(error),
        }
    }

    /// By PostgreSQL's SQLSTATE, where that says enough.
    fn of_code(&self, code: &str, message: &str, doing: &'static str) -> Option<IndexError> {
        let place = self.place.clone();
        let source = format!("it answered with SQLSTATE {code}");
        Some(match code {
            "28P01" | "28000" => IndexError::Unauthorised {
                place,
                remedy: CREDENTIALS,
                source: source.into(),
            },
            "3D000" => IndexError::Unsuited {
                place,
                problem: "there is no such database".into(),
                remedy: "create it with `createdb`, or correct `index.url`".into(),
            },
            "42501" | "25006" => IndexError::NotAllowed {
                doing,
                place,
                remedy: RIGHTS,
            },
            // The extension's files are not on the server.
            "0A000" | "58P01" if message.contains("vector") => IndexError::Unsuited {
                place,
                problem: "pgvector is not installed on the server".into(),
                remedy:
                    "install it there, for example with `apt-get install postgresql-17-pgvector`"
                        .into(),
            },
            "42P01" | "3F000" => IndexError::Missing { place },
            "53100" => IndexError::DiskFull { doing, place },
            // Shutting down, starting, no connection left, or a statement out of time.
            "57P01" | "57P02" | "57P03" | "53300" | "57014" => IndexError::Unreachable {
                place,
                source: source.into(),
            },
            "22000" if message.contains("dimensions") => IndexError::WrongDimension {
                place,
                source: message.to_string().into(),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_the_server_names_what_a_person_can_do() {
        let site = Site {
            place: "the index".into(),
            schema: "lorekeeper".into(),
        };
        let check = |code: &str, message: &str, expected: Option<&str>| {
            let error = site.of_code(code, message, "search");
            assert_eq!(
                error.map(|error| error.to_string()).as_deref(),
                expected,
                "{code}"
            );
        };
        check(
            "28P01",
            "",
            Some("the index refused our credentials; correct user and password in `index.url`"),
        );
        check(
            "0A000",
            "extension \"vector\" is not available",
            Some(
                "the index is not usable: pgvector is not installed on the server; install it there, \
                 for example with `apt-get install postgresql-17-pgvector`",
            ),
        );
        check("0A000", "cannot do that", None);
        check(
            "57P03",
            "",
            Some("the index can't be reached; check that it runs and that `index.url` is right"),
        );
        check(
            "53100",
            "",
            Some("search: no space left for the index; free some, the last batch was not stored"),
        );
        check("22000", "division by zero", None);
    }
}
