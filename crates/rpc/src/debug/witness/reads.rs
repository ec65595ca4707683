//! What a block reads of the state.

use super::Bounds;
use alloy_primitives::{Address, B256, Bytes, U256};
use mfenx_storage::StoreError;
use revm::{
    DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo,
};
use std::{
    cell::{Cell, Ref, RefCell},
    collections::{BTreeMap, BTreeSet},
};

/// Accounts, slots, codes and hashes that were read, whether they exist or not.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) accounts: BTreeMap<Address, BTreeSet<B256>>,
    /// By their hashes.
    pub(super) codes: BTreeMap<B256, Bytes>,
    /// The oldest block whose hash was read.
    pub(super) oldest_hash: Option<u64>,
}

/// A state that remembers what is read of it, as long as the bounds allow.
pub(super) struct Recorder<'b, DB> {
    state: DB,
    bounds: &'b Bounds<'b>,
    reads: RefCell<Reads>,
    /// Length of the codes and keys.
    bytes: Cell<usize>,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the witness takes too long or is too large")]
    Stopped,
}

impl DBErrorMarker for ReadError {}

impl<'b, DB> Recorder<'b, DB> {
    pub(super) fn new(state: DB, bounds: &'b Bounds<'b>) -> Self {
        Self { state, bounds, reads: RefCell::default(), bytes: Cell::new(0) }
    }

    pub(super) const fn bounds(&self) -> &'b Bounds<'b> {
        self.bounds
    }

    /// Length of what is recorded.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes.get()
    }

    pub(super) fn reads(&self) -> Ref<'_, Reads> {
        self.reads.borrow()
    }

    pub(super) fn into_reads(self) -> Reads {
        self.reads.into_inner()
    }

    /// Lets `record` remember a read and say how many bytes that adds.
    fn record(&self, record: impl FnOnce(&mut Reads) -> usize) -> Result<(), ReadError> {
        let added = record(&mut self.reads.borrow_mut());
        self.bytes.set(self.bytes.get().saturating_add(added));
        if self.bounds.exceeded(self.bytes.get()) {
            return Err(ReadError::Stopped);
        }
        Ok(())
    }
}

/// The slots of an account that were read, and what the address adds.
fn slots_of(reads: &mut Reads, address: Address) -> (&mut BTreeSet<B256>, usize) {
    let added = if reads.accounts.contains_key(&address) { 0 } else { Address::len_bytes() };
    (reads.accounts.entry(address).or_default(), added)
}

impl<DB: DatabaseRef<Error = StoreError>> DatabaseRef for Recorder<'_, DB> {
    type Error = ReadError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        self.record(|reads| slots_of(reads, address).1)?;
        Ok(self.state.basic_ref(address)?)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ReadError> {
        let code = self.state.code_by_hash_ref(code_hash)?;
        let bytes = code.original_bytes();
        self.record(|reads| {
            let length = bytes.len();
            let is_new = length > 0 && reads.codes.insert(code_hash, bytes).is_none();
            if is_new { length } else { 0 }
        })?;
        Ok(code)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, ReadError> {
        self.record(|reads| {
            let (slots, added) = slots_of(reads, address);
            if slots.insert(slot.into()) { added + B256::len_bytes() } else { added }
        })?;
        Ok(self.state.storage_ref(address, slot)?)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadError> {
        self.record(|reads| {
            reads.oldest_hash = Some(reads.oldest_hash.map_or(number, |oldest| oldest.min(number)));
            0
        })?;
        Ok(self.state.block_hash_ref(number)?)
    }
}
