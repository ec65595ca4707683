//! What a worker is asked to compute, and its bounds.

use crate::{Hash, seed::next_seed};

/// The largest inner size `k`: sums of 32,768 products of entries in [-16, 15] stay under 2^23 in
/// magnitude, exact in 32-bit integers and in single-precision accumulators alike.
pub const MAX_INNER: u32 = 32_768;

/// The largest number of rows `m` and of columns `p`.
pub const MAX_SIDE: u32 = 65_536;

/// The largest number of rounds: their roots are 32 KiB of a transaction.
pub const MAX_ROUNDS: u32 = 1_024;

/// A chain of rounds, each the product of an `m x k` and a `k x p` matrix; its sizes are in bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    seed: Hash,
    m: u32,
    k: u32,
    p: u32,
    rounds: u32,
}

/// A size of a task that is zero or too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}, and must be at least 1 and at most {max}")]
pub struct TaskError {
    /// `m`, `k`, `p` or `rounds`.
    pub name: &'static str,
    /// What it is.
    pub value: u32,
    /// What it may be at most.
    pub max: u32,
}

impl Task {
    /// A task whose first round has `seed`.
    ///
    /// # Errors
    /// When a size is zero or above its bound.
    pub fn new(seed: Hash, m: u32, k: u32, p: u32, rounds: u32) -> Result<Self, TaskError> {
        let bounds = [
            ("m", m, MAX_SIDE),
            ("k", k, MAX_INNER),
            ("p", p, MAX_SIDE),
            ("rounds", rounds, MAX_ROUNDS),
        ];
        for (name, value, max) in bounds {
            if value == 0 || value > max {
                return Err(TaskError { name, value, max });
            }
        }
        Ok(Self { seed, m, k, p, rounds })
    }

    /// The seed of round 0.
    pub const fn seed(&self) -> &Hash {
        &self.seed
    }

    /// Rows of A and of C.
    pub const fn m(&self) -> u32 {
        self.m
    }

    /// Columns of A, which are rows of B.
    pub const fn k(&self) -> u32 {
        self.k
    }

    /// Columns of B and of C.
    pub const fn p(&self) -> u32 {
        self.p
    }

    /// Rounds, at least one.
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Multiply-adds of the whole task; twice as many operations.
    pub const fn multiply_adds(&self) -> u128 {
        self.round(self.seed).multiply_adds() as u128 * self.rounds as u128
    }

    /// A round of this task's sizes with a seed of its own.
    pub const fn round(&self, seed: Hash) -> Round {
        Round { seed, m: self.m, k: self.k, p: self.p }
    }

    /// The rounds whose seeds are known when `roots` are: one for each root but the last round's,
    /// and the first.
    pub fn known_rounds(&self, roots: &[Hash]) -> Vec<Round> {
        let mut rounds = vec![self.round(self.seed)];
        let mut seed = self.seed;
        for root in roots.iter().take(self.rounds as usize - 1) {
            seed = next_seed(&seed, root);
            rounds.push(self.round(seed));
        }
        rounds
    }
}

/// One product of a task. Only a [`Task`] makes one, so its sizes are in bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    seed: Hash,
    m: u32,
    k: u32,
    p: u32,
}

impl Round {
    /// What A and B are expanded from.
    pub const fn seed(&self) -> &Hash {
        &self.seed
    }

    /// Rows of A and of C.
    pub const fn m(&self) -> u32 {
        self.m
    }

    /// Columns of A, which are rows of B.
    pub const fn k(&self) -> u32 {
        self.k
    }

    /// Columns of B and of C.
    pub const fn p(&self) -> u32 {
        self.p
    }

    /// Multiply-adds of the product, at most 2^47.
    pub const fn multiply_adds(&self) -> u64 {
        self.m as u64 * self.k as u64 * self.p as u64
    }
}
