//! A statement under way on a connection of a pool.
//!
//! Promise: a statement whose caller has gone, or whose time is up, ends on the
//! server too. Only a connection that is known to be at rest goes back to the
//! pool; another one may have half a result on its way.

use super::{Limits, database::tool_error};
use crate::{domain::Rows, ports::ToolError};
use sqlx::pool::PoolConnection;
use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{error::Elapsed, timeout},
};

/// For a connection of its own and one short statement.
const END_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Running<DB: sqlx::Database> {
    connection: PoolConnection<DB>,
    end: Option<Box<dyn FnOnce() + Send>>,
    at_rest: bool,
}

impl<DB: sqlx::Database> Running<DB> {
    pub fn new(connection: PoolConnection<DB>) -> Self {
        Self {
            connection,
            end: None,
            at_rest: false,
        }
    }

    /// What to do where the statement must be ended from outside.
    pub fn ends_by(&mut self, end: impl FnOnce() + Send + 'static) {
        self.end = Some(Box::new(end));
    }

    /// The rows, or which error of a call it is. What the server may still be
    /// working on is ended.
    pub fn settle(
        mut self,
        outcome: Result<Result<Rows, sqlx::Error>, Elapsed>,
        name: &str,
        limits: Limits,
    ) -> Result<Rows, ToolError> {
        match outcome {
            Ok(Ok(rows)) => {
                self.at_rest = !rows.truncated;
                Ok(rows)
            }
            Ok(Err(error)) => {
                if let sqlx::Error::Database(_) = error {
                    self.end = None;
                }
                Err(tool_error(name, limits, error))
            }
            Err(_) => Err(ToolError::Timeout {
                source_name: name.into(),
                limit: limits.timeout,
            }),
        }
    }
}

impl<DB: sqlx::Database> Drop for Running<DB> {
    fn drop(&mut self) {
        if self.at_rest {
            return;
        }
        self.connection.close_on_drop();
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

impl<DB: sqlx::Database> Deref for Running<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: sqlx::Database> DerefMut for Running<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

/// Ends a statement from a task of its own: the caller may be gone. An error
/// is no news to anybody; the server's own limit ends the statement then.
pub fn end_in_background(end: impl Future<Output = Result<(), sqlx::Error>> + Send + 'static) {
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    runtime.spawn(async {
        if !matches!(timeout(END_TIMEOUT, end).await, Ok(Ok(()))) {
            tracing::debug!("Could not end a statement on its server; its time limit will");
        }
    });
}
