//! Where the nodes of a trie are: branches in a trie table, leaves in a state table.

use crate::{
    codec::{AccountRecord, Branch, decode_path, decode_slot, encode_path},
    error::StoreError,
    tables::Table,
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

/// MDBX is not asked for empty keys, so the path of an account branch follows one byte.
const ACCOUNT_OWNER: [u8; 1] = [0];

/// Key of the account trie's branch at `path`.
pub(crate) fn account_trie_key(path: &Nibbles, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&ACCOUNT_OWNER);
    encode_path(path, out);
}

/// Key of a storage trie's branch at `path`.
pub(crate) fn storage_trie_key(account: B256, path: &Nibbles, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(account.as_slice());
    encode_path(path, out);
}

/// Seeks the first branch whose key starts with `prefix`, which is `owner` bytes and a path. Keys
/// are ordered by path, so it is the topmost one.
fn seek_branch<K: TransactionKind>(
    cursor: &mut Cursor<'_, K>,
    table: Table,
    prefix: &[u8],
    owner: usize,
) -> Result<Option<(Nibbles, Branch)>, StoreError> {
    let Some((key, value)) = cursor.set_range::<Slice<'_>, Slice<'_>>(prefix)? else {
        return Ok(None);
    };
    if !key.starts_with(prefix) {
        return Ok(None);
    }
    let path = decode_path(table.name, key.get(owner..).unwrap_or_default())?;
    Ok(Some((path, Branch::decode(table.name, &value)?)))
}

/// The first 32-byte key at or behind `prefix`.
fn first_key(prefix: &Nibbles) -> [u8; 32] {
    let mut key = [0; 32];
    for (index, byte) in prefix.pack().iter().enumerate().take(32) {
        key[index] = *byte;
    }
    key
}

/// The account trie.
#[derive(Debug)]
pub(crate) struct AccountTrie<'t, K: TransactionKind> {
    branches: Cursor<'t, K>,
    leaves: Cursor<'t, K>,
    txn: Txn<'t, K>,
    key: Vec<u8>,
}

impl<'t, K: TransactionKind> AccountTrie<'t, K> {
    pub(crate) fn new(txn: Txn<'t, K>) -> Result<Self, StoreError> {
        let branches = txn.cursor(txn.tables.account_trie)?;
        let leaves = txn.cursor(txn.tables.accounts)?;
        Ok(Self { branches, leaves, txn, key: Vec::with_capacity(64) })
    }
}

impl<K: TransactionKind> TrieSource for AccountTrie<'_, K> {
    fn branch_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        account_trie_key(prefix, &mut self.key);
        let table = self.txn.tables.account_trie;
        seek_branch(&mut self.branches, table, &self.key, ACCOUNT_OWNER.len())
    }

    fn leaf_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError> {
        let table = self.txn.tables.accounts;
        let found = self.leaves.set_range::<Slice<'_>, Slice<'_>>(&first_key(prefix))?;
        let Some((key, value)) = found else { return Ok(None) };
        let key = <[u8; 32]>::try_from(&*key).map_err(|_| table.corrupt("a key is not a hash"))?;
        let path = Nibbles::unpack_array(&key);
        if !path.starts_with(prefix) {
            return Ok(None);
        }
        let record = AccountRecord::decode(table.name, &value)?;
        Ok(Some((path, alloy_rlp::encode(record.leaf()))))
    }
}

/// The storage trie of one account.
#[derive(Debug)]
pub(crate) struct StorageTrie<'t, K: TransactionKind> {
    account: B256,
    branches: Cursor<'t, K>,
    leaves: Cursor<'t, K>,
    txn: Txn<'t, K>,
    key: Vec<u8>,
}

impl<'t, K: TransactionKind> StorageTrie<'t, K> {
    pub(crate) fn new(txn: Txn<'t, K>, account: B256) -> Result<Self, StoreError> {
        let branches = txn.cursor(txn.tables.storage_trie)?;
        let leaves = txn.cursor(txn.tables.storage)?;
        Ok(Self { account, branches, leaves, txn, key: Vec::with_capacity(96) })
    }
}

impl<K: TransactionKind> TrieSource for StorageTrie<'_, K> {
    fn branch_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        storage_trie_key(self.account, prefix, &mut self.key);
        let table = self.txn.tables.storage_trie;
        seek_branch(&mut self.branches, table, &self.key, B256::len_bytes())
    }

    fn leaf_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError> {
        let from = first_key(prefix);
        let found = self.leaves.get_both_range::<Slice<'_>>(self.account.as_slice(), &from)?;
        let Some(value) = found else { return Ok(None) };
        let (slot, value) = decode_slot(self.txn.tables.storage.name, &value)?;
        let path = Nibbles::unpack_array(&slot.0);
        if !path.starts_with(prefix) {
            return Ok(None);
        }
        Ok(Some((path, alloy_rlp::encode_fixed_size(&value).to_vec())))
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
