//! Who decides blocks: the section `config.mfenx.consensus` of a chain file.
//!
//! Invariants: a [`ConsensusParams`] that was read has 1 to 128 authorities, no two of which share
//! an operator or a key; each has power, and their powers sum to less than 2^63.
//!
//! Deliberately absent: whether a key is a point of its curve. Keys are bytes here; the crates that
//! use them decode them.

mod read;
mod set;
mod write;

#[cfg(test)]
mod tests;

use mfenx_primitives::{Authority, Quorum};
pub use set::{AuthoritiesFault, check_authorities};

/// The most authorities a chain can have.
pub const AUTHORITIES_MAX: usize = 128;

/// The most power all authorities together can have: sums of two stay within 64 bits.
pub const TOTAL_POWER_MAX: u64 = i64::MAX as u64;

/// From this many authorities on, the rule is [`Quorum::Bft`] unless the file says otherwise.
const BFT_FROM: usize = 4;

/// The most blocks an epoch can have.
pub const EPOCH_BLOCKS_MAX: u64 = 1 << 32;

/// How the authorities of a chain agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsensusParams {
    /// How much of the power decides.
    pub quorum: Quorum,
    /// Blocks of an epoch, at least 1: epoch `e` is the blocks `e * epoch_blocks` to
    /// `(e + 1) * epoch_blocks - 1`. The set of authorities changes only between epochs.
    pub epoch_blocks: u64,
    /// The authorities of the epochs 0 and 1; later ones are in the registry contract.
    pub authorities: Vec<Authority>,
    /// How long a round waits for what.
    pub timeouts: ConsensusTimeouts,
}

/// How long a round waits, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsensusTimeouts {
    /// For a proposal, in round 0.
    pub propose_ms: u64,
    /// For the prevotes of a quorum to agree, in round 0.
    pub prevote_ms: u64,
    /// For the precommits of a quorum to agree, in round 0.
    pub precommit_ms: u64,
    /// What every later round adds to each.
    pub delta_ms: u64,
}

impl Default for ConsensusTimeouts {
    fn default() -> Self {
        Self { propose_ms: 2_000, prevote_ms: 1_000, precommit_ms: 1_000, delta_ms: 500 }
    }
}

/// The rule for `authorities` authorities when a chain file names none.
pub const fn default_quorum(authorities: usize) -> Quorum {
    if authorities >= BFT_FROM { Quorum::Bft } else { Quorum::Majority }
}
