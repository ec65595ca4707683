//! What chain this is and where its head stands: all of it without the store.

use crate::{
    context::Context, error::RpcError, json::Quantity, params::Args, registry::Registry,
    status::SyncProgress,
};
use alloy_primitives::Address;
use jsonrpsee::core::RegisterMethodError;
use serde::Serialize;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.named_inline("eth_chainId", 0, chain_id)?;
    registry.named_inline("eth_blockNumber", 0, block_number)?;
    registry.named_inline("eth_syncing", 0, syncing)?;
    registry.named_inline("eth_accounts", 0, accounts)
}

fn chain_id(context: &Context, _: &Args<'_>) -> Result<Quantity<u64>, RpcError> {
    Ok(Quantity(context.spec.chain_id()))
}

fn block_number(context: &Context, _: &Args<'_>) -> Result<Quantity<u64>, RpcError> {
    Ok(Quantity(context.head.borrow().number))
}

/// How far the node has got.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Progress {
    starting_block: Quantity<u64>,
    current_block: Quantity<u64>,
    highest_block: Quantity<u64>,
}

impl From<SyncProgress> for Progress {
    fn from(progress: SyncProgress) -> Self {
        Self {
            starting_block: Quantity(progress.starting_block),
            current_block: Quantity(progress.current_block),
            highest_block: Quantity(progress.highest_block),
        }
    }
}

/// `false`, or how far the node has got.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Syncing {
    UpToDate(bool),
    Behind(Progress),
}

fn syncing(context: &Context, _: &Args<'_>) -> Result<Syncing, RpcError> {
    let progress = context.status.sync();
    Ok(progress.map_or(Syncing::UpToDate(false), |progress| Syncing::Behind(progress.into())))
}

/// The node keeps no keys.
fn accounts(_: &Context, _: &Args<'_>) -> Result<[Address; 0], RpcError> {
    Ok([])
}
