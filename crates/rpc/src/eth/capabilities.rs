//! `eth_capabilities`: which history this node can answer for, so that a router knows what to ask.

use crate::{
    context::Context, error::RpcError, json::Quantity, method::Method, params::Args,
    registry::Registry,
};
use alloy_primitives::B256;
use jsonrpsee::core::RegisterMethodError;
use serde::Serialize;

const CAPABILITIES: Method = Method {
    name: "eth_capabilities",
    summary: "The head, and from which block on each kind of data is kept.",
    params: &[],
    result: "Capabilities",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&CAPABILITIES, capabilities)
}

#[derive(Clone, Serialize)]
struct Capabilities {
    head: Head,
    state: Resource,
    tx: Resource,
    logs: Resource,
    receipts: Resource,
    blocks: Resource,
    stateproofs: Resource,
}

#[derive(Clone, Serialize)]
struct Head {
    number: Quantity<u64>,
    hash: B256,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    disabled: bool,
    oldest_block: Quantity<u64>,
    /// Without one, nothing is ever deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_strategy: Option<Window>,
}

/// Only the last blocks are kept.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    #[serde(rename = "type")]
    ty: &'static str,
    retention_blocks: Quantity<u64>,
}

impl Resource {
    const fn since(oldest: u64) -> Self {
        Self { disabled: false, oldest_block: Quantity(oldest), delete_strategy: None }
    }

    /// From `oldest` on, as long as it is at most `blocks` behind the head.
    const fn window(oldest: u64, blocks: u64) -> Self {
        let window = Window { ty: "window", retention_blocks: Quantity(blocks) };
        Self { disabled: false, oldest_block: Quantity(oldest), delete_strategy: Some(window) }
    }
}

fn capabilities(context: &Context, _: &Args<'_>) -> Result<Capabilities, RpcError> {
    let reader = context.store.reader()?;
    let head = reader.head()?;
    Ok(Capabilities {
        head: Head { number: Quantity(head.number), hash: head.hash },
        state: Resource::since(reader.earliest_history()?),
        tx: Resource::since(0),
        logs: Resource::since(0),
        receipts: Resource::since(0),
        blocks: Resource::since(0),
        stateproofs: Resource::window(reader.earliest_trie()?, reader.trie_history_blocks()),
    })
}
