//! `web3_*`.

use crate::{
    context::Context,
    error::RpcError,
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{B256, keccak256};
use jsonrpsee::core::RegisterMethodError;

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.named_inline("web3_clientVersion", 0, client_version)?;
    // Of as much as a request can carry.
    registry.named_work(Class::Reads, "web3_sha3", 1, sha3)
}

fn client_version(context: &Context, _: &Args<'_>) -> Result<String, RpcError> {
    Ok(context.client_version.clone())
}

/// keccak-256, in spite of the name.
fn sha3(_: &Context, args: &Args<'_>, _: &Cancel) -> Result<B256, RpcError> {
    Ok(keccak256(args.data(0)?))
}
