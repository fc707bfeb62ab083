//! Many acceptances, one commit.
//!
//! On SQLite every commit waits for the disk. Where a sync takes 8 ms, one
//! after the other would be 125 questions a second; so whoever comes to write
//! takes along all who wait behind, and the disk is waited for once.
//! PostgreSQL does the same by itself.
//!
//! Promise: each caller learns the fate of its own row, after the commit. A
//! caller that goes away takes nobody with it.

use super::{
    Result, StoreError,
    inbox::{NewRow, insert},
    sql::Pool,
};
use crate::domain::Receipt;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{
    Mutex as Turn,
    oneshot::{self, error::TryRecvError},
};

#[derive(Debug, Default)]
pub(super) struct GroupCommit {
    waiting: Mutex<Vec<Waiting>>,
    turn: Turn<()>,
}

#[derive(Debug)]
struct Waiting {
    row: NewRow,
    told: oneshot::Sender<Result<Receipt>>,
}

impl GroupCommit {
    pub async fn accept(&self, pool: &Pool, row: NewRow) -> Result<Receipt> {
        loop {
            let (told, mut fate) = oneshot::channel();
            self.queue().push(Waiting {
                row: row.clone(),
                told,
            });
            let turn = self.turn.lock().await;
            match fate.try_recv() {
                Ok(receipt) => return receipt,
                // Whoever took our row along was cancelled before the commit.
                Err(TryRecvError::Closed) => continue,
                Err(TryRecvError::Empty) => {}
            }
            // It is still undecided: all who wait by now go in one transaction.
            let group = std::mem::take(&mut *self.queue());
            commit(pool, group).await;
            drop(turn);
            if let Ok(receipt) = fate.await {
                return receipt;
            }
        }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn commit(pool: &Pool, group: Vec<Waiting>) {
    match insert_all(pool, &group).await {
        Ok(receipts) => {
            for (waiting, receipt) in group.into_iter().zip(receipts) {
                // Its caller may have left: the row stands all the same.
                let _ = waiting.told.send(Ok(receipt));
            }
        }
        // They waited together; one after the other they would wait as often as they are.
        Err(StoreError::Locked { doing, site }) => {
            for waiting in group {
                let site = site.clone();
                let _ = waiting.told.send(Err(StoreError::Locked { doing, site }));
            }
        }
        // One bad row must not cost the others theirs: each by itself, each with its own error.
        Err(_) => {
            for waiting in group {
                let receipt = insert_one(pool, waiting.row).await;
                let _ = waiting.told.send(receipt);
            }
        }
    }
}

pub(super) async fn insert_one(pool: &Pool, row: NewRow) -> Result<Receipt> {
    let mut tx = pool.write_at_once("accept question").await?;
    let receipt = insert(&mut tx, row).await?;
    tx.commit().await?;
    Ok(receipt)
}

async fn insert_all(pool: &Pool, group: &[Waiting]) -> Result<Vec<Receipt>> {
    let mut tx = pool.write_at_once("accept question").await?;
    let mut receipts = Vec::with_capacity(group.len());
    for waiting in group {
        receipts.push(insert(&mut tx, waiting.row.clone()).await?);
    }
    tx.commit().await?;
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use super::super::open::tests::question;
    use crate::{
        domain::{QuestionId, Receipt},
        store::Store,
    };
    use chrono::DateTime;
    use futures::{future::join_all, poll};
    use std::pin::pin;

    #[tokio::test]
    async fn each_caller_learns_the_fate_of_its_own_row() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(None, folder.path()).await.unwrap();
        let ids: Vec<QuestionId> = (0..60).map(|_| QuestionId::new()).collect();
        // Thirty gestures, each told twice.
        let receipts = join_all((0..60).map(async |n| {
            let incoming = question(n % 30);
            let inbox = store.inbox();
            let receipt = inbox.accept(&incoming, ids[n], DateTime::UNIX_EPOCH).await;
            receipt.unwrap()
        }))
        .await;
        for n in 0..30 {
            let pair = [&receipts[n], &receipts[n + 30]];
            assert_eq!(pair, [&Receipt::Accepted(ids[n]), &Receipt::Duplicate]);
        }
    }

    #[tokio::test]
    async fn caller_who_leaves_takes_nobody_along() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(None, folder.path()).await.unwrap();
        let inbox = store.inbox();
        let events: Vec<_> = (0..3).map(question).collect();
        let id = QuestionId::new();
        let accept = |n: usize| inbox.accept(&events[n], id, DateTime::UNIX_EPOCH);
        // The first has the turn, the two others wait; then the second takes the third along.
        let mut first = Box::pin(accept(0));
        let mut second = Box::pin(accept(1));
        let mut third = pin!(accept(2));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut third).is_pending());
        drop(first);
        assert!(poll!(&mut second).is_pending());
        drop(second);
        assert_eq!(third.await.unwrap(), Receipt::Accepted(id));
    }
}
