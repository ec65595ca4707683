//! The state of a replay: what was kept so far, over a database that can be interrupted.

use crate::{
    database::{ReadFailed, Source},
    error::BoxError,
    interrupt::{Guard, Interrupt},
};
use alloy_primitives::{Address, B256, U256};
use revm::{
    Database, DatabaseCommit, DatabaseRef,
    database::State,
    database_interface::bal::EvmDatabaseError,
    state::{AccountInfo, Bytecode, EvmState},
};
use std::fmt;

/// A state that a [`Replay`](super::Replay) changes. To read it is to read the state before the
/// transaction that runs.
pub struct ReplayState<'i, DB>(State<Source<Guard<'i, DB>>>);

impl<'i, DB: DatabaseRef> ReplayState<'i, DB> {
    pub(super) fn new(db: DB, interrupt: &'i mut dyn FnMut() -> bool) -> Self {
        let source = Source::new(Guard::new(db, interrupt));
        Self(State::builder().with_database(source).build())
    }

    /// What BLOCKHASH answers for these heights.
    pub(super) fn override_block_hashes<'h>(
        &mut self,
        hashes: impl Iterator<Item = (&'h u64, &'h B256)>,
    ) {
        for (number, hash) in hashes {
            self.0.block_hashes.insert(*number, *hash);
        }
    }

    /// Whether the interrupt said stop.
    pub(super) fn interrupted(&self) -> bool {
        self.0.database.inner().interrupted()
    }

    /// The first failure of the database, once.
    pub(super) fn take_failure(&mut self) -> Option<BoxError> {
        self.0.database.take_failure()
    }
}

impl<DB> fmt::Debug for ReplayState<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayState").finish_non_exhaustive()
    }
}

impl<DB: DatabaseRef> Interrupt for ReplayState<'_, DB> {
    fn poll_at_jump(&mut self) -> bool {
        self.0.database.inner_mut().poll_at_jump()
    }

    fn poll_longer(&mut self, bytes: U256) -> bool {
        self.0.database.inner_mut().poll_longer(bytes)
    }

    fn poll(&mut self) -> bool {
        self.0.database.inner_mut().poll()
    }
}

/// There are no block access lists here, so all that fails is a read.
fn unreadable(_: EvmDatabaseError<ReadFailed>) -> ReadFailed {
    ReadFailed
}

impl<DB: DatabaseRef> Database for ReplayState<'_, DB> {
    type Error = ReadFailed;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        Database::basic(&mut self.0, address).map_err(unreadable)
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, ReadFailed> {
        Database::code_by_hash(&mut self.0, code_hash).map_err(unreadable)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        Database::storage(&mut self.0, address, slot).map_err(unreadable)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReadFailed> {
        Database::block_hash(&mut self.0, number).map_err(unreadable)
    }
}

impl<DB: DatabaseRef> DatabaseRef for ReplayState<'_, DB> {
    type Error = ReadFailed;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        self.0.basic_ref(address).map_err(unreadable)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ReadFailed> {
        self.0.code_by_hash_ref(code_hash).map_err(unreadable)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        self.0.storage_ref(address, slot).map_err(unreadable)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadFailed> {
        self.0.block_hash_ref(number).map_err(unreadable)
    }
}

impl<DB: DatabaseRef> DatabaseCommit for ReplayState<'_, DB> {
    fn commit(&mut self, changes: EvmState) {
        self.0.commit(changes);
    }
}
