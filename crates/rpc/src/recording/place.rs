//! Blocks to trace, and where a trace stands.

use crate::{block_cache::CachedBlock, block_id::state_after, context::Context, error::RpcError};
use alloy_primitives::B256;
use mfenx_primitives::RecoveredBlock;
use mfenx_storage::{Reader, StateView};
use std::sync::Arc;

/// Where a traced transaction stands; nothing is known of a call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) block_hash: Option<B256>,
    pub(crate) block_number: u64,
    pub(crate) hash: Option<B256>,
    pub(crate) index: Option<u64>,
    /// Logs before it in its block.
    pub(crate) first_log: u64,
}

impl Place {
    pub(crate) fn of(block: &RecoveredBlock, index: usize) -> Self {
        Self {
            block_hash: Some(block.hash()),
            block_number: block.number(),
            hash: block.transactions().get(index).map(|transaction| *transaction.tx_hash()),
            index: Some(index as u64),
            first_log: 0,
        }
    }
}

/// Block `number` and the state after its parent.
///
/// # Errors
/// There is no such block, it is the genesis block, or that state is not kept.
pub(crate) fn block_after_parent<'r>(
    context: &Context,
    reader: &'r Reader,
    number: u64,
) -> Result<(Arc<CachedBlock>, StateView<'r>), RpcError> {
    let parent = number.checked_sub(1).ok_or(RpcError::GenesisNotTraceable)?;
    let block = context.blocks.get(reader, number)?.ok_or(RpcError::HeaderNotFound)?;
    Ok((block, state_after(reader, parent)?))
}
