//! The rules of a body against its header, before execution.

use crate::{
    error::{BlockError, ExecutionError},
    ommers,
    transaction_rules::validate_transaction,
};
use alloy_consensus::{
    Transaction as _,
    proofs::{calculate_ommers_root, calculate_transaction_root, calculate_withdrawals_root},
};
use alloy_hardforks::EthereumHardforks;
use alloy_rlp::Encodable;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::RecoveredBlock;

/// The largest a block may be in RLP from Osaka on, in bytes: 10 MiB less 2 MiB for the consensus
/// layer's share (EIP-7934).
pub const MAX_BLOCK_RLP_BYTES: usize = 8 << 20;

/// Checks that the body is the one the header speaks of and that each transaction may stand in a
/// block of this fork.
///
/// # Errors
/// [`ExecutionError::InvalidBlock`] or [`ExecutionError::InvalidTransaction`].
pub fn validate_block(spec: &ChainSpec, block: &RecoveredBlock) -> Result<(), ExecutionError> {
    let header = block.header();
    if spec.is_osaka_active_at_timestamp(header.timestamp) {
        let got = block.block().length();
        if got > MAX_BLOCK_RLP_BYTES {
            return Err(BlockError::Size { max: MAX_BLOCK_RLP_BYTES, got }.into());
        }
    }
    for (index, transaction) in block.transactions().iter().enumerate() {
        validate_transaction(spec, transaction, header.number, header.timestamp).map_err(
            |reason| ExecutionError::InvalidTransaction {
                index,
                hash: *transaction.tx_hash(),
                reason: Box::new(reason),
            },
        )?;
    }
    check_lists(spec, block)?;
    let got = calculate_transaction_root(block.transactions());
    if got != header.transactions_root {
        return Err(BlockError::TransactionsRoot { expected: header.transactions_root, got }.into());
    }
    Ok(())
}

/// Ommers, withdrawals and blobs.
fn check_lists(spec: &ChainSpec, block: &RecoveredBlock) -> Result<(), BlockError> {
    let (header, body) = (block.header(), block.body());
    let got = calculate_ommers_root(&body.ommers);
    if got != header.ommers_hash {
        return Err(BlockError::OmmersHash { expected: header.ommers_hash, got });
    }
    ommers::check_distance(spec, header.number, &body.ommers)?;

    let shanghai = spec.is_shanghai_active_at_timestamp(header.timestamp);
    match (&body.withdrawals, header.withdrawals_root, shanghai) {
        (Some(withdrawals), Some(expected), true) => {
            let got = calculate_withdrawals_root(withdrawals);
            if got != expected {
                return Err(BlockError::WithdrawalsRoot { expected, got });
            }
        }
        (None, None, false) => {}
        _ => return Err(BlockError::Withdrawals),
    }

    if let Some(expected) = header.blob_gas_used {
        let got = body
            .transactions
            .iter()
            .filter_map(|transaction| transaction.blob_gas_used())
            .fold(0, u64::saturating_add);
        if got != expected {
            return Err(BlockError::BlobGasUsed { expected, got });
        }
    }
    Ok(())
}
