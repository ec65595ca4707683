//! `eth_pendingTransactions`.

use crate::{
    context::Context,
    error::RpcError,
    json::TransactionJson,
    method::Method,
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::RecoveredTransaction;
use serde::{Serialize, Serializer};
use std::sync::Arc;

const PENDING_TRANSACTIONS: Method = Method {
    name: "eth_pendingTransactions",
    summary: "The transactions of the pool that can be executed, by sender and nonce. Of all \
              senders, for this node has no accounts of its own.",
    params: &[],
    result: "Transaction[]",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, &PENDING_TRANSACTIONS, pending_transactions)
}

/// A transaction on its way to the caller.
#[derive(Clone)]
struct Pooled(Arc<RecoveredTransaction>);

impl Serialize for Pooled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TransactionJson::pooled(&self.0).serialize(serializer)
    }
}

/// As many as the pool holds; the length of the response is bounded as any other's.
fn pending_transactions(
    context: &Context,
    _: &Args<'_>,
    _: &Cancel,
) -> Result<Vec<Pooled>, RpcError> {
    Ok(context.pool.executable().into_iter().map(Pooled).collect())
}
