//! `eth_config`: the rules of the forks in force, next and last (EIP-7910).

use crate::{
    context::Context, error::RpcError, json::Quantity, method::Method, params::Args,
    registry::Registry,
};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
    eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_primitives::{Address, FixedBytes, U160};
use jsonrpsee::core::RegisterMethodError;
use mfenx_chainspec::{ChainSpec, EthereumHardforks};
use mfenx_primitives::precompile::{PRECOMPILE_NAMES, PRECOMPILES};
use serde::Serialize;
use std::collections::BTreeMap;

const CONFIG: Method = Method {
    name: "eth_config",
    summary: "The rules of the forks in force, next and last (EIP-7910).",
    params: &[],
    result: "ForkConfigs",
    example: "[]",
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.inline(&CONFIG, config)
}

/// Without a later fork, `next` and `last` are null; before the first fork that activates by time,
/// so is `current`.
#[derive(Clone, Serialize)]
struct ForkConfigs {
    current: Option<ForkConfig>,
    next: Option<ForkConfig>,
    last: Option<ForkConfig>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ForkConfig {
    /// Seconds; 0 for what is in force since genesis. A number, not a quantity.
    activation_time: u64,
    /// Null before Cancun.
    blob_schedule: Option<BlobSchedule>,
    chain_id: Quantity<u64>,
    fork_id: FixedBytes<4>,
    precompiles: BTreeMap<&'static str, Address>,
    system_contracts: BTreeMap<&'static str, Address>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobSchedule {
    target: u64,
    max: u64,
    base_fee_update_fraction: u128,
}

fn config(context: &Context, _: &Args<'_>) -> Result<ForkConfigs, RpcError> {
    let now = context.head.borrow().timestamp;
    Ok(fork_configs(&context.spec, now))
}

/// What a head with timestamp `now` (seconds) has behind and before it.
fn fork_configs(spec: &ChainSpec, now: u64) -> ForkConfigs {
    let times = spec.fork_times();
    let passed = times.partition_point(|time| *time <= now);
    let (past, future) = times.split_at(passed);
    let of = |time: Option<&u64>| time.map(|time| ForkConfig::at(spec, *time));
    ForkConfigs { current: of(past.last()), next: of(future.first()), last: of(future.last()) }
}

impl ForkConfig {
    fn at(spec: &ChainSpec, time: u64) -> Self {
        let since_genesis = time <= spec.genesis_header().timestamp;
        Self {
            activation_time: if since_genesis { 0 } else { time },
            blob_schedule: spec.blob_params_at(time).map(|blobs| BlobSchedule {
                target: blobs.target_blob_count,
                max: blobs.max_blob_count,
                base_fee_update_fraction: blobs.update_fraction,
            }),
            chain_id: Quantity(spec.chain_id()),
            fork_id: FixedBytes(spec.fork_hash_at(time)),
            precompiles: precompiles(spec, time),
            system_contracts: system_contracts(spec, time),
        }
    }
}

/// Names of EIP-7910, which each EIP that brings a precompile gives it.
const FRONTIER_TO_ISTANBUL: [&str; 9] = [
    "ECREC",
    "SHA256",
    "RIPEMD160",
    "ID",
    "MODEXP",
    "BN254_ADD",
    "BN254_MUL",
    "BN254_PAIRING",
    "BLAKE2F",
];
const CANCUN: [&str; 1] = ["KZG_POINT_EVALUATION"];
const PRAGUE: [&str; 7] = [
    "BLS12_G1ADD",
    "BLS12_G1MSM",
    "BLS12_G2ADD",
    "BLS12_G2MSM",
    "BLS12_PAIRING_CHECK",
    "BLS12_MAP_FP_TO_G1",
    "BLS12_MAP_FP2_TO_G2",
];
const P256VERIFY: u64 = 0x100;

fn precompiles(spec: &ChainSpec, time: u64) -> BTreeMap<&'static str, Address> {
    let mut names = FRONTIER_TO_ISTANBUL.to_vec();
    if spec.is_cancun_active_at_timestamp(time) {
        names.extend(CANCUN);
    }
    if spec.is_prague_active_at_timestamp(time) {
        names.extend(PRAGUE);
    }
    let mut all: BTreeMap<_, _> = (1..).map(number_address).zip(names).map(swap).collect();
    if spec.is_osaka_active_at_timestamp(time) {
        all.insert("P256VERIFY", number_address(P256VERIFY));
    }
    if spec.has_precompiles_at(time) {
        all.extend(PRECOMPILE_NAMES.into_iter().zip(PRECOMPILES));
    }
    all
}

fn swap<A, B>((a, b): (A, B)) -> (B, A) {
    (b, a)
}

fn number_address(number: u64) -> Address {
    Address::from(U160::from(number))
}

fn system_contracts(spec: &ChainSpec, time: u64) -> BTreeMap<&'static str, Address> {
    let mut all = BTreeMap::new();
    if spec.is_cancun_active_at_timestamp(time) {
        all.insert("BEACON_ROOTS_ADDRESS", BEACON_ROOTS_ADDRESS);
    }
    if spec.is_prague_active_at_timestamp(time) {
        let deposits = spec.genesis().config.deposit_contract_address;
        all.extend([
            ("HISTORY_STORAGE_ADDRESS", HISTORY_STORAGE_ADDRESS),
            ("DEPOSIT_CONTRACT_ADDRESS", deposits.unwrap_or(MAINNET_DEPOSIT_CONTRACT_ADDRESS)),
            ("WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS", WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS),
            ("CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS", CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS),
        ]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ahead_is_next_and_last() {
        let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
        genesis.config.osaka_time = Some(2_000_000_000);
        genesis.config.bpo1_time = Some(2_000_000_100);
        genesis.config.bpo2_time = Some(2_000_000_200);
        let spec = ChainSpec::from_genesis(genesis).unwrap();

        let early = fork_configs(&spec, 1_999_999_999);
        assert_eq!(early.current.as_ref().unwrap().activation_time, 0, "at genesis");
        assert_eq!(early.next.as_ref().unwrap().activation_time, 2_000_000_000);
        assert_eq!(early.last.as_ref().unwrap().activation_time, 2_000_000_200);
        let (current, next) = (early.current.unwrap(), early.next.unwrap());
        assert!(!current.precompiles.contains_key("P256VERIFY"));
        assert!(next.precompiles.contains_key("P256VERIFY"));
        assert_ne!(current.fork_id, next.fork_id);

        let late = fork_configs(&spec, 2_000_000_200);
        assert_eq!(late.current.unwrap().activation_time, 2_000_000_200);
        assert!(late.next.is_none() && late.last.is_none());
    }

    #[test]
    fn precompiles_stand_in_the_order_of_their_addresses() {
        let spec = ChainSpec::dev().unwrap();
        let all = precompiles(&spec, u64::MAX);
        assert_eq!(all.len(), 18 + 6);
        for (name, last) in [("ECREC", 1), ("BLAKE2F", 9), ("KZG_POINT_EVALUATION", 10)] {
            assert_eq!(all[name], Address::with_last_byte(last), "{name}");
        }
        assert_eq!(all["BLS12_MAP_FP2_TO_G2"], Address::with_last_byte(17));
        assert_eq!(all["P256VERIFY"], Address::from(U160::from(256)));
    }
}
