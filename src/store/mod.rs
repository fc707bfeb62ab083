//! The store: every question, answer, reaction and audit record, and all SQL
//! of our own.
//!
//! SQLite in the data folder, or PostgreSQL; the same tables, the same
//! statements, the same tests. What a function reports as done is committed
//! and survives `kill -9` and a power failure. No transaction outlives the
//! call that began it.
//!
//! The way of a question, as the worker walks it:
//!
//! ```text
//! store.inbox().accept(&incoming, id, now).await?;            // intake
//! let Some(claimed) = store.inbox().claim(&claimant, now).await? else { .. };
//! let lease = &claimed.lease;
//! store.outbox().plan_parts(lease, &placeholder, now).await?;
//! // .. deliver, and meanwhile store.inbox().renew(lease, ..)
//! store.answers().save(lease, &saving, now).await?;            // claimed -> answered
//! for sent in store.outbox().parts(lease.question).await? {    // each part is posted, edited, or looked up
//!     match sent.next_step() { .. }
//! }
//! store.answers().settle_posted(lease, now).await?;            // answered -> posted
//! ```

mod answers;
mod audit;
mod callback;
mod claim;
mod error;
mod feedback;
mod group_commit;
mod inbox;
mod open;
mod outbox;
mod sources;
mod sql;
mod threads;

pub use answers::{Answers, SavedAnswer, Saving};
pub use audit::{Audit, AuditEntry, AuditFilter, AuditKind, AuditRecord, Break, Verification};
pub use claim::{Claimant, Claimed, Lease, Stage};
pub use error::StoreError;
pub use feedback::{FeedbackBook, FeedbackFilter, FeedbackRow, HeldSignal, Recorded};
pub use inbox::{Inbox, StateCounts};
pub use outbox::{NextStep, Outbox, OutboxPart, OutboxState, Shown};
pub use sources::{Completed, ReadingLease, ReadingOutcome, SourceState, Sources};

type Result<T> = std::result::Result<T, StoreError>;

/// Cheap to clone: the connections are shared.
#[derive(Clone, Debug)]
pub struct Store {
    pool: sql::Pool,
}

impl Store {
    /// Questions that were accepted, until they are settled.
    pub fn inbox(&self) -> Inbox<'_> {
        Inbox(self)
    }

    /// Messages that we post, and what the platform knows of them.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(self)
    }

    pub fn answers(&self) -> Answers<'_> {
        Answers(self)
    }

    /// What people say about answers.
    pub fn feedback(&self) -> FeedbackBook<'_> {
        FeedbackBook(self)
    }

    /// Who asked what and got what.
    pub fn audit(&self) -> Audit<'_> {
        Audit(self)
    }

    /// How fresh what is known of each source is.
    pub fn sources(&self) -> Sources<'_> {
        Sources(self)
    }

    /// Where the data lies, for `doctor` and error messages; never a password.
    pub fn site(&self) -> &str {
        &self.pool.site().name
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let mut tx = self.pool.read("ask the database").await?;
        tx.fetch_all("SELECT 1", []).await?;
        Ok(())
    }

    /// Waits for running calls and closes the connections.
    pub async fn close(&self) {
        match &self.pool {
            sql::Pool::Sqlite {
                writer, readers, ..
            } => {
                readers.close().await;
                writer.close().await;
            }
            sql::Pool::Postgres { pool, .. } => pool.close().await,
        }
    }
}
