//! Accounts as they were after a block.

use crate::{
    block_id::BlockId, context::Context, error::RpcError, json::Quantity, params::Args,
    registry::Registry,
};
use alloy_primitives::{B256, Bytes, U256};
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.named_inline("eth_getBalance", 2, balance)?;
    registry.named_inline("eth_getCode", 2, code)?;
    registry.named_inline("eth_getStorageAt", 3, storage_at)?;
    registry.named_inline("eth_getTransactionCount", 2, transaction_count)
}

fn balance(context: &Context, args: &Args<'_>) -> Result<Quantity<U256>, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    let reader = context.store.reader()?;
    let account = block.state(&reader)?.account(address)?;
    Ok(Quantity(account.map_or(U256::ZERO, |account| account.balance)))
}

fn code(context: &Context, args: &Args<'_>) -> Result<Bytes, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    let reader = context.store.reader()?;
    Ok(block.state(&reader)?.code(address)?)
}

fn storage_at(context: &Context, args: &Args<'_>) -> Result<B256, RpcError> {
    let (address, slot, block) = (args.address(0)?, args.slot(1)?, args.block_or_latest(2)?);
    let reader = context.store.reader()?;
    Ok(B256::from(block.state(&reader)?.storage(address, slot)?))
}

/// `pending` counts the executable transactions of the pool.
fn transaction_count(context: &Context, args: &Args<'_>) -> Result<Quantity<u64>, RpcError> {
    let (address, block) = (args.address(0)?, args.block_or_latest(1)?);
    // The pool first: what leaves it for a block between the two looks is then counted twice at
    // worst, which the maximum forgives, and never lost.
    let pooled = match block {
        BlockId::Pending => context.pool.pending_nonce(address),
        BlockId::Latest | BlockId::Earliest | BlockId::Number(_) | BlockId::Hash(_) => None,
    };
    let reader = context.store.reader()?;
    let account = block.state(&reader)?.account(address)?;
    let nonce = account.map_or(0, |account| account.nonce);
    Ok(Quantity(pooled.map_or(nonce, |pooled| pooled.max(nonce))))
}
