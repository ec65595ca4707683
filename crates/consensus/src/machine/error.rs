//! What stops a machine.

use malachite_core_consensus::Error as CoreError;

use crate::{ChainContext, Height};

/// Why the machine cannot go on. Every one is final, and the operator must hear of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The consensus key is not the one that the operator is registered with.
    #[error("the consensus key is not the one the operator is registered with")]
    Key,
    /// A height at or below the current one was to be started. Its record of what was signed is gone.
    #[error("height {asked} cannot be started at height {current}")]
    HeightNotAhead {
        /// Where the machine stands.
        current: Height,
        /// What was asked for.
        asked: Height,
    },
    /// The next set has another quorum rule. The rule is a chain's, for good.
    #[error("the quorum rule cannot change")]
    QuorumRule,
    /// A record of the log is of another height: the log was not started anew, or is another node's.
    #[error("the log of height {expected} holds a record of height {found}")]
    LogHeight {
        /// The height started.
        expected: Height,
        /// The height recorded.
        found: Height,
    },
    /// The log holds two messages of ours that exclude each other: the key runs twice, or the log is a
    /// mixture of two.
    #[error("the log holds two conflicting messages of this node at height {0}, round {1}")]
    LogConflict(Height, u32),
    /// A signature was asked for that would exclude one already given, by this node or, as peers tell
    /// with a signature of ours, by an earlier life of it or a second node with its key.
    #[error("refused to sign a second message at height {0}, round {1}")]
    DoubleSign(Height, u32),
    /// Replaying the log made another message than the one recorded: the log has a hole, or it is of
    /// another version of the program.
    #[error("replay of the log disagrees with its records: {0}")]
    Replay(String),
    /// The core failed, which no input should make it do.
    #[error("consensus core: {0}")]
    Core(String),
}

impl Error {
    pub(super) fn from_core(error: &CoreError<ChainContext>) -> Self {
        match error {
            CoreError::ReplayDivergence(..) => Self::Replay(error.to_string()),
            _ => Self::Core(error.to_string()),
        }
    }
}
