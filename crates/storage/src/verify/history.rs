//! History: every change is in the bitmaps, and nothing else is.

use super::VerifyReport;
use crate::{
    codec::{decode_account_change, decode_shard, decode_slot},
    error::StoreError,
    reader::Reader,
    state::first_change_after,
    tables::Table,
    txn::{Slice, Txn},
};
use alloy_primitives::B256;
use reth_libmdbx::tx::TransactionKind;

pub(super) fn verify(
    reader: &Reader,
    report: &mut VerifyReport,
    _progress: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let txn = reader.txn();
    let tables = txn.tables;
    let accounts =
        changes(txn, tables.account_changes, tables.account_history, report, |_, value| {
            Ok(decode_account_change(tables.account_changes.name, value)?.0.to_vec())
        })?;
    let slots =
        changes(txn, tables.storage_changes, tables.storage_history, report, |key, value| {
            let (slot, _) = decode_slot(tables.storage_changes.name, value)?;
            Ok([key, slot.as_slice()].concat())
        })?;
    report.changes = accounts + slots;
    Ok(())
}

/// Looks every change of `table` up in `history`, and counts both. `name` puts the key of the
/// history together from the rest of the key and from the value.
fn changes<K: TransactionKind>(
    txn: Txn<'_, K>,
    table: Table,
    history: Table,
    report: &mut VerifyReport,
    name: impl Fn(&[u8], &[u8]) -> Result<Vec<u8>, StoreError>,
) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut cursor = txn.cursor(table)?;
    let mut entry = cursor.first::<Slice<'_>, Slice<'_>>()?;
    while let Some((key, value)) = entry {
        let (number, rest) =
            key.split_first_chunk::<8>().ok_or(table.corrupt("a key has no block number"))?;
        let number = u64::from_be_bytes(*number);
        let key = name(rest, &value)?;
        let before = number.checked_sub(1).ok_or(table.corrupt("genesis changes nothing"))?;
        let found = first_change_after(txn, history, &key, before)?;
        report.check(found == Some(number), || {
            format!(
                "{} misses block {number} of {}",
                history.name,
                B256::right_padding_from(key.get(..32).unwrap_or_default())
            )
        });
        count += 1;
        entry = cursor.next()?;
    }
    let mut recorded = 0;
    let mut cursor = txn.cursor(history)?;
    let mut entry = cursor.first::<Slice<'_>, Slice<'_>>()?;
    while let Some((_, shard)) = entry {
        recorded += decode_shard(history.name, &shard)?.len();
        entry = cursor.next()?;
    }
    report.check(recorded == count, || {
        format!("{} names {recorded} changes, {} has {count}", history.name, table.name)
    });
    Ok(count)
}
