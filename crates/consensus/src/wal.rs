//! What the write-ahead log of a height records.

use malachite_core_types::{Round, Timeout, Validity};

use crate::{Height, Operator, PolkaCertificate, SignedProposal, SignedVote, Value};

/// A block that was built or received, as the log records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedValue {
    /// Block number.
    pub height: Height,
    /// The round it was received in.
    pub round: Round,
    /// The valid round it was streamed with, or nil.
    pub valid_round: Round,
    /// Who proposed it in that round.
    pub proposer: Operator,
    /// The block.
    pub value: Value,
    /// The verdict on it. A replay takes it as it is.
    pub validity: Validity,
}

/// One record of a height's log.
///
/// Records are appended in the order of the effects that carry them. Given back to
/// [`Input::StartHeight`](crate::Input::StartHeight) in that order, they rebuild the machine as it was,
/// with the same messages of ours. A tail may be missing; a hole may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalEntry {
    /// A vote, of ours or received.
    Vote(SignedVote),
    /// A proposal, of ours or received.
    Proposal(SignedProposal),
    /// A block that was built or received. The block itself is not in the record: whoever logs one
    /// that we built keeps the block, too, or a replayed proposal names a block nobody has.
    Value(LoggedValue),
    /// A timer that ran out.
    Timeout(Timeout),
    /// A quorum of prevotes, received as a certificate.
    Polka(PolkaCertificate),
}

impl WalEntry {
    /// The height recorded, where the entry names one.
    pub fn height(&self) -> Option<Height> {
        match self {
            Self::Vote(vote) => Some(vote.height),
            Self::Proposal(proposal) => Some(proposal.height),
            Self::Value(value) => Some(value.height),
            Self::Timeout(_) => None,
            Self::Polka(polka) => Some(polka.height),
        }
    }
}
