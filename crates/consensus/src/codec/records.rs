//! Evidence and the records of the write-ahead log.

use malachite_core_types::{Timeout, TimeoutKind, Validity};

use super::certificates::{read_polka, write_polka};
use super::messages::{read_proposal, read_vote, write_proposal, write_vote};
use super::{DecodeError, Reader, Writer};
use crate::{Evidence, Height, LoggedValue, Value, WalEntry};

impl Evidence {
    /// Encodes `version (1) || 1 votes or 2 proposals`, then both messages with their signatures.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned();
        match self {
            Self::Votes(pair) => {
                write_vote(writer.byte(1), &pair.0);
                write_vote(&mut writer, &pair.1);
            }
            Self::Proposals(pair) => {
                write_proposal(writer.byte(2), &pair.0);
                write_proposal(&mut writer, &pair.1);
            }
        }
        writer.0
    }

    /// Decodes evidence whose messages exclude each other. Signatures are not verified.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are no evidence, or not in canonical order.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Reader::whole(bytes, |reader| {
            let evidence = match reader.byte()? {
                1 => Self::Votes(Box::new((read_vote(reader)?, read_vote(reader)?))),
                2 => Self::Proposals(Box::new((read_proposal(reader)?, read_proposal(reader)?))),
                other => return Err(DecodeError::Tag(other)),
            };
            evidence.check_conflict().map_err(|_| DecodeError::Evidence)?;
            Ok(evidence)
        })
    }
}

impl WalEntry {
    /// Encodes the record with a tag behind the version: 1 vote, 2 proposal, 3 value, 4 timeout,
    /// 5 polka. The log adds its own checksum.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned();
        match self {
            Self::Vote(vote) => write_vote(writer.byte(1), vote),
            Self::Proposal(proposal) => write_proposal(writer.byte(2), proposal),
            Self::Value(value) => write_value(writer.byte(3), value),
            Self::Timeout(timeout) => write_timeout(writer.byte(4), timeout),
            Self::Polka(polka) => write_polka(writer.byte(5), polka),
        }
        writer.0
    }

    /// Decodes a record.
    ///
    /// # Errors
    /// [`DecodeError`]: the log is damaged, or of another version of the program. A record that fails
    /// to decode although its checksum holds is no torn tail: stop and tell the operator.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Reader::whole(bytes, |reader| match reader.byte()? {
            1 => read_vote(reader).map(Self::Vote),
            2 => read_proposal(reader).map(Self::Proposal),
            3 => read_value(reader).map(Self::Value),
            4 => read_timeout(reader).map(Self::Timeout),
            5 => read_polka(reader).map(Self::Polka),
            other => Err(DecodeError::Tag(other)),
        })
    }
}

/// `height (8) || round (4) || valid round (4) || proposer (20) || hash (32) || 0 invalid or 1 valid`.
fn write_value(writer: &mut Writer, value: &LoggedValue) {
    writer
        .u64(value.height.0)
        .round(value.round)
        .round(value.valid_round)
        .bytes(value.proposer.0.as_slice())
        .bytes(value.value.0.as_slice())
        .byte(u8::from(value.validity.is_valid()));
}

fn read_value(reader: &mut Reader<'_>) -> Result<LoggedValue, DecodeError> {
    Ok(LoggedValue {
        height: Height(reader.u64()?),
        round: reader.round()?,
        valid_round: reader.round_or_nil()?,
        proposer: reader.operator()?,
        value: Value(reader.hash()?),
        validity: match reader.byte()? {
            0 => Validity::Invalid,
            1 => Validity::Valid,
            other => return Err(DecodeError::Tag(other)),
        },
    })
}

/// `1 propose, 2 prevote or 3 precommit || round (4)`. The core logs no other timers; their byte is 0,
/// which does not decode.
fn write_timeout(writer: &mut Writer, timeout: &Timeout) {
    let kind = match timeout.kind {
        TimeoutKind::Propose => 1,
        TimeoutKind::Prevote => 2,
        TimeoutKind::Precommit => 3,
        TimeoutKind::Rebroadcast | TimeoutKind::FinalizeHeight(_) => 0,
    };
    writer.byte(kind).round(timeout.round);
}

fn read_timeout(reader: &mut Reader<'_>) -> Result<Timeout, DecodeError> {
    let kind = match reader.byte()? {
        1 => TimeoutKind::Propose,
        2 => TimeoutKind::Prevote,
        3 => TimeoutKind::Precommit,
        other => return Err(DecodeError::Tag(other)),
    };
    Ok(Timeout::new(reader.round()?, kind))
}
