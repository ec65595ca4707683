//! The environment in which the EVM runs a block, and the header fields that follow from a parent.

use crate::build::BuildAttributes;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header};
use alloy_eips::{eip1559::calculate_block_gas_limit, eip7840::BlobParams};
use alloy_evm::EvmEnv;
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{B64, U256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::SealedHeader;

/// The environment of a block on its chain.
#[derive(Debug, Clone)]
pub struct ChainEnv {
    /// What the EVM knows of it.
    pub evm: EvmEnv,
    /// Whether the chain's own precompiles are active.
    pub precompiles: bool,
}

/// The environment of the block that `header` heads: the fork's rules, its limits, its fees.
pub fn evm_env(spec: &ChainSpec, header: &Header) -> ChainEnv {
    let blob_params = spec.blob_params_at(header.timestamp);
    let mut env = EvmEnv::for_eth_block(header, spec, spec.chain_id(), blob_params);
    env.cfg_env.tx_gas_limit_cap = spec.tx_gas_limit_cap_at(header.timestamp);
    ChainEnv { evm: env, precompiles: spec.has_precompiles_at(header.timestamp) }
}

/// The header of a child of `parent` as far as it is known before execution: roots are those of an
/// empty block, gas used is 0. `evm_env` of it is the environment of `pending`.
///
/// Meant for blocks after the merge; a field the attributes lack (beacon root) is zero.
pub fn next_header(
    spec: &ChainSpec,
    parent: &SealedHeader,
    attributes: &BuildAttributes,
) -> Header {
    let time = attributes.timestamp;
    let blobs = spec.blob_params_at(time);
    let requests = spec.is_prague_active_at_timestamp(time);
    Header {
        parent_hash: parent.hash(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: attributes.beneficiary,
        state_root: EMPTY_ROOT_HASH,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        difficulty: U256::ZERO,
        number: parent.number.saturating_add(1),
        gas_limit: attributes.gas_limit,
        timestamp: time,
        extra_data: attributes.extra_data.clone(),
        mix_hash: attributes.prev_randao,
        nonce: B64::ZERO,
        base_fee_per_gas: spec.next_base_fee(parent),
        withdrawals_root: spec.is_shanghai_active_at_timestamp(time).then_some(EMPTY_ROOT_HASH),
        blob_gas_used: blobs.map(|_| 0),
        excess_blob_gas: blobs.map(|params| next_excess_blob_gas(&params, parent)),
        parent_beacon_block_root: blobs
            .map(|_| attributes.parent_beacon_block_root.unwrap_or_default()),
        requests_hash: requests.then_some(alloy_eips::eip7685::EMPTY_REQUESTS_HASH),
        ..Default::default()
    }
}

/// The excess blob gas of a child of `parent` whose blob parameters are `params`
/// (EIP-4844, EIP-7918).
pub fn next_excess_blob_gas(params: &BlobParams, parent: &Header) -> u64 {
    let excess = parent.excess_blob_gas.unwrap_or(0);
    let used = parent.blob_gas_used.unwrap_or(0);
    if excess.checked_add(used).is_none() {
        // No chain gets here by its own rules; a genesis file can start here.
        return u64::MAX;
    }
    params.next_block_excess_blob_gas_osaka(excess, used, parent.base_fee_per_gas.unwrap_or(0))
}

/// The gas limit nearest to `target` that a child of a block with `parent_gas_limit` may have.
pub fn next_gas_limit(parent_gas_limit: u64, target: u64) -> u64 {
    calculate_block_gas_limit(parent_gas_limit, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excess_blob_gas_saturates_instead_of_overflowing() {
        let parent = Header {
            excess_blob_gas: Some(u64::MAX),
            blob_gas_used: Some(131_072),
            base_fee_per_gas: Some(7),
            ..Default::default()
        };
        assert_eq!(next_excess_blob_gas(&BlobParams::osaka(), &parent), u64::MAX);
    }

    #[test]
    fn gas_limit_moves_by_less_than_a_1024th() {
        assert_eq!(next_gas_limit(1_024_000, 2_000_000), 1_024_999);
        assert_eq!(next_gas_limit(1_024_000, 5_000), 1_023_001);
        assert_eq!(next_gas_limit(1_024_000, 1_024_100), 1_024_100);
    }
}
