//! Which blocks there are, and what their headers say before execution.

use super::{BLOCK_SECONDS, BlockCalls, SIMULATED_BLOCKS_MAX, SimulateError};
use crate::{env::next_excess_blob_gas, overrides::BlockOverrides};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH};
use alloy_hardforks::EthereumHardforks;
use alloy_primitives::U256;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{Header, SealedHeader};

/// Numbers and dates every block, and fills gaps between numbers with empty blocks.
pub(super) fn complete(
    base: &SealedHeader,
    blocks: Vec<BlockCalls>,
) -> Result<Vec<BlockCalls>, SimulateError> {
    let mut complete = Vec::with_capacity(blocks.len());
    let (mut number, mut time) = (base.number, base.timestamp);
    for mut block in blocks {
        let overrides = &mut block.block_overrides;
        let wanted = overrides.number.unwrap_or_else(|| U256::from(number) + U256::ONE);
        if wanted <= U256::from(number) {
            return Err(SimulateError::BlockOrder { number: wanted.to(), previous: number });
        }
        let distance = wanted - U256::from(base.number);
        if distance > U256::from(SIMULATED_BLOCKS_MAX) {
            return Err(SimulateError::TooManyBlocks);
        }
        let Ok(wanted) = u64::try_from(wanted) else { return Err(SimulateError::TooManyBlocks) };
        for empty in number + 1..wanted {
            time = after(time)?;
            complete.push(placed(BlockCalls::default(), empty, time));
        }
        time = match overrides.time {
            None => after(time)?,
            Some(wanted) if wanted > time => wanted,
            Some(wanted) => return Err(SimulateError::TimeOrder { time: wanted, previous: time }),
        };
        number = wanted;
        complete.push(placed(block, number, time));
    }
    Ok(complete)
}

fn placed(mut block: BlockCalls, number: u64, time: u64) -> BlockCalls {
    block.block_overrides.number = Some(U256::from(number));
    block.block_overrides.time = Some(time);
    block
}

fn after(time: u64) -> Result<u64, SimulateError> {
    let next = time.checked_add(BLOCK_SECONDS);
    next.ok_or(SimulateError::TimeOrder { time: time.wrapping_add(BLOCK_SECONDS), previous: time })
}

/// The header of a child of `parent` that is numbered and dated, before execution. Who pays nothing
/// shall not meet a base fee, so without validation it is zero unless it is said.
pub(super) fn header(
    spec: &ChainSpec,
    parent: &SealedHeader,
    overrides: &BlockOverrides,
    validation: bool,
) -> Header {
    let number = overrides.number.map_or(parent.number.saturating_add(1), |number| number.to());
    let time = overrides.time.unwrap_or(parent.timestamp);
    let merged =
        spec.is_paris_active_at_block(number) || spec.is_shanghai_active_at_timestamp(time);
    let difficulty = overrides.difficulty.unwrap_or(parent.difficulty);
    let computed = || if validation { spec.next_base_fee(parent) } else { Some(0) };
    let london = spec.is_london_active_at_block(number);
    let blobs = spec.blob_params_at(time);
    let cancun = spec.is_cancun_active_at_timestamp(time);
    Header {
        parent_hash: parent.hash(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: overrides.fee_recipient.unwrap_or(parent.beneficiary),
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        difficulty: if merged { U256::ZERO } else { difficulty },
        number,
        gas_limit: overrides.gas_limit.unwrap_or(parent.gas_limit),
        timestamp: time,
        mix_hash: overrides.prev_randao.unwrap_or_default(),
        base_fee_per_gas: overrides.base_fee_per_gas.or_else(computed).filter(|_| london),
        withdrawals_root: spec.is_shanghai_active_at_timestamp(time).then_some(EMPTY_ROOT_HASH),
        blob_gas_used: cancun.then_some(0),
        excess_blob_gas: blobs.map(|params| next_excess_blob_gas(&params, parent)),
        parent_beacon_block_root: cancun.then(|| overrides.beacon_root.unwrap_or_default()),
        ..Default::default()
    }
}
