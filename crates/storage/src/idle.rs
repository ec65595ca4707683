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

#[cfg(test)]
mod tests {
    use crate::{Store, StoreError, StoreOptions, txn::Txn};

    /// Commits something, and gives the number of the snapshot that begins with it.
    fn commit(store: &Store, value: &[u8], while_closed: impl FnOnce()) -> u64 {
        let shared = &store.shared;
        let tx = shared.environment.begin_rw_unsync().unwrap();
        let txn = Txn::new(&tx, &shared.tables);
        txn.put(shared.tables.meta, b"test", value).unwrap();
        let id = txn.snapshot().unwrap();
        let closed = shared.idle.close(id);
        while_closed();
        tx.commit().unwrap();
        drop(closed);
        id
    }

    fn value(reader: &crate::Reader) -> Option<Vec<u8>> {
        let txn = reader.txn();
        txn.get(txn.tables.meta, b"test").unwrap().map(std::borrow::Cow::into_owned)
    }

    #[test]
    fn only_the_newest_snapshot_is_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::volatile()).unwrap();
        let first = store.reader().unwrap();
        let held = store.reader().unwrap();
        let number = first.snapshot();
        drop(first);
        let again = store.shared.idle.take().expect("it is kept");
        assert_eq!(again.id, number);
        store.shared.idle.give_back(again);
        let second = commit(&store, b"one", || {
            assert!(store.shared.idle.take().is_none(), "none is handed out meanwhile");
            drop(store.reader().unwrap());
            assert!(store.shared.idle.take().is_none(), "none is kept meanwhile");
        });
        assert_eq!(value(&held), None);
        drop(held);
        assert!(store.shared.idle.take().is_none(), "an old one is not kept");
        let reader = store.reader().unwrap();
        assert_eq!((reader.snapshot(), value(&reader)), (second, Some(b"one".to_vec())));
        drop(reader);
        assert!(store.shared.idle.take().is_some_and(|kept| kept.id == second));
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { max_readers: 200, ..StoreOptions::volatile() };
        let store = Store::open(dir.path(), options).unwrap();
        let readers: Result<Vec<_>, StoreError> = (0..100).map(|_| store.reader()).collect();
        drop(readers.unwrap());
        let kept = std::iter::from_fn(|| store.shared.idle.take()).count();
        assert_eq!(kept, super::KEPT_MAX);
    }
}
