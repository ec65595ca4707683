//! `rpc_modules`: which namespaces are exposed here.

use crate::{context::Context, error::RpcError, params::Args, registry::Registry};
use jsonrpsee::core::RegisterMethodError;
use std::collections::BTreeMap;

const VERSION: &str = "1.0";

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.named_inline("rpc_modules", 0, modules)
}

fn modules(
    context: &Context,
    _: &Args<'_>,
) -> Result<BTreeMap<&'static str, &'static str>, RpcError> {
    let names = context.namespaces.iter().map(|namespace| namespace.name());
    Ok(names.chain(["rpc"]).map(|name| (name, VERSION)).collect())
}
