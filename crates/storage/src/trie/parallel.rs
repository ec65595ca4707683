//! Walking one trie on several cores, each in a transaction of its own on the same snapshot.

use super::{
    source::{StoredTrie, TrieId, TrieSource},
    update::{BranchUpdate, LeafChange, any_below, join_children, update_child},
};
use crate::{error::StoreError, tables::Tables, txn::Txn};
use alloy_primitives::B256;
use alloy_trie::Nibbles;
use rayon::prelude::*;
use reth_libmdbx::{Environment, tx::aliases::RoTxUnsync};

/// Below this many changed leaves, other threads cost more than they save.
pub(super) const PARALLEL_LEAVES_MIN: usize = 256;

/// Opens more transactions on the snapshot of another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snapshots<'e> {
    pub(crate) environment: &'e Environment,
    pub(crate) tables: &'e Tables,
    pub(crate) id: u64,
}

impl Snapshots<'_> {
    /// A transaction on the snapshot; `None` when a block was committed since, which makes it
    /// unreachable for new transactions.
    pub(super) fn open(&self) -> Result<Option<RoTxUnsync>, StoreError> {
        let tx = self.environment.begin_ro_unsync()?;
        let id = Txn::new(&tx, self.tables).snapshot()?;
        Ok((id == self.id).then_some(tx))
    }

    /// The new root of a trie, each child of its root branch on a thread. `None` when that is not
    /// worth it, or not possible any more.
    pub(super) fn update(
        &self,
        id: TrieId,
        changes: &[LeafChange],
    ) -> Result<Option<(B256, Vec<BranchUpdate>)>, StoreError> {
        if changes.len() < PARALLEL_LEAVES_MIN {
            return Ok(None);
        }
        let Some(tx) = self.open()? else { return Ok(None) };
        let mut source = StoredTrie::open(Txn::new(&tx, self.tables), id)?;
        let Some((path, root)) = source.branch_below(&Nibbles::new())? else { return Ok(None) };
        if !path.is_empty() {
            return Ok(None);
        }
        let visited = (0..16u8).into_par_iter().filter(|nibble| any_below(changes, *nibble));
        let visited = visited.map(|nibble| {
            let Some(tx) = self.open()? else { return Ok(None) };
            let mut source = StoredTrie::open(Txn::new(&tx, self.tables), id)?;
            update_child(&mut source, nibble, changes).map(Some)
        });
        match visited.collect::<Result<Option<Vec<_>>, StoreError>>()? {
            Some(visited) => join_children(&mut source, &root, visited).map(Some),
            None => Ok(None),
        }
    }
}
