//! The chain itself: pure, so that every way to break it is a small test.

use super::Head;
use sha2::{Digest, Sha256};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Nothing is missing and nothing was changed. `head` is the hash to write down elsewhere.
    Intact { rows: u64, head: String },
    /// The first row, by sequence number, where the chain does not hold.
    Broken { sequence: i64, what: Break },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    #[error("its content was changed")]
    Changed,
    #[error("it is missing")]
    Missing,
    #[error("it is not the row that followed the one before it")]
    OutOfOrder,
    #[error("it was added behind the last row")]
    Added,
    #[error("the note of the last row is missing or was changed")]
    Head,
}

/// The hash of a row: SHA-256 in hex over a JSON array, which no choice of
/// contents can make look like another. The sequence number is left out: the
/// place of a row is given by the hash before it.
pub(super) fn hash(
    previous: &str,
    at_us: i64,
    kind: &str,
    question: Option<&str>,
    record: &str,
) -> String {
    let content = serde_json::json!([previous, at_us, kind, question, record]).to_string();
    hex::encode(Sha256::digest(content))
}

/// A row, as far as the chain looks at it.
pub(super) struct Link {
    pub sequence: i64,
    pub at_us: i64,
    pub kind: String,
    pub question: Option<String>,
    pub record: String,
    pub previous: String,
    pub hash: String,
}

/// The chain up to the last row that holds.
#[derive(Debug, Default)]
pub(super) struct Chain {
    sequence: i64,
    hash: String,
}

impl Chain {
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Goes on by one row.
    pub fn follow(&mut self, link: Link) -> Result<(), Verification> {
        let expected = self.sequence + 1;
        let broken = |what| {
            Err(Verification::Broken {
                sequence: expected,
                what,
            })
        };
        if link.sequence != expected {
            return broken(Break::Missing);
        }
        let own = hash(
            &link.previous,
            link.at_us,
            &link.kind,
            link.question.as_deref(),
            &link.record,
        );
        if own != link.hash {
            return broken(Break::Changed);
        }
        if link.previous != self.hash {
            return broken(Break::OutOfOrder);
        }
        self.sequence = link.sequence;
        self.hash = link.hash;
        Ok(())
    }

    /// Compares the last row with the note that is kept of it.
    pub fn end(self, head: Option<Head>) -> Verification {
        let broken = |sequence, what| Verification::Broken { sequence, what };
        match head {
            None => broken(self.sequence, Break::Head),
            Some(head) if head.sequence > self.sequence => {
                broken(self.sequence + 1, Break::Missing)
            }
            Some(head) if head.sequence < self.sequence => broken(head.sequence + 1, Break::Added),
            Some(head) if head.hash != self.hash => broken(self.sequence, Break::Head),
            Some(head) => Verification::Intact {
                rows: self.sequence.unsigned_abs(),
                head: head.hash,
            },
        }
    }
}
