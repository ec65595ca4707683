//! What happened to pooled transactions.

use alloy_primitives::B256;
use mfenx_primitives::RecoveredTransaction;
use std::sync::Arc;

/// One thing that happened to one transaction, in the order it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolEvent {
    /// The transaction became executable. Once more, if it had been set back to the queue since.
    Pending(Arc<RecoveredTransaction>),
    /// The transaction stands in a block and left the pool.
    Mined {
        /// Hash of the transaction.
        hash: B256,
        /// Height of the block.
        block_number: u64,
        /// Hash of the block.
        block_hash: B256,
    },
    /// The transaction left the pool without a block.
    Dropped {
        /// Hash of the transaction.
        hash: B256,
        /// Why.
        reason: DropReason,
    },
}

/// Why a transaction left the pool without standing in a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// The sender sent another transaction with the same nonce and higher fees.
    #[error("replaced by {by}")]
    Replaced {
        /// Hash of the other transaction.
        by: B256,
    },
    /// The pool was full and a better transaction came. It may be sent again with a higher fee.
    #[error("evicted: the pool is full")]
    Evicted,
    /// A block used up its nonce with another transaction.
    #[error("nonce too low")]
    Stale,
    /// The sender can no longer pay for it, not even alone.
    #[error("insufficient funds for gas * price + value")]
    Unpayable,
    /// Its gas limit is above that of the blocks.
    #[error("exceeds block gas limit")]
    ExceedsBlockGasLimit,
    /// It cannot stand in a block: execution refused it, or a fork forbade it.
    #[error("{0}")]
    Invalid(String),
}

impl DropReason {
    /// One word for the metrics.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Replaced { .. } => "replaced",
            Self::Evicted => "evicted",
            Self::Stale => "stale",
            Self::Unpayable => "unpayable",
            Self::ExceedsBlockGasLimit => "exceeds_block_gas_limit",
            Self::Invalid(_) => "invalid",
        }
    }
}
