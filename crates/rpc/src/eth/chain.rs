//! What chain this is and where its head stands: all of it without the store.

use crate::{
    context::Context, error::RpcError, json::Quantity, method::Method, params::Args,
    registry::Registry, status::SyncProgress,
};
use alloy_primitives::Address;
use jsonrpsee::core::RegisterMethodError;
use serde::Serialize;

const CHAIN_ID: Method = Method {
    name: "eth_chainId",
    summary: "The chain ID (EIP-155).",
    params: &[],
    result: "Quantity",
    example: "[]",
};

const BLOCK_NUMBER: Method = Method {
    name: "eth_blockNumber",
    summary: "The number of the head.",
    params: &[],
    result: "Quantity",
    example: "[]",
};

const SYNCING: Method = Method {
    name: "eth_syncing",
    summary: "False, or how far a node that catches up has got.",
    params: &[],
    result: "Syncing",
    example: "[]",
};

const ACCOUNTS: Method = Method {
    name: "eth_accounts",
    summary: "Always empty: the node keeps no keys.",
    params: &[],
    result: "Address[]",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&CHAIN_ID, chain_id)?;
    registry.inline(&BLOCK_NUMBER, block_number)?;
    registry.inline(&SYNCING, syncing)?;
    registry.inline(&ACCOUNTS, accounts)
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
