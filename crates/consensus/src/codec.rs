//! Bytes of messages, certificates, evidence and log records: on the wire, in the store, in the log.
//!
//! Every encoding starts with a version byte, [`VERSION`]. Integers are big endian, lists have a count
//! of one byte, and nothing is optional without a tag. Decoding is strict: what it accepts is exactly
//! what encoding makes, with nothing behind it, so equal values have equal bytes and bytes can be
//! hashed. Nothing is allocated before its bound is checked.

mod certificates;
mod messages;
mod records;

use alloy_primitives::B256;
use malachite_core_types::{NilOrVal, Round};

pub use certificates::{
    decode_polka, decode_round_certificate, encode_polka, encode_round_certificate,
};
pub use messages::{decode_proposal, decode_vote, encode_proposal, encode_vote};

use crate::domain::round_number;
use crate::{MAX_AUTHORITIES, MAX_ROUND, Operator, Signature};

/// The version of all encodings here.
pub(crate) const VERSION: u8 = 1;

/// The longest [`Message`](crate::Message), which is a round certificate of everybody.
pub const MAX_MESSAGE_BYTES: usize = 2 + 8 + 4 + 1 + 1 + MAX_AUTHORITIES * (1 + 1 + 32 + 20 + 64);

/// The longest [`Certificate`](crate::Certificate).
pub const MAX_CERTIFICATE_BYTES: usize = 1 + 8 + 4 + 32 + 1 + MAX_AUTHORITIES * (1 + 64);

/// Why bytes are no encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end too early.
    #[error("ends too early")]
    Truncated,
    /// There is something behind the encoding.
    #[error("bytes behind the end")]
    Trailing,
    /// Another version, by its byte.
    #[error("version {0} is unknown")]
    Version(u8),
    /// A tag that stands for nothing.
    #[error("tag {0} is unknown")]
    Tag(u8),
    /// A round beyond [`MAX_ROUND`].
    #[error("round is out of bounds")]
    Round,
    /// A list that is empty, too long, out of order or with duplicates.
    #[error("list is empty, too long or not in strictly ascending order")]
    List,
    /// A proof of a VRF that is not well formed.
    #[error("not a well-formed VRF proof")]
    Proof,
    /// Evidence whose messages do not exclude each other, or stand in the other order.
    #[error("evidence proves nothing or is not in canonical order")]
    Evidence,
}

/// Reads from the front of a slice.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader behind the version byte of `bytes`.
    fn versioned(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Self(bytes);
        match reader.byte()? {
            VERSION => Ok(reader),
            other => Err(DecodeError::Version(other)),
        }
    }

    /// Reads one value that must end where the bytes end.
    fn whole<T>(
        bytes: &'a [u8],
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut reader = Self::versioned(bytes)?;
        let value = read(&mut reader)?;
        if reader.0.is_empty() { Ok(value) } else { Err(DecodeError::Trailing) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (front, rest) = self.0.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(*front)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    fn hash(&mut self) -> Result<B256, DecodeError> {
        self.array().map(B256::new)
    }

    fn operator(&mut self) -> Result<Operator, DecodeError> {
        self.array::<20>().map(|bytes| Operator(bytes.into()))
    }

    fn signature(&mut self) -> Result<Signature, DecodeError> {
        self.array().map(Signature)
    }

    fn round_number(&mut self) -> Result<u32, DecodeError> {
        match self.array().map(u32::from_be_bytes)? {
            round @ 0..=MAX_ROUND => Ok(round),
            _ => Err(DecodeError::Round),
        }
    }

    fn round(&mut self) -> Result<Round, DecodeError> {
        self.round_number().map(Round::new)
    }

    /// A round that may be nil, which is `u32::MAX`.
    fn round_or_nil(&mut self) -> Result<Round, DecodeError> {
        if self.0.first_chunk() == Some(&[u8::MAX; 4]) {
            self.array::<4>()?;
            return Ok(Round::Nil);
        }
        self.round()
    }

    fn hash_or_nil(&mut self) -> Result<NilOrVal<B256>, DecodeError> {
        match self.byte()? {
            0 => Ok(NilOrVal::Nil),
            1 => self.hash().map(NilOrVal::Val),
            other => Err(DecodeError::Tag(other)),
        }
    }

    /// A list of 1 to [`MAX_AUTHORITIES`] items in strictly ascending order of their keys.
    fn list<T, K: Ord>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, DecodeError> {
        let count = usize::from(self.byte()?);
        if count == 0 || count > MAX_AUTHORITIES {
            return Err(DecodeError::List);
        }
        let items = (0..count).map(|_| read(self)).collect::<Result<Vec<T>, DecodeError>>()?;
        if items.is_sorted_by(|one, next| key(one) < key(next)) {
            Ok(items)
        } else {
            Err(DecodeError::List)
        }
    }
}

/// Writes to the end of a vector.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// A writer behind the version byte.
    fn versioned() -> Self {
        Self(vec![VERSION])
    }

    fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    fn round(&mut self, round: Round) -> &mut Self {
        self.bytes(&round_number(round).to_be_bytes())
    }

    fn hash_or_nil(&mut self, value: &NilOrVal<B256>) -> &mut Self {
        match value {
            NilOrVal::Nil => self.byte(0),
            NilOrVal::Val(hash) => self.byte(1).bytes(hash.as_slice()),
        }
    }

    /// The count of a list. Lists are bounded where they are made; what is longer does not decode.
    fn count(&mut self, count: usize) -> &mut Self {
        self.byte(u8::try_from(count).unwrap_or(u8::MAX))
    }
}
