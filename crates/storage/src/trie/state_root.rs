//! The state root: storage roots of the accounts whose storage changes, then the account trie.

use super::{
    node::{Node, root_hash},
    parallel::{PARALLEL_LEAVES_MIN, Snapshots},
    past::PastTrie,
    source::{EmptyTrie, StoredTrie, TrieId, TrieSource},
    update::{BranchUpdate, LeafChange, update_trie},
};
use crate::{
    codec::AccountRecord,
    error::StoreError,
    state::{AccountChange, StateChanges, StateView},
    txn::Txn,
};
use alloy_primitives::B256;
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles};
use rayon::prelude::*;
use reth_libmdbx::tx::TransactionKind;
use std::{borrow::Cow, ops::RangeInclusive};

/// What the walk wants written: opaque to everybody but [`Store::commit`](crate::Store::commit).
#[derive(Debug, Clone, Default)]
pub struct TrieUpdates {
    /// Hash of the head on which the root was computed; zero for an empty store.
    pub(crate) base: B256,
    pub(crate) root: B256,
    pub(crate) accounts: Vec<BranchUpdate>,
    /// Sorted by account.
    pub(crate) storages: Vec<StorageUpdate>,
}

impl TrieUpdates {
    /// The state root to which the updates lead.
    pub const fn root(&self) -> B256 {
        self.root
    }

    /// The new storage root of an account, if its storage was visited.
    pub(crate) fn storage(&self, account: &B256) -> Option<&StorageUpdate> {
        let index = self.storages.binary_search_by(|update| update.account.cmp(account)).ok()?;
        self.storages.get(index)
    }
}

/// The new storage trie of an account.
#[derive(Debug, Clone)]
pub(crate) struct StorageUpdate {
    pub(crate) account: B256,
    pub(crate) root: B256,
    /// All old branches go.
    pub(crate) wiped: bool,
    pub(crate) branches: Vec<BranchUpdate>,
}

/// The state root after `changes`, and what to write. `snapshots`, where given, allows storage
/// roots to be computed on several threads.
pub(crate) fn state_root<K: TransactionKind>(
    txn: Txn<'_, K>,
    base: B256,
    changes: &StateChanges,
    snapshots: Option<Snapshots<'_>>,
) -> Result<TrieUpdates, StoreError> {
    let touched: Vec<_> =
        changes.accounts().iter().filter(|account| account.changes_storage()).collect();
    let storages = match snapshots.map(|of| storage_roots(of, &touched)).transpose()?.flatten() {
        Some(storages) => storages,
        None => {
            let roots = touched.iter().map(|account| storage_root(txn, account, snapshots));
            roots.collect::<Result<_, _>>()?
        }
    };
    let mut updates = TrieUpdates { base, storages, ..TrieUpdates::default() };
    let mut leaves = Vec::with_capacity(changes.accounts().len());
    for account in changes.accounts() {
        let table = txn.tables.accounts;
        let old = txn
            .get(table, account.key.as_slice())?
            .map(|bytes| AccountRecord::decode(table.name, &bytes))
            .transpose()?;
        let new = new_record(account, old.as_ref(), updates.storage(&account.key));
        if new != old {
            let value = new.map(|record| alloy_rlp::encode(record.leaf()));
            leaves.push(LeafChange::new(&account.key, value));
        }
    }
    (updates.root, updates.accounts) = update_stored(txn, TrieId::Accounts, &leaves, snapshots)?;
    Ok(updates)
}

/// The account as it will be stored.
pub(crate) fn new_record(
    account: &AccountChange,
    old: Option<&AccountRecord>,
    storage: Option<&StorageUpdate>,
) -> Option<AccountRecord> {
    let kept = old.map_or(EMPTY_ROOT_HASH, |record| record.storage_root);
    let storage_root = storage.map_or(kept, |update| update.root);
    account.state.map(|state| AccountRecord { state, storage_root })
}

/// The root of the account trie as it is stored, without visiting more than its top.
pub(crate) fn stored_root<K: TransactionKind>(txn: Txn<'_, K>) -> Result<B256, StoreError> {
    trie_root(&mut StoredTrie::open(txn, TrieId::Accounts)?)
}

/// The root of a trie, without visiting more than its top.
pub(crate) fn trie_root<S: TrieSource>(source: &mut S) -> Result<B256, StoreError> {
    let mut buffer = Vec::new();
    let top = match source.branch_below(&Nibbles::new())? {
        Some((path, branch)) => Node::branch(path, &branch, &mut buffer),
        None => match source.leaf_below(&Nibbles::new())? {
            Some((key, value)) => Node::Leaf { key, value: Cow::Owned(value) },
            None => Node::Empty,
        },
    };
    Ok(root_hash(&top, &mut buffer))
}

fn storage_root<K: TransactionKind>(
    txn: Txn<'_, K>,
    account: &AccountChange,
    snapshots: Option<Snapshots<'_>>,
) -> Result<StorageUpdate, StoreError> {
    let leaves = storage_leaves(account);
    let (account, wiped) = (account.key, account.wipes_storage());
    let (root, branches) = if wiped {
        update_trie(&mut EmptyTrie, &leaves)?
    } else {
        update_stored(txn, TrieId::Storage(account), &leaves, snapshots)?
    };
    Ok(StorageUpdate { account, root, wiped, branches })
}

/// The state root after `changes` of the state before the first of `blocks`, the last of which is
/// the head; `view` is of the same state.
pub(crate) fn past_state_root<K: TransactionKind>(
    txn: Txn<'_, K>,
    view: StateView<'_>,
    changes: &StateChanges,
    blocks: RangeInclusive<u64>,
) -> Result<B256, StoreError> {
    let mut leaves = Vec::with_capacity(changes.accounts().len());
    for change in changes.accounts() {
        let (account, wiped) = (change.key, change.wipes_storage());
        let storage = if wiped {
            Some(update_trie(&mut EmptyTrie, &storage_leaves(change))?.0)
        } else if change.changes_storage() {
            let mut trie = PastTrie::open(txn, TrieId::Storage(account), blocks.clone())?;
            Some(update_trie(&mut trie, &storage_leaves(change))?.0)
        } else {
            None
        };
        let branches = Vec::new();
        let storage = storage.map(|root| StorageUpdate { account, root, wiped, branches });
        let old = view.record(account)?;
        let new = new_record(change, old.as_ref(), storage.as_ref());
        if new != old {
            let value = new.map(|record| alloy_rlp::encode(record.leaf()));
            leaves.push(LeafChange::new(&account, value));
        }
    }
    let mut accounts = PastTrie::open(txn, TrieId::Accounts, blocks)?;
    Ok(update_trie(&mut accounts, &leaves)?.0)
}

fn storage_leaves(account: &AccountChange) -> Vec<LeafChange> {
    let leaves = account.slots.iter().map(|(slot, value)| {
        let rlp = (!value.is_zero()).then(|| alloy_rlp::encode_fixed_size(value).to_vec());
        LeafChange::new(slot, rlp)
    });
    leaves.collect()
}

fn update_stored<K: TransactionKind>(
    txn: Txn<'_, K>,
    id: TrieId,
    leaves: &[LeafChange],
    snapshots: Option<Snapshots<'_>>,
) -> Result<(B256, Vec<BranchUpdate>), StoreError> {
    if let Some(snapshots) = snapshots
        && let Some(updated) = snapshots.update(id, leaves)?
    {
        return Ok(updated);
    }
    update_trie(&mut StoredTrie::open(txn, id)?, leaves)
}

/// The storage roots on all cores; `None` when there are few, or the snapshot is gone.
fn storage_roots(
    snapshots: Snapshots<'_>,
    touched: &[&AccountChange],
) -> Result<Option<Vec<StorageUpdate>>, StoreError> {
    let slots: usize = touched.iter().map(|account| account.slots.len()).sum();
    if touched.len() < 2 || slots < PARALLEL_LEAVES_MIN {
        return Ok(None);
    }
    let chunk = touched.len().div_ceil(rayon::current_num_threads().saturating_mul(4)).max(1);
    let chunks = touched.par_chunks(chunk).map(|accounts| {
        let Some(tx) = snapshots.open()? else { return Ok(None) };
        let txn = Txn::new(&tx, snapshots.tables);
        let roots = accounts.iter().map(|account| storage_root(txn, account, Some(snapshots)));
        roots.collect::<Result<Vec<_>, StoreError>>().map(Some)
    });
    let chunks = chunks.collect::<Result<Option<Vec<_>>, StoreError>>()?;
    Ok(chunks.map(|chunks| chunks.into_iter().flatten().collect()))
}
