//! Strict reading of genesis files, and the header they define.

use crate::error::ChainSpecError;
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, Header};
use alloy_eips::{eip1559::INITIAL_BASE_FEE, eip7685::EMPTY_REQUESTS_HASH};
use alloy_genesis::Genesis;
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::{Address, B64, B256};
use alloy_trie::root::state_root_unhashed;
use serde_json::Value;
use std::collections::BTreeSet;

/// The key under `config` that holds our own parameters.
pub(crate) const PARAMS_KEY: &str = "mfenx";

/// The key under [`PARAMS_KEY`] that names the authorities.
pub(crate) const CONSENSUS_KEY: &str = "consensus";

/// The key under [`PARAMS_KEY`] that says from when the chain's precompiles are active.
pub(crate) const COMPUTE_TIME_KEY: &str = "computeTime";

/// The least gas limit a header may have.
const GAS_LIMIT_MIN: u64 = 5_000;

/// Fields of go-ethereum's genesis format. `number`, `gasUsed` and `parentHash` stand in dumps.
const TOP: [&str; 15] = [
    "config",
    "nonce",
    "timestamp",
    "extraData",
    "gasLimit",
    "difficulty",
    "mixHash",
    "coinbase",
    "alloc",
    "baseFeePerGas",
    "excessBlobGas",
    "blobGasUsed",
    "number",
    "gasUsed",
    "parentHash",
];

/// Reads the JSON, refusing whatever it does not know.
pub(crate) fn read(json: &str) -> Result<Genesis, ChainSpecError> {
    let mut value: Value = serde_json::from_str(json)?;
    let top = value
        .as_object_mut()
        .ok_or_else(|| ChainSpecError::Invalid("the file is not a JSON object".into()))?;
    if let Some(field) = top.keys().find(|key| !TOP.contains(&key.as_str())) {
        let (field, place) = (field.clone(), "the file");
        return Err(ChainSpecError::UnknownField { field, place });
    }
    for (field, place) in [("config", "the file"), ("alloc", "the file"), ("gasLimit", "the file")]
    {
        if !top.contains_key(field) {
            return Err(ChainSpecError::MissingField { field, place });
        }
    }
    if top.get("config").and_then(|config| config.get("chainId")).is_none() {
        return Err(ChainSpecError::MissingField { field: "chainId", place: "`config`" });
    }
    check_alloc_keys(top.get("alloc"))?;
    // Dumps carry fields that say nothing about the chain.
    if let Some(used) = top.remove("gasUsed")
        && !matches!(used.as_str(), Some("0x0" | "0x00" | "0"))
        && used != 0
        && !used.is_null()
    {
        return Err(ChainSpecError::Invalid("`gasUsed` of a genesis block is 0".into()));
    }
    Ok(serde_json::from_value(value)?)
}

/// An address written twice in other letters would silently lose one of its balances.
fn check_alloc_keys(alloc: Option<&Value>) -> Result<(), ChainSpecError> {
    let Some(accounts) = alloc.and_then(Value::as_object) else {
        return Err(ChainSpecError::Invalid("`alloc` is not a JSON object".into()));
    };
    let mut seen = BTreeSet::new();
    for key in accounts.keys() {
        let address: Address = key.parse().map_err(|_| {
            ChainSpecError::Invalid(format!("`alloc` names `{key}`, which is not an address"))
        })?;
        if !seen.insert(address) {
            return Err(ChainSpecError::Invalid(format!("`alloc` names {address} twice")));
        }
    }
    Ok(())
}

/// Checks what [`read`] cannot see, for a [`Genesis`] that was made in memory as well.
pub(crate) fn check(genesis: &Genesis) -> Result<(), ChainSpecError> {
    let unknown = genesis.config.extra_fields.keys().find(|key| key.as_str() != PARAMS_KEY);
    if let Some(field) = unknown {
        let (field, place) = (field.clone(), "`config`");
        return Err(ChainSpecError::UnknownField { field, place });
    }
    if genesis.config.chain_id == 0 {
        return Err(ChainSpecError::Invalid("`config.chainId` must not be 0".into()));
    }
    if genesis.number.is_some_and(|number| number != 0) {
        return Err(ChainSpecError::Invalid("a chain starts at `number` 0".into()));
    }
    if genesis.parent_hash.is_some_and(|hash| hash != B256::ZERO) {
        return Err(ChainSpecError::Invalid("`parentHash` of a genesis block is zero".into()));
    }
    if !(GAS_LIMIT_MIN..=i64::MAX as u64).contains(&genesis.gas_limit) {
        return Err(ChainSpecError::Invalid("`gasLimit` is from 5000 to 2^63-1".into()));
    }
    let seals =
        [("clique", genesis.config.clique.is_some()), ("parlia", genesis.config.parlia.is_some())];
    if let Some((seal, _)) = seals.into_iter().find(|(_, named)| *named) {
        return Err(ChainSpecError::UnsupportedSeal(seal));
    }
    Ok(())
}

/// The header of block 0 under the forks that are active there.
pub(crate) fn header(
    genesis: &Genesis,
    forks: &impl EthereumHardforks,
) -> Result<Header, ChainSpecError> {
    let london = forks.is_london_active_at_block(0);
    let cancun = forks.is_cancun_active_at_timestamp(genesis.timestamp);
    let base_fee = genesis.base_fee_per_gas.unwrap_or(INITIAL_BASE_FEE.into());
    let base_fee = u64::try_from(base_fee)
        .map_err(|_| ChainSpecError::Invalid("`baseFeePerGas` exceeds 64 bits".into()))?;
    Ok(Header {
        parent_hash: B256::ZERO,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: genesis.coinbase,
        state_root: state_root_unhashed(genesis.alloc.clone()),
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        difficulty: genesis.difficulty,
        number: 0,
        gas_limit: genesis.gas_limit,
        gas_used: 0,
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        mix_hash: genesis.mix_hash,
        nonce: B64::from(genesis.nonce),
        base_fee_per_gas: london.then_some(base_fee),
        withdrawals_root: forks
            .is_shanghai_active_at_timestamp(genesis.timestamp)
            .then_some(EMPTY_ROOT_HASH),
        blob_gas_used: cancun.then_some(genesis.blob_gas_used.unwrap_or(0)),
        excess_blob_gas: cancun.then_some(genesis.excess_blob_gas.unwrap_or(0)),
        parent_beacon_block_root: cancun.then_some(B256::ZERO),
        requests_hash: forks
            .is_prague_active_at_timestamp(genesis.timestamp)
            .then_some(EMPTY_REQUESTS_HASH),
        ..Default::default()
    })
}
