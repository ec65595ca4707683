//! `eth_subscribe`: new heads, logs, and transactions that became executable.
//!
//! Everything between the node and a subscriber is bounded. Who does not keep up loses the
//! subscription, with a last message that says so, rather than messages in between.

use super::{filter::LogFilter, logs::matching};
use crate::{
    context::Context,
    error::RpcError,
    json::{HeaderJson, LogJson, TransactionJson},
    metrics::{LiveSubscription, slow_subscriber},
    params::Args,
    registry::Registry,
};
use jsonrpsee::{
    PendingSubscriptionSink, SubscriptionSink, TrySendError,
    core::{RegisterMethodError, SubscriptionError},
    types::{ErrorObjectOwned, Params},
};
use mfenx_primitives::{CommittedBlock, RecoveredTransaction};
use serde::Serialize;
use serde_json::value::to_raw_value;
use std::sync::Arc;
use tokio::sync::broadcast::{Receiver, error::RecvError};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    let context = Arc::clone(&registry.context);
    registry.module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        move |params, pending, _, _| subscribe(Arc::clone(&context), params, pending),
    )?;
    Ok(())
}

/// What to subscribe to.
enum Kind {
    NewHeads,
    Logs(LogFilter),
    PendingTransactions { full: bool },
}

impl Kind {
    fn parse(context: &Context, params: &Params<'_>) -> Result<Self, RpcError> {
        let args = Args::parse(params.as_str(), 2)?;
        match args.value::<String>(0)?.as_str() {
            "newHeads" => Ok(Self::NewHeads),
            "newPendingTransactions" => {
                Ok(Self::PendingTransactions { full: args.optional(1)?.unwrap_or(false) })
            }
            "logs" => {
                let json = args.json(1).unwrap_or("{}");
                // The blocks of the filter mean nothing here: a subscription is about new ones.
                let (filter, _) = LogFilter::parse(json, context.limits.logs_addresses_max)
                    .map_err(|reason| RpcError::argument(1, reason))?;
                Ok(Self::Logs(filter))
            }
            unknown => Err(RpcError::UnknownSubscription(unknown.to_owned())),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::NewHeads => "newHeads",
            Self::Logs(_) => "logs",
            Self::PendingTransactions { .. } => "newPendingTransactions",
        }
    }
}

async fn subscribe(
    context: Arc<Context>,
    params: Params<'static>,
    pending: PendingSubscriptionSink,
) -> Result<(), SubscriptionError> {
    let kind = match Kind::parse(&context, &params) {
        Ok(kind) => kind,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return Ok(());
        }
    };
    // Subscribed before it is accepted: nothing falls between.
    let source = match kind {
        Kind::NewHeads | Kind::Logs(_) => Source::Blocks(context.committed.subscribe()),
        Kind::PendingTransactions { .. } => Source::Transactions(context.pool.subscribe()),
    };
    // The connection may be gone already, which needs no answer.
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    let _live = LiveSubscription::new(kind.name());
    match serve(&kind, source, sink).await {
        Ok(()) => Ok(()),
        Err(TooSlow) => {
            slow_subscriber(kind.name());
            Err("the subscriber is too slow and has missed messages; subscribe again".into())
        }
    }
}

enum Source {
    Blocks(Receiver<Arc<CommittedBlock>>),
    Transactions(Receiver<Arc<RecoveredTransaction>>),
}

/// The subscriber's buffer is full, or it has fallen behind the source.
struct TooSlow;

/// What became of a message.
enum Sent {
    Yes,
    Closed,
}

async fn serve(kind: &Kind, source: Source, mut sink: SubscriptionSink) -> Result<(), TooSlow> {
    match source {
        Source::Blocks(mut blocks) => {
            while let Some(block) = next(&mut blocks, &sink).await? {
                if let Sent::Closed = send_block(kind, &block, &mut sink)? {
                    break;
                }
            }
        }
        Source::Transactions(mut transactions) => {
            while let Some(transaction) = next(&mut transactions, &sink).await? {
                let sent = match kind {
                    Kind::PendingTransactions { full: true } => {
                        send(&mut sink, &TransactionJson::pooled(&transaction))
                    }
                    _ => send(&mut sink, transaction.tx_hash()),
                };
                if let Sent::Closed = sent? {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The next message; none when the subscriber has gone or the node stops.
async fn next<T: Clone>(
    source: &mut Receiver<T>,
    sink: &SubscriptionSink,
) -> Result<Option<T>, TooSlow> {
    tokio::select! {
        () = sink.closed() => Ok(None),
        message = source.recv() => match message {
            Ok(message) => Ok(Some(message)),
            Err(RecvError::Closed) => Ok(None),
            Err(RecvError::Lagged(_)) => Err(TooSlow),
        },
    }
}

fn send_block(
    kind: &Kind,
    committed: &CommittedBlock,
    sink: &mut SubscriptionSink,
) -> Result<Sent, TooSlow> {
    let CommittedBlock { block, receipts } = committed;
    let Kind::Logs(filter) = kind else {
        return send(sink, &HeaderJson::new(block.header(), block.hash()));
    };
    if !filter.may_match(&block.header().logs_bloom) {
        return Ok(Sent::Yes);
    }
    for (log, mut place) in matching(filter, block.header(), block.hash(), receipts) {
        if let Some(transaction) = block.transactions().get(place.transaction_index as usize) {
            place.transaction_hash = *transaction.tx_hash();
        }
        if let Sent::Closed = send(sink, &LogJson::new(log, &place))? {
            return Ok(Sent::Closed);
        }
    }
    Ok(Sent::Yes)
}

fn send(sink: &mut SubscriptionSink, message: &impl Serialize) -> Result<Sent, TooSlow> {
    // Nothing that is sent can fail to become JSON; if it did, it would be left out.
    let Ok(json) = to_raw_value(message) else { return Ok(Sent::Yes) };
    match sink.try_send(json) {
        Ok(()) => Ok(Sent::Yes),
        Err(TrySendError::Closed(_)) => Ok(Sent::Closed),
        Err(TrySendError::Full(_)) => Err(TooSlow),
    }
}
