//! The difficulty of a block before the merge.
//!
//! Frontier's rule, Homestead's (EIP-2), Byzantium's (EIP-100), and the delays of the bomb
//! (EIP-649, 1234, 2384, 3554, 4345, 5133).

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_hardforks::{EthereumHardfork, EthereumHardforks};
use alloy_primitives::U256;

/// The least difficulty a block can have.
const MIN_DIFFICULTY: U256 = U256::from_limbs([131_072, 0, 0, 0]);
/// The difficulty moves in steps of the parent's difficulty divided by this.
const BOUND_DIVISOR: U256 = U256::from_limbs([2_048, 0, 0, 0]);
/// The most steps it falls at once.
const MAX_STEPS_DOWN: u64 = 99;
/// The bomb doubles every so many blocks.
const BOMB_PERIOD_BLOCKS: u64 = 100_000;
/// Blocks by which each fork put the bomb off, latest first.
const BOMB_DELAYS: [(EthereumHardfork, u64); 6] = [
    (EthereumHardfork::GrayGlacier, 11_400_000),
    (EthereumHardfork::ArrowGlacier, 10_700_000),
    (EthereumHardfork::London, 9_700_000),
    (EthereumHardfork::MuirGlacier, 9_000_000),
    (EthereumHardfork::Constantinople, 5_000_000),
    (EthereumHardfork::Byzantium, 3_000_000),
];

/// The difficulty that a child of `parent` at `timestamp` (seconds, after the parent's) has under
/// proof of work.
pub fn expected_difficulty(spec: &impl EthereumHardforks, parent: &Header, timestamp: u64) -> U256 {
    let number = parent.number.saturating_add(1);
    let elapsed = timestamp.saturating_sub(parent.timestamp);
    let step = parent.difficulty / BOUND_DIVISOR;
    // Down is how many steps time takes away, up how many every block gains.
    let (up, down) = if spec.is_byzantium_active_at_block(number) {
        let up = if parent.ommers_hash == EMPTY_OMMER_ROOT_HASH { 1 } else { 2 };
        (up, elapsed / 9)
    } else if spec.is_homestead_active_at_block(number) {
        (1, elapsed / 10)
    } else if elapsed < 13 {
        (1, 0)
    } else {
        (0, 1)
    };
    let moved = if down <= up {
        parent.difficulty.saturating_add(step * U256::from(up - down))
    } else {
        parent.difficulty.saturating_sub(step * U256::from((down - up).min(MAX_STEPS_DOWN)))
    };
    moved.max(MIN_DIFFICULTY).saturating_add(bomb(spec, number))
}

/// What the bomb adds to the block `number`.
fn bomb(spec: &impl EthereumHardforks, number: u64) -> U256 {
    let delay = BOMB_DELAYS
        .iter()
        .find(|(fork, _)| spec.is_ethereum_fork_active_at_block(*fork, number))
        .map_or(0, |(_, delay)| *delay);
    match (number.saturating_sub(delay) / BOMB_PERIOD_BLOCKS).checked_sub(2) {
        Some(exponent) => U256::ONE.checked_shl(exponent as usize).unwrap_or(U256::MAX),
        None => U256::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_hardforks::EthereumChainHardforks;
    use alloy_primitives::B256;

    fn parent(number: u64, difficulty: u64, timestamp: u64) -> Header {
        Header { number, difficulty: U256::from(difficulty), timestamp, ..Default::default() }
    }

    fn at(parent: &Header, timestamp: u64) -> U256 {
        expected_difficulty(&EthereumChainHardforks::mainnet(), parent, timestamp)
    }

    /// Numbers, difficulties and times of blocks of Ethereum's main chain.
    #[test]
    fn blocks_of_the_main_chain() {
        // 1 -> 2 (Frontier)
        let block_1 = parent(1, 17_171_480_576, 1_438_269_988);
        assert_eq!(at(&block_1, 1_438_270_017), U256::from(17_163_096_064_u64));
        // 0 -> 1: years apart
        assert_eq!(
            at(&parent(0, 17_179_869_184, 0), 1_438_269_988),
            U256::from(17_171_480_576_u64)
        );
    }

    #[test]
    fn frontier_moves_one_step_either_way() {
        let parent = parent(10, 2_048_000, 1_000);
        assert_eq!(at(&parent, 1_012), U256::from(2_049_000));
        assert_eq!(at(&parent, 1_013), U256::from(2_047_000));
        assert_eq!(at(&parent, 99_999), U256::from(2_047_000));
    }

    #[test]
    fn homestead_falls_by_at_most_99_steps() {
        let parent = parent(1_200_000, 2_048_000_000, 1_000);
        let bomb = U256::from(1 << 10);
        assert_eq!(at(&parent, 1_009), U256::from(2_049_000_000) + bomb);
        assert_eq!(at(&parent, 1_019), U256::from(2_048_000_000) + bomb);
        assert_eq!(at(&parent, 1_029), U256::from(2_047_000_000) + bomb);
        assert_eq!(at(&parent, 9_999_999), U256::from(2_048_000_000 - 99_000_000) + bomb);
    }

    #[test]
    fn byzantium_counts_ommers_and_puts_the_bomb_off() {
        let mut parent = parent(4_400_000, 2_048_000_000, 1_000);
        let bomb = U256::from(1 << 12);
        assert_eq!(at(&parent, 1_008), U256::from(2_049_000_000) + bomb);
        parent.ommers_hash = B256::ZERO;
        assert_eq!(at(&parent, 1_008), U256::from(2_050_000_000) + bomb);
        assert_eq!(at(&parent, 1_018), U256::from(2_048_000_000) + bomb);
    }

    #[test]
    fn never_below_the_minimum_and_never_overflows() {
        let spec = EthereumChainHardforks::mainnet();
        assert_eq!(at(&parent(1, 131_072, 0), 1_000), MIN_DIFFICULTY);
        let huge = Header { number: u64::MAX, difficulty: U256::MAX, ..Default::default() };
        assert_eq!(expected_difficulty(&spec, &huge, 1), U256::MAX);
    }
}
