//! What a role could do beyond reading.
//!
//! A role with a single write right is refused at start: the gate and the READ
//! ONLY transaction are walls of ours, the missing right is one of the
//! server's.

pub mod mysql;
pub mod postgres;

use super::database::OpenError;
use crate::ports::ToolError;
use std::fmt;
use tokio::sync::OnceCell;

/// One right, and the statement that takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteRight {
    pub right: String,
    pub remedy: String,
}

impl fmt::Display for WriteRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (take it away with `{};`)", self.right, self.remedy)
    }
}

/// Whether the role of a database is known to have no write right. Asked until
/// it is, with the first connection that can be had.
pub struct Proof {
    database: String,
    role: String,
    proven: OnceCell<()>,
}

impl Proof {
    pub fn new(database: &str, role: &str) -> Self {
        Self {
            database: database.into(),
            role: role.into(),
            proven: OnceCell::new(),
        }
    }

    /// `rights` reads the write rights of the role; empty where it has none.
    pub async fn hold(
        &self,
        rights: impl Future<Output = Result<Vec<WriteRight>, ToolError>>,
    ) -> Result<(), ToolError> {
        let prove = async {
            match rights.await? {
                rights if rights.is_empty() => Ok(()),
                rights => Err(self.can_write(&rights)),
            }
        };
        self.proven.get_or_try_init(|| prove).await.copied()
    }

    fn can_write(&self, rights: &[WriteRight]) -> ToolError {
        let rights: Vec<String> = rights.iter().map(ToString::to_string).collect();
        ToolError::NotAllowed {
            source_name: self.database.clone(),
            source: Box::new(OpenError::CanWrite {
                name: self.database.clone(),
                role: self.role.clone(),
                rights: rights.join("; "),
            }),
        }
    }
}

/// An error only where the role is known to be able to write: a database that
/// is down now may be up at the next call.
pub fn refuse_writers<T>(connected: Result<T, ToolError>) -> Result<(), OpenError> {
    match connected {
        Err(ToolError::NotAllowed { source, .. }) => match source.downcast::<OpenError>() {
            Ok(error) => Err(*error),
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}
