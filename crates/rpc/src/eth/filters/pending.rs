//! The transactions that became executable lately: one bounded list, which every filter of pending
//! transactions has a place in.
//!
//! It is kept only while there is such a filter. Whoever polls takes in first what the pool has
//! announced, so a transaction that was sent before is there; between polls one task does so.

use crate::metrics::filter_missed;
use alloy_primitives::B256;
use mfenx_primitives::RecoveredTransaction;
use mfenx_txpool::PoolHandle;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};
use tokio::sync::{
    broadcast::{self, error::TryRecvError},
    watch,
};

/// The list.
#[derive(Debug, Clone)]
pub(super) struct PendingLog(Arc<Mutex<Log>>);

#[derive(Debug)]
struct Log {
    /// None while there is no filter.
    source: Option<broadcast::Receiver<Arc<RecoveredTransaction>>>,
    hashes: VecDeque<B256>,
    /// How many there were before the first one of the list.
    gone: u64,
    hashes_max: usize,
    filters: usize,
    is_followed: bool,
}

/// A filter's share in the list, which is kept as long as there is one.
#[derive(Debug)]
pub(crate) struct Interest(Arc<Mutex<Log>>);

impl Drop for Interest {
    fn drop(&mut self) {
        let mut log = self.0.lock();
        log.filters -= 1;
        if log.filters == 0 {
            log.source = None;
            log.gone = log.end();
            log.hashes = VecDeque::new();
        }
    }
}

impl PendingLog {
    pub(super) fn new(hashes_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Log {
            source: None,
            hashes: VecDeque::new(),
            gone: 0,
            hashes_max: hashes_max.max(1),
            filters: 0,
            is_followed: false,
        })))
    }

    /// A share in the list, and the place after its last transaction.
    pub(super) fn join(&self, pool: &PoolHandle) -> (Interest, u64) {
        let mut log = self.0.lock();
        log.filters += 1;
        log.source.get_or_insert_with(|| pool.subscribe());
        if !log.is_followed {
            log.is_followed = true;
            tokio::spawn(follow(Arc::downgrade(&self.0), pool.changed()));
        }
        log.take_in();
        (Interest(Arc::clone(&self.0)), log.end())
    }

    /// At most `most` hashes from place `from` on, and the place after them. What a poll comes too
    /// late for is left out and counted.
    pub(super) fn read(&self, from: u64, most: usize) -> (Vec<B256>, u64) {
        let mut log = self.0.lock();
        log.take_in();
        filter_missed(log.gone.saturating_sub(from));
        let from = from.max(log.gone);
        let skipped = usize::try_from(from - log.gone).unwrap_or(usize::MAX);
        let hashes: Vec<_> = log.hashes.iter().skip(skipped).take(most.max(1)).copied().collect();
        let next = from + hashes.len() as u64;
        (hashes, next)
    }
}

impl Log {
    fn end(&self) -> u64 {
        self.gone + self.hashes.len() as u64
    }

    /// Takes in what the pool has announced; false when there is nobody to do it for.
    fn take_in(&mut self) -> bool {
        let Some(source) = &mut self.source else { return false };
        loop {
            match source.try_recv() {
                Ok(transaction) => {
                    if self.hashes.len() >= self.hashes_max {
                        self.hashes.pop_front();
                        self.gone += 1;
                    }
                    self.hashes.push_back(*transaction.tx_hash());
                }
                Err(TryRecvError::Lagged(missed)) => filter_missed(missed),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Closed) => return false,
            }
        }
    }
}

/// Takes in what the pool announces, until no filter wants it.
async fn follow(log: Weak<Mutex<Log>>, mut changed: watch::Receiver<u64>) {
    loop {
        let is_over = changed.changed().await.is_err();
        let Some(log) = log.upgrade() else { return };
        let mut log = log.lock();
        if !log.take_in() || is_over {
            log.is_followed = false;
            return;
        }
    }
}
