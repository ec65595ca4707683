//! `mfenx_*`: what Ethereum has no name for.

use crate::{
    context::Context, error::RpcError, json::Quantity, method::Method, params::Args,
    registry::Registry,
};
use alloy_primitives::B256;
use jsonrpsee::core::RegisterMethodError;
use serde::Serialize;

mod consensus;
mod evidence;

const NODE_STATUS: Method = Method {
    name: "mfenx_nodeStatus",
    summary: "The node at a glance: head, peers, readiness and pool.",
    params: &[],
    result: "NodeStatus",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&NODE_STATUS, node_status)?;
    consensus::register(registry)?;
    evidence::register(registry)
}

/// The node at a glance.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeStatusJson {
    client_version: String,
    chain_id: Quantity<u64>,
    genesis_hash: B256,
    head: HeadJson,
    peers: Quantity<u64>,
    listening: bool,
    ready: bool,
    syncing: bool,
    pool: PoolJson,
}

#[derive(Clone, Serialize)]
struct HeadJson {
    number: Quantity<u64>,
    hash: B256,
    timestamp: Quantity<u64>,
}

#[derive(Clone, Serialize)]
struct PoolJson {
    pending: Quantity<u64>,
    queued: Quantity<u64>,
    bytes: Quantity<u64>,
}

fn node_status(context: &Context, _: &Args<'_>) -> Result<NodeStatusJson, RpcError> {
    let (pool, status) = (context.pool.status(), &context.status);
    let head = context.head.borrow();
    Ok(NodeStatusJson {
        client_version: context.client_version.clone(),
        chain_id: Quantity(context.spec.chain_id()),
        genesis_hash: context.spec.genesis_header().hash(),
        head: HeadJson {
            number: Quantity(head.number),
            hash: head.hash(),
            timestamp: Quantity(head.timestamp),
        },
        peers: Quantity(status.peers()),
        listening: status.is_listening(),
        ready: status.is_ready(),
        syncing: status.sync().is_some(),
        pool: PoolJson {
            pending: Quantity(pool.pending as u64),
            queued: Quantity(pool.queued as u64),
            bytes: Quantity(pool.bytes as u64),
        },
    })
}
