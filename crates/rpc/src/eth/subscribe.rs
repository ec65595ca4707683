//! `eth_subscribe`: new heads, logs, and transactions that became executable.
//!
//! Everything between the node and a subscriber is bounded. A message waits a moment for its turn,
//! so a block with many logs reaches whoever reads. Who does not keep up loses the subscription, with
//! a last message that says so, rather than messages in between.

use super::{
    dropped::dropped,
    filter::LogFilter,
    logs::matching,
    subscriptions::{SUBSCRIBE, UNSUBSCRIBE},
};
use crate::{
    context::Context,
    error::RpcError,
    json::{HeaderJson, LogJson, TransactionJson},
    metrics::{Live, slow_subscriber},
    params::Args,
    registry::Registry,
    unsent::Backlog,
};
use jsonrpsee::{
    PendingSubscriptionSink, SendTimeoutError, SubscriptionSink,
    core::{RegisterMethodError, SubscriptionError},
    types::{ErrorObjectOwned, Params, SubscriptionId},
};
use mfenx_primitives::{CommittedBlock, RecoveredTransaction};
use mfenx_txpool::PoolEvent;
use serde::Serialize;
use serde_json::value::to_raw_value;
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.describe(&[&SUBSCRIBE, &UNSUBSCRIBE]);
    let context = Arc::clone(&registry.context);
    registry.module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        move |params, pending, _, extensions| {
            let backlog = extensions.get::<Arc<Backlog>>().cloned();
            subscribe(Arc::clone(&context), params, pending, backlog)
        },
    )?;
    Ok(())
}

/// What to subscribe to.
enum Kind {
    NewHeads,
    Logs(LogFilter),
    PendingTransactions { full: bool },
    DroppedTransactions,
}

impl Kind {
    fn parse(context: &Context, params: &Params<'_>) -> Result<Self, RpcError> {
        let args = Args::parse(params.as_str(), 2)?;
        match args.value::<String>(0)?.as_str() {
            "newHeads" => Ok(Self::NewHeads),
            "newPendingTransactions" => {
                Ok(Self::PendingTransactions { full: args.optional(1)?.unwrap_or(false) })
            }
            "droppedTransactions" => Ok(Self::DroppedTransactions),
            "logs" => {
                let json = args.json(1).unwrap_or("{}");
                // The blocks of the filter mean nothing here: a subscription is about new ones.
                let (filter, _) = LogFilter::parse(json, context.limits.logs_addresses_max)
                    .map_err(|reason| RpcError::argument(1, reason))?;
                let most = context.limits.subscription_topics_max;
                if filter.topic_count() > most {
                    let reason = format!("exceed max topics of a subscription: at most {most}");
                    return Err(RpcError::argument(1, reason));
                }
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
            Self::DroppedTransactions => "droppedTransactions",
        }
    }
}

async fn subscribe(
    context: Arc<Context>,
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    backlog: Option<Arc<Backlog>>,
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
        Kind::DroppedTransactions => Source::PoolEvents(context.pool.events()),
    };
    // The connection may be gone already, which needs no answer.
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    let _live = Live::subscription(kind.name());
    let subscriber = Subscriber {
        sink,
        backlog,
        unsent_bytes_max: context.limits.connection_unsent_bytes_max,
        time_max: Duration::from_millis(context.limits.subscriber_time_ms_max),
    };
    match serve(&kind, source, &subscriber).await {
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
    PoolEvents(Receiver<PoolEvent>),
}

/// The subscriber's buffer stays full, or it has fallen behind the source.
struct TooSlow;

/// What became of a message.
enum Sent {
    Yes,
    Closed,
}

/// Where messages go.
struct Subscriber {
    sink: SubscriptionSink,
    /// None when nobody counts what is unsent.
    backlog: Option<Arc<Backlog>>,
    unsent_bytes_max: usize,
    /// How long a message may wait.
    time_max: Duration,
}

async fn serve(kind: &Kind, source: Source, subscriber: &Subscriber) -> Result<(), TooSlow> {
    match source {
        Source::Blocks(mut blocks) => {
            while let Some(block) = subscriber.next(&mut blocks).await? {
                if let Sent::Closed = subscriber.send_block(kind, &block).await? {
                    break;
                }
            }
        }
        Source::PoolEvents(mut events) => {
            while let Some(event) = subscriber.next(&mut events).await? {
                let Some(message) = dropped(&event) else { continue };
                if let Sent::Closed = subscriber.send(&message).await? {
                    break;
                }
            }
        }
        Source::Transactions(mut transactions) => {
            while let Some(transaction) = subscriber.next(&mut transactions).await? {
                let sent = match kind {
                    Kind::PendingTransactions { full: true } => {
                        subscriber.send(&TransactionJson::pooled(&transaction)).await
                    }
                    _ => subscriber.send(transaction.tx_hash()).await,
                };
                if let Sent::Closed = sent? {
                    break;
                }
            }
        }
    }
    Ok(())
}

impl Subscriber {
    /// The next message; none when the subscriber has gone or the node stops.
    async fn next<T: Clone>(&self, source: &mut Receiver<T>) -> Result<Option<T>, TooSlow> {
        tokio::select! {
            () = self.sink.closed() => Ok(None),
            message = source.recv() => match message {
                Ok(message) => Ok(Some(message)),
                Err(RecvError::Closed) => Ok(None),
                Err(RecvError::Lagged(_)) => Err(TooSlow),
            },
        }
    }

    async fn send_block(&self, kind: &Kind, committed: &CommittedBlock) -> Result<Sent, TooSlow> {
        let CommittedBlock { block, receipts } = committed;
        let Kind::Logs(filter) = kind else {
            return self.send(&HeaderJson::new(block.header(), block.hash())).await;
        };
        if !filter.may_match(&block.header().logs_bloom) {
            return Ok(Sent::Yes);
        }
        for (log, mut place) in matching(filter, block.header(), block.hash(), receipts) {
            if let Some(transaction) = block.transactions().get(place.transaction_index as usize) {
                place.transaction_hash = *transaction.tx_hash();
            }
            if let Sent::Closed = self.send(&LogJson::new(log, &place)).await? {
                return Ok(Sent::Closed);
            }
        }
        Ok(Sent::Yes)
    }

    /// Sends a message when there is room for it.
    async fn send(&self, message: &impl Serialize) -> Result<Sent, TooSlow> {
        // Nothing that is sent can fail to become JSON; if it did, it would be left out.
        let Ok(json) = to_raw_value(message) else { return Ok(Sent::Yes) };
        if let Some(backlog) = &self.backlog {
            let room = backlog.at_most(self.unsent_bytes_max);
            tokio::select! {
                () = self.sink.closed() => return Ok(Sent::Closed),
                room = tokio::time::timeout(self.time_max, room) => room.map_err(|_| TooSlow)?,
            }
        }
        let bytes = json.get().len();
        match self.sink.send_timeout(json, self.time_max).await {
            Ok(()) => {
                if let Some(backlog) = &self.backlog {
                    backlog.queued(bytes + self.envelope_bytes());
                }
                Ok(Sent::Yes)
            }
            Err(SendTimeoutError::Closed(_)) => Ok(Sent::Closed),
            Err(SendTimeoutError::Timeout(_)) => Err(TooSlow),
        }
    }

    /// Length of what stands around the content of each message.
    fn envelope_bytes(&self) -> usize {
        const ENVELOPE: &str =
            r#"{"jsonrpc":"2.0","method":"","params":{"subscription":"","result":}}"#;
        let id = match self.sink.subscription_id() {
            SubscriptionId::Num(_) => 0,
            SubscriptionId::Str(id) => id.len(),
        };
        ENVELOPE.len() + self.sink.method_name().len() + id
    }
}
