//! What subscribers learn of committed blocks: heads, logs, receipts.
//!
//! Blocks come in order, and what is in a block in the order in which it stands there. Whoever
//! hears of a block finds everything about it, for it was committed before.

use super::{
    receipts,
    subscriber::{Ended, Sent, Subscriber},
};
use crate::{
    context::Context,
    error::RpcError,
    eth::{filter::LogFilter, logs::matching},
    input::object,
    json::{HeaderJson, LogJson},
    limits::RpcLimits,
    params::{Args, fixed, without_position},
    turns::Seat,
};
use alloy_primitives::B256;
use mfenx_primitives::CommittedBlock;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::broadcast::Receiver;

/// What a subscriber wants of each block.
pub(super) enum Part {
    /// The header.
    Head,
    /// The logs that match, in a message each.
    Logs(LogFilter),
    /// The receipts of these transactions, or of all, in one message.
    Receipts(Option<HashSet<B256>>),
}

impl Part {
    /// Reads the filter of a subscription to logs.
    pub(super) fn logs(limits: &RpcLimits, args: &Args<'_>) -> Result<Self, RpcError> {
        let json = args.json(1).unwrap_or("{}");
        // The blocks of the filter mean nothing here: a subscription is about new ones.
        let (filter, _) = LogFilter::parse(json, limits.logs_addresses_max)
            .map_err(|reason| RpcError::argument(1, reason))?;
        let most = limits.subscription_topics_max;
        if filter.topic_count() > most {
            let reason = format!("exceed max topics of a subscription: at most {most}");
            return Err(RpcError::argument(1, reason));
        }
        Ok(Self::Logs(filter))
    }

    /// Reads the filter of a subscription to receipts.
    pub(super) fn receipts(limits: &RpcLimits, args: &Args<'_>) -> Result<Self, RpcError> {
        let wanted = args.json(1).map_or(Ok(None), |json| {
            transaction_hashes(json, limits.subscription_hashes_max)
                .map_err(|reason| RpcError::argument(1, reason))
        })?;
        Ok(Self::Receipts(wanted))
    }
}

/// No hashes, and an empty list of them, mean all transactions.
fn transaction_hashes(json: &str, most: usize) -> Result<Option<HashSet<B256>>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Filter<'a> {
        #[serde(borrow, default)]
        transaction_hashes: Option<Vec<&'a RawValue>>,
    }
    let filter: Filter<'_> = object(json).map_err(|error| without_position(&error))?;
    let hashes = filter.transaction_hashes.unwrap_or_default();
    if hashes.len() > most {
        return Err(format!(
            "exceed max number of transaction hashes allowed per transactionReceipts \
             subscription: at most {most}"
        ));
    }
    let hashes: HashSet<B256> =
        hashes.iter().map(|hash| fixed(hash.get()).map(B256::from)).collect::<Result<_, _>>()?;
    Ok((!hashes.is_empty()).then_some(hashes))
}

/// Sends this part of every block.
pub(super) async fn serve(
    context: &Context,
    part: &Part,
    mut blocks: Receiver<Arc<CommittedBlock>>,
    seat: Option<&Seat>,
    subscriber: &Subscriber,
) -> Result<(), Ended> {
    while let Some(block) = subscriber.next(&mut blocks).await? {
        if let Some(seat) = seat {
            subscriber.turn(seat, block.block.number()).await;
        }
        if let Sent::Closed = send(context, part, &block, subscriber).await? {
            break;
        }
        if let Some(seat) = seat {
            seat.done(block.block.number());
        }
    }
    Ok(())
}

async fn send(
    context: &Context,
    part: &Part,
    committed: &Arc<CommittedBlock>,
    subscriber: &Subscriber,
) -> Result<Sent, Ended> {
    match part {
        Part::Head => {
            let block = &committed.block;
            subscriber.send(&HeaderJson::new(block.header(), block.hash())).await
        }
        Part::Logs(filter) => send_logs(filter, committed, subscriber).await,
        Part::Receipts(wanted) => {
            receipts::send(context, wanted.as_ref(), committed, subscriber).await
        }
    }
}

async fn send_logs(
    filter: &LogFilter,
    committed: &CommittedBlock,
    subscriber: &Subscriber,
) -> Result<Sent, Ended> {
    let CommittedBlock { block, receipts } = committed;
    if !filter.may_match(&block.header().logs_bloom) {
        return Ok(Sent::Yes);
    }
    for (log, mut place) in matching(filter, block.header(), block.hash(), receipts) {
        if let Some(transaction) = block.transactions().get(place.transaction_index as usize) {
            place.transaction_hash = *transaction.tx_hash();
        }
        if let Sent::Closed = subscriber.send(&LogJson::new(log, &place)).await? {
            return Ok(Sent::Closed);
        }
    }
    Ok(Sent::Yes)
}
