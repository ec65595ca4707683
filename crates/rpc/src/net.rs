//! `net_*`.

use crate::{context::Context, error::RpcError, json::Quantity, params::Args, registry::Registry};
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.named_inline("net_version", 0, version)?;
    registry.named_inline("net_listening", 0, listening)?;
    registry.named_inline("net_peerCount", 0, peer_count)
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
