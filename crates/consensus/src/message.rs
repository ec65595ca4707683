//! Votes, proposals and the certificates that travel between authorities.

use alloy_primitives::B256;
use malachite_core_types::{self as core, NilOrVal, Round, SignedExtension, VoteType};

use crate::{ChainContext, Height, Operator, Value};

/// A vote with its signature.
pub type SignedVote = core::SignedVote<ChainContext>;
/// A proposal with its signature.
pub type SignedProposal = core::SignedProposal<ChainContext>;
/// A quorum of prevotes for one block in one round.
pub type PolkaCertificate = core::PolkaCertificate<ChainContext>;
/// Votes that justify entering a round.
pub type RoundCertificate = core::RoundCertificate<ChainContext>;

/// A prevote or precommit, for a block or for nil.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vote {
    /// Prevote or precommit.
    pub kind: VoteType,
    /// Block number.
    pub height: Height,
    /// The round voted in; defined.
    pub round: Round,
    /// The block's hash, or nil.
    pub value: NilOrVal<B256>,
    /// Who votes.
    pub operator: Operator,
}

impl core::Vote<ChainContext> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<B256> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<B256> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Operator {
        &self.operator
    }

    fn extension(&self) -> Option<&SignedExtension<ChainContext>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<ChainContext>> {
        None
    }

    /// Extensions are disabled on every height, so the core has none to add.
    fn extend(self, _: SignedExtension<ChainContext>) -> Self {
        self
    }
}

/// A proposer's word for a block in one round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proposal {
    /// Block number.
    pub height: Height,
    /// The round proposed in; defined.
    pub round: Round,
    /// The block.
    pub value: Value,
    /// The earlier round in which a quorum prevoted this block, or nil for a fresh one.
    pub valid_round: Round,
    /// Who proposes.
    pub operator: Operator,
}

impl core::Proposal<ChainContext> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Value {
        &self.value
    }

    fn take_value(self) -> Value {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.valid_round
    }

    fn validator_address(&self) -> &Operator {
        &self.operator
    }
}

/// Whatever authorities tell each other about a height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A vote.
    Vote(SignedVote),
    /// A proposal; the block's parts travel beside it.
    Proposal(SignedProposal),
    /// A quorum of prevotes, which lets a late authority accept a block proposed again.
    Polka(PolkaCertificate),
    /// Votes that let a late authority enter a round.
    Round(RoundCertificate),
}

impl Message {
    /// The height the message is about.
    pub fn height(&self) -> Height {
        match self {
            Self::Vote(vote) => vote.height,
            Self::Proposal(proposal) => proposal.height,
            Self::Polka(certificate) => certificate.height,
            Self::Round(certificate) => certificate.height,
        }
    }

    /// The round the message is about.
    pub fn round(&self) -> Round {
        match self {
            Self::Vote(vote) => vote.round,
            Self::Proposal(proposal) => proposal.round,
            Self::Polka(certificate) => certificate.round,
            Self::Round(certificate) => certificate.round,
        }
    }
}
