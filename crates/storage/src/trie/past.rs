//! A trie as it was after an earlier block: the stored one, and what the blocks since then changed.
//!
//! Nothing is put together beforehand. Each question is asked of the stored trie and of every block
//! since that changed the trie at all; what comes first decides, unless it did not exist then. A
//! block that was asked for what is behind some path, and had nothing before another one, need not
//! be asked again for what lies between: walks go forward.

use super::source::{TrieId, TrieSource, first_key};
use crate::{
    codec::{AccountRecord, Branch, decode_change_path, decode_path, decode_slot},
    error::StoreError,
    state::storage_change_key,
    tables::Table,
    txn::{Slice, Txn},
};
use alloy_primitives::{B256, U256};
use alloy_trie::Nibbles;
use reth_libmdbx::{Cursor, tx::TransactionKind};
use std::{mem, ops::RangeInclusive};

/// A trie after the block before `blocks`.
#[derive(Debug)]
pub(crate) struct PastTrie<'t, K: TransactionKind> {
    id: TrieId,
    txn: Txn<'t, K>,
    branches: Cursor<'t, K>,
    branch_changes: Cursor<'t, K>,
    leaves: Cursor<'t, K>,
    leaf_changes: Cursor<'t, K>,
    /// Those since then that changed a branch, the newest first.
    branch_blocks: Vec<BlockChanges<'t>>,
    /// Those since then that changed a leaf, the oldest first.
    leaf_blocks: Vec<u64>,
    key: Vec<u8>,
}

/// A block, and where it was asked for changed branches last.
#[derive(Debug)]
struct BlockChanges<'t> {
    block: u64,
    /// From where on.
    from: Vec<u8>,
    /// The first change from there on, of whatever trie.
    first: Option<Slice<'t>>,
}

/// A leaf, or what it was before a block: key, and value as it is stored, empty for none.
type StoredLeaf<'t> = (B256, Slice<'t>, usize);

impl<'t, K: TransactionKind> PastTrie<'t, K> {
    /// The trie before the first of `blocks`, the last of which is the head.
    pub(crate) fn open(
        txn: Txn<'t, K>,
        id: TrieId,
        blocks: RangeInclusive<u64>,
    ) -> Result<Self, StoreError> {
        let tables = txn.tables;
        let (leaves, changes) = match id {
            TrieId::Accounts => (tables.accounts, tables.account_changes),
            TrieId::Storage(_) => (tables.storage, tables.storage_changes),
        };
        let mut trie = Self {
            id,
            txn,
            branches: txn.cursor(id.table(tables))?,
            branch_changes: txn.cursor(tables.trie_changes)?,
            leaves: txn.cursor(leaves)?,
            leaf_changes: txn.cursor(changes)?,
            branch_blocks: Vec::new(),
            leaf_blocks: Vec::new(),
            key: Vec::with_capacity(96),
        };
        let mut root = Vec::new();
        id.change_prefix(&Nibbles::new(), &mut root);
        for block in blocks {
            let first = trie.branch_change(block, &root)?;
            if first.as_ref().is_some_and(|change| change.starts_with(&root)) {
                trie.branch_blocks.push(BlockChanges { block, from: root.clone(), first });
            }
            if trie.leaf_change(block, &[0; 32])?.is_some() {
                trie.leaf_blocks.push(block);
            }
        }
        trie.branch_blocks.reverse();
        Ok(trie)
    }

    fn branch_table(&self) -> Table {
        self.id.table(self.txn.tables)
    }

    /// The first stored branch whose key is at `from` or behind and begins with `prefix`.
    fn branch(
        &mut self,
        from: &[u8],
        prefix: &[u8],
    ) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        let name = self.branch_table().name;
        let found = self.branches.set_range::<Slice<'_>, Slice<'_>>(from)?;
        let Some((key, value)) = found.filter(|(key, _)| key.starts_with(prefix)) else {
            return Ok(None);
        };
        let path = decode_path(name, key.get(self.id.owner().len()..).unwrap_or_default())?;
        Ok(Some((path, Branch::decode(name, &value)?)))
    }

    /// The first change of a branch in `block`, of whatever trie, at `from` or behind.
    fn branch_change(&mut self, block: u64, from: &[u8]) -> Result<Option<Slice<'t>>, StoreError> {
        Ok(self.branch_changes.get_both_range::<Slice<'t>>(&block.to_be_bytes(), from)?)
    }

    /// The first change of every block that begins with `prefix`, the newest first.
    fn changes_below(&mut self, prefix: &[u8]) -> Result<Vec<(u64, Slice<'t>)>, StoreError> {
        let mut blocks = mem::take(&mut self.branch_blocks);
        let mut changes = Vec::new();
        for of in &mut blocks {
            let is_known = of.from.as_slice() <= prefix
                && of.first.as_ref().is_none_or(|first| **first >= *prefix);
            if !is_known {
                of.first = self.branch_change(of.block, prefix)?;
                prefix.clone_into(&mut of.from);
            }
            if let Some(first) = of.first.as_ref().filter(|first| first.starts_with(prefix)) {
                changes.push((of.block, first.clone()));
            }
        }
        self.branch_blocks = blocks;
        Ok(changes)
    }

    /// The path of a change of this trie, and the change.
    fn decode_change<'c>(&self, change: &'c [u8]) -> Result<(Nibbles, &'c [u8]), StoreError> {
        // A tag, which the account trie has instead of an owner.
        let owner = match self.id {
            TrieId::Accounts => 1,
            TrieId::Storage(_) => 1 + B256::len_bytes(),
        };
        decode_change_path(self.txn.tables.trie_changes.name, change.get(owner..).unwrap_or(&[]))
    }

    /// The first stored leaf at `from` or behind.
    fn leaf(&mut self, from: &[u8; 32]) -> Result<Option<StoredLeaf<'t>>, StoreError> {
        match self.id {
            TrieId::Accounts => {
                let found = self.leaves.set_range::<Slice<'t>, Slice<'t>>(from)?;
                let found = found.map(|(key, value)| Ok((self.leaf_key(&key)?, value, 0)));
                found.transpose()
            }
            TrieId::Storage(account) => {
                let found = self.leaves.get_both_range::<Slice<'t>>(account.as_slice(), from)?;
                found.map(|value| Ok((self.leaf_key(&value)?, value, 32))).transpose()
            }
        }
    }

    /// The first leaf at `from` or behind that `block` changed, as it was before.
    fn leaf_change(
        &mut self,
        block: u64,
        from: &[u8; 32],
    ) -> Result<Option<StoredLeaf<'t>>, StoreError> {
        let found = match self.id {
            TrieId::Accounts => {
                self.leaf_changes.get_both_range::<Slice<'t>>(&block.to_be_bytes(), from)?
            }
            TrieId::Storage(account) => {
                let key = storage_change_key(block, account);
                self.leaf_changes.get_both_range::<Slice<'t>>(&key, from)?
            }
        };
        found.map(|value| Ok((self.leaf_key(&value)?, value, 32))).transpose()
    }

    fn leaf_key(&self, bytes: &[u8]) -> Result<B256, StoreError> {
        let table = match self.id {
            TrieId::Accounts => self.txn.tables.accounts,
            TrieId::Storage(_) => self.txn.tables.storage,
        };
        bytes.first_chunk::<32>().map(B256::from).ok_or(table.corrupt("a key is not a hash"))
    }

    /// The RLP of a leaf; `None` where it was not there.
    fn leaf_value(&self, (_, bytes, skip): &StoredLeaf<'_>) -> Result<Option<Vec<u8>>, StoreError> {
        let value = bytes.get(*skip..).unwrap_or_default();
        if value.is_empty() {
            return Ok(None);
        }
        match self.id {
            TrieId::Accounts => {
                let record = AccountRecord::decode(self.txn.tables.accounts.name, value)?;
                Ok(Some(alloy_rlp::encode(record.leaf())))
            }
            TrieId::Storage(_) => {
                let (_, value): (_, U256) = decode_slot(self.txn.tables.storage.name, bytes)?;
                Ok(Some(alloy_rlp::encode_fixed_size(&value).to_vec()))
            }
        }
    }
}

impl<'t, K: TransactionKind> TrieSource for PastTrie<'t, K> {
    fn branch_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        let table = self.txn.tables.trie_changes.name;
        let mut stored_prefix = mem::take(&mut self.key);
        self.id.key(prefix, &mut stored_prefix);
        let mut change_prefix = Vec::with_capacity(96);
        self.id.change_prefix(prefix, &mut change_prefix);
        let mut stored = self.branch(&stored_prefix, &stored_prefix)?;
        let mut changes = self.changes_below(&change_prefix)?;
        let found = loop {
            let mut first = stored.as_ref().map(|(path, _)| *path);
            for (_, change) in &changes {
                let (path, _) = self.decode_change(change)?;
                first = Some(first.map_or(path, |first| first.min(path)));
            }
            let Some(path) = first else { break None };
            let mut branch = match &stored {
                Some((at, branch)) if *at == path => Some(branch.clone()),
                _ => None,
            };
            for (_, change) in &changes {
                let (at, change) = self.decode_change(change)?;
                if at == path {
                    branch = Branch::decode_change(table, change, branch.as_ref())?;
                }
            }
            if let Some(branch) = branch {
                break Some((path, branch));
            }
            // It was not there: whatever stands at this path gives way to what is behind it.
            let mut behind = Vec::with_capacity(96);
            if stored.as_ref().is_some_and(|(at, _)| *at == path) {
                self.id.key(&path, &mut behind);
                behind.push(0);
                stored = self.branch(&behind, &stored_prefix)?;
            }
            self.id.change_prefix(&path, &mut behind);
            behind.push(1);
            let mut next = Vec::with_capacity(changes.len());
            for (block, change) in changes {
                if self.decode_change(&change)?.0 != path {
                    next.push((block, change));
                } else if let Some(change) = self
                    .branch_change(block, &behind)?
                    .filter(|next| next.starts_with(&change_prefix))
                {
                    next.push((block, change));
                }
            }
            changes = next;
        };
        self.key = stored_prefix;
        Ok(found)
    }

    fn leaf_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError> {
        let below = |leaf: &StoredLeaf<'_>| Nibbles::unpack_array(&leaf.0.0).starts_with(prefix);
        let from = first_key(prefix);
        let mut stored = self.leaf(&from)?.filter(below);
        // The oldest first: what a leaf was before the first change is what it was.
        let blocks = self.leaf_blocks.clone();
        let mut changes: Vec<(u64, StoredLeaf<'t>)> = Vec::new();
        for block in blocks {
            if let Some(leaf) = self.leaf_change(block, &from)?.filter(below) {
                changes.push((block, leaf));
            }
        }
        loop {
            let keys = stored.iter().chain(changes.iter().map(|(_, leaf)| leaf)).map(|leaf| leaf.0);
            let Some(key) = keys.min() else { return Ok(None) };
            let change = changes.iter().map(|(_, leaf)| leaf).find(|leaf| leaf.0 == key);
            let leaf = change.or(stored.as_ref().filter(|leaf| leaf.0 == key));
            if let Some(value) = leaf.map(|leaf| self.leaf_value(leaf)).transpose()?.flatten() {
                return Ok(Some((Nibbles::unpack_array(&key.0), value)));
            }
            let Some(behind) = U256::from_be_bytes(key.0).checked_add(U256::ONE) else {
                return Ok(None);
            };
            let behind = behind.to_be_bytes::<32>();
            if stored.as_ref().is_some_and(|leaf| leaf.0 == key) {
                stored = self.leaf(&behind)?.filter(below);
            }
            let mut next = Vec::with_capacity(changes.len());
            for (block, leaf) in changes {
                if leaf.0 != key {
                    next.push((block, leaf));
                } else if let Some(leaf) = self.leaf_change(block, &behind)?.filter(below) {
                    next.push((block, leaf));
                }
            }
            changes = next;
        }
    }
}
