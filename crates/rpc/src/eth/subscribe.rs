//! `eth_subscribe`.
//!
//! Everything between the node and a subscriber is bounded. A message waits a moment for its turn,
//! so a block with many logs reaches whoever reads. Who does not keep up loses the subscription, with
//! a last message that says so, rather than messages in between.
//!
//! Each kind has a file that sends its messages. A new one is a variant of [`Feed`], which says how
//! its parameters are read, and an arm of [`Feed::serve`].
//!
//! On one connection everything about a block comes before anything about the next one, and of one
//! block what was subscribed first comes first. Between blocks and pending transactions there is no
//! order.

mod blocks;
mod dropped;
mod receipts;
mod subscriber;
mod syncing;
mod transactions;

pub(crate) use receipts::ReceiptTexts;

use super::subscriptions::{SUBSCRIBE, UNSUBSCRIBE};
use crate::{
    context::Context,
    dispatch::Opening,
    error::RpcError,
    metrics::{Live, slow_subscriber},
    params::{Args, unquote},
    registry::Registry,
    status::SyncProgress,
    turns::{Seat, Turns},
    unsent::Backlog,
};
use blocks::Part;
use jsonrpsee::{
    Extensions, PendingSubscriptionSink,
    core::{RegisterMethodError, SubscriptionError},
    types::{ErrorObjectOwned, Params},
};
use mfenx_primitives::{CommittedBlock, RecoveredTransaction};
use mfenx_txpool::PoolEvent;
use std::{sync::Arc, time::Duration};
use subscriber::{Ended, Subscriber, TOO_LONG, TOO_SLOW};
use tokio::sync::{broadcast, watch};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.describe(&[&SUBSCRIBE, &UNSUBSCRIBE]);
    let context = Arc::clone(&registry.context);
    registry.module.register_subscription(
        SUBSCRIBE.name,
        "eth_subscription",
        UNSUBSCRIBE.name,
        move |params, pending, _, extensions| {
            subscribe(Arc::clone(&context), params, pending, extensions)
        },
    )?;
    Ok(())
}

/// Where the messages of a subscription come from, and what of it is sent.
enum Feed {
    Blocks(Part, broadcast::Receiver<Arc<CommittedBlock>>, Option<Seat>),
    PendingTransactions { full: bool, source: broadcast::Receiver<Arc<RecoveredTransaction>> },
    DroppedTransactions(broadcast::Receiver<PoolEvent>),
    Syncing(watch::Receiver<Option<SyncProgress>>),
}

impl Feed {
    /// Reads the parameters and listens from now on.
    fn open(
        context: &Context,
        params: &Params<'_>,
        turns: Option<&Arc<Turns>>,
    ) -> Result<Self, RpcError> {
        let args = Args::parse(params.as_str(), 2)?;
        let kind = args.json(0).and_then(|json| unquote(json).ok());
        let kind = kind.ok_or(RpcError::SubscriptionName)?;
        let blocks = |part| {
            let source = context.committed.subscribe();
            // Looked at after: no block is both before this and never heard of.
            let head = context.head.borrow().number;
            Self::Blocks(part, source, turns.map(|turns| turns.join(head)))
        };
        Ok(match kind {
            "newHeads" => {
                args.at_most(1)?;
                blocks(Part::Head)
            }
            "logs" => blocks(Part::logs(&context.limits, &args)?),
            "transactionReceipts" => blocks(Part::receipts(&context.limits, &args)?),
            "newPendingTransactions" => {
                let full = args.optional(1)?.unwrap_or(false);
                Self::PendingTransactions { full, source: context.pool.subscribe() }
            }
            "droppedTransactions" => {
                args.at_most(1)?;
                Self::DroppedTransactions(context.pool.events())
            }
            "syncing" => {
                args.at_most(1)?;
                Self::Syncing(context.status.sync_changes())
            }
            unknown => return Err(RpcError::UnknownSubscription(unknown.to_owned())),
        })
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Blocks(Part::Head, ..) => "newHeads",
            Self::Blocks(Part::Logs(_), ..) => "logs",
            Self::Blocks(Part::Receipts(_), ..) => "transactionReceipts",
            Self::PendingTransactions { .. } => "newPendingTransactions",
            Self::DroppedTransactions(_) => "droppedTransactions",
            Self::Syncing(_) => "syncing",
        }
    }

    async fn serve(self, context: &Context, subscriber: &Subscriber) -> Result<(), Ended> {
        match self {
            Self::Blocks(part, source, seat) => {
                blocks::serve(context, &part, source, seat.as_ref(), subscriber).await
            }
            Self::PendingTransactions { full, source } => {
                transactions::serve(full, source, subscriber).await
            }
            Self::DroppedTransactions(events) => dropped::serve(events, subscriber).await,
            Self::Syncing(source) => syncing::serve(source, subscriber).await,
        }
    }
}

async fn subscribe(
    context: Arc<Context>,
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    extensions: Extensions,
) -> Result<(), SubscriptionError> {
    // It listens before it is accepted: nothing falls between.
    let feed = match Feed::open(&context, &params, extensions.get::<Arc<Turns>>()) {
        Ok(feed) => feed,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return Ok(());
        }
    };
    // The connection may be gone already, which needs no answer.
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    if let Some(opening) = extensions.get::<Opening>() {
        opening.done();
    }
    let name = feed.name();
    let _live = Live::subscription(name);
    let subscriber = Subscriber {
        sink,
        backlog: extensions.get::<Arc<Backlog>>().cloned(),
        unsent_bytes_max: context.limits.connection_unsent_bytes_max,
        message_bytes_max: context.limits.response_bytes_max,
        time_max: Duration::from_millis(context.limits.subscriber_time_ms_max),
    };
    match feed.serve(&context, &subscriber).await {
        Ok(()) => Ok(()),
        Err(Ended::TooSlow) => {
            slow_subscriber(name);
            subscriber.ended(TOO_SLOW);
            Err(TOO_SLOW.into())
        }
        Err(Ended::TooLong) => {
            subscriber.ended(TOO_LONG);
            Err(TOO_LONG.into())
        }
    }
}
