//! What the machine asks for.

use std::time::Duration;

use alloy_primitives::B256;
use malachite_core_types::{Round, Timeout};

use crate::{Certificate, Evidence, Height, Message, Operator, Verdict, WalEntry};

/// What this node does in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its turn to propose.
    Proposer,
    /// It votes.
    Validator,
    /// It watches.
    Observer,
}

/// Something to be carried out, in the order of the vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What became of an [`Input::Message`](crate::Input::Message): the gossip layer's answer.
    Verdict(Verdict),
    /// Append the record to the log of the height. It must be durable before any [`Effect::Publish`]
    /// behind it is carried out, in this step or a later one.
    WalAppend(WalEntry),
    /// Send the message to all peers. It may be an old one again.
    Publish(Message),
    /// Build a block and answer with [`Input::ValueBuilt`](crate::Input::ValueBuilt).
    BuildValue {
        /// The height.
        height: Height,
        /// The round, which goes into the block's extraData.
        round: u32,
        /// A hint: the others give up on this round after about this long.
        within: Duration,
    },
    /// Send the parts of a block again that was received or built earlier; it is proposed once more.
    RepublishValue {
        /// The height.
        height: Height,
        /// The round it is proposed in now.
        round: u32,
        /// The round in which a quorum prevoted it, if that is why.
        valid_round: Round,
        /// Who proposes it now.
        proposer: Operator,
        /// Hash of the block, which names its builder itself.
        block_hash: B256,
    },
    /// Start a timer, or start it anew, and answer with [`Input::Timeout`](crate::Input::Timeout).
    ScheduleTimeout {
        /// Goes back with the answer.
        height: Height,
        /// Goes back with the answer, and names the timer.
        timeout: Timeout,
        /// How long.
        after: Duration,
    },
    /// Stop a timer, if it runs.
    CancelTimeout(Timeout),
    /// Stop all timers.
    CancelAllTimeouts,
    /// A round began.
    StartRound {
        /// The height.
        height: Height,
        /// The round.
        round: u32,
        /// Whose turn it is.
        proposer: Operator,
        /// What this node does in it.
        role: Role,
    },
    /// The block is decided, and this node was told that it is valid. Commit it, then start the next
    /// height. Our own precommit may be published behind this effect, in the same step. Once the block
    /// is durably committed, the height's log is of no use any more, nor are later records of it.
    Decide(Certificate),
    /// A quorum precommitted a block that this node cannot decide on yet, for it lacks the block or the
    /// proposal. The certificate is complete: get the block by its hash from anybody, check and commit
    /// it, then start the next height. [`Effect::Decide`] for the same block may still come first.
    FetchDecided(Certificate),
    /// An authority signed two messages that exclude each other. Verified; said once per height.
    Equivocation(Evidence),
    /// An authority works on a higher height: whether to sync is the caller's choice, since being one
    /// height behind for a moment is normal. Said once for each authority and height; one alone may lie.
    Behind {
        /// The height it works on.
        height: Height,
        /// The authority, which signed a message of that height.
        operator: Operator,
    },
}
