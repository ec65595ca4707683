//! What a block does: its rules, its execution, its making, and calls on top of it.
//!
//! Everything here is a pure function of a [`ChainSpec`](mfenx_chainspec::ChainSpec), a state given
//! as any [`revm::DatabaseRef`] and the block, header or call in question.
//!
//! Invariants: a block that [`validate_header`], [`validate_block`] and [`execute_block`] accept
//! and whose state root matches is a block that Ethereum accepts under the same forks; whatever
//! [`build_block`] makes, these three accept; a failure of the database is never reported as a
//! fault of the block.
//!
//! Deliberately absent: state roots (they belong to the store, which is given the changes), seals
//! and total difficulty (whoever holds a proof-of-work chain must check them), clocks (deadlines
//! and interrupts are closures), and what a trace looks like: an inspector is handed in.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod access_list;
mod block_rules;
mod build;
mod call;
mod call_many;
mod collisions;
mod database;
mod difficulty;
mod env;
mod error;
mod estimate;
mod execute;
mod header_rules;
mod interrupt;
mod ommers;
mod overrides;
mod precompiles;
mod receipts;
mod requests;
mod rewards;
mod simulate;
mod touched;
mod trace;
mod transaction_rules;

pub use access_list::{AccessListOutcome, create_access_list};
pub use block_rules::{MAX_BLOCK_RLP_BYTES, validate_block};
pub use build::{BuildAttributes, Built, Rejection, TransactionSource, build_block};
pub use call::{CallOptions, CallOutcome, call};
pub use call_many::{CallBundle, call_many};
pub use database::ReadFailed;
pub use difficulty::expected_difficulty;
pub use env::{ChainEnv, evm_env, next_excess_blob_gas, next_gas_limit, next_header};
pub use error::{BlockError, BoxError, CallError, ExecutionError, HeaderError, TransactionError};
pub use estimate::{EstimateError, estimate_gas};
pub use execute::{Executed, IntermediateRoot, execute_block};
pub use header_rules::{MAX_EXTRA_DATA_BYTES, MAX_GAS_LIMIT, MIN_GAS_LIMIT, validate_header};
pub use ommers::{OMMER_ANCESTORS, validate_ommers};
pub use overrides::{BlockOverrides, OverrideError};
pub use rewards::{BlockReward, block_rewards, pays_rewards};
pub use simulate::{
    BlockCalls, NumberedLog, SIMULATED_BLOCKS_MAX, SimulateError, SimulateOptions, SimulatedBlock,
    SimulatedCall, UnsignedTransaction, simulate, unsigned_transaction,
};
pub use trace::{Replay, ReplayState};
pub use transaction_rules::validate_transaction;

#[cfg(test)]
mod tests;
