//! Which blocks have a log of an address, or with a topic at a place.
//!
//! Blocks are kept as [history](crate::state) keeps them: roaring bitmaps in shards, under a tag
//! (0 for addresses, 1 to 4 for the topic at that place), the value, and the last block. What one
//! block may add is bounded: logs are so cheap that a block full of them would otherwise write more
//! here than everywhere else together. A block with more than [`KEYS_PER_BLOCK_MAX`] keys stands
//! under the tag 5 instead, and is part of every answer.

use crate::{
    codec::decode_shard,
    error::StoreError,
    reader::Reader,
    state::{ShardKey, append_history},
    txn::{Slice, Txn},
};
use alloy_primitives::{Address, B256, Log};
use mfenx_primitives::Receipt;
use reth_libmdbx::tx::{TransactionKind, WriteMarker};
use roaring::RoaringTreemap;
use std::collections::BTreeSet;

/// Addresses and topics of one block that are recorded one by one: several times what a block full
/// of token transfers has.
pub(crate) const KEYS_PER_BLOCK_MAX: usize = 16_384;
/// Blocks that are looked up at a time: a bitmap of them takes 8 KiB at most.
const WINDOW_BLOCKS: u64 = 65_536;

const ADDRESS_TAG: u8 = 0;
const CROWDED_TAG: u8 = 5;

/// What a log is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogKey {
    /// Who logged it.
    Address(Address),
    /// The topic at a place, from 0 to 3.
    Topic(u8, B256),
}

impl LogKey {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Address(address) => [&[ADDRESS_TAG], address.as_slice()].concat(),
            Self::Topic(place, topic) => [&[place.saturating_add(1)], topic.as_slice()].concat(),
        }
    }

    fn of(log: &Log) -> impl Iterator<Item = Self> {
        let topics = (0u8..).zip(log.topics()).map(|(place, topic)| Self::Topic(place, *topic));
        std::iter::once(Self::Address(log.address)).chain(topics)
    }
}

/// What a block is recorded under.
#[derive(Debug)]
pub(crate) struct LogKeys(Vec<Vec<u8>>);

impl LogKeys {
    pub(crate) fn of(receipts: &[Receipt]) -> Self {
        let mut keys = BTreeSet::new();
        for log in receipts.iter().flat_map(|receipt| receipt.logs()) {
            keys.extend(LogKey::of(log));
            if keys.len() > KEYS_PER_BLOCK_MAX {
                return Self(vec![vec![CROWDED_TAG]]);
            }
        }
        Self(keys.iter().map(LogKey::encode).collect())
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

/// Records the logs of block `number`, greater than all before.
pub(crate) fn write_logs<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    number: u64,
    keys: &LogKeys,
) -> Result<(), StoreError> {
    keys.iter().try_for_each(|key| append_history(txn, txn.tables.log_index, key, number))
}

impl Reader {
    /// The blocks from `from` to `to`, both included, that have for each list of `wanted` a log
    /// with one of its keys; not necessarily the same log, and now and then a block without any:
    /// whoever wants logs looks at the receipts. An empty list has no blocks.
    ///
    /// The blocks come in order, some ten thousand looked up at a time, so that the caller can stop
    /// between.
    pub fn log_blocks(&self, wanted: &[Vec<LogKey>], from: u64, to: u64) -> LogBlocks<'_> {
        let mut wanted: Vec<Vec<Vec<u8>>> =
            wanted.iter().map(|keys| keys.iter().map(LogKey::encode).collect()).collect();
        // The shortest first: where it has nothing, the others need no look.
        wanted.sort_by_key(Vec::len);
        LogBlocks { reader: self, wanted, next: from, to }
    }
}

/// The blocks of [`Reader::log_blocks`], window by window.
#[derive(Debug)]
pub struct LogBlocks<'r> {
    reader: &'r Reader,
    wanted: Vec<Vec<Vec<u8>>>,
    next: u64,
    to: u64,
}

impl LogBlocks<'_> {
    /// The first block that was not looked up yet.
    pub const fn next_block(&self) -> u64 {
        self.next
    }

    fn window(&self, from: u64, to: u64) -> Result<RoaringTreemap, StoreError> {
        let txn = self.reader.txn();
        let mut crowded = RoaringTreemap::new();
        collect(txn, &[CROWDED_TAG], from, to, &mut crowded)?;
        let mut all: Option<RoaringTreemap> = None;
        for keys in &self.wanted {
            let mut any = crowded.clone();
            for key in keys {
                collect(txn, key, from, to, &mut any)?;
            }
            let both = match all {
                Some(all) => all & any,
                None => any,
            };
            if both.is_empty() {
                return Ok(both);
            }
            all = Some(both);
        }
        Ok(all.unwrap_or_else(|| (from..=to).collect()))
    }
}

impl Iterator for LogBlocks<'_> {
    type Item = Result<RoaringTreemap, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.to {
            return None;
        }
        let from = self.next;
        let to = self.to.min(from.saturating_add(WINDOW_BLOCKS - 1));
        // After the greatest number there is nothing.
        (self.next, self.to) = match to.checked_add(1) {
            Some(next) => (next, self.to),
            None => (1, 0),
        };
        Some(self.window(from, to))
    }
}

/// Adds the blocks of `key` in the range.
fn collect<K: TransactionKind>(
    txn: Txn<'_, K>,
    key: &[u8],
    from: u64,
    to: u64,
    blocks: &mut RoaringTreemap,
) -> Result<(), StoreError> {
    let table = txn.tables.log_index;
    let mut cursor = txn.cursor(table)?;
    let first = ShardKey::new(key, from);
    let mut entry = cursor.set_range::<Slice<'_>, Slice<'_>>(first.as_slice())?;
    while let Some((found, bytes)) = entry {
        let Some(last) = ShardKey::last_of(key, &found) else { return Ok(()) };
        let mut shard = decode_shard(table.name, &bytes)?;
        shard.remove_range(..from);
        shard.remove_range(to.saturating_add(1)..);
        *blocks |= shard;
        if last >= to {
            return Ok(());
        }
        entry = cursor.next()?;
    }
    Ok(())
}
