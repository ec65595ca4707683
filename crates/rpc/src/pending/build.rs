//! Building the pending block.

use super::PendingBlock;
use crate::{block_cache::CachedBlock, context::Context, error::RpcError};
use alloy_consensus::Transaction as _;
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::B256;
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_execution::{
    BuildAttributes, Built, ExecutionError, Rejection, TransactionSource, build_block,
    next_gas_limit, next_header,
};
use mfenx_primitives::{Block, BlockBody, RecoveredBlock, RecoveredTransaction, SealedHeader};
use mfenx_storage::{Reader, StateChanges};
use mfenx_txpool::BestTransactions;
use revm::database::BundleState;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The pool's best transactions up to an amount of gas. What turns out to be invalid is left to the
/// producer to drop: it alone sees every block.
struct Best {
    transactions: BestTransactions,
    gas_left: u64,
}

impl TransactionSource for Best {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        let transaction = self.transactions.next()?;
        self.gas_left = self.gas_left.checked_sub(transaction.gas_limit())?;
        Some(transaction.as_ref().clone())
    }

    fn rejected(&mut self, transaction: &RecoveredTransaction, _: Rejection) {
        self.transactions.skip_sender(transaction.signer());
    }
}

/// Builds the block on top of `head`, the head of `reader`.
pub(super) fn build(
    context: &Context,
    reader: &Reader,
    head: &SealedHeader,
) -> Result<PendingBlock, RpcError> {
    let (spec, limits) = (&context.spec, &context.limits);
    let attributes = attributes(spec, head);
    let base_fee = spec.next_base_fee(head).unwrap_or_default();
    let mut best =
        Best { transactions: context.pool.best(base_fee), gas_left: limits.pending_gas_max };
    let deadline = Instant::now() + Duration::from_millis(limits.pending_time_ms_max);
    let state = reader.latest_state();
    let mut is_late = || Instant::now() >= deadline;
    match build_block(spec, state, head, &attributes, &mut best, &mut is_late) {
        Ok(built) => finish(reader, built),
        Err(ExecutionError::Database(cause)) => Err(RpcError::Internal(cause.to_string())),
        Err(error) => {
            tracing::debug!(%error, "the pending block is empty");
            empty(spec, head, &attributes)
        }
    }
}

/// Puts the state root in, so that the block is one in every respect.
fn finish(reader: &Reader, built: Built) -> Result<PendingBlock, RpcError> {
    let (root, _) = reader.state_root(&StateChanges::from_bundle(&built.executed.bundle))?;
    let (block, executed) = built.seal(root);
    let block = Arc::new(CachedBlock::new(block, executed.receipts));
    Ok(PendingBlock { block, bundle: executed.bundle })
}

fn empty(
    spec: &ChainSpec,
    head: &SealedHeader,
    attributes: &BuildAttributes,
) -> Result<PendingBlock, RpcError> {
    let header = next_header(spec, head, attributes);
    let withdrawals = header.withdrawals_root.map(|_| Withdrawals::default());
    let block = Block { header, body: BlockBody { withdrawals, ..Default::default() } };
    let block =
        RecoveredBlock::recover(block).map_err(|error| RpcError::Internal(error.to_string()))?;
    let block = Arc::new(CachedBlock::new(block, Vec::new()));
    Ok(PendingBlock { block, bundle: BundleState::default() })
}

/// As the next producer would choose them if it were the last one, as far as that can be known.
fn attributes(spec: &ChainSpec, head: &SealedHeader) -> BuildAttributes {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let timestamp = now.max(head.timestamp.saturating_add(1));
    BuildAttributes {
        timestamp,
        beneficiary: head.beneficiary,
        prev_randao: head.mix_hash,
        gas_limit: next_gas_limit(head.gas_limit, spec.params().gas_limit_target),
        extra_data: Default::default(),
        parent_beacon_block_root: spec
            .is_cancun_active_at_timestamp(timestamp)
            .then_some(B256::ZERO),
        withdrawals: spec.is_shanghai_active_at_timestamp(timestamp).then(Vec::new),
    }
}
