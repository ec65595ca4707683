//! `web3_*`.

use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{B256, keccak256};
use jsonrpsee::core::RegisterMethodError;

const CLIENT_VERSION: Method = Method {
    name: "web3_clientVersion",
    summary: "Name, version and platform of the node.",
    params: &[],
    result: "String",
    example: "[]",
};

const SHA3: Method = Method {
    name: "web3_sha3",
    summary: "The keccak-256 hash of the bytes (not SHA3-256, in spite of the name).",
    params: &[Param::required("data", "Bytes")],
    result: "Hash32",
    example: r#"["0x68656c6c6f"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&CLIENT_VERSION, client_version)?;
    // Of as much as a request can carry.
    registry.work(Class::Reads, &SHA3, sha3)
}

fn client_version(context: &Context, _: &Args<'_>) -> Result<String, RpcError> {
    Ok(context.client_version.clone())
}

/// keccak-256, in spite of the name.
fn sha3(_: &Context, args: &Args<'_>, _: &Cancel) -> Result<B256, RpcError> {
    Ok(keccak256(args.data(0)?))
}
