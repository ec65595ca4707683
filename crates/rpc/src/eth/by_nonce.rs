//! `eth_getTransactionBySenderAndNonce`: as reth has it, the pool included.

use super::transaction::{self, TransactionAnswer};
use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    ots::history,
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use jsonrpsee::core::RegisterMethodError;

const BY_NONCE: Method = Method {
    name: "eth_getTransactionBySenderAndNonce",
    summary: "The transaction that an account sent with a nonce, in a block or in the pool.",
    params: &[Param::required("sender", "Address"), Param::required("nonce", "Quantity")],
    result: "Transaction|null",
    example: r#"["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","0x2"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, &BY_NONCE, by_nonce)
}

fn by_nonce(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<TransactionAnswer>, RpcError> {
    let (sender, nonce) = (args.address(0)?, args.quantity(1)?);
    // The pool first: what leaves it for a block between the two looks is in the block then.
    let content = context.pool.content_from(sender);
    let mut waiting = content.pending.into_iter().chain(content.queued);
    let pooled = waiting.find(|(of, _)| *of == nonce).map(|(_, transaction)| transaction);
    let reader = context.store.reader()?;
    match history::transaction_with_nonce(context, &reader, sender, nonce)? {
        Some(place) => transaction::at(&reader, place),
        None => Ok(pooled.map(TransactionAnswer::pooled)),
    }
}
