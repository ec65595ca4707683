//! What the machine is told.

use alloy_primitives::B256;
use malachite_core_consensus::ProposedValue;
use malachite_core_types::Timeout;

use crate::{ChainContext, Height, LoggedValue, Message, ValidatorSet, Value, WalEntry};

/// An event for [`Machine::step`](crate::Machine::step).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Start a height. The one before is abandoned, decided or not: start the next height whenever its
    /// parent is committed, be it by [`Effect::Decide`](crate::Effect::Decide) or by sync.
    StartHeight {
        /// Above the height before; not below the machine's first.
        height: Height,
        /// The set of this height, with this height's seed.
        validators: ValidatorSet,
        /// What the log holds of this height, from its start, in order; empty for a fresh height. Only
        /// the first height after a restart has any.
        log: Vec<WalEntry>,
    },
    /// A message from a peer, decoded. The first effect is the [`Verdict`](crate::Verdict) on it.
    Message(Message),
    /// The answer to [`Effect::BuildValue`](crate::Effect::BuildValue): a block of ours, complete,
    /// valid and kept where a restart finds it. Answers that come too late are ignored.
    ValueBuilt {
        /// The height asked for.
        height: Height,
        /// The round asked for.
        round: u32,
        /// Hash of the block.
        block_hash: B256,
    },
    /// A block of the current height arrived in full and was checked. Blocks of later heights cannot
    /// be checked yet: hold them back. A block is announced once for each round it arrives in.
    ValueReceived(LoggedValue),
    /// A timer ran out that [`Effect::ScheduleTimeout`](crate::Effect::ScheduleTimeout) started.
    Timeout {
        /// The height it was started at.
        height: Height,
        /// The timer.
        timeout: Timeout,
    },
}

impl From<B256> for Value {
    fn from(hash: B256) -> Self {
        Self(hash)
    }
}

impl From<LoggedValue> for ProposedValue<ChainContext> {
    fn from(value: LoggedValue) -> Self {
        Self {
            height: value.height,
            round: value.round,
            valid_round: value.valid_round,
            proposer: value.proposer,
            value: value.value,
            validity: value.validity,
        }
    }
}

impl From<ProposedValue<ChainContext>> for LoggedValue {
    fn from(value: ProposedValue<ChainContext>) -> Self {
        Self {
            height: value.height,
            round: value.round,
            valid_round: value.valid_round,
            proposer: value.proposer,
            value: value.value,
            validity: value.validity,
        }
    }
}
