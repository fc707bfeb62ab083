//! What can go wrong with the store, for the person who runs it: what, where,
//! what next. No message holds a password, a question or a row.

use super::sql::Site;
use crate::{domain::QuestionId, ports::BoxError};
use sqlx::{Error, migrate::MigrateError};
use std::io::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "`store.url` is not usable: {problem}; expected `postgres://USER@HOST:PORT/DATABASE`, or no url at all for SQLite in the data folder"
    )]
    BadUrl { problem: String },
    #[error(
        "data folder `{path}` can't be used; check that it exists, is a folder and may be written by this user, or name another with --data-dir"
    )]
    Folder {
        path: String,
        #[source]
        source: BoxError,
    },
    #[error("{site} can't be reached; check that it runs and that host and port are right")]
    Unreachable {
        site: String,
        #[source]
        source: BoxError,
    },
    #[error("{site} does not exist; create it with `createdb`, or correct `store.url`")]
    NoDatabase { site: String },
    #[error("{site} refused user `{user}`; correct user and password in `store.url`")]
    PasswordRefused { site: String, user: String },
    #[error("{doing}: {site} denies it; grant this user the right to write and to create tables")]
    NotAllowed { doing: &'static str, site: String },
    #[error("{doing}: no space left for {site}; free some, nothing was stored")]
    DiskFull { doing: &'static str, site: String },
    #[error("{doing}: another process keeps {site} locked; stop it or wait for it, then try again")]
    Locked { doing: &'static str, site: String },
    #[error("{site} was made by a newer Lorekeeper (migration {migration}); run that version")]
    NewerSchema { site: String, migration: i64 },
    #[error(
        "{site} is damaged or not a database of Lorekeeper; restore a backup, or move it away to start empty"
    )]
    Damaged {
        site: String,
        #[source]
        source: BoxError,
    },
    /// Another worker took the question after its lease had expired, or it is
    /// settled. What the caller holds is stale: drop it.
    #[error("{doing}: question {question} is no longer held by this worker")]
    LeaseLost {
        doing: &'static str,
        question: QuestionId,
    },
    #[error("{doing}: part {part} of question {question} is not in a state that allows it")]
    WrongState {
        doing: &'static str,
        question: QuestionId,
        part: usize,
    },
    #[error("{doing}: a stored {what} can't be read")]
    Unreadable {
        doing: &'static str,
        what: &'static str,
        #[source]
        source: BoxError,
    },
    #[error("{doing}: {site} failed")]
    Failed {
        doing: &'static str,
        site: String,
        #[source]
        source: BoxError,
    },
}

impl StoreError {
    /// Sorts a database error by what a person can do about it.
    pub(super) fn from_sqlx(error: Error, doing: &'static str, site: &Site) -> Self {
        let name = site.name.to_string();
        match &error {
            Error::Migrate(_) | Error::PoolClosed => {}
            Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut => {
                return if site.is_file() {
                    StoreError::Locked { doing, site: name }
                } else {
                    StoreError::Unreachable {
                        site: name,
                        source: error.into(),
                    }
                };
            }
            Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if let Some(known) = Self::from_code(&code, doing, site) {
                    return known;
                }
                if matches!(code.as_ref(), "11" | "26") && site.is_file() {
                    return StoreError::Damaged {
                        site: name,
                        source: error.into(),
                    };
                }
            }
            _ => {}
        }
        StoreError::Failed {
            doing,
            site: name,
            source: error.into(),
        }
    }

    /// PostgreSQL's SQLSTATE has five characters; SQLite's extended result code
    /// is a number whose low byte is the kind.
    fn from_code(code: &str, doing: &'static str, site: &Site) -> Option<Self> {
        let name = site.name.to_string();
        let kind = if site.is_file() {
            code.parse::<u32>().map(|code| code & 0xff).ok()
        } else {
            None
        };
        Some(match (code, kind) {
            (_, Some(5 | 6)) => StoreError::Locked { doing, site: name },
            (_, Some(13)) | ("53100", None) => StoreError::DiskFull { doing, site: name },
            (_, Some(3 | 8 | 14)) => StoreError::Folder {
                path: site.folder.to_string(),
                source: format!("SQLite result code {code}").into(),
            },
            ("28P01" | "28000", None) => StoreError::PasswordRefused {
                site: name,
                user: site.user.to_string(),
            },
            ("3D000", None) => StoreError::NoDatabase { site: name },
            ("42501" | "25006", None) => StoreError::NotAllowed { doing, site: name },
            ("57P01" | "57P03" | "53300", None) => StoreError::Unreachable {
                site: name,
                source: format!("it answered with SQLSTATE {code}").into(),
            },
            _ => return None,
        })
    }

    pub(super) fn from_migration(error: MigrateError, site: &Site) -> Self {
        const DOING: &str = "bring the tables up to date";
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::from_sqlx(error, DOING, site)
            }
            MigrateError::VersionMissing(migration) => StoreError::NewerSchema {
                site: site.name.to_string(),
                migration,
            },
            other => StoreError::Failed {
                doing: DOING,
                site: site.name.to_string(),
                source: other.into(),
            },
        }
    }

    pub(super) fn is_unique_violation(&self) -> bool {
        let StoreError::Failed { source, .. } = self else {
            return false;
        };
        source
            .downcast_ref::<Error>()
            .and_then(Error::as_database_error)
            .is_some_and(|error| error.is_unique_violation())
    }

    pub(super) fn folder(path: &std::path::Path, error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::StorageFull {
            return StoreError::DiskFull {
                doing: "make the data folder",
                site: format!("`{}`", path.display()),
            };
        }
        StoreError::Folder {
            path: path.display().to_string(),
            source: error.into(),
        }
    }
}
