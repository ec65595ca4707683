//! Receipts of our type, from what the EVM returns.

use alloy_consensus::{Eip658Value, Receipt as ReceiptBody, ReceiptEnvelope, TxType};
use alloy_evm::{
    Evm,
    eth::receipt_builder::{ReceiptBuilder, ReceiptBuilderCtx},
};
use alloy_primitives::{B256, Bloom, Log};
use mfenx_primitives::{Receipt, Transaction};

/// Makes receipts with a status; [`set_post_state`] replaces it before Byzantium.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipts;

impl ReceiptBuilder for Receipts {
    type Transaction = Transaction;
    type Receipt = Receipt;

    fn build_receipt<E: Evm>(&self, ctx: ReceiptBuilderCtx<'_, TxType, E>) -> Receipt {
        let (is_success, gas) = (ctx.result.is_success(), ctx.cumulative_gas_used);
        receipt(ctx.tx_type, is_success, gas, ctx.result.into_logs())
    }
}

/// A receipt with a status.
pub(crate) fn receipt(
    kind: TxType,
    is_success: bool,
    cumulative_gas_used: u64,
    logs: Vec<Log>,
) -> Receipt {
    let status = Eip658Value::Eip658(is_success);
    let receipt = ReceiptBody { status, cumulative_gas_used, logs }.with_bloom();
    match kind {
        TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
        TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
        TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
        TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
        TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
    }
}

/// Puts the state root after the transaction where EIP-658 later put the status.
pub(crate) fn set_post_state(receipt: &mut Receipt, root: B256) {
    let (ReceiptEnvelope::Legacy(receipt)
    | ReceiptEnvelope::Eip2930(receipt)
    | ReceiptEnvelope::Eip1559(receipt)
    | ReceiptEnvelope::Eip4844(receipt)
    | ReceiptEnvelope::Eip7702(receipt)) = receipt;
    receipt.receipt.status = Eip658Value::PostState(root);
}

/// The bloom of all receipts of a block.
pub(crate) fn bloom(receipts: &[Receipt]) -> Bloom {
    receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom())
}
