//! Accounts, slots, and their previous values.
//!
//! Account: `lengths: u8 * 2 | nonce | balance | code hash? | storage root?`. The first byte holds
//! the length of the nonce and the flags for what is not empty, the second the length of the
//! balance; both numbers are big-endian without leading zeros. A plain account is about 12 bytes.
//!
//! Slot: `keccak(slot) | value`, big-endian without leading zeros. Slots of value zero are not
//! stored.

use super::decoder::Decoder;
use crate::error::StoreError;
use alloy_primitives::{B256, KECCAK256_EMPTY, U256};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use mfenx_primitives::AccountState;

const HAS_CODE: u8 = 0x10;
const HAS_STORAGE: u8 = 0x20;
const NONCE_BYTES: u8 = 0x0f;

/// An account as the state trie knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountRecord {
    pub(crate) state: AccountState,
    pub(crate) storage_root: B256,
}

impl AccountRecord {
    /// The leaf of the account trie.
    pub(crate) const fn leaf(&self) -> TrieAccount {
        TrieAccount {
            nonce: self.state.nonce,
            balance: self.state.balance,
            storage_root: self.storage_root,
            code_hash: self.state.code_hash,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let nonce = self.state.nonce.to_be_bytes();
        let balance = self.state.balance.to_be_bytes::<32>();
        let (nonce, balance) = (trim(&nonce), trim(&balance));
        let has_code = self.state.code_hash != KECCAK256_EMPTY;
        let has_storage = self.storage_root != EMPTY_ROOT_HASH;
        let flags = if has_code { HAS_CODE } else { 0 } | if has_storage { HAS_STORAGE } else { 0 };
        // At most 8 and 32.
        out.extend_from_slice(&[nonce.len() as u8 | flags, balance.len() as u8]);
        out.extend_from_slice(nonce);
        out.extend_from_slice(balance);
        if has_code {
            out.extend_from_slice(self.state.code_hash.as_slice());
        }
        if has_storage {
            out.extend_from_slice(self.storage_root.as_slice());
        }
    }

    pub(crate) fn decode(table: &'static str, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(table, bytes);
        let flags = decoder.u8()?;
        let balance_bytes = decoder.u8()?;
        if flags & !(HAS_CODE | HAS_STORAGE | NONCE_BYTES) != 0 {
            return Err(decoder.corrupt("unknown account flags"));
        }
        let nonce = decoder.take(usize::from(flags & NONCE_BYTES))?;
        let nonce = number(&decoder, nonce)?;
        let balance = decoder.take(usize::from(balance_bytes))?;
        let balance = number(&decoder, balance)?;
        let nonce = u64::try_from(nonce).map_err(|_| decoder.corrupt("nonce beyond 64 bits"))?;
        let code_hash = if flags & HAS_CODE != 0 { decoder.b256()? } else { KECCAK256_EMPTY };
        let storage_root = if flags & HAS_STORAGE != 0 { decoder.b256()? } else { EMPTY_ROOT_HASH };
        decoder.finish()?;
        Ok(Self { state: AccountState { nonce, balance, code_hash }, storage_root })
    }
}

/// Without leading zeros.
fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// A big-endian number of at most 32 bytes without leading zeros.
fn number(decoder: &Decoder<'_>, bytes: &[u8]) -> Result<U256, StoreError> {
    if bytes.first() == Some(&0) {
        return Err(decoder.corrupt("a number starts with zero"));
    }
    U256::try_from_be_slice(bytes).ok_or(decoder.corrupt("a number is longer than 32 bytes"))
}

/// A slot with its value, which is empty for zero: entries of `Storage` and `StorageChanges`.
pub(crate) fn encode_slot(slot: B256, value: U256, out: &mut Vec<u8>) {
    out.extend_from_slice(slot.as_slice());
    out.extend_from_slice(trim(&value.to_be_bytes::<32>()));
}

pub(crate) fn decode_slot(table: &'static str, bytes: &[u8]) -> Result<(B256, U256), StoreError> {
    let mut decoder = Decoder::new(table, bytes);
    let slot = decoder.b256()?;
    Ok((slot, number(&decoder, decoder.rest())?))
}

/// What an account was before a block; nothing follows the key when it did not exist.
pub(crate) fn account_change(key: B256, previous: Option<&AccountRecord>, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_slice());
    if let Some(previous) = previous {
        previous.encode(out);
    }
}

pub(crate) fn decode_account_change(
    table: &'static str,
    bytes: &[u8],
) -> Result<(B256, Option<AccountRecord>), StoreError> {
    let mut decoder = Decoder::new(table, bytes);
    let key = decoder.b256()?;
    let previous = match decoder.rest() {
        [] => None,
        record => Some(AccountRecord::decode(table, record)?),
    };
    Ok((key, previous))
}
