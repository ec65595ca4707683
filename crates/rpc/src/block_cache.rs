//! Blocks that were asked for lately, decoded once.
//!
//! A wallet that sent a transaction asks for its receipt, its block and its logs; a hundred wallets
//! do so for the same block. The key is the block's hash, so an entry can never be wrong.

use crate::error::RpcError;
use alloy_primitives::B256;
use mfenx_primitives::{Receipt, RecoveredBlock};
use mfenx_storage::Reader;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

/// Entries, whatever their size.
const ENTRIES_MAX: usize = 32;
/// Gas bounds the size of a block: a byte of calldata or of a log costs 8 gas or more. So this much
/// gas is at most 128 MiB.
const GAS_MAX: u64 = 8 * (128 << 20);
/// What an empty block counts for.
const GAS_MIN: u64 = 21_000;

/// A block with its receipts, which are read when first asked for.
#[derive(Debug)]
pub(crate) struct CachedBlock {
    /// The block.
    pub(crate) block: RecoveredBlock,
    receipts: OnceLock<Vec<Receipt>>,
}

impl CachedBlock {
    /// A block whose receipts are known.
    pub(crate) fn new(block: RecoveredBlock, receipts: Vec<Receipt>) -> Self {
        Self { block, receipts: OnceLock::from(receipts) }
    }

    /// The receipts, one per transaction.
    pub(crate) fn receipts(&self, reader: &Reader) -> Result<&[Receipt], RpcError> {
        if let Some(receipts) = self.receipts.get() {
            return Ok(receipts);
        }
        let number = self.block.number();
        let receipts = reader.receipts(number)?.ok_or_else(|| {
            RpcError::Internal(format!("block {number} is stored without its receipts"))
        })?;
        Ok(self.receipts.get_or_init(|| receipts))
    }

    /// The receipts if [`Self::receipts`] was called before, else none.
    pub(crate) fn loaded_receipts(&self) -> &[Receipt] {
        self.receipts.get().map_or(&[], Vec::as_slice)
    }

    fn weight(&self) -> u64 {
        self.block.header().gas_used.max(GAS_MIN)
    }
}

/// The blocks asked for lately, the latest at the back.
#[derive(Debug, Default)]
pub(crate) struct BlockCache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    blocks: VecDeque<Arc<CachedBlock>>,
    gas: u64,
}

impl BlockCache {
    /// Block `number` in the snapshot of `reader`; none when there is no such block.
    pub(crate) fn get(
        &self,
        reader: &Reader,
        number: u64,
    ) -> Result<Option<Arc<CachedBlock>>, RpcError> {
        let Some(hash) = reader.block_hash(number)? else { return Ok(None) };
        if let Some(block) = self.peek(hash) {
            return Ok(Some(block));
        }
        let Some(block) = reader.block(number)? else { return Ok(None) };
        let block = Arc::new(CachedBlock { block, receipts: OnceLock::new() });
        self.0.lock().insert(Arc::clone(&block));
        Ok(Some(block))
    }

    /// A block by its hash, if it is here.
    pub(crate) fn peek(&self, hash: B256) -> Option<Arc<CachedBlock>> {
        let mut entries = self.0.lock();
        let position = entries.blocks.iter().rposition(|entry| entry.block.hash() == hash)?;
        let entry = entries.blocks.remove(position)?;
        entries.blocks.push_back(Arc::clone(&entry));
        Some(entry)
    }
}

impl Entries {
    fn insert(&mut self, block: Arc<CachedBlock>) {
        // Two requests may have read the same block at the same time.
        if self.blocks.iter().any(|entry| entry.block.hash() == block.block.hash()) {
            return;
        }
        self.gas = self.gas.saturating_add(block.weight());
        self.blocks.push_back(block);
        while self.blocks.len() > ENTRIES_MAX || self.gas > GAS_MAX {
            let Some(oldest) = self.blocks.pop_front() else { break };
            self.gas = self.gas.saturating_sub(oldest.weight());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_primitives::{Block, Header};

    fn block(number: u64, gas_used: u64) -> Arc<CachedBlock> {
        let header = Header { number, gas_used, ..Default::default() };
        let block = Block { header, body: Default::default() };
        let block = RecoveredBlock::recover(block).unwrap();
        Arc::new(CachedBlock { block, receipts: OnceLock::new() })
    }

    #[test]
    fn entries_and_gas_are_bounded_and_the_least_used_goes_first() {
        let cache = BlockCache::default();
        let first = block(0, 0);
        cache.0.lock().insert(Arc::clone(&first));
        for number in 1..ENTRIES_MAX as u64 {
            cache.0.lock().insert(block(number, 0));
        }
        assert!(cache.peek(first.block.hash()).is_some());
        cache.0.lock().insert(block(100, 0));
        assert!(cache.peek(first.block.hash()).is_some(), "it was used last");
        assert!(cache.peek(block(1, 0).block.hash()).is_none());
        cache.0.lock().insert(block(200, GAS_MAX - 1));
        cache.0.lock().insert(block(201, GAS_MAX - 1));
        let entries = cache.0.lock();
        assert!(entries.gas <= GAS_MAX);
        assert_eq!(entries.blocks.len(), 1);
    }
}
