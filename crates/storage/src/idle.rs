//! Read transactions that nobody uses just now, for the next readers of the same snapshot.
//!
//! Opening one and giving it up takes as long as reading two or three values, and its cursors are
//! opened anew. So the last few are kept, of the newest snapshot only: while something is committed
//! none is handed out and none is kept, and afterwards only those of what was committed. Nobody can
//! get an older snapshot than before, and no page is held back from being used again.

use crate::latest::Latest;
use parking_lot::Mutex;
use reth_libmdbx::tx::aliases::RoTxSync;
use std::sync::{Arc, OnceLock};

/// How many are kept: more than there are threads that read at the same time on most machines.
const KEPT_MAX: usize = 32;

/// One read transaction.
pub(crate) struct Snapshot {
    pub(crate) tx: RoTxSync,
    /// The number that MDBX gives the snapshot: each commit gets a higher one.
    pub(crate) id: u64,
    /// Its head, once it was asked for.
    pub(crate) latest: OnceLock<Arc<Latest>>,
}

/// Those kept.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Older ones are not kept.
    newest: u64,
    /// Whether something is being committed.
    closed: bool,
    snapshots: Vec<Arc<Snapshot>>,
}

impl Idle {
    /// One of the newest snapshot, if there is one.
    pub(crate) fn take(&self) -> Option<Arc<Snapshot>> {
        self.0.lock().snapshots.pop()
    }

    /// Keeps one for the next reader, unless it is old or there are enough.
    pub(crate) fn give_back(&self, snapshot: Arc<Snapshot>) {
        let mut old = Vec::new();
        let mut kept = self.0.lock();
        if kept.closed || snapshot.id < kept.newest {
            return;
        }
        if snapshot.id > kept.newest {
            kept.newest = snapshot.id;
            old = std::mem::take(&mut kept.snapshots);
        }
        if kept.snapshots.len() < KEPT_MAX {
            kept.snapshots.push(snapshot);
        }
        drop(kept);
        drop(old);
    }

    /// Keeps and hands out none until the guard is dropped, and then none older than `newest`: the
    /// number of the transaction that is about to be committed.
    pub(crate) fn close(&self, newest: u64) -> Closed<'_> {
        let mut kept = self.0.lock();
        kept.closed = true;
        kept.newest = newest;
        let old = std::mem::take(&mut kept.snapshots);
        drop(kept);
        drop(old);
        Closed(self)
    }
}

/// While this lives, something is being committed.
pub(crate) struct Closed<'i>(&'i Idle);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.0.lock().closed = false;
    }
}
