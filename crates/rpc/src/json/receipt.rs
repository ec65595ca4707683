//! Receipts.

use super::{
    log::{LogJson, LogPlace},
    quantity::Quantity,
    transaction::Mined,
};
use alloy_consensus::{Eip658Value, Transaction as _, TxReceipt, Typed2718};
use alloy_primitives::{Address, B256, Bloom, Log};
use mfenx_primitives::{Receipt, RecoveredBlock, Transaction};
use serde::{Serialize, Serializer, ser::SerializeSeq};

/// A receipt with its place. Before Byzantium it has the state `root` instead of a `status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_gas_price: Option<Quantity<u128>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_gas_used: Option<Quantity<u64>>,
    block_hash: B256,
    block_number: Quantity<u64>,
    contract_address: Option<Address>,
    cumulative_gas_used: Quantity<u64>,
    effective_gas_price: Quantity<u128>,
    from: Address,
    gas_used: Quantity<u64>,
    logs: LogsJson<'a>,
    logs_bloom: &'a Bloom,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Quantity<u64>>,
    to: Option<Address>,
    transaction_hash: B256,
    transaction_index: Quantity<u64>,
    #[serde(rename = "type")]
    ty: Quantity<u64>,
}

/// What a receipt needs to know of those before it in the block.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Before {
    /// Gas used by the transactions before.
    pub(crate) gas_used: u64,
    /// Logs of the transactions before.
    pub(crate) logs: u64,
}

impl<'a> ReceiptJson<'a> {
    /// The receipt of `transaction` at `mined`; `blob_gas_price` is the block's, in wei.
    pub(crate) fn new(
        transaction: &Transaction,
        sender: Address,
        receipt: &'a Receipt,
        mined: Mined,
        before: Before,
        blob_gas_price: Option<u128>,
    ) -> Self {
        let blob_gas_used = transaction.blob_gas_used();
        let (root, status) = match receipt.status_or_post_state() {
            Eip658Value::Eip658(success) => (None, Some(Quantity(u64::from(success)))),
            Eip658Value::PostState(root) => (Some(root), None),
        };
        let place = LogPlace {
            block_hash: mined.block_hash,
            block_number: mined.block_number,
            block_timestamp: mined.block_timestamp,
            transaction_hash: *transaction.tx_hash(),
            transaction_index: mined.index,
            log_index: before.logs,
        };
        Self {
            blob_gas_price: blob_gas_used.and(blob_gas_price).map(Quantity),
            blob_gas_used: blob_gas_used.map(Quantity),
            block_hash: mined.block_hash,
            block_number: Quantity(mined.block_number),
            contract_address: transaction.is_create().then(|| sender.create(transaction.nonce())),
            cumulative_gas_used: Quantity(receipt.cumulative_gas_used()),
            effective_gas_price: Quantity(transaction.effective_gas_price(mined.base_fee)),
            from: sender,
            gas_used: Quantity(receipt.cumulative_gas_used().saturating_sub(before.gas_used)),
            logs: LogsJson { logs: receipt.logs(), place },
            logs_bloom: receipt.logs_bloom(),
            root,
            status,
            to: transaction.to(),
            transaction_hash: place.transaction_hash,
            transaction_index: Quantity(mined.index),
            ty: Quantity(u64::from(transaction.ty())),
        }
    }
}

/// All receipts of a block in order.
pub(crate) fn receipts_of<'a>(
    block: &'a RecoveredBlock,
    receipts: &'a [Receipt],
    blob_gas_price: Option<u128>,
) -> impl Iterator<Item = ReceiptJson<'a>> {
    let mut before = Before::default();
    let transactions = block.transactions_with_sender().zip(receipts).enumerate();
    transactions.map(move |(index, ((transaction, sender), receipt))| {
        let mined = Mined::of(block.header(), block.hash(), index as u64);
        let json = ReceiptJson::new(transaction, sender, receipt, mined, before, blob_gas_price);
        before.gas_used = receipt.cumulative_gas_used();
        before.logs += receipt.logs().len() as u64;
        json
    })
}

/// The logs of one receipt.
struct LogsJson<'a> {
    logs: &'a [Log],
    /// Of the first one.
    place: LogPlace,
}

impl Serialize for LogsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.logs.len()))?;
        let mut place = self.place;
        for log in self.logs {
            list.serialize_element(&LogJson::new(log, &place))?;
            place.log_index += 1;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests;
