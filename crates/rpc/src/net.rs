//! `net_*`.

use crate::{
    context::Context, error::RpcError, json::Quantity, method::Method, params::Args,
    registry::Registry,
};
use jsonrpsee::core::RegisterMethodError;

const VERSION: Method = Method {
    name: "net_version",
    summary: "The network ID, which is the chain ID, in decimal.",
    params: &[],
    result: "Decimal",
    example: "[]",
};

const LISTENING: Method = Method {
    name: "net_listening",
    summary: "Whether the node can be reached.",
    params: &[],
    result: "Boolean",
    example: "[]",
};

const PEER_COUNT: Method = Method {
    name: "net_peerCount",
    summary: "How many peers are connected.",
    params: &[],
    result: "Quantity",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&VERSION, version)?;
    registry.inline(&LISTENING, listening)?;
    registry.inline(&PEER_COUNT, peer_count)
}

/// The network ID, which is the chain ID, in decimal.
fn version(context: &Context, _: &Args<'_>) -> Result<String, RpcError> {
    Ok(context.spec.chain_id().to_string())
}

fn listening(context: &Context, _: &Args<'_>) -> Result<bool, RpcError> {
    Ok(context.status.is_listening())
}

fn peer_count(context: &Context, _: &Args<'_>) -> Result<Quantity<u64>, RpcError> {
    Ok(Quantity(context.status.peers()))
}
