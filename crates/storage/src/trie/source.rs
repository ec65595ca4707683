//! Where the nodes of a trie are: branches in a trie table, leaves in a state table.

use crate::{
    codec::{AccountRecord, Branch, decode_path, decode_slot, encode_change_path, encode_path},
    error::StoreError,
    tables::{Table, Tables},
    txn::{Slice, Txn},
};
use alloy_primitives::B256;
use alloy_trie::Nibbles;
use reth_libmdbx::{Cursor, tx::TransactionKind};

/// A stored trie, before the changes at hand.
pub(crate) trait TrieSource {
    /// The topmost branch at `prefix` or below.
    fn branch_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError>;

    /// The first leaf below `prefix`: its whole key, and the RLP of its value.
    fn leaf_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError>;
}

/// One of the stored tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrieId {
    /// The account trie.
    Accounts,
    /// The storage trie of the account with this key.
    Storage(B256),
}

impl TrieId {
    /// The table of its branches.
    pub(crate) const fn table(&self, tables: &Tables) -> Table {
        match self {
            Self::Accounts => tables.account_trie,
            Self::Storage(_) => tables.storage_trie,
        }
    }

    /// What stands before the path in a key. MDBX is not asked for empty keys, so there is always
    /// something.
    pub(crate) fn owner(&self) -> &[u8] {
        match self {
            Self::Accounts => &[0],
            Self::Storage(account) => account.as_slice(),
        }
    }

    /// What the changes of branches at `path` and below begin with.
    pub(crate) fn change_prefix(&self, path: &Nibbles, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Accounts => out.push(0),
            Self::Storage(account) => {
                out.push(1);
                out.extend_from_slice(account.as_slice());
            }
        }
        encode_change_path(path, out);
    }

    /// Key of the branch at `path`.
    pub(crate) fn key(&self, path: &Nibbles, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.owner());
        encode_path(path, out);
    }
}

/// The first 32-byte key at or behind `prefix`.
pub(super) fn first_key(prefix: &Nibbles) -> [u8; 32] {
    let mut key = [0; 32];
    for (index, byte) in prefix.pack().iter().enumerate().take(32) {
        key[index] = *byte;
    }
    key
}

/// A trie in a transaction.
#[derive(Debug)]
pub(crate) struct StoredTrie<'t, K: TransactionKind> {
    id: TrieId,
    txn: Txn<'t, K>,
    branches: Cursor<'t, K>,
    leaves: Cursor<'t, K>,
    key: Vec<u8>,
}

impl<'t, K: TransactionKind> StoredTrie<'t, K> {
    pub(crate) fn open(txn: Txn<'t, K>, id: TrieId) -> Result<Self, StoreError> {
        let branches = txn.cursor(id.table(txn.tables))?;
        let leaves = txn.cursor(match id {
            TrieId::Accounts => txn.tables.accounts,
            TrieId::Storage(_) => txn.tables.storage,
        })?;
        Ok(Self { id, txn, branches, leaves, key: Vec::with_capacity(96) })
    }

    /// The first account at or behind `from`.
    fn account_leaf(&mut self, from: &[u8; 32]) -> Result<Option<(B256, Vec<u8>)>, StoreError> {
        let table = self.txn.tables.accounts;
        let found = self.leaves.set_range::<Slice<'_>, Slice<'_>>(from)?;
        let Some((key, value)) = found else { return Ok(None) };
        let key = B256::try_from(&*key).map_err(|_| table.corrupt("a key is not a hash"))?;
        let record = AccountRecord::decode(table.name, &value)?;
        Ok(Some((key, alloy_rlp::encode(record.leaf()))))
    }

    /// The first slot of `account` at or behind `from`.
    fn storage_leaf(
        &mut self,
        account: B256,
        from: &[u8; 32],
    ) -> Result<Option<(B256, Vec<u8>)>, StoreError> {
        let found = self.leaves.get_both_range::<Slice<'_>>(account.as_slice(), from)?;
        let Some(value) = found else { return Ok(None) };
        let (slot, value) = decode_slot(self.txn.tables.storage.name, &value)?;
        Ok(Some((slot, alloy_rlp::encode_fixed_size(&value).to_vec())))
    }
}

impl<K: TransactionKind> TrieSource for StoredTrie<'_, K> {
    /// Keys are ordered by path, and a path stands before everything below it: the first branch is
    /// the topmost one.
    fn branch_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        self.id.key(prefix, &mut self.key);
        let name = self.id.table(self.txn.tables).name;
        let found = self.branches.set_range::<Slice<'_>, Slice<'_>>(&self.key)?;
        let Some((key, value)) = found.filter(|(key, _)| key.starts_with(&self.key)) else {
            return Ok(None);
        };
        let path = decode_path(name, key.get(self.id.owner().len()..).unwrap_or_default())?;
        Ok(Some((path, Branch::decode(name, &value)?)))
    }

    fn leaf_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError> {
        let from = first_key(prefix);
        let first = match self.id {
            TrieId::Accounts => self.account_leaf(&from)?,
            TrieId::Storage(account) => self.storage_leaf(account, &from)?,
        };
        let first = first.map(|(key, value)| (Nibbles::unpack_array(&key.0), value));
        Ok(first.filter(|(path, _)| path.starts_with(prefix)))
    }
}

/// A trie without nodes: that of a new account, or of one whose storage was destroyed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmptyTrie;

impl TrieSource for EmptyTrie {
    fn branch_below(&mut self, _: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        Ok(None)
    }

    fn leaf_below(&mut self, _: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError> {
        Ok(None)
    }
}
