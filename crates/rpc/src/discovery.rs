//! What this node answers, for programs and for people: `rpc_modules` and `rpc_discover`.
//!
//! The document of OpenRPC is made of what the methods were registered with, so it names those that
//! are served here and no others. Its examples were asked of a small chain and recorded in
//! `examples.json` by the tests, which fail when an answer is no longer the recorded one; the same
//! tests make `docs/rpc.md` of the document. `MFENX_RECORD=1 cargo test -p mfenx-rpc --test it
//! discovery` writes both anew.

mod document;
mod errors;
mod notation;
mod unsupported;

use crate::{
    context::Context,
    error::RpcError,
    method::Method,
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use jsonrpsee::core::RegisterMethodError;
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

/// Versions of namespaces have no meaning any more; clients look for the names.
const VERSION: &str = "1.0";

const MODULES: Method = Method {
    name: "rpc_modules",
    summary: "The namespaces that this node answers.",
    params: &[],
    result: "Modules",
    example: "[]",
};

const DISCOVER: Method = Method {
    name: "rpc_discover",
    summary: "This description of every method that the node answers, as a document of OpenRPC.",
    params: &[],
    result: "OpenRpc",
    example: "[]",
};

/// The methods that are served, and their description once somebody has asked for it.
#[derive(Default)]
pub(crate) struct Surface {
    methods: OnceLock<Vec<&'static Method>>,
    document: OnceLock<Arc<RawValue>>,
}

impl Surface {
    /// Says which methods there are, when all are registered.
    pub(crate) fn complete(&self, methods: Vec<&'static Method>) {
        let _ = self.methods.set(methods);
    }
}

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&MODULES, modules)?;
    registry.work(Class::Reads, &DISCOVER, discover)
}

fn modules(
    context: &Context,
    _: &Args<'_>,
) -> Result<BTreeMap<&'static str, &'static str>, RpcError> {
    let names = context.namespaces.iter().map(|namespace| namespace.name());
    Ok(names.chain(["rpc"]).map(|name| (name, VERSION)).collect())
}

fn discover(context: &Context, _: &Args<'_>, _: &Cancel) -> Result<Arc<RawValue>, RpcError> {
    let surface = &context.surface;
    if let Some(document) = surface.document.get() {
        return Ok(Arc::clone(document));
    }
    let methods = surface.methods.get().map(Vec::as_slice).unwrap_or_default();
    let document = serde_json::value::to_raw_value(&document::document(methods))
        .map_err(|error| RpcError::Internal(format!("the description is no JSON: {error}")))?;
    Ok(Arc::clone(surface.document.get_or_init(|| document.into())))
}
