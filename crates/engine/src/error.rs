//! What can go wrong between a block and the store.

use alloy_primitives::B256;
use mfenx_execution::ExecutionError;
use mfenx_primitives::RecoverError;
use mfenx_storage::StoreError;

/// Why a block was not imported. The head is where it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The bytes are not one RLP block of this protocol.
    #[error("block is not valid RLP: {0}")]
    Decode(alloy_rlp::Error),
    /// The block is on the chain already; nothing needs to be done.
    #[error("block {number} ({hash}) is already known")]
    AlreadyKnown {
        /// Its height.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// The block does not extend the head; this chain has no reorganisations.
    #[error(
        "block {number} does not extend the head: its parent is {parent}, the head is block \
         {head_number} ({head})"
    )]
    NotNextBlock {
        /// Height of the block.
        number: u64,
        /// The parent it names.
        parent: B256,
        /// Height of the head.
        head_number: u64,
        /// Hash of the head.
        head: B256,
    },
    /// A signature in the block is invalid.
    #[error(transparent)]
    Signature(#[from] RecoverError),
    /// The block breaks a rule of its fork.
    #[error(transparent)]
    Invalid(#[from] ExecutionError),
    /// Execution gave another state than the header promises.
    #[error("state root mismatch in block {number}: header says {expected}, execution gives {got}")]
    StateRoot {
        /// Height of the block.
        number: u64,
        /// The root in the header.
        expected: B256,
        /// The root computed.
        got: B256,
    },
    /// The store failed; the block may be tried again once the cause is gone.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the engine stopped or could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed. The process must end: what it holds in memory may be ahead of the disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block of our own could not be built; this is a defect, not a matter of input.
    #[error("could not build block {number}: {source}")]
    Build {
        /// Height of the block.
        number: u64,
        /// What failed.
        source: ExecutionError,
    },
    /// The clock of this machine is before the Unix epoch or beyond 64 bits.
    #[error("the system clock is not usable: set it to the present time")]
    Clock,
    /// A worker thread ended before its work was done.
    #[error("a block-building thread panicked: {0}")]
    Worker(String),
}
