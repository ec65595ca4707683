//! The rules of a header against its parent.

use crate::{
    difficulty::expected_difficulty,
    env::next_excess_blob_gas,
    error::{ExecutionError, HeaderError},
};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::{
    eip1559::{DEFAULT_ELASTICITY_MULTIPLIER, GAS_LIMIT_BOUND_DIVISOR},
    eip4844::DATA_GAS_PER_BLOB,
};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
use alloy_primitives::{B64, U256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::SealedHeader;

/// The least gas limit a block may have.
pub const MIN_GAS_LIMIT: u64 = 5_000;
/// The greatest gas limit a block may have (EIP-1985's and go-ethereum's bound).
pub const MAX_GAS_LIMIT: u64 = i64::MAX as u64;
/// The most extra data a header may carry, in bytes.
pub const MAX_EXTRA_DATA_BYTES: usize = 32;
/// What the blocks at the DAO fork say (EIP-779), and how many of them.
const DAO_EXTRA_DATA: &[u8] = b"dao-hard-fork";
const DAO_EXTRA_DATA_BLOCKS: u64 = 10;

/// Checks everything a header says that follows from its parent and the fork in force; all but the
/// seal, and the roots, which need the body and its execution.
///
/// # Errors
/// [`ExecutionError::InvalidHeader`], naming the rule.
pub fn validate_header(
    spec: &ChainSpec,
    header: &SealedHeader,
    parent: &SealedHeader,
) -> Result<(), ExecutionError> {
    Ok(check(spec, header, parent)?)
}

fn check(spec: &ChainSpec, header: &Header, parent: &SealedHeader) -> Result<(), HeaderError> {
    if header.parent_hash != parent.hash() {
        return Err(HeaderError::ParentHash { expected: parent.hash(), got: header.parent_hash });
    }
    let expected = parent.number.saturating_add(1);
    if header.number != expected || parent.number == u64::MAX {
        return Err(HeaderError::Number { expected, got: header.number });
    }
    if header.timestamp <= parent.timestamp {
        return Err(HeaderError::Timestamp { parent: parent.timestamp, got: header.timestamp });
    }
    if header.extra_data.len() > MAX_EXTRA_DATA_BYTES {
        return Err(HeaderError::ExtraData(header.extra_data.len()));
    }
    check_dao(spec, header)?;
    check_gas(spec, header, parent)?;
    check_base_fee(spec, header, parent)?;
    check_proof_of_work(spec, header, parent)?;
    check_field_presence(spec, header)?;
    check_blob_gas(spec, header, parent)
}

fn check_dao(spec: &ChainSpec, header: &Header) -> Result<(), HeaderError> {
    if let ForkCondition::Block(dao) = spec.ethereum_fork_activation(EthereumHardfork::Dao)
        && (dao..dao.saturating_add(DAO_EXTRA_DATA_BLOCKS)).contains(&header.number)
        && *header.extra_data != *DAO_EXTRA_DATA
    {
        return Err(HeaderError::DaoExtraData);
    }
    Ok(())
}

fn check_gas(spec: &ChainSpec, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    if !(MIN_GAS_LIMIT..=MAX_GAS_LIMIT).contains(&header.gas_limit) {
        return Err(HeaderError::GasLimitRange(header.gas_limit));
    }
    if header.gas_used > header.gas_limit {
        return Err(HeaderError::GasUsed { used: header.gas_used, limit: header.gas_limit });
    }
    // The London block may double the limit, so that its target is the parent's limit.
    let london = spec.is_london_active_at_block(header.number);
    let parent_limit = if london && !spec.is_london_active_at_block(parent.number) {
        parent.gas_limit.saturating_mul(DEFAULT_ELASTICITY_MULTIPLIER)
    } else {
        parent.gas_limit
    };
    if header.gas_limit.abs_diff(parent_limit) >= parent_limit / GAS_LIMIT_BOUND_DIVISOR {
        return Err(HeaderError::GasLimitChange { parent: parent_limit, got: header.gas_limit });
    }
    Ok(())
}

fn check_base_fee(spec: &ChainSpec, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    match (spec.next_base_fee(parent), header.base_fee_per_gas) {
        (Some(expected), Some(got)) if expected == got => Ok(()),
        (Some(expected), Some(got)) => Err(HeaderError::BaseFee { expected, got }),
        (Some(_), None) => Err(HeaderError::MissingField("baseFeePerGas")),
        (None, Some(_)) => Err(HeaderError::UnexpectedField("baseFeePerGas")),
        (None, None) => Ok(()),
    }
}

fn check_proof_of_work(
    spec: &ChainSpec,
    header: &Header,
    parent: &Header,
) -> Result<(), HeaderError> {
    let merged = spec.is_paris_active_at_block(header.number);
    let expected = match merged {
        true => U256::ZERO,
        false => expected_difficulty(spec, parent, header.timestamp),
    };
    if header.difficulty != expected {
        return Err(HeaderError::Difficulty { expected, got: header.difficulty });
    }
    if merged && header.nonce != B64::ZERO {
        return Err(HeaderError::Nonce);
    }
    if merged && header.ommers_hash != EMPTY_OMMER_ROOT_HASH {
        return Err(HeaderError::Ommers);
    }
    Ok(())
}

/// Each field is there exactly from its fork on.
fn check_field_presence(spec: &ChainSpec, header: &Header) -> Result<(), HeaderError> {
    let time = header.timestamp;
    let shanghai = spec.is_shanghai_active_at_timestamp(time);
    let cancun = spec.is_cancun_active_at_timestamp(time);
    let prague = spec.is_prague_active_at_timestamp(time);
    for (name, present, required) in [
        ("withdrawalsRoot", header.withdrawals_root.is_some(), shanghai),
        ("blobGasUsed", header.blob_gas_used.is_some(), cancun),
        ("excessBlobGas", header.excess_blob_gas.is_some(), cancun),
        ("parentBeaconBlockRoot", header.parent_beacon_block_root.is_some(), cancun),
        ("requestsHash", header.requests_hash.is_some(), prague),
        ("blockAccessListHash", header.block_access_list_hash.is_some(), false),
        ("slotNumber", header.slot_number.is_some(), false),
    ] {
        match (present, required) {
            (false, true) => return Err(HeaderError::MissingField(name)),
            (true, false) => return Err(HeaderError::UnexpectedField(name)),
            _ => {}
        }
    }
    Ok(())
}

fn check_blob_gas(spec: &ChainSpec, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    let Some(params) = spec.blob_params_at(header.timestamp) else { return Ok(()) };
    if let Some(got) = header.blob_gas_used {
        let max = params.max_blob_gas_per_block();
        if got > max || got % DATA_GAS_PER_BLOB != 0 {
            return Err(HeaderError::BlobGasUsed { max, got });
        }
    }
    if let Some(got) = header.excess_blob_gas {
        let expected = next_excess_blob_gas(&params, parent);
        if got != expected {
            return Err(HeaderError::ExcessBlobGas { expected, got });
        }
    }
    Ok(())
}
