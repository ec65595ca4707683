//! Receipts for subscribers: written once for a block, whoever wants them.
//!
//! The receipts of a block can be tens of megabytes. They are written on a thread that may block,
//! once for all subscriptions, and put together for each of them when there is room for its message.

use super::subscriber::{Ended, Sent, Subscriber};
use crate::{
    context::Context, error::RpcError, eth::block::blob_gas_price, json::receipts_of, work::Class,
};
use alloy_primitives::B256;
use mfenx_primitives::CommittedBlock;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Mutex;

/// The receipts of the last block that somebody asked for, each as JSON, in order.
#[derive(Debug, Default)]
pub(crate) struct ReceiptTexts(Mutex<Option<(B256, Texts)>>);

type Texts = Arc<Vec<Box<RawValue>>>;

impl ReceiptTexts {
    /// Those of a block. Whoever asks while they are written waits.
    async fn of(&self, context: &Context, block: &Arc<CommittedBlock>) -> Result<Texts, RpcError> {
        let hash = block.block.hash();
        let mut last = self.0.lock().await;
        if let Some((_, texts)) = last.as_ref().filter(|(of, _)| *of == hash) {
            return Ok(Arc::clone(texts));
        }
        *last = None;
        let blob_gas_price = blob_gas_price(&context.spec, block.block.header());
        let block = Arc::clone(block);
        let write = move |cancel: &crate::work::Cancel| {
            let CommittedBlock { block, receipts } = block.as_ref();
            let receipts = receipts_of(block, receipts, blob_gas_price).map(|receipt| {
                if cancel.is_cancelled() {
                    return Err(RpcError::Cancelled);
                }
                to_raw_value(&receipt).map_err(|error| RpcError::Internal(error.to_string()))
            });
            Ok(Arc::new(receipts.collect::<Result<Vec<_>, _>>()?))
        };
        let texts = context.workers.run(Class::Reads, write).await?;
        *last = Some((hash, Arc::clone(&texts)));
        Ok(texts)
    }
}

/// Sends the receipts of a block that are wanted, as one list; nothing if there are none.
pub(super) async fn send(
    context: &Context,
    wanted: Option<&HashSet<B256>>,
    committed: &Arc<CommittedBlock>,
    subscriber: &Subscriber,
) -> Result<Sent, Ended> {
    let is_wanted = |hash: &B256| wanted.is_none_or(|wanted| wanted.contains(hash));
    let transactions = committed.block.transactions();
    if !transactions.iter().any(|tx| is_wanted(tx.tx_hash())) {
        return Ok(Sent::Yes);
    }
    if let Sent::Closed = subscriber.room().await? {
        return Ok(Sent::Closed);
    }
    // It fails only on a node that is too busy to write them in time.
    let texts = context.receipt_texts.of(context, committed).await.map_err(|_| Ended::TooSlow)?;
    let chosen = transactions.iter().zip(texts.iter());
    let chosen = chosen.filter(|(tx, _)| is_wanted(tx.tx_hash())).map(|(_, text)| text.as_ref());
    let chosen = Chosen(chosen.collect());
    subscriber.send_long(chosen.len(), &chosen).await
}

/// Receipts as a list.
struct Chosen<'a>(Vec<&'a RawValue>);

impl Chosen<'_> {
    /// Length as JSON: the receipts, a comma or bracket after each, and the first bracket.
    fn len(&self) -> usize {
        self.0.iter().map(|receipt| receipt.get().len() + 1).sum::<usize>() + 1
    }
}

impl Serialize for Chosen<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}
