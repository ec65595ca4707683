//! A built block in the form of the Engine API's `engine_getPayload`.

use crate::json::Quantity;
use alloy_consensus::Transaction as _;
use alloy_eips::{Encodable2718, eip4895::Withdrawal, eip7685::Requests};
use alloy_primitives::{Address, B256, Bloom, Bytes, FixedBytes, U256};
use mfenx_primitives::{Block, Receipt, RecoveredBlock};
use mfenx_txpool::Sidecar;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// A block that was built.
#[derive(Clone)]
pub(super) struct BuiltPayload {
    pub(super) block: RecoveredBlock,
    /// What its beneficiary gets, in wei.
    pub(super) value: U256,
    pub(super) sidecars: Vec<Arc<Sidecar>>,
    /// None before Prague.
    pub(super) requests: Option<Requests>,
}

/// The tips of all transactions, in wei.
pub(super) fn block_value(block: &Block, receipts: &[Receipt]) -> U256 {
    let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
    let mut before = 0;
    let mut value = U256::ZERO;
    for (transaction, receipt) in block.body.transactions.iter().zip(receipts) {
        let gas = receipt.cumulative_gas_used().saturating_sub(before);
        before = receipt.cumulative_gas_used();
        let tip = transaction.effective_tip_per_gas(base_fee).unwrap_or_default();
        value = value.saturating_add(U256::from(tip).saturating_mul(U256::from(gas)));
    }
    value
}

impl Serialize for BuiltPayload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Envelope {
            execution_payload: PayloadJson::new(&self.block),
            block_value: Quantity(self.value),
            blobs_bundle: Bundle::of(&self.sidecars),
            should_override_builder: false,
            execution_requests: self.requests.as_ref().map(|requests| requests.iter().collect()),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    execution_payload: PayloadJson<'a>,
    block_value: Quantity<U256>,
    blobs_bundle: Bundle<'a>,
    should_override_builder: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_requests: Option<Vec<&'a Bytes>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PayloadJson<'a> {
    parent_hash: B256,
    fee_recipient: Address,
    state_root: B256,
    receipts_root: B256,
    logs_bloom: &'a Bloom,
    prev_randao: B256,
    block_number: Quantity<u64>,
    gas_limit: Quantity<u64>,
    gas_used: Quantity<u64>,
    timestamp: Quantity<u64>,
    extra_data: &'a Bytes,
    base_fee_per_gas: Quantity<u64>,
    block_hash: B256,
    transactions: Vec<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawals: Option<&'a [Withdrawal]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_gas_used: Option<Quantity<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excess_blob_gas: Option<Quantity<u64>>,
}

impl<'a> PayloadJson<'a> {
    fn new(block: &'a RecoveredBlock) -> Self {
        let (header, body) = (block.header(), block.body());
        Self {
            parent_hash: header.parent_hash,
            fee_recipient: header.beneficiary,
            state_root: header.state_root,
            receipts_root: header.receipts_root,
            logs_bloom: &header.logs_bloom,
            prev_randao: header.mix_hash,
            block_number: Quantity(header.number),
            gas_limit: Quantity(header.gas_limit),
            gas_used: Quantity(header.gas_used),
            timestamp: Quantity(header.timestamp),
            extra_data: &header.extra_data,
            base_fee_per_gas: Quantity(header.base_fee_per_gas.unwrap_or_default()),
            block_hash: block.hash(),
            transactions: body.transactions.iter().map(|tx| tx.encoded_2718().into()).collect(),
            withdrawals: body.withdrawals.as_ref().map(|list| list.0.as_slice()),
            blob_gas_used: header.blob_gas_used.map(Quantity),
            excess_blob_gas: header.excess_blob_gas.map(Quantity),
        }
    }
}

/// Commitments, proofs and blobs of all transactions in order. From Osaka on the proofs are those
/// of cells (EIP-7594), before it those of blobs, as the transactions brought them.
#[derive(Default, Serialize)]
struct Bundle<'a> {
    commitments: Vec<&'a FixedBytes<48>>,
    proofs: Vec<&'a FixedBytes<48>>,
    blobs: Vec<&'a alloy_eips::eip4844::Blob>,
}

impl<'a> Bundle<'a> {
    fn of(sidecars: &'a [Arc<Sidecar>]) -> Self {
        let mut bundle = Self::default();
        for sidecar in sidecars {
            bundle.commitments.extend(sidecar.commitments());
            bundle.blobs.extend(sidecar.blobs());
            match sidecar.as_ref() {
                Sidecar::Eip4844(sidecar) => bundle.proofs.extend(&sidecar.proofs),
                Sidecar::Eip7594(sidecar) => bundle.proofs.extend(&sidecar.cell_proofs),
            }
        }
        bundle
    }
}
