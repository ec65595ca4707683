//! What a block before the merge pays to whom, beside fees.

use alloy_consensus::Header;
use alloy_evm::block::calc::{base_block_reward, block_reward, ommer_reward};
use alloy_primitives::Address;
use mfenx_chainspec::ChainSpec;

/// A reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockReward {
    /// Who gets it.
    pub author: Address,
    /// How much, in wei.
    pub value: u128,
    /// Whether it is for an ommer and not for the block.
    pub is_ommer: bool,
}

/// Whether block `number` pays rewards: those before the merge do.
pub fn pays_rewards(spec: &ChainSpec, number: u64) -> bool {
    base_block_reward(spec, number).is_some()
}

/// The rewards of the block that `header` heads: its own, what it gets for including `ommers` with
/// it, then that of each ommer. None after the merge (EIP-3675).
pub fn block_rewards(spec: &ChainSpec, header: &Header, ommers: &[Header]) -> Vec<BlockReward> {
    let Some(base) = base_block_reward(spec, header.number) else { return Vec::new() };
    let own = BlockReward {
        author: header.beneficiary,
        value: block_reward(base, ommers.len()),
        is_ommer: false,
    };
    let ommers = ommers.iter().map(|ommer| BlockReward {
        author: ommer.beneficiary,
        value: ommer_reward(base, header.number, ommer.number),
        is_ommer: true,
    });
    std::iter::once(own).chain(ommers).collect()
}
