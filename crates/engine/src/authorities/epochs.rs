//! Epochs: runs of blocks with one set of authorities.

use mfenx_chainspec::ChainSpec;
use std::num::NonZeroU64;

/// How the heights of a chain are divided. Epoch `e` is the blocks `e * n` to `(e + 1) * n - 1`;
/// block 0, which nobody decides, is the first of epoch 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epochs {
    blocks: NonZeroU64,
}

impl Epochs {
    /// Epochs of `blocks` blocks.
    pub const fn new(blocks: NonZeroU64) -> Self {
        Self { blocks }
    }

    /// The epochs of a chain with consensus.
    pub fn of_chain(spec: &ChainSpec) -> Option<Self> {
        NonZeroU64::new(spec.consensus()?.epoch_blocks).map(Self::new)
    }

    /// Blocks of an epoch.
    pub const fn blocks(&self) -> u64 {
        self.blocks.get()
    }

    /// The epoch of a height.
    pub const fn epoch_of(&self, height: u64) -> u64 {
        height / self.blocks.get()
    }

    /// The first height of an epoch; the largest height when it has none.
    pub const fn first_block(&self, epoch: u64) -> u64 {
        epoch.saturating_mul(self.blocks.get())
    }

    /// The last height of an epoch; the largest height when it has none.
    pub const fn last_block(&self, epoch: u64) -> u64 {
        self.first_block(epoch.saturating_add(1)).saturating_sub(1)
    }

    /// Whether the set of authorities may be another one from this height on.
    pub const fn is_boundary(&self, height: u64) -> bool {
        height.is_multiple_of(self.blocks.get())
    }

    /// The first height in whose state the set of `epoch` is final: the first of the epoch before
    /// it. The sets of the epochs 0 and 1 are those of genesis.
    pub const fn final_from(&self, epoch: u64) -> u64 {
        self.first_block(epoch.saturating_sub(1))
    }

    /// The epoch in which a change takes effect that is executed in a block at `height`.
    pub const fn effective(&self, height: u64) -> u64 {
        self.epoch_of(height).saturating_add(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_height_is_in_its_epoch(blocks in 1..=u64::MAX, height: u64) {
            let epochs = Epochs::new(NonZeroU64::new(blocks).unwrap());
            let epoch = epochs.epoch_of(height);
            prop_assert!(epochs.first_block(epoch) <= height);
            prop_assert!(height <= epochs.last_block(epoch) || height == u64::MAX);
            prop_assert_eq!(epochs.is_boundary(height), epochs.first_block(epoch) == height);
        }

        #[test]
        fn epochs_follow_each_other_without_gaps(blocks in 1..1_u64 << 32, epoch in 0..1_u64 << 30) {
            let epochs = Epochs::new(NonZeroU64::new(blocks).unwrap());
            prop_assert_eq!(epochs.last_block(epoch) + 1, epochs.first_block(epoch + 1));
            prop_assert_eq!(epochs.epoch_of(epochs.first_block(epoch)), epoch);
            prop_assert_eq!(epochs.epoch_of(epochs.last_block(epoch)), epoch);
            prop_assert!(epochs.is_boundary(epochs.first_block(epoch)));
        }

        /// Whoever decides a block has a final set for it in the state of the block before; a change
        /// takes effect only in sets that were not final when it was made.
        #[test]
        fn sets_are_final_before_they_are_needed(blocks in 1..1_u64 << 32, height in 1..1_u64 << 62) {
            let epochs = Epochs::new(NonZeroU64::new(blocks).unwrap());
            prop_assert!(epochs.final_from(epochs.epoch_of(height)) < height);
            prop_assert!(epochs.final_from(epochs.effective(height)) > height);
        }
    }
}
