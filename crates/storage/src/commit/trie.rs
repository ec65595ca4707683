//! Writing the branches that a block changes, and what they were before, for the last blocks.

use crate::{
    codec::{Branch, decode_path, end_change_path},
    error::StoreError,
    reader::Meta,
    trie::{BranchUpdate, StorageUpdate, TrieId, TrieUpdates},
    txn::{Slice, Txn},
};
use alloy_primitives::B256;
use alloy_trie::Nibbles;
use reth_libmdbx::tx::{TransactionKind, WriteMarker};
use std::collections::BTreeMap;

/// Blocks whose changes are forgotten at one commit, so that a smaller setting takes effect over
/// several blocks.
const FORGET_BLOCKS_MAX: u64 = 4;

/// Applies `trie`, and records what the branches were before block `number`; nothing for `None`.
pub(super) fn write_tries<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    number: Option<u64>,
    trie: &TrieUpdates,
) -> Result<(), StoreError> {
    let mut writer = TrieWriter { txn, changes: number.map(|_| Vec::new()), key: Vec::new() };
    writer.branches(TrieId::Accounts, &trie.accounts, BTreeMap::new())?;
    for update in &trie.storages {
        writer.storage(update)?;
    }
    let Some((number, mut changes)) = number.zip(writer.changes) else { return Ok(()) };
    changes.sort_unstable();
    let table = txn.tables.trie_changes;
    changes.iter().try_for_each(|change| txn.append(table, &number.to_be_bytes(), change))
}

/// Removes the changes that only lead to tries of blocks more than `keep` before the new head
/// `number`.
pub(super) fn forget_old<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    number: u64,
    keep: u64,
) -> Result<(), StoreError> {
    let meta = Meta(txn);
    let kept = meta.earliest_trie()?;
    let wanted = number.saturating_sub(keep).min(kept.saturating_add(FORGET_BLOCKS_MAX));
    if wanted <= kept {
        return Ok(());
    }
    for gone in kept.saturating_add(1)..=wanted {
        txn.delete(txn.tables.trie_changes, &gone.to_be_bytes())?;
    }
    meta.set_earliest_trie(wanted)
}

struct TrieWriter<'t, K: TransactionKind> {
    txn: Txn<'t, K>,
    /// As they are stored; `None` where they are not.
    changes: Option<Vec<Vec<u8>>>,
    key: Vec<u8>,
}

impl<K: TransactionKind + WriteMarker> TrieWriter<'_, K> {
    fn storage(&mut self, update: &StorageUpdate) -> Result<(), StoreError> {
        let id = TrieId::Storage(update.account);
        let wiped =
            if update.wiped { self.take_branches(update.account)? } else { BTreeMap::new() };
        self.branches(id, &update.branches, wiped)
    }

    /// Removes all branches of a storage trie, and tells what they were.
    fn take_branches(&self, account: B256) -> Result<BTreeMap<Nibbles, Branch>, StoreError> {
        let table = self.txn.tables.storage_trie;
        let mut taken = BTreeMap::new();
        let mut cursor = self.txn.cursor(table)?;
        let mut found = cursor.set_range::<Slice<'_>, Slice<'_>>(account.as_slice())?;
        while let Some((key, branch)) = found {
            let Some(path) = key.strip_prefix(account.as_slice()) else { break };
            taken.insert(decode_path(table.name, path)?, Branch::decode(table.name, &branch)?);
            cursor.del()?;
            found = cursor.set_range::<Slice<'_>, Slice<'_>>(account.as_slice())?;
        }
        Ok(taken)
    }

    /// Writes `updates`; `wiped` is what was removed before.
    fn branches(
        &mut self,
        id: TrieId,
        updates: &[BranchUpdate],
        mut wiped: BTreeMap<Nibbles, Branch>,
    ) -> Result<(), StoreError> {
        let table = id.table(self.txn.tables);
        let mut updates: Vec<&BranchUpdate> = updates.iter().collect();
        updates.sort_unstable_by_key(|update| update.path);
        let mut value = Vec::with_capacity(640);
        for BranchUpdate { path, before, after } in updates {
            id.key(path, &mut self.key);
            let wiped = wiped.remove(path);
            match after {
                Some(branch) => {
                    value.clear();
                    branch.encode(&mut value);
                    self.txn.put(table, &self.key, &value)?;
                }
                None => {
                    self.txn.delete(table, &self.key)?;
                }
            }
            self.changed(id, path, wiped.as_ref().or(before.as_ref()), after.as_ref());
        }
        for (path, before) in &wiped {
            self.changed(id, path, Some(before), None);
        }
        Ok(())
    }

    fn changed(
        &mut self,
        id: TrieId,
        path: &Nibbles,
        before: Option<&Branch>,
        after: Option<&Branch>,
    ) {
        let Some(changes) = self.changes.as_mut().filter(|_| before != after) else { return };
        let mut change = Vec::with_capacity(128);
        id.change_prefix(path, &mut change);
        end_change_path(&mut change);
        if let Some(before) = before {
            before.encode_change(after, &mut change);
        }
        changes.push(change);
    }
}
