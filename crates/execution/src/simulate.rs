//! Blocks that might be: `eth_simulateV1`.
//!
//! The rules are go-ethereum's (`internal/ethapi/simulate.go`) and those of execution-apis. Each
//! block stands on the one before, in order: the overrides of its accounts, the system calls before
//! the transactions, its calls as unsigned transactions, the system calls after them, rewards and
//! withdrawals. What comes out is a whole block with its hash and roots.
//!
//! Invariants: a call that cannot be a transaction ends everything, one that fails or reverts is a
//! result like any other; all calls together use at most [`SimulateOptions::gas_max`].
//!
//! Deliberately absent: signatures (they are zero), a limit of blobs a block, and the rules that
//! bind a header to its parent. A difficulty is obeyed before the merge only.

mod block;
mod chain;
mod checks;
mod transaction;
mod transfers;

pub use transaction::{UnsignedTransaction, unsigned_transaction};

use crate::{
    call::CallOutcome,
    error::BoxError,
    execute::IntermediateRoot,
    interrupt::Guard,
    overrides::{BlockOverrides, OverrideError},
};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, Log};
use alloy_rpc_types_eth::{TransactionRequest, state::StateOverride};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::SealedHeader;
use revm::{
    DatabaseRef,
    context::result::InvalidTransaction,
    database::{State, WrapDatabaseRef},
};

/// How far the last simulated block may be from the base.
pub const SIMULATED_BLOCKS_MAX: u64 = 256;
/// Seconds between two blocks whose times are not said.
const BLOCK_SECONDS: u64 = 12;

/// One block to simulate.
#[derive(Debug, Clone, Default)]
pub struct BlockCalls {
    /// What is said of the block; all else follows from its parent.
    pub block_overrides: BlockOverrides,
    /// Accounts to change before the block.
    pub state_overrides: StateOverride,
    /// What is called, in order.
    pub calls: Vec<TransactionRequest>,
}

/// How to simulate.
#[derive(Debug, Clone, Copy)]
pub struct SimulateOptions {
    /// Whether nonces and base fee count, as in a block.
    pub validation: bool,
    /// Whether moved ether shows as logs.
    pub trace_transfers: bool,
    /// The most gas all calls together may use.
    pub gas_max: u64,
    /// The most memory that all frames of a call together may hold, in bytes.
    pub memory_bytes_max: u64,
    /// The most that all calls together may return and log, in bytes.
    pub output_bytes_max: usize,
}

/// A simulated block.
#[derive(Debug, Clone)]
pub struct SimulatedBlock {
    /// The header.
    pub header: SealedHeader,
    /// Length of the block in RLP, in bytes.
    pub size: u64,
    /// One transaction per call, in order.
    pub transactions: Vec<UnsignedTransaction>,
    /// Withdrawals; none before Shanghai.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// One result per call, in order.
    pub calls: Vec<SimulatedCall>,
}

/// What a call in a simulated block did.
#[derive(Debug, Clone)]
pub struct SimulatedCall {
    /// How it ended. Its logs are in [`Self::logs`].
    pub outcome: CallOutcome,
    /// The most gas it needed at any time: before refunds.
    pub gas_used_max: u64,
    /// Its logs, moved ether included if that was asked for; none unless it succeeded.
    pub logs: Vec<NumberedLog>,
}

/// A log with its position among those of its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedLog {
    /// The log.
    pub log: Log,
    /// From 0.
    pub index: u64,
}

/// Why there are no simulated blocks.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// Numbers must rise.
    #[error("block numbers must be in order: {number} <= {previous}")]
    BlockOrder {
        /// Of the block.
        number: u64,
        /// Of the block before.
        previous: u64,
    },
    /// Times must rise.
    #[error("block timestamps must be in order: {time} <= {previous}")]
    TimeOrder {
        /// Of the block, in seconds.
        time: u64,
        /// Of the block before, in seconds.
        previous: u64,
    },
    /// The last block is too far from the base.
    #[error("too many blocks")]
    TooManyBlocks,
    /// A bound on the request is exceeded.
    #[error("{0}")]
    LimitExceeded(String),
    /// The results are too long together.
    #[error("the results exceed {bytes_max} bytes")]
    OutputTooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// A call wants more gas than its block has left.
    #[error("block gas limit reached: {gas} > {left}")]
    BlockGas {
        /// What the call wants.
        gas: u64,
        /// What is left.
        left: u64,
    },
    /// The fields of a call contradict each other or the chain.
    #[error("{0}")]
    Arguments(String),
    /// A call cannot be a transaction where it stands.
    #[error("err: {reason} (supplied gas {gas})")]
    Refused {
        /// Who calls.
        sender: Address,
        /// Gas limit of the call.
        gas: u64,
        /// The rule.
        reason: InvalidTransaction,
    },
    /// The overrides contradict themselves or the state.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// Withdrawals in a block before Shanghai.
    #[error("withdrawals set before Shanghai activation")]
    Withdrawals,
    /// What belongs to the end of a block cannot be done.
    #[error("{0}")]
    Block(String),
    /// The interrupt said stop.
    #[error("the simulation was interrupted")]
    Interrupted,
    /// The state could not be read, or no root of it computed.
    #[error("the state could not be read: {0}")]
    Database(BoxError),
    /// The EVM failed for a reason that no call should cause: report it.
    #[error("the EVM failed: {0}")]
    Evm(String),
}

/// What is left for all calls to come.
struct Left {
    gas: u64,
    output_bytes: usize,
}

/// The state on which blocks are simulated.
pub(crate) type SimulatedState<'i, DB> = State<WrapDatabaseRef<Guard<'i, DB>>>;

/// Simulates `blocks` on `base`, whose state `db` is. Blocks between those that are numbered are
/// empty. `state_root` gives the root of the base's state with changes; `interrupt` is asked again
/// and again, and when it says `true`, everything ends.
///
/// # Errors
/// [`SimulateError`].
pub fn simulate<DB: DatabaseRef>(
    spec: &ChainSpec,
    db: DB,
    base: &SealedHeader,
    blocks: Vec<BlockCalls>,
    options: &SimulateOptions,
    state_root: &mut IntermediateRoot<'_>,
    interrupt: &mut dyn FnMut() -> bool,
) -> Result<Vec<SimulatedBlock>, SimulateError> {
    let blocks = chain::complete(base, blocks)?;
    let database = WrapDatabaseRef(Guard::new(db, interrupt));
    let mut state = State::builder().with_database(database).with_bundle_update().build();
    state.block_hashes.insert(base.number, base.hash());
    let mut left = Left { gas: options.gas_max, output_bytes: options.output_bytes_max };
    let mut simulated: Vec<SimulatedBlock> = Vec::with_capacity(blocks.len());
    for block in blocks {
        if state.database.0.poll() {
            return Err(SimulateError::Interrupted);
        }
        let parent = simulated.last().map_or(base, |block| &block.header);
        let header = chain::header(spec, parent, &block.block_overrides, options.validation);
        let position = block::Position { spec, options, left: &mut left };
        let block = position.simulate(&mut state, header, block, state_root)?;
        state.block_hashes.insert(block.header.number, block.header.hash());
        simulated.push(block);
    }
    Ok(simulated)
}
