//! Votes, proposals, and the envelope of whatever authorities send each other.

use malachite_core_types::VoteType;

use super::certificates::{
    read_polka, read_round_certificate, write_polka, write_round_certificate,
};
use super::{DecodeError, Reader, Writer};
use crate::{Height, Message, Proposal, SignedProposal, SignedVote, Value, Vote};

pub(super) fn kind_byte(kind: VoteType) -> u8 {
    match kind {
        VoteType::Prevote => 1,
        VoteType::Precommit => 2,
    }
}

pub(super) fn read_kind(reader: &mut Reader<'_>) -> Result<VoteType, DecodeError> {
    match reader.byte()? {
        1 => Ok(VoteType::Prevote),
        2 => Ok(VoteType::Precommit),
        other => Err(DecodeError::Tag(other)),
    }
}

/// `kind (1) || height (8) || round (4) || 0, or 1 and hash (32) || operator (20) || signature (64)`.
pub(super) fn write_vote(writer: &mut Writer, vote: &SignedVote) {
    writer
        .byte(kind_byte(vote.kind))
        .u64(vote.height.0)
        .round(vote.round)
        .hash_or_nil(&vote.value)
        .bytes(vote.operator.0.as_slice())
        .bytes(&vote.signature.0);
}

pub(super) fn read_vote(reader: &mut Reader<'_>) -> Result<SignedVote, DecodeError> {
    let vote = Vote {
        kind: read_kind(reader)?,
        height: Height(reader.u64()?),
        round: reader.round()?,
        value: reader.hash_or_nil()?,
        operator: reader.operator()?,
    };
    Ok(SignedVote::new(vote, reader.signature()?))
}

/// `height (8) || round (4) || hash (32) || valid round (4) || operator (20) || signature (64)`.
pub(super) fn write_proposal(writer: &mut Writer, proposal: &SignedProposal) {
    writer
        .u64(proposal.height.0)
        .round(proposal.round)
        .bytes(proposal.value.0.as_slice())
        .round(proposal.valid_round)
        .bytes(proposal.operator.0.as_slice())
        .bytes(&proposal.signature.0);
}

pub(super) fn read_proposal(reader: &mut Reader<'_>) -> Result<SignedProposal, DecodeError> {
    let proposal = Proposal {
        height: Height(reader.u64()?),
        round: reader.round()?,
        value: Value(reader.hash()?),
        valid_round: reader.round_or_nil()?,
        operator: reader.operator()?,
    };
    Ok(SignedProposal::new(proposal, reader.signature()?))
}

/// Encodes a vote with its signature: 99 bytes for nil, 131 for a block.
pub fn encode_vote(vote: &SignedVote) -> Vec<u8> {
    let mut writer = Writer::versioned();
    write_vote(&mut writer, vote);
    writer.0
}

/// Decodes a vote. The signature is not verified.
///
/// # Errors
/// [`DecodeError`]: whoever sent the bytes does not keep the format.
pub fn decode_vote(bytes: &[u8]) -> Result<SignedVote, DecodeError> {
    Reader::whole(bytes, read_vote)
}

/// Encodes a proposal with its signature: 133 bytes.
pub fn encode_proposal(proposal: &SignedProposal) -> Vec<u8> {
    let mut writer = Writer::versioned();
    write_proposal(&mut writer, proposal);
    writer.0
}

/// Decodes a proposal. The signature is not verified.
///
/// # Errors
/// [`DecodeError`]: whoever sent the bytes does not keep the format.
pub fn decode_proposal(bytes: &[u8]) -> Result<SignedProposal, DecodeError> {
    Reader::whole(bytes, read_proposal)
}

impl Message {
    /// Encodes the message with a tag behind the version: 1 vote, 2 proposal, 3 polka, 4 round
    /// certificate. At most [`MAX_MESSAGE_BYTES`](crate::MAX_MESSAGE_BYTES).
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned();
        match self {
            Self::Vote(vote) => write_vote(writer.byte(1), vote),
            Self::Proposal(proposal) => write_proposal(writer.byte(2), proposal),
            Self::Polka(polka) => write_polka(writer.byte(3), polka),
            Self::Round(certificate) => write_round_certificate(writer.byte(4), certificate),
        }
        writer.0
    }

    /// Decodes a message. Signatures are not verified.
    ///
    /// # Errors
    /// [`DecodeError`]: whoever sent the bytes does not keep the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Reader::whole(bytes, |reader| match reader.byte()? {
            1 => read_vote(reader).map(Self::Vote),
            2 => read_proposal(reader).map(Self::Proposal),
            3 => read_polka(reader).map(Self::Polka),
            4 => read_round_certificate(reader).map(Self::Round),
            other => Err(DecodeError::Tag(other)),
        })
    }
}
