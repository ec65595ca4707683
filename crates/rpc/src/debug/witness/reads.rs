//! What a block reads of the state.

use super::Bounds;
use alloy_primitives::{Address, B256, Bytes, U256};
use mfenx_primitives::precompile::RecordWord;
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

    /// Words of what is kept beside a block are no hashes: no header of a witness proves them.
    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadError> {
        if RecordWord::of_number(number).is_some() {
            return Ok(self.state.block_hash_ref(number)?);
        }
        self.record(|reads| {
            reads.oldest_hash = Some(reads.oldest_hash.map_or(number, |oldest| oldest.min(number)));
            0
        })?;
        Ok(self.state.block_hash_ref(number)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::RpcError, limits::RpcLimits, recording::TraceTime, work::Cancel};
    use mfenx_chainspec::ChainSpec;
    use mfenx_storage::{Store, StoreOptions};

    /// Reads an account and a slot within these bounds; gives the error that the bounds explain.
    fn read(bytes_max: usize, cancel: &Cancel, time_ms: u64) -> Result<usize, RpcError> {
        let directory = tempfile::tempdir().unwrap();
        let spec = ChainSpec::dev().unwrap();
        let store = Store::open(directory.path(), StoreOptions::volatile()).unwrap();
        store.init_genesis(spec.chain_id(), spec.genesis_header(), spec.alloc()).unwrap();
        let reader = store.reader().unwrap();
        let limits = RpcLimits { trace_time_ms_max: time_ms, ..RpcLimits::default() };
        let time = TraceTime::starting(&limits, None, cancel);
        let bounds = Bounds { time: &time, bytes_max };
        let recorder = Recorder::new(reader.latest_state(), &bounds);
        let address = Address::repeat_byte(1);
        for _ in 0..2 {
            let read = recorder.storage_ref(address, U256::from(7));
            let read = read.and_then(|_| recorder.basic_ref(address));
            read.map_err(|_| bounds.error())?;
        }
        Ok(recorder.bytes())
    }

    #[test]
    fn what_is_recorded_is_counted_once_and_bounded() {
        let cancel = Cancel::default();
        assert_eq!(read(104, &cancel, 60_000).unwrap(), 52);
        let error = read(103, &cancel, 60_000).unwrap_err();
        assert!(matches!(error, RpcError::ResponseTooLarge { bytes_max: 103 }), "{error}");
    }

    #[test]
    fn reading_ends_with_the_time_and_with_the_caller() {
        let cancel = Cancel::default();
        let error = read(104, &cancel, 0).unwrap_err();
        assert!(matches!(error, RpcError::TraceTimeout { milliseconds: 0 }), "{error}");
        cancel.cancel();
        let error = read(104, &cancel, 60_000).unwrap_err();
        assert!(matches!(error, RpcError::Cancelled), "{error}");
    }
}
