//! What the engine says of itself.

use alloy_primitives::{Address, B256};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What part a node takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Participation {
    /// It has no keys, or they are not in the set of this height.
    #[default]
    Follower,
    /// Its keys are in the set, but it may have signed at this height before and lost the record
    /// of it: it follows until that cannot be.
    Waiting,
    /// It votes.
    Validator,
}

impl Participation {
    /// One word, for RPC and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Waiting => "waiting",
            Self::Validator => "validator",
        }
    }
}

/// Where a voting node stands in its round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Step {
    /// It waits for a proposal, or makes one.
    #[default]
    Propose,
    /// It prevoted.
    Prevote,
    /// It precommitted.
    Precommit,
    /// The block is decided, and on its way into the store.
    Commit,
}

impl Step {
    /// One word, for RPC and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Prevote => "prevote",
            Self::Precommit => "precommit",
            Self::Commit => "commit",
        }
    }
}

/// A snapshot of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineStatus {
    /// The height worked on: one above the head.
    pub height: u64,
    /// The round of a voting node; 0 for others.
    pub round: u32,
    /// The step of a voting node.
    pub step: Step,
    /// Whose turn it is in this round.
    pub proposer: Address,
    /// What part the node takes.
    pub participation: Participation,
    /// The operator account of the node's keys, if it has any.
    pub operator: Option<Address>,
    /// Height of the head.
    pub head_number: u64,
    /// Hash of the head.
    pub head_hash: B256,
    /// Timestamp of the head in seconds.
    pub head_timestamp: u64,
    /// Connected peers on this chain.
    pub peers: usize,
    /// Voting power of the authorities that are connected, this node included.
    pub connected_power: u64,
    /// Voting power of all authorities.
    pub total_power: u64,
    /// The height that the node catches up to, as far as there is reason to believe in it; none while
    /// it is up to date.
    pub sync_target: Option<u64>,
    /// Times since the start of the node that a peer had another block than it at a height.
    pub rivals: u64,
    /// Rounds since the start of the node that passed without a decision, by whose turn they were.
    pub missed_rounds: Arc<BTreeMap<Address, u64>>,
    /// From the decision on the last block to its durability; none before the first.
    pub last_commit: Option<Duration>,
}

impl EngineStatus {
    /// How far the head is behind what there is reason to believe in; claims of a peer are none.
    pub fn lag_blocks(&self) -> u64 {
        self.sync_target.map_or(0, |target| target.saturating_sub(self.head_number))
    }
}
