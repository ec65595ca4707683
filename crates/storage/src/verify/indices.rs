//! The indices of logs and accounts. Who was only called inside a transaction is not checked: that
//! takes executing it again.

use super::VerifyReport;
use crate::{
    codec::{PositionShard, decode_shard, place},
    error::StoreError,
    index::{LogKeys, Order},
    reader::Reader,
    state::first_change_after,
    txn::Slice,
};
use alloy_consensus::Transaction as _;
use mfenx_primitives::{Receipt, RecoveredBlock};

/// The entries that a block must have.
pub(super) fn verify_block(
    reader: &Reader,
    block: &RecoveredBlock,
    receipts: &[Receipt],
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    let (txn, number) = (reader.txn(), block.number());
    // The genesis block has no logs.
    let before = number.saturating_sub(1);
    for key in LogKeys::of(receipts).iter() {
        let found = first_change_after(txn, txn.tables.log_index, key, before);
        let found = report.absorb(found)?.flatten();
        report.check(found == Some(number), || format!("block {number} is not found by its logs"));
        report.log_entries += 1;
    }
    for (index, (transaction, sender)) in (0u32..).zip(block.transactions_with_sender()) {
        for party in [Some(sender), transaction.to()].into_iter().flatten() {
            let at = (number, index);
            let found = reader.transactions_touching(party, at, at, Order::Ascending, 1);
            let found = report.absorb(found)?;
            report.check(found.is_some_and(|found| !found.is_empty()), || {
                format!("transaction {index} of block {number} is not found by {party}")
            });
        }
    }
    Ok(())
}

/// That there is nothing else in the index of logs, and that every shard of accounts is in order.
pub(super) fn verify(
    reader: &Reader,
    report: &mut VerifyReport,
    _progress: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let txn = reader.txn();
    let table = txn.tables.log_index;
    let mut recorded = 0;
    let mut cursor = txn.cursor(table)?;
    let mut entry = cursor.first::<Slice<'_>, Slice<'_>>()?;
    while let Some((_, shard)) = entry {
        recorded += decode_shard(table.name, &shard)?.len();
        entry = cursor.next()?;
    }
    let expected = report.log_entries;
    report.check(recorded == expected, || {
        format!("{} names {recorded} blocks, the receipts give {expected}", table.name)
    });
    let (table, head) = (txn.tables.address_index, report.head.number);
    let mut cursor = txn.cursor(table)?;
    let mut entry = cursor.first::<Slice<'_>, Slice<'_>>()?;
    while let Some((key, bytes)) = entry {
        let shard = PositionShard::decode(table.name, &bytes)?;
        let positions = report.absorb(shard.positions(table.name))?;
        let last = key.last_chunk::<8>().map(|last| u64::from_be_bytes(*last));
        let is_placed = last == Some(u64::MAX) || last == Some(shard.last());
        let is_known = place(shard.last()).0 <= head;
        let is_full = positions.is_some_and(|positions| !positions.is_empty());
        report.check(is_placed && is_known && is_full, || {
            format!("a shard of {} is not where it belongs", table.name)
        });
        entry = cursor.next()?;
    }
    Ok(())
}
