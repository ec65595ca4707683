//! Fields of the block.

use super::OverrideError;
use alloy_eips::eip4895::Withdrawal;
use alloy_evm::EvmEnv;
use alloy_primitives::{Address, B256, U256};
use revm::context_interface::block::BlobExcessGasAndPrice;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Fields of the block to see differently, by go-ethereum's names, erigon's and reth's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BlockOverrides {
    /// Height.
    #[serde(alias = "blockNumber")]
    pub number: Option<U256>,
    /// Difficulty; nothing sees it after the merge.
    pub difficulty: Option<U256>,
    /// Seconds.
    #[serde(alias = "timestamp", with = "alloy_serde::quantity::opt")]
    pub time: Option<u64>,
    /// Gas of all transactions of the block.
    #[serde(with = "alloy_serde::quantity::opt")]
    pub gas_limit: Option<u64>,
    /// Who gets the tips.
    #[serde(alias = "coinbase")]
    pub fee_recipient: Option<Address>,
    /// PREVRANDAO (EIP-4399).
    #[serde(alias = "random")]
    pub prev_randao: Option<B256>,
    /// Wei per gas.
    #[serde(alias = "baseFee", with = "alloy_serde::quantity::opt")]
    pub base_fee_per_gas: Option<u64>,
    /// Wei per blob gas.
    #[serde(with = "alloy_serde::quantity::opt")]
    pub blob_base_fee: Option<u128>,
    /// Parent beacon block root (EIP-4788); only for simulated blocks.
    #[serde(alias = "parentBeaconBlockRoot")]
    pub beacon_root: Option<B256>,
    /// Withdrawals (EIP-4895); only for simulated blocks.
    pub withdrawals: Option<Vec<Withdrawal>>,
    /// What BLOCKHASH answers for a height (erigon).
    pub block_hash: Option<BTreeMap<u64, B256>>,
}

impl BlockOverrides {
    /// Changes the environment of a single call. [`Self::block_hash`] is for the database.
    pub(crate) fn apply(&self, env: &mut EvmEnv) -> Result<(), OverrideError> {
        if self.beacon_root.is_some() {
            return Err(OverrideError::BlockField("beaconRoot"));
        }
        if self.withdrawals.is_some() {
            return Err(OverrideError::BlockField("withdrawals"));
        }
        let block = &mut env.block_env;
        block.number = self.number.unwrap_or(block.number);
        block.difficulty = self.difficulty.unwrap_or(block.difficulty);
        block.timestamp = self.time.map_or(block.timestamp, U256::from);
        block.gas_limit = self.gas_limit.unwrap_or(block.gas_limit);
        block.beneficiary = self.fee_recipient.unwrap_or(block.beneficiary);
        block.prevrandao = self.prev_randao.or(block.prevrandao);
        block.basefee = self.base_fee_per_gas.unwrap_or(block.basefee);
        self.apply_blob_base_fee(env);
        Ok(())
    }

    /// Changes the price of blob gas, which no field of a header says.
    pub(crate) fn apply_blob_base_fee(&self, env: &mut EvmEnv) {
        let Some(blob_gasprice) = self.blob_base_fee else { return };
        let blob = &mut env.block_env.blob_excess_gas_and_price;
        let excess_blob_gas = blob.map_or(0, |blob| blob.excess_blob_gas);
        *blob = Some(BlobExcessGasAndPrice { excess_blob_gas, blob_gasprice });
    }
}
