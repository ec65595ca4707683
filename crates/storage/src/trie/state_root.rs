//! The state root: storage roots of the accounts whose storage changes, then the account trie.

use super::{
    node::{Node, root_hash},
    source::{AccountTrie, EmptyTrie, StorageTrie, TrieSource},
    update::{BranchUpdate, LeafChange, update_trie},
};
use crate::{
    codec::AccountRecord,
    error::StoreError,
    state::{AccountChange, StateChanges},
    tables::Tables,
    txn::Txn,
};
use alloy_primitives::B256;
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles};
use rayon::prelude::*;
use reth_libmdbx::{Environment, tx::TransactionKind};
use std::borrow::Cow;

/// Below this many changed slots, other threads cost more than they save.
const PARALLEL_SLOTS_MIN: usize = 256;

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

/// Opens more transactions on the snapshot of another one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snapshots<'e> {
    pub(crate) environment: &'e Environment,
    pub(crate) tables: &'e Tables,
    pub(crate) id: u64,
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
    let slots: usize = touched.iter().map(|account| account.slots.len()).sum();
    let parallel = match snapshots {
        Some(snapshots) if touched.len() > 1 && slots >= PARALLEL_SLOTS_MIN => {
            parallel_roots(snapshots, &touched)?
        }
        _ => None,
    };
    let storages = match parallel {
        Some(storages) => storages,
        None => {
            touched.iter().map(|account| storage_root(txn, account)).collect::<Result<_, _>>()?
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
    (updates.root, updates.accounts) = update_trie(&mut AccountTrie::new(txn)?, &leaves)?;
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
    let mut source = AccountTrie::new(txn)?;
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
) -> Result<StorageUpdate, StoreError> {
    let leaves: Vec<_> = account
        .slots
        .iter()
        .map(|(slot, value)| {
            let rlp = (!value.is_zero()).then(|| alloy_rlp::encode_fixed_size(value).to_vec());
            LeafChange::new(slot, rlp)
        })
        .collect();
    let wiped = account.wipes_storage();
    let (root, branches) = if wiped {
        update_trie(&mut EmptyTrie, &leaves)?
    } else {
        update_trie(&mut StorageTrie::new(txn, account.key)?, &leaves)?
    };
    Ok(StorageUpdate { account: account.key, root, wiped, branches })
}

/// The storage roots on rayon's threads; `None` when the snapshot can no longer be opened because
/// a block was committed meanwhile.
fn parallel_roots(
    snapshots: Snapshots<'_>,
    touched: &[&AccountChange],
) -> Result<Option<Vec<StorageUpdate>>, StoreError> {
    let chunk = touched.len().div_ceil(rayon::current_num_threads().saturating_mul(4)).max(1);
    let chunks: Result<Option<Vec<_>>, StoreError> = touched
        .par_chunks(chunk)
        .map(|accounts| {
            let tx = snapshots.environment.begin_ro_unsync()?;
            let txn = Txn::new(&tx, snapshots.tables);
            if txn.snapshot()? != snapshots.id {
                return Ok(None);
            }
            let roots = accounts.iter().map(|account| storage_root(txn, account));
            roots.collect::<Result<Vec<_>, _>>().map(Some)
        })
        .collect::<Result<Vec<_>, _>>()
        .map(|chunks| chunks.into_iter().collect());
    Ok(chunks?.map(|chunks| chunks.into_iter().flatten().collect()))
}
