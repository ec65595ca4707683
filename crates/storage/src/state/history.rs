//! Which blocks changed an account or a slot.
//!
//! The blocks of a key are kept in shards of [`SHARD_BLOCKS`]. A full shard is stored under the key
//! and its last block, the one that is still growing under the key and [`u64::MAX`].

use crate::{
    codec::{decode_shard, encode_shard},
    error::StoreError,
    tables::Table,
    txn::{Slice, Txn},
};
use reth_libmdbx::tx::{TransactionKind, WriteMarker};
use roaring::RoaringTreemap;

/// Blocks in a full shard: a few KiB, so that appending stays cheap.
pub(crate) const SHARD_BLOCKS: u64 = 2000;

const NUMBER_BYTES: usize = 8;
/// keccak(address), keccak(slot), number.
const KEY_BYTES_MAX: usize = 32 + 32 + NUMBER_BYTES;

/// `key` and a number, without allocation.
pub(crate) struct ShardKey([u8; KEY_BYTES_MAX], usize);

impl ShardKey {
    pub(crate) fn new(key: &[u8], last: u64) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX];
        let len = key.len().min(KEY_BYTES_MAX - NUMBER_BYTES);
        bytes[..len].copy_from_slice(&key[..len]);
        bytes[len..len + NUMBER_BYTES].copy_from_slice(&last.to_be_bytes());
        Self(bytes, len + NUMBER_BYTES)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0[..self.1]
    }

    /// The last block of the shard `found`, [`u64::MAX`] for one that is growing; `None` when it
    /// does not belong to `key`.
    pub(crate) fn last_of(key: &[u8], found: &[u8]) -> Option<u64> {
        found.strip_prefix(key)?.try_into().ok().map(u64::from_be_bytes)
    }
}

/// The first block after `number` that changed `key`, or `None` if its value is still the same.
pub(crate) fn first_change_after<K: TransactionKind>(
    txn: Txn<'_, K>,
    table: Table,
    key: &[u8],
    number: u64,
) -> Result<Option<u64>, StoreError> {
    let from = ShardKey::new(key, number.saturating_add(1));
    let mut cursor = txn.cursor(table)?;
    let Some((found, shard)) = cursor.set_range::<Slice<'_>, Slice<'_>>(from.as_slice())? else {
        return Ok(None);
    };
    if ShardKey::last_of(key, &found).is_none() {
        return Ok(None);
    }
    let blocks = decode_shard(table.name, &shard)?;
    Ok(blocks.select(blocks.rank(number)))
}

/// Records that block `number`, greater than all before, changed `key`.
pub(crate) fn append_history<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    table: Table,
    key: &[u8],
    number: u64,
) -> Result<(), StoreError> {
    let growing = ShardKey::new(key, u64::MAX);
    let mut blocks = match txn.get(table, growing.as_slice())? {
        Some(bytes) => decode_shard(table.name, &bytes)?,
        None => RoaringTreemap::new(),
    };
    if blocks.max().is_some_and(|last| last >= number) {
        return Err(table.corrupt("history is ahead of the head"));
    }
    blocks.insert(number);
    if blocks.len() < SHARD_BLOCKS {
        return txn.put(table, growing.as_slice(), &encode_shard(table.name, &blocks)?);
    }
    txn.delete(table, growing.as_slice())?;
    blocks.optimize();
    let full = ShardKey::new(key, number);
    txn.put(table, full.as_slice(), &encode_shard(table.name, &blocks)?)
}
