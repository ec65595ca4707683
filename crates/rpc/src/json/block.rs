//! Blocks and headers.

use super::{
    object::ObjectWriter,
    quantity::Quantity,
    transaction::{Mined, TransactionJson},
};
use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use alloy_rlp::Encodable;
use mfenx_primitives::{Header, RecoveredBlock};
use serde::{Serialize, Serializer, ser::SerializeSeq};

/// A header as `newHeads` and blocks show it. A pending one has no hash, nonce and miner.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeaderJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    base_fee_per_gas: Option<Quantity<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_gas_used: Option<Quantity<u64>>,
    difficulty: Quantity<U256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excess_blob_gas: Option<Quantity<u64>>,
    extra_data: &'a Bytes,
    gas_limit: Quantity<u64>,
    gas_used: Quantity<u64>,
    hash: Option<B256>,
    logs_bloom: &'a Bloom,
    miner: Option<Address>,
    mix_hash: B256,
    nonce: Option<B64>,
    number: Quantity<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_beacon_block_root: Option<B256>,
    parent_hash: B256,
    receipts_root: B256,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_hash: Option<B256>,
    #[serde(rename = "sha3Uncles")]
    ommers_hash: B256,
    state_root: B256,
    timestamp: Quantity<u64>,
    transactions_root: B256,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawals_root: Option<B256>,
}

impl<'a> HeaderJson<'a> {
    /// The header of a committed block.
    pub(crate) fn new(header: &'a Header, hash: B256) -> Self {
        Self {
            hash: Some(hash),
            miner: Some(header.beneficiary),
            nonce: Some(header.nonce),
            ..Self::pending(header)
        }
    }

    /// The header of a block that is being made.
    pub(crate) fn pending(header: &'a Header) -> Self {
        Self {
            base_fee_per_gas: header.base_fee_per_gas.map(Quantity),
            blob_gas_used: header.blob_gas_used.map(Quantity),
            difficulty: Quantity(header.difficulty),
            excess_blob_gas: header.excess_blob_gas.map(Quantity),
            extra_data: &header.extra_data,
            gas_limit: Quantity(header.gas_limit),
            gas_used: Quantity(header.gas_used),
            hash: None,
            logs_bloom: &header.logs_bloom,
            miner: None,
            mix_hash: header.mix_hash,
            nonce: None,
            number: Quantity(header.number),
            parent_beacon_block_root: header.parent_beacon_block_root,
            parent_hash: header.parent_hash,
            receipts_root: header.receipts_root,
            requests_hash: header.requests_hash,
            ommers_hash: header.ommers_hash,
            state_root: header.state_root,
            timestamp: Quantity(header.timestamp),
            transactions_root: header.transactions_root,
            withdrawals_root: header.withdrawals_root,
        }
    }
}

/// The transactions of a block: their hashes, or all of them.
pub(crate) struct TransactionsJson<'a> {
    block: &'a RecoveredBlock,
    full: bool,
}

impl Serialize for TransactionsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.block.transactions().len()))?;
        let mut writer = ObjectWriter::default();
        for (index, (transaction, sender)) in self.block.transactions_with_sender().enumerate() {
            if self.full {
                let mined = Mined::of(self.block.header(), self.block.hash(), index as u64);
                let json = TransactionJson::mined(transaction, sender, mined);
                list.serialize_element(&json.write(&mut writer))?;
            } else {
                list.serialize_element(transaction.tx_hash())?;
            }
        }
        list.end()
    }
}

/// A block. `size` is the length of its RLP in bytes.
#[derive(Serialize)]
pub(crate) struct BlockJson<'a, T> {
    #[serde(flatten)]
    header: HeaderJson<'a>,
    size: Quantity<u64>,
    transactions: T,
    uncles: Vec<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawals: Option<&'a [Withdrawal]>,
}

impl<'a> BlockJson<'a, TransactionsJson<'a>> {
    /// A committed block, with all its transactions if `full`, else with their hashes.
    pub(crate) fn new(block: &'a RecoveredBlock, full: bool) -> Self {
        Self::with_header(HeaderJson::new(block.header(), block.hash()), block, full)
    }

    /// A block that is being made.
    pub(crate) fn pending(block: &'a RecoveredBlock, full: bool) -> Self {
        Self::with_header(HeaderJson::pending(block.header()), block, full)
    }

    fn with_header(header: HeaderJson<'a>, block: &'a RecoveredBlock, full: bool) -> Self {
        Self {
            header,
            size: Quantity(block.block().length() as u64),
            transactions: TransactionsJson { block, full },
            uncles: block.body().ommers.iter().map(Header::hash_slow).collect(),
            withdrawals: block.body().withdrawals.as_ref().map(|list| list.0.as_slice()),
        }
    }
}
