//! What chain this is and where its head stands: all of it without the store.

use crate::{
    context::Context, error::RpcError, json::Quantity, method::Method, params::Args,
    registry::Registry,
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

/// `false`, or how far the node has got.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Syncing {
    UpToDate(bool),
    #[serde(rename_all = "camelCase")]
    Behind {
        starting_block: Quantity<u64>,
        current_block: Quantity<u64>,
        highest_block: Quantity<u64>,
    },
}

fn syncing(context: &Context, _: &Args<'_>) -> Result<Syncing, RpcError> {
    Ok(match context.status.sync() {
        None => Syncing::UpToDate(false),
        Some(progress) => Syncing::Behind {
            starting_block: Quantity(progress.starting_block),
            current_block: Quantity(progress.current_block),
            highest_block: Quantity(progress.highest_block),
        },
    })
}

/// The node keeps no keys.
fn accounts(_: &Context, _: &Args<'_>) -> Result<[Address; 0], RpcError> {
    Ok([])
}
