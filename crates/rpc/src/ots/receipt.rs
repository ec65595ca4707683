//! Receipts as Otterscan wants them: without logs and bloom, with the time of the block.

use crate::json::{Before, Mined, Quantity};
use alloy_consensus::{Eip658Value, Transaction as _, TxReceipt, Typed2718};
use alloy_primitives::{Address, B256};
use mfenx_primitives::{Receipt, Transaction};
use serde::Serialize;

/// A receipt with its place; the fields are those of `eth_getTransactionReceipt`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SlimReceipt {
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
    /// Always null.
    logs: (),
    /// Always null.
    logs_bloom: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Quantity<u64>>,
    timestamp: Quantity<u64>,
    to: Option<Address>,
    transaction_hash: B256,
    transaction_index: Quantity<u64>,
    #[serde(rename = "type")]
    ty: Quantity<u64>,
}

impl SlimReceipt {
    /// The receipt of `transaction` at `mined`; `blob_gas_price` is the block's, in wei.
    pub(super) fn new(
        transaction: &Transaction,
        sender: Address,
        receipt: &Receipt,
        mined: Mined,
        before: Before,
        blob_gas_price: Option<u128>,
    ) -> Self {
        let blob_gas_used = transaction.blob_gas_used();
        let (root, status) = match receipt.status_or_post_state() {
            Eip658Value::Eip658(success) => (None, Some(Quantity(u64::from(success)))),
            Eip658Value::PostState(root) => (Some(root), None),
        };
        let cumulative = receipt.cumulative_gas_used();
        Self {
            blob_gas_price: blob_gas_used.and(blob_gas_price).map(Quantity),
            blob_gas_used: blob_gas_used.map(Quantity),
            block_hash: mined.block_hash,
            block_number: Quantity(mined.block_number),
            contract_address: transaction.is_create().then(|| sender.create(transaction.nonce())),
            cumulative_gas_used: Quantity(cumulative),
            effective_gas_price: Quantity(transaction.effective_gas_price(mined.base_fee)),
            from: sender,
            gas_used: Quantity(cumulative.saturating_sub(before.gas_used)),
            logs: (),
            logs_bloom: (),
            root,
            status,
            timestamp: Quantity(mined.block_timestamp),
            to: transaction.to(),
            transaction_hash: *transaction.tx_hash(),
            transaction_index: Quantity(mined.index),
            ty: Quantity(u64::from(transaction.ty())),
        }
    }
}
