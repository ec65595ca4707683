//! What a seed stands for.

use mfenx_primitives::Quorum;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How a liar lies. A liar runs the production machine and lies at its edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Builds two blocks and shows each to a half of the others.
    TwoProposals,
    /// Never proposes.
    NoProposal,
    /// Proposes a block whose proof of randomness is of another height.
    WrongProof,
    /// Sends some nodes another vote than the rest.
    DoubleVotes,
    /// Two proposals, double votes, and noise.
    Everything,
}

/// A network and its misfortunes until it heals.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) quorum: Quorum,
    /// Voting power of each node; none for one that only watches.
    pub(crate) powers: Vec<u64>,
    pub(crate) liars: Vec<(usize, Lie)>,
    /// Milliseconds of trouble.
    pub(crate) trouble_ms: u64,
    /// Shares of packets, in 1/1000.
    pub(crate) loss: u32,
    pub(crate) duplication: u32,
    /// Longest ordinary delay during trouble.
    pub(crate) delay_ms: u64,
    /// Crashes to come, spread over the trouble.
    pub(crate) crashes: u32,
    /// Chance of a crash between two effects of one step, in 1/10000.
    pub(crate) crash_in_step: u32,
    /// Partitions to come, spread over the trouble.
    pub(crate) partitions: u32,
    /// Heights that every honest node must decide after healing.
    pub(crate) heights_after: u64,
}

impl Scenario {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = match seed % 100 {
            99 if seed % 200 == 199 => 100,
            49 | 99 => 31,
            _ => *[3, 4, 4, 4, 4, 5, 6, 7, 7, 10].get(rng.random_range(0..10)).unwrap(),
        };
        let large = size > 10;
        let quorum = if size < 4 || (!large && rng.random_ratio(1, 5)) {
            Quorum::Majority
        } else {
            Quorum::Bft
        };
        let mut powers: Vec<u64> = if rng.random_ratio(1, 3) {
            (0..size).map(|_| rng.random_range(1..=4)).collect()
        } else {
            vec![1; size]
        };
        let liars = liars(&mut rng, quorum, &powers);
        if !large && rng.random_ratio(1, 6) {
            powers.push(0);
        }
        let calm = rng.random_ratio(1, 10);
        let trouble_ms = match size {
            100.. => 1_500,
            11.. => 4_000,
            _ => rng.random_range(3_000..25_000),
        };
        Self {
            seed,
            quorum,
            powers,
            liars,
            trouble_ms: if calm { 0 } else { trouble_ms },
            loss: if large { 20 } else { *[0, 20, 100, 300].get(rng.random_range(0..4)).unwrap() },
            duplication: rng.random_range(0..if large { 20 } else { 200 }),
            delay_ms: rng.random_range(20..if size == 100 { 200 } else { 900 }),
            crashes: rng.random_range(0..4),
            crash_in_step: if large { 0 } else { rng.random_range(0..40) },
            partitions: rng.random_range(0..3),
            heights_after: if large { 1 } else { 3 },
        }
    }

    /// Three authorities by majority, one of which lies: more than the rule tolerates.
    pub(crate) fn hopeless(seed: u64) -> Self {
        Self {
            quorum: Quorum::Majority,
            powers: vec![1; 3],
            liars: vec![(0, Lie::Everything)],
            ..Self::from_seed(seed)
        }
    }

    pub(crate) fn lie_of(&self, node: usize) -> Option<Lie> {
        self.liars.iter().find(|(liar, _)| *liar == node).map(|(_, lie)| *lie)
    }
}

/// Liars of less than a third of the power, under the rule that tolerates any.
fn liars(rng: &mut ChaCha8Rng, quorum: Quorum, powers: &[u64]) -> Vec<(usize, Lie)> {
    let mut liars = Vec::new();
    if quorum == Quorum::Majority || rng.random_ratio(1, 3) {
        return liars;
    }
    let total: u64 = powers.iter().sum();
    let mut lying = 0;
    for (node, power) in powers.iter().enumerate() {
        let lie = match rng.random_range(0..5) {
            0 => Lie::TwoProposals,
            1 => Lie::NoProposal,
            2 => Lie::WrongProof,
            3 => Lie::DoubleVotes,
            _ => Lie::Everything,
        };
        if (lying + power) * 3 < total && rng.random_ratio(1, 2) {
            lying += power;
            liars.push((node, lie));
        }
    }
    liars
}
