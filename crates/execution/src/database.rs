//! Reading a state without losing sight of its failures.

use crate::{
    error::{BoxError, ExecutionError},
    touched::BeneficiaryWatch,
};
use alloy_primitives::{Address, B256, U256};
use revm::{
    Database, DatabaseRef, database::State, database_interface::DBErrorMarker, state::AccountInfo,
    state::Bytecode,
};
use std::{cell::OnceCell, fmt};

/// A [`DatabaseRef`] that keeps its first failure.
///
/// Layers above turn a failed read inside a system call into a text and then into an invalid
/// block. Whoever sees an error from above asks here first whether it was the database.
pub(crate) struct Source<DB> {
    db: DB,
    failure: OnceCell<BoxError>,
    pub(crate) watch: BeneficiaryWatch,
}

/// A state could not be read; why, says whoever ran into it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the state could not be read")]
pub struct ReadFailed;

impl DBErrorMarker for ReadFailed {}

impl<DB> fmt::Debug for Source<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("failure", &self.failure).finish_non_exhaustive()
    }
}

impl<DB> Source<DB> {
    pub(crate) fn new(db: DB) -> Self {
        Self { db, failure: OnceCell::new(), watch: BeneficiaryWatch::default() }
    }

    /// The database below.
    pub(crate) const fn inner(&self) -> &DB {
        &self.db
    }

    /// The database below, to be asked whether to stop.
    pub(crate) const fn inner_mut(&mut self) -> &mut DB {
        &mut self.db
    }

    /// The first failure, once.
    pub(crate) fn take_failure(&mut self) -> Option<BoxError> {
        self.failure.take()
    }
}

impl<DB: DatabaseRef> Source<DB> {
    fn read<T>(&self, read: impl FnOnce(&DB) -> Result<T, DB::Error>) -> Result<T, ReadFailed> {
        read(&self.db).map_err(|error| {
            self.failure.get_or_init(|| Box::new(error));
            ReadFailed
        })
    }
}

impl<DB: DatabaseRef> Database for Source<DB> {
    type Error = ReadFailed;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        self.read(|db| db.basic_ref(address))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, ReadFailed> {
        self.read(|db| db.code_by_hash_ref(code_hash))
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        self.read(|db| db.storage_ref(address, slot))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReadFailed> {
        self.read(|db| db.block_hash_ref(number))
    }
}

impl<DB: DatabaseRef> DatabaseRef for Source<DB> {
    type Error = ReadFailed;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        self.read(|db| db.basic_ref(address))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ReadFailed> {
        self.read(|db| db.code_by_hash_ref(code_hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        self.read(|db| db.storage_ref(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadFailed> {
        self.read(|db| db.block_hash_ref(number))
    }
}

/// A state over `db` that collects what changes.
pub(crate) fn state_over<DB: DatabaseRef>(db: DB) -> State<Source<DB>> {
    State::builder().with_database(Source::new(db)).with_bundle_update().build()
}

/// Gives `result` back, or the failure of the database that lies behind its error.
pub(crate) fn blame<T, DB>(
    state: &mut State<Source<DB>>,
    result: Result<T, ExecutionError>,
) -> Result<T, ExecutionError> {
    result.map_err(|error| match state.database.take_failure() {
        Some(failure) => ExecutionError::Database(failure),
        None => error,
    })
}
