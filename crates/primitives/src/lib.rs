//! The types every other crate speaks: Ethereum's own, from alloy, with the chain's few additions.
//!
//! Invariants: a [`RecoveredBlock`] carries one sender per transaction and the keccak hash of its
//! header; a [`Receipt`] carries the bloom of its logs.
//!
//! Deliberately absent: codecs of the store (they belong to `storage`), anything asynchronous,
//! and anything that reads a clock.

mod account;
mod authority;
mod block;
pub mod precompile;

pub use account::{AccountState, GenesisAlloc};
pub use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header};
pub use alloy_genesis::GenesisAccount;
pub use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
pub use authority::{Authority, Quorum};
pub use block::{
    Block, BlockBody, CommittedBlock, Receipt, RecoverError, RecoveredBlock, RecoveredTransaction,
    SealedHeader, Transaction, recover_senders,
};
