//! The JSON format of blockchain tests, as far as it is needed.
//!
//! Numbers are hexadecimal, in older files with leading zeros; fields that say the same as the RLP
//! are not read.

use alloy_primitives::{Address, B64, B256, Bytes, U256};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// One test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Test {
    pub(crate) network: String,
    #[serde(default)]
    pub(crate) config: Config,
    pub(crate) pre: BTreeMap<Address, Account>,
    pub(crate) genesis_block_header: GenesisHeader,
    pub(crate) blocks: Vec<TestBlock>,
    pub(crate) post_state: Option<BTreeMap<Address, Account>>,
    pub(crate) post_state_hash: Option<B256>,
    #[serde(rename = "lastblockhash")]
    pub(crate) last_block_hash: B256,
}

/// What newer tests say about the chain besides its name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    #[serde(rename = "chainid")]
    pub(crate) chain_id: Option<U256>,
    #[serde(default)]
    pub(crate) blob_schedule: BTreeMap<String, BlobSchedule>,
}

/// The blob parameters of one fork.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlobSchedule {
    pub(crate) target: U256,
    pub(crate) max: U256,
    pub(crate) base_fee_update_fraction: U256,
}

/// An account before or after.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    #[serde(default)]
    pub(crate) nonce: U256,
    #[serde(default)]
    pub(crate) balance: U256,
    #[serde(default)]
    pub(crate) code: Bytes,
    #[serde(default)]
    pub(crate) storage: BTreeMap<U256, U256>,
}

/// The fields of block 0 that a genesis file can set, and its hash.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenesisHeader {
    pub(crate) hash: B256,
    #[serde(alias = "miner")]
    pub(crate) coinbase: Address,
    pub(crate) difficulty: U256,
    pub(crate) extra_data: Bytes,
    pub(crate) gas_limit: U256,
    pub(crate) mix_hash: B256,
    pub(crate) nonce: B64,
    pub(crate) timestamp: U256,
    pub(crate) base_fee_per_gas: Option<U256>,
    pub(crate) blob_gas_used: Option<U256>,
    pub(crate) excess_blob_gas: Option<U256>,
}

/// One block to import.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestBlock {
    /// Its bytes; some tests hold text that is no hexadecimal, which must be refused as well.
    #[serde(deserialize_with = "bytes_or_reason")]
    pub(crate) rlp: Result<Bytes, String>,
    /// Only there when the block is valid.
    #[serde(rename = "blockHeader")]
    pub(crate) header: Option<BlockHash>,
    /// `expectException`, and in older files `expectException` followed by a fork's name.
    #[serde(flatten)]
    others: BTreeMap<String, serde::de::IgnoredAny>,
    #[serde(rename = "expectException")]
    exception: Option<String>,
}

/// The hash of a block.
#[derive(Debug, Deserialize)]
pub(crate) struct BlockHash {
    pub(crate) hash: B256,
}

impl TestBlock {
    /// Why the block is invalid, or none when it is valid.
    pub(crate) fn expected_exception(&self) -> Option<String> {
        if let Some(exception) = &self.exception {
            return Some(exception.clone());
        }
        self.header.is_none().then(|| {
            let old = self.others.keys().find(|key| key.starts_with("expectException"));
            old.cloned().unwrap_or_default()
        })
    }
}

fn bytes_or_reason<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Result<Bytes, String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.parse().map_err(|error| format!("the block is no hexadecimal text: {error}")))
}
