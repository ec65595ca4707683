//! The state after one block, as revm and RPC read it.

use super::{history::first_change_after, range::SlotRange};
use crate::{
    codec::{AccountRecord, decode_account_change, decode_slot},
    error::StoreError,
    reader::Reader,
    txn::{Slice, Txn},
};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use mfenx_primitives::{AccountState, precompile::RecordWord};
use reth_libmdbx::tx::TransactionKind;
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};

/// The state after a block of a [`Reader`]'s snapshot.
#[derive(Debug, Clone, Copy)]
pub struct StateView<'r> {
    reader: &'r Reader,
    /// `None` for the head, whose state needs no history.
    after: Option<u64>,
}

impl<'r> StateView<'r> {
    pub(crate) const fn new(reader: &'r Reader, after: Option<u64>) -> Self {
        Self { reader, after }
    }

    /// The account, or `None` if it does not exist.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn account(&self, address: Address) -> Result<Option<AccountState>, StoreError> {
        Ok(self.record(keccak256(address))?.map(|record| record.state))
    }

    /// The account with the root of its storage trie, or `None` if it does not exist.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn account_with_storage_root(
        &self,
        address: Address,
    ) -> Result<Option<(AccountState, B256)>, StoreError> {
        Ok(self.record(keccak256(address))?.map(|record| (record.state, record.storage_root)))
    }

    /// The value of a slot; zero for one that was never written, or of no account.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let (account, slot) = (keccak256(address), keccak256(slot.to_be_bytes::<32>()));
        let txn = self.reader.txn();
        if let Some(after) = self.after {
            let mut key = [0; 64];
            key[..32].copy_from_slice(account.as_slice());
            key[32..].copy_from_slice(slot.as_slice());
            let table = txn.tables.storage_history;
            if let Some(block) = first_change_after(txn, table, &key, after)? {
                return storage_before(txn, block, account, slot);
            }
        }
        storage_value(txn, account, slot)
    }

    /// The slots of an account that have a value, by keccak(slot) from `from` on in rising order;
    /// at most `limit` of them, and none when `stop`, asked before each, says so.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn storage_range(
        &self,
        address: Address,
        from: B256,
        limit: usize,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<(B256, U256)>>, StoreError> {
        let mut range = SlotRange::new(self.reader, self.after, keccak256(address), from);
        let mut found = Vec::new();
        while found.len() < limit {
            if stop() {
                return Ok(None);
            }
            let Some((slot, value)) = range.next()? else { break };
            if !value.is_zero() {
                found.push((slot, value));
            }
        }
        Ok(Some(found))
    }

    /// The code of an account; empty for one without.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn code(&self, address: Address) -> Result<Bytes, StoreError> {
        match self.account(address)? {
            Some(account) => Ok(self.reader.bytecode(account.code_hash)?.original_bytes()),
            None => Ok(Bytes::new()),
        }
    }

    /// The account with its storage root, by its key.
    pub(crate) fn record(&self, account: B256) -> Result<Option<AccountRecord>, StoreError> {
        let txn = self.reader.txn();
        if let Some(after) = self.after {
            let table = txn.tables.account_history;
            if let Some(block) = first_change_after(txn, table, account.as_slice(), after)? {
                return account_before(txn, block, account);
            }
        }
        account_record(txn, account)
    }
}

/// The current account.
pub(crate) fn account_record<K: TransactionKind>(
    txn: Txn<'_, K>,
    account: B256,
) -> Result<Option<AccountRecord>, StoreError> {
    let table = txn.tables.accounts;
    let bytes = txn.get(table, account.as_slice())?;
    bytes.map(|bytes| AccountRecord::decode(table.name, &bytes)).transpose()
}

/// The current value of a slot (hashed).
fn storage_value<K: TransactionKind>(
    txn: Txn<'_, K>,
    account: B256,
    slot: B256,
) -> Result<U256, StoreError> {
    let table = txn.tables.storage;
    let mut cursor = txn.cursor(table)?;
    match cursor.get_both_range::<Slice<'_>>(account.as_slice(), slot.as_slice())? {
        Some(bytes) if bytes.starts_with(slot.as_slice()) => Ok(decode_slot(table.name, &bytes)?.1),
        _ => Ok(U256::ZERO),
    }
}

/// The account before `block`, which changed it.
fn account_before<K: TransactionKind>(
    txn: Txn<'_, K>,
    block: u64,
    account: B256,
) -> Result<Option<AccountRecord>, StoreError> {
    let table = txn.tables.account_changes;
    let mut cursor = txn.cursor(table)?;
    match cursor.get_both_range::<Slice<'_>>(&block.to_be_bytes(), account.as_slice())? {
        Some(bytes) if bytes.starts_with(account.as_slice()) => {
            Ok(decode_account_change(table.name, &bytes)?.1)
        }
        _ => Err(table.corrupt("a change that the history names is missing")),
    }
}

/// The slot before `block`, which changed it.
pub(super) fn storage_before<K: TransactionKind>(
    txn: Txn<'_, K>,
    block: u64,
    account: B256,
    slot: B256,
) -> Result<U256, StoreError> {
    let table = txn.tables.storage_changes;
    let key = storage_change_key(block, account);
    let mut cursor = txn.cursor(table)?;
    match cursor.get_both_range::<Slice<'_>>(&key, slot.as_slice())? {
        Some(bytes) if bytes.starts_with(slot.as_slice()) => Ok(decode_slot(table.name, &bytes)?.1),
        _ => Err(table.corrupt("a change that the history names is missing")),
    }
}

/// Key of the slots of `account` that `block` changed.
pub(crate) fn storage_change_key(block: u64, account: B256) -> [u8; 40] {
    let mut key = [0; 40];
    key[..8].copy_from_slice(&block.to_be_bytes());
    key[8..].copy_from_slice(account.as_slice());
    key
}

impl DatabaseRef for StateView<'_> {
    type Error = StoreError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StoreError> {
        Ok(self.account(address)?.map(|state| AccountInfo {
            nonce: state.nonce,
            balance: state.balance,
            code_hash: state.code_hash,
            code: (state.code_hash == KECCAK256_EMPTY).then(Bytecode::default),
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StoreError> {
        self.reader.bytecode(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        self.storage(address, slot)
    }

    /// Zero for a block that is not there. For a number that stands for a word of what is kept
    /// beside a block ([`RecordWord`]), that word, or zero where nothing is kept and beside the
    /// blocks after the one whose state this is.
    fn block_hash_ref(&self, number: u64) -> Result<B256, StoreError> {
        let Some(word) = RecordWord::of_number(number) else {
            return Ok(self.reader.block_hash(number)?.unwrap_or_default());
        };
        if self.after.is_some_and(|after| word.height > after) {
            return Ok(B256::ZERO);
        }
        let record = self.reader.with_certificate(word.height, |record| word.of(record))?;
        Ok(record.map_or(B256::ZERO, B256::from))
    }
}
