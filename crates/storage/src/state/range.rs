//! The slots of an account in the order of their keys, in the state after a block.

use super::{history::first_change_after, view::storage_before};
use crate::{codec::decode_slot, error::StoreError, reader::Reader, txn::Slice};
use alloy_primitives::{B256, U256};

const KEY_BYTES: usize = 32;

/// Goes through the slots of one account (hashed): those that have a value now, and those that had
/// one before a later change.
pub(crate) struct SlotRange<'r> {
    reader: &'r Reader,
    /// `None` for the head, whose state needs no history.
    after: Option<u64>,
    account: B256,
    /// The least key that was not looked at yet; none behind the last one.
    next: Option<B256>,
}

impl<'r> SlotRange<'r> {
    pub(crate) const fn new(
        reader: &'r Reader,
        after: Option<u64>,
        account: B256,
        from: B256,
    ) -> Self {
        Self { reader, after, account, next: Some(from) }
    }

    /// The next slot that may have a value, and the value; zero if it has none in this state.
    pub(crate) fn next(&mut self) -> Result<Option<(B256, U256)>, StoreError> {
        let Some(from) = self.next else { return Ok(None) };
        let current = self.current(from)?;
        let Some(after) = self.after else {
            self.next = current.and_then(|(slot, _)| successor(slot));
            return Ok(current);
        };
        let changed = self.changed(from)?;
        let slot = match (current, changed) {
            (Some((current, _)), Some(changed)) => current.min(changed),
            (Some((slot, _)), None) | (None, Some(slot)) => slot,
            (None, None) => {
                self.next = None;
                return Ok(None);
            }
        };
        self.next = successor(slot);
        let txn = self.reader.txn();
        let key = [self.account.0, slot.0];
        let table = txn.tables.storage_history;
        let value = match first_change_after(txn, table, key.as_flattened(), after)? {
            Some(block) => storage_before(txn, block, self.account, slot)?,
            None => current.filter(|(at, _)| *at == slot).map_or(U256::ZERO, |(_, value)| value),
        };
        Ok(Some((slot, value)))
    }

    /// The first slot from `from` on that has a value at the head.
    fn current(&self, from: B256) -> Result<Option<(B256, U256)>, StoreError> {
        let txn = self.reader.txn();
        let table = txn.tables.storage;
        let mut cursor = txn.cursor(table)?;
        let found = cursor.get_both_range::<Slice<'_>>(self.account.as_slice(), from.as_slice())?;
        found.map(|bytes| decode_slot(table.name, &bytes)).transpose()
    }

    /// The first slot from `from` on that ever changed.
    fn changed(&self, from: B256) -> Result<Option<B256>, StoreError> {
        let txn = self.reader.txn();
        let table = txn.tables.storage_history;
        let key = [self.account.0, from.0];
        let mut cursor = txn.cursor(table)?;
        let Some((found, _)) = cursor.set_range::<Slice<'_>, Slice<'_>>(key.as_flattened())? else {
            return Ok(None);
        };
        let slot = found.strip_prefix(self.account.as_slice()).and_then(<[u8]>::first_chunk);
        Ok(slot.map(|slot: &[u8; KEY_BYTES]| B256::from(*slot)))
    }
}

/// The key behind `slot`; none behind the last one.
fn successor(slot: B256) -> Option<B256> {
    U256::from_be_bytes(slot.0).checked_add(U256::ONE).map(B256::from)
}
