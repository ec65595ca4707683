//! Writing one block: everything that belongs to it in one transaction, in the order of keys.

mod state;
mod trie;

use crate::{
    codec::{encode_body, encode_header, encode_receipts, encode_senders, transaction_place},
    error::StoreError,
    index::{LogKeys, write_logs, write_touched},
    metrics,
    reader::{Head, Meta},
    state::StateChanges,
    store::Store,
    trie::TrieUpdates,
    txn::Txn,
};
use alloy_primitives::{Address, B256};
use mfenx_primitives::{BlockBody, Header, Receipt, RecoveredBlock};
use reth_libmdbx::tx::{TransactionKind, WriteMarker};
pub(crate) use state::write_state;
use std::time::Instant;

/// A block with everything that is stored with it.
#[derive(Debug, Clone, Copy)]
pub struct BlockCommit<'a> {
    /// The block.
    pub block: &'a RecoveredBlock,
    /// One receipt per transaction, in order.
    pub receipts: &'a [Receipt],
    /// What the block changes in the state.
    pub changes: &'a StateChanges,
    /// The accounts that were loaded while a transaction was executed, each with the index of the
    /// transaction, in any order.
    pub touched: &'a [(Address, u32)],
    /// What [`Reader::state_root`](crate::Reader::state_root) answered for exactly these changes.
    pub trie: &'a TrieUpdates,
    /// The commit certificate, if there is one.
    pub certificate: Option<&'a [u8]>,
}

impl Store {
    /// Makes `commit` the new head. When this returns, the block is durable (unless the store is
    /// volatile); when it fails, nothing has changed.
    ///
    /// # Errors
    /// [`StoreError::NotNextBlock`] when the block does not extend the head,
    /// [`StoreError::StateRootMismatch`] when its header claims another state,
    /// [`StoreError::StaleTrieUpdates`] when the root was computed on another head,
    /// [`StoreError::DiskFull`] when there is no room.
    pub fn commit(&self, commit: BlockCommit<'_>) -> Result<(), StoreError> {
        let start = Instant::now();
        let _writer = self.shared.writer.lock();
        let logs = LogKeys::of(commit.receipts);
        let size = commit.changes.size().saturating_add(logs.len());
        self.shared.directory.check_space(size.saturating_add(commit.touched.len()))?;
        let tx = self.shared.environment.begin_rw_unsync()?;
        let txn = Txn::new(&tx, &self.shared.tables);
        let meta = Meta(txn);
        check(&commit, meta.head()?.ok_or(StoreError::NotInitialized)?)?;
        let BlockCommit { block, receipts, changes, touched, trie, certificate } = commit;
        let (number, hash) = (block.number(), block.hash());
        let (header, body, senders) = (block.header(), block.body(), block.senders());
        write_block(txn, BlockParts { hash, header, body, senders, receipts }, certificate)?;
        write_state(txn, Some(number), changes, trie)?;
        trie::forget_old(txn, number, self.shared.trie_history_blocks)?;
        write_logs(txn, number, &logs)?;
        write_touched(txn, number, touched)?;
        meta.set_head(Head { number, hash })?;
        let closed = self.shared.idle.close(txn.snapshot()?);
        tx.commit()?;
        drop(closed);
        metrics::committed(number, start.elapsed());
        Ok(())
    }
}

/// Whether the parts belong together and to this head.
fn check(commit: &BlockCommit<'_>, head: Head) -> Result<(), StoreError> {
    let header = commit.block.header();
    let number = header.number;
    if head.number.checked_add(1) != Some(number) || header.parent_hash != head.hash {
        return Err(StoreError::NotNextBlock {
            head_number: head.number,
            head_hash: head.hash,
            number,
            parent: header.parent_hash,
        });
    }
    if commit.trie.base != head.hash {
        return Err(StoreError::StaleTrieUpdates { base: commit.trie.base, head: head.hash });
    }
    if commit.trie.root != header.state_root {
        let (header, computed) = (header.state_root, commit.trie.root);
        return Err(StoreError::StateRootMismatch { number, header, computed });
    }
    if commit.receipts.len() != commit.block.transactions().len() {
        let reason = "there is not one receipt per transaction";
        return Err(StoreError::InvalidCommit { number, reason });
    }
    if commit.touched.iter().any(|(_, index)| *index as usize >= commit.receipts.len()) {
        let reason = "an account was touched by a transaction that is not there";
        return Err(StoreError::InvalidCommit { number, reason });
    }
    Ok(())
}

/// What a block is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockParts<'a> {
    pub(crate) hash: B256,
    pub(crate) header: &'a Header,
    pub(crate) body: &'a BlockBody,
    pub(crate) senders: &'a [Address],
    pub(crate) receipts: &'a [Receipt],
}

pub(crate) fn write_block<K: TransactionKind + WriteMarker>(
    txn: Txn<'_, K>,
    block: BlockParts<'_>,
    certificate: Option<&[u8]>,
) -> Result<(), StoreError> {
    let tables = txn.tables;
    let number = block.header.number;
    let key = number.to_be_bytes();
    txn.append(tables.headers, &key, &encode_header(block.hash, block.header))?;
    txn.append(tables.bodies, &key, &encode_body(block.body)?)?;
    txn.append(tables.receipts, &key, &encode_receipts(block.receipts)?)?;
    txn.append(tables.senders, &key, &encode_senders(block.senders))?;
    if let Some(certificate) = certificate {
        txn.append(tables.certificates, &key, certificate)?;
    }
    txn.put(tables.hash_to_number, block.hash.as_slice(), &key)?;
    let transactions = block.body.transactions.iter();
    let mut hashes: Vec<_> = (0u32..).zip(transactions.map(|tx| *tx.tx_hash())).collect();
    hashes.sort_unstable_by_key(|(_, hash)| *hash);
    for (index, hash) in hashes {
        txn.put(tables.transaction_index, hash.as_slice(), &transaction_place(number, index))?;
    }
    Ok(())
}
