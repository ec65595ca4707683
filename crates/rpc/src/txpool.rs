//! `txpool_*`: what waits for a block.

use crate::{
    context::Context,
    error::RpcError,
    json::{Quantity, TransactionJson},
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::Address;
use jsonrpsee::core::RegisterMethodError;
use mfenx_primitives::RecoveredTransaction;
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, sync::Arc};

const STATUS: Method = Method {
    name: "txpool_status",
    summary: "How many transactions of the pool can be executed (`pending`), and how many wait for \
              another nonce or for funds (`queued`).",
    params: &[],
    result: "PoolStatus",
    example: "[]",
};

const CONTENT: Method = Method {
    name: "txpool_content",
    summary: "Every transaction of the pool, by sender and nonce; all of one moment.",
    params: &[],
    result: "PoolContent",
    example: "[]",
};

const CONTENT_FROM: Method = Method {
    name: "txpool_contentFrom",
    summary: "The transactions of one sender in the pool, by nonce.",
    params: &[Param::required("sender", "Address")],
    result: "PoolContentFrom",
    example: r#"["0x976ea74026e726554db657fa54763abd0c3a0aa9"]"#,
};

const INSPECT: Method = Method {
    name: "txpool_inspect",
    summary: "Every transaction of the pool in a line: receiver, value, gas limit and price.",
    params: &[],
    result: "PoolInspection",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&STATUS, status)?;
    registry.work(Class::Reads, &CONTENT, content)?;
    registry.work(Class::Reads, &CONTENT_FROM, content_from)?;
    registry.work(Class::Reads, &INSPECT, inspect)
}

/// Executable transactions, and those that wait for another.
#[derive(Clone, Serialize)]
struct Parts<T> {
    pending: T,
    queued: T,
}

fn status(context: &Context, _: &Args<'_>) -> Result<Parts<Quantity<u64>>, RpcError> {
    let status = context.pool.status();
    Ok(Parts { pending: Quantity(status.pending as u64), queued: Quantity(status.queued as u64) })
}

/// A transaction in full.
#[derive(Clone)]
struct Full(Arc<RecoveredTransaction>);

impl Serialize for Full {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TransactionJson::pooled(&self.0).serialize(serializer)
    }
}

/// A transaction in a line.
#[derive(Clone)]
struct Line(Arc<RecoveredTransaction>);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&line(&self.0))
    }
}

fn line(transaction: &RecoveredTransaction) -> String {
    let to = transaction.to().map_or("contract creation".to_owned(), |to| to.to_checksum(None));
    let (value, gas) = (transaction.value(), transaction.gas_limit());
    format!("{to}: {value} wei + {gas} gas × {} wei", transaction.max_fee_per_gas())
}

type ByNonce<T> = BTreeMap<u64, T>;
type Pooled = BTreeMap<u64, Arc<RecoveredTransaction>>;

fn by_nonce<T>(transactions: Pooled, show: fn(Arc<RecoveredTransaction>) -> T) -> ByNonce<T> {
    transactions.into_iter().map(|(nonce, transaction)| (nonce, show(transaction))).collect()
}

/// Keys are addresses with checksum (EIP-55), as in go-ethereum.
fn by_sender<T>(
    senders: BTreeMap<Address, Pooled>,
    show: fn(Arc<RecoveredTransaction>) -> T,
) -> BTreeMap<String, ByNonce<T>> {
    senders
        .into_iter()
        .map(|(sender, transactions)| (sender.to_checksum(None), by_nonce(transactions, show)))
        .collect()
}

type All<T> = Parts<BTreeMap<String, ByNonce<T>>>;

fn content(context: &Context, _: &Args<'_>, _: &Cancel) -> Result<All<Full>, RpcError> {
    let content = context.pool.content();
    Ok(Parts { pending: by_sender(content.pending, Full), queued: by_sender(content.queued, Full) })
}

fn content_from(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Parts<ByNonce<Full>>, RpcError> {
    let content = context.pool.content_from(args.address(0)?);
    Ok(Parts { pending: by_nonce(content.pending, Full), queued: by_nonce(content.queued, Full) })
}

fn inspect(context: &Context, _: &Args<'_>, _: &Cancel) -> Result<All<Line>, RpcError> {
    let content = context.pool.content();
    Ok(Parts { pending: by_sender(content.pending, Line), queued: by_sender(content.queued, Line) })
}
