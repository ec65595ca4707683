//! Checks of a payload that claims to be a block.

use super::jobs::Bad;
use crate::{
    candidate::{Candidate, decode_payload},
    chain::Chain,
    error::{BlockFault, EngineError, ImportError},
};
use alloy_consensus::proofs::{
    calculate_ommers_root, calculate_transaction_root, calculate_withdrawals_root,
};
use alloy_primitives::B256;
use mfenx_primitives::Block;
use mfenx_txpool::PoolHandle;

/// What stops the node when it, and not the block, is at fault.
pub(super) fn fatal(fault: BlockFault) -> EngineError {
    match fault {
        BlockFault::Import(ImportError::Store(error)) => EngineError::Store(error),
        other => EngineError::Worker(other.to_string()),
    }
}

/// Decodes, checks and executes a payload that claims to be of the block `hash`.
pub(super) fn check_payload(
    (chain, pool): (&Chain, &PoolHandle),
    set: &mfenx_consensus::ValidatorSet,
    hash: B256,
    payload: &[u8],
    fresh: bool,
) -> Result<Candidate, Bad> {
    let (proof, block) = decode_payload(payload).map_err(Bad::Payload)?;
    if block.header.hash_slow() != hash || !body_is_of(&block) {
        let reason = alloy_rlp::Error::Custom("another block");
        return Err(Bad::Payload(BlockFault::Decode(reason)));
    }
    chain.check_candidate(pool, set, proof, block, fresh).map_err(|fault| match fault {
        // The proof stands beside the block, and anybody could have exchanged it.
        fault @ BlockFault::Randomness(mfenx_consensus::VrfCheckError::Proof(_)) => {
            Bad::Payload(fault)
        }
        fault if fault.is_ours() => Bad::Ours(fault),
        fault => Bad::Block(fault),
    })
}

/// Whether the header binds this body, so that a fault of it is the block's.
fn body_is_of(block: &Block) -> bool {
    let withdrawals = block.body.withdrawals.as_ref();
    block.header.transactions_root == calculate_transaction_root(&block.body.transactions)
        && block.header.ommers_hash == calculate_ommers_root(&block.body.ommers)
        && block.header.withdrawals_root
            == withdrawals.map(|withdrawals| calculate_withdrawals_root(withdrawals))
}
