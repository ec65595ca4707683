//! Which transactions an account took part in.
//!
//! The positions of an account are kept in shards of [`SHARD_BYTES`]. A full shard is stored under
//! the address and its last position, the one that is still growing under the address and
//! [`u64::MAX`].

use crate::{
    codec::{PositionShard, place, position, position_at_most},
    error::StoreError,
    reader::Reader,
    txn::{Slice, Txn},
};
use alloy_primitives::Address;
use reth_libmdbx::tx::{TransactionKind, WriteMarker};

/// Bytes of a full shard: several hundred positions, and no page of its own.
const SHARD_BYTES: usize = 1024;

const ADDRESS_BYTES: usize = 20;
const KEY_BYTES: usize = ADDRESS_BYTES + 8;

/// In which direction of time something is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    Ascending,
    /// The latest first.
    Descending,
}

fn shard_key(address: Address, last: u64) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..ADDRESS_BYTES].copy_from_slice(address.as_slice());
    key[ADDRESS_BYTES..].copy_from_slice(&last.to_be_bytes());
    key
}

/// Records the accounts that the transactions of block `number`, greater than all before, touched.
pub(crate) fn write_touched<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    number: u64,
    touched: &[(Address, u32)],
) -> Result<(), StoreError> {
    let mut touched = touched.to_vec();
    touched.sort_unstable();
    touched.dedup();
    for of_address in touched.chunk_by(|a, b| a.0 == b.0) {
        if let Some((address, _)) = of_address.first() {
            append(txn, *address, number, of_address)?;
        }
    }
    Ok(())
}

fn append<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    address: Address,
    number: u64,
    touched: &[(Address, u32)],
) -> Result<(), StoreError> {
    let table = txn.tables.address_index;
    let growing = shard_key(address, u64::MAX);
    let stored = txn.get(table, &growing)?;
    let was_growing = stored.is_some();
    let mut shard = match stored {
        Some(bytes) => PositionShard::decode(table.name, &bytes)?,
        None => PositionShard::default(),
    };
    for (_, index) in touched {
        let reason = "a block number or the place of a transaction is too great for the index";
        let position =
            position(number, *index).ok_or(StoreError::InvalidCommit { number, reason })?;
        if !shard.push(position) {
            return Err(table.corrupt("the index is ahead of the head"));
        }
        if shard.len() >= SHARD_BYTES {
            txn.put(table, &shard_key(address, position), &shard.encode())?;
            shard = PositionShard::default();
        }
    }
    if shard.len() > 0 {
        txn.put(table, &growing, &shard.encode())
    } else if was_growing {
        txn.delete(table, &growing).map(drop)
    } else {
        Ok(())
    }
}

impl Reader {
    /// Block and index of transactions whose execution loaded `address`, from the place `from` to
    /// the place `to`, both included; at most `limit` of them.
    ///
    /// Among them are all transactions that the account sent, received or was created by, and all
    /// in which it called, was called or got ether from a contract; others only looked at it. So
    /// whoever wants one of these looks at each again. The beneficiary of a block counts only where
    /// it is more than the receiver of a tip.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn transactions_touching(
        &self,
        address: Address,
        from: (u64, u32),
        to: (u64, u32),
        order: Order,
        limit: usize,
    ) -> Result<Vec<(u64, u32)>, StoreError> {
        let range = position_at_most(from.0, from.1)..=position_at_most(to.0, to.1);
        let txn = self.txn();
        let table = txn.tables.address_index;
        let mut found = Vec::new();
        if range.is_empty() || limit == 0 {
            return Ok(found);
        }
        let start = match order {
            Order::Ascending => *range.start(),
            Order::Descending => *range.end(),
        };
        let is_ours = |key: &[u8]| key.len() == KEY_BYTES && key.starts_with(address.as_slice());
        let mut cursor = txn.cursor(table)?;
        let mut entry = cursor.set_range::<Slice<'_>, Slice<'_>>(&shard_key(address, start))?;
        if order == Order::Descending && !entry.as_ref().is_some_and(|(key, _)| is_ours(key)) {
            // Everything of the account lies before: its last shard is full.
            entry = match entry {
                Some(_) => cursor.prev()?,
                None => cursor.last()?,
            };
        }
        while let Some((_, bytes)) = entry.filter(|(key, _)| is_ours(key)) {
            let shard = PositionShard::decode(table.name, &bytes)?;
            let positions = shard.positions(table.name)?;
            let is_last = match order {
                Order::Ascending => shard.last() >= *range.end(),
                Order::Descending => positions.first().is_none_or(|first| first <= range.start()),
            };
            let mut take = |position: &u64| {
                if range.contains(position) && found.len() < limit {
                    found.push(place(*position));
                }
            };
            match order {
                Order::Ascending => positions.iter().for_each(&mut take),
                Order::Descending => positions.iter().rev().for_each(&mut take),
            }
            if is_last || found.len() >= limit {
                break;
            }
            entry = match order {
                Order::Ascending => cursor.next()?,
                Order::Descending => cursor.prev()?,
            };
        }
        Ok(found)
    }
}
