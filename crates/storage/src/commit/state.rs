//! Writing what a block changes: state, history and tries.

use super::trie::write_tries;
use crate::{
    codec::{AccountRecord, account_change, decode_slot, encode_slot},
    error::StoreError,
    state::{AccountChange, StateChanges, account_record, append_history, storage_change_key},
    trie::{StorageUpdate, TrieUpdates, new_record},
    txn::{Slice, Txn},
};
use alloy_primitives::{B256, U256};
use reth_libmdbx::tx::{TransactionKind, WriteMarker};

/// Applies `changes`, and records in the history of block `number` what was before. The state
/// before the first block is no history: `None` records nothing.
pub(crate) fn write_state<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    number: Option<u64>,
    changes: &StateChanges,
    trie: &TrieUpdates,
) -> Result<(), StoreError> {
    let mut writer = StateWriter { txn, number, buffer: Vec::with_capacity(256) };
    for change in changes.accounts() {
        writer.account(change, trie.storage(&change.key))?;
    }
    for change in changes.accounts().iter().filter(|change| change.changes_storage()) {
        writer.storage(change)?;
    }
    for (hash, code) in changes.codes() {
        if txn.get(txn.tables.code, hash.as_slice())?.is_none() {
            txn.put(txn.tables.code, hash.as_slice(), code)?;
        }
    }
    write_tries(txn, number, trie)
}

struct StateWriter<'t, K: TransactionKind> {
    txn: Txn<'t, K>,
    number: Option<u64>,
    buffer: Vec<u8>,
}

impl<K: TransactionKind + WriteMarker> StateWriter<'_, K> {
    fn account(
        &mut self,
        change: &AccountChange,
        storage: Option<&StorageUpdate>,
    ) -> Result<(), StoreError> {
        let (txn, tables) = (self.txn, self.txn.tables);
        let key = change.key.as_slice();
        let old = account_record(txn, change.key)?;
        let new: Option<AccountRecord> = new_record(change, old.as_ref(), storage);
        if new == old {
            return Ok(());
        }
        self.buffer.clear();
        if let Some(number) = self.number {
            account_change(change.key, old.as_ref(), &mut self.buffer);
            txn.append(tables.account_changes, &number.to_be_bytes(), &self.buffer)?;
            append_history(txn, tables.account_history, key, number)?;
            self.buffer.clear();
        }
        match new {
            Some(record) => {
                record.encode(&mut self.buffer);
                txn.put(tables.accounts, key, &self.buffer)
            }
            None => txn.delete(tables.accounts, key).map(drop),
        }
    }

    fn storage(&mut self, change: &AccountChange) -> Result<(), StoreError> {
        let old = if change.wipes_storage() { self.take_storage(change.key)? } else { Vec::new() };
        let mut old = old.into_iter().peekable();
        for (slot, value) in &change.slots {
            while let Some((gone, previous)) = old.next_if(|(gone, _)| gone < slot) {
                self.slot_changed(change.key, gone, previous)?;
            }
            let wiped = old.next_if(|(gone, _)| gone == slot).map(|(_, previous)| previous);
            self.slot(change, *slot, *value, wiped)?;
        }
        for (gone, previous) in old {
            self.slot_changed(change.key, gone, previous)?;
        }
        Ok(())
    }

    /// Removes all slots of an account, and tells what they were.
    fn take_storage(&self, account: B256) -> Result<Vec<(B256, U256)>, StoreError> {
        let table = self.txn.tables.storage;
        let mut old = Vec::new();
        {
            let mut cursor = self.txn.cursor(table)?;
            let mut slots = cursor.iter_dup_of::<Slice<'_>>(account.as_slice())?;
            while let Some(slot) = slots.borrow_next()? {
                old.push(decode_slot(table.name, &slot)?);
            }
        }
        if !old.is_empty() {
            self.txn.delete(table, account.as_slice())?;
        }
        Ok(old)
    }

    /// Writes one slot. `wiped` is its value before the storage was destroyed in this block.
    fn slot(
        &mut self,
        change: &AccountChange,
        slot: B256,
        value: U256,
        wiped: Option<U256>,
    ) -> Result<(), StoreError> {
        let table = self.txn.tables.storage;
        let mut cursor = self.txn.cursor(table)?;
        let mut previous = wiped.unwrap_or_default();
        let mut is_stored = false;
        if !change.wipes_storage() {
            let found =
                cursor.get_both_range::<Slice<'_>>(change.key.as_slice(), slot.as_slice())?;
            if let Some(bytes) = found.filter(|bytes| bytes.starts_with(slot.as_slice())) {
                previous = decode_slot(table.name, &bytes)?.1;
                is_stored = true;
            }
            if previous == value {
                return Ok(());
            }
        }
        if is_stored {
            cursor.del()?;
        }
        drop(cursor);
        if !value.is_zero() {
            self.buffer.clear();
            encode_slot(slot, value, &mut self.buffer);
            self.txn.put(table, change.key.as_slice(), &self.buffer)?;
        }
        if previous != value {
            self.slot_changed(change.key, slot, previous)?;
        }
        Ok(())
    }

    fn slot_changed(
        &mut self,
        account: B256,
        slot: B256,
        previous: U256,
    ) -> Result<(), StoreError> {
        let Some(number) = self.number else { return Ok(()) };
        let (txn, tables) = (self.txn, self.txn.tables);
        self.buffer.clear();
        encode_slot(slot, previous, &mut self.buffer);
        txn.append(tables.storage_changes, &storage_change_key(number, account), &self.buffer)?;
        let key = [account.0, slot.0];
        append_history(txn, tables.storage_history, key.as_flattened(), number)
    }
}
