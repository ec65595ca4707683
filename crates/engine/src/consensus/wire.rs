//! What engines say to each other, in bytes. Integers are big endian; every format begins with a
//! byte that stands for it; decoding is strict and allocates nothing before its bound is checked.
//!
//! | where | bytes |
//! |---|---|
//! | consensus | `1 || message of the machine`, `2 || part`, or `3 || proof of equivocation` |
//! | heads | the certificate of a block |
//! | transactions | `1`, then `length (4) || transaction (EIP-2718)` each |
//! | blocks, request | `1 || first height (8) || count (2)` |
//! | blocks, answer | `length (4) || payload || length (4) || certificate` for each block, in order |
//! | parts, request | `1 || block hash (32)` |
//! | parts, answer | the payload |
//! | parts, request | `2 || index of the first proof of equivocation (4)` |
//! | parts, answer | `proofs kept (4)`, then `length (2) || proof` from that index on |
//!
//! A payload is `proof (80) || block in RLP`.

use alloy_primitives::B256;
use bytes::{Buf, Bytes};
use mfenx_consensus::{DecodeError, Evidence, MAX_CERTIFICATE_BYTES, Message};
use mfenx_network::PART_BYTES;

use crate::candidate::PAYLOAD_BYTES_MAX;

const MESSAGE: u8 = 1;
const PART: u8 = 2;
const EVIDENCE: u8 = 3;
const FORMAT: u8 = 1;
const PROOFS: u8 = 2;
/// Proofs of equivocation in one answer.
pub(super) const PROOFS_MAX: usize = 256;
const PART_HEADER_BYTES: usize = 1 + 8 + 32 + 32 + 4 + 2;
/// Bytes of a payload in one part.
pub(super) const CHUNK_BYTES: usize = PART_BYTES - PART_HEADER_BYTES;
/// Most blocks of one answer.
pub(super) const RANGE_BLOCKS_MAX: u16 = 128;

/// One message on the topic of consensus.
#[derive(Debug)]
pub(super) enum Frame {
    Message(Message),
    Part(Part),
    Evidence(Evidence),
}

/// A piece of a proposal's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) height: u64,
    pub(super) hash: B256,
    /// BLAKE3 of the whole payload.
    pub(super) digest: [u8; 32],
    /// Bytes of the whole payload.
    pub(super) total: u32,
    pub(super) index: u16,
    pub(super) data: Bytes,
}

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed")]
pub(super) struct Malformed;

impl From<DecodeError> for Malformed {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

/// How many parts a payload has.
pub(super) const fn part_count(total: u32) -> usize {
    (total as usize).div_ceil(CHUNK_BYTES)
}

impl Frame {
    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, Malformed> {
        match bytes.try_get_u8().map_err(|_| Malformed)? {
            MESSAGE => Ok(Self::Message(Message::decode(&bytes)?)),
            PART => Part::decode(bytes).map(Self::Part),
            EVIDENCE => Ok(Self::Evidence(Evidence::decode(&bytes)?)),
            _ => Err(Malformed),
        }
    }
}

pub(super) fn encode_message(message: &Message) -> Bytes {
    let mut bytes = vec![MESSAGE];
    bytes.extend_from_slice(&message.encode());
    bytes.into()
}

pub(super) fn encode_evidence(evidence: &Evidence) -> Bytes {
    let mut bytes = vec![EVIDENCE];
    bytes.extend_from_slice(&evidence.encode());
    bytes.into()
}

impl Part {
    /// The parts of a payload.
    pub(super) fn all(height: u64, hash: B256, payload: &Bytes) -> Vec<Self> {
        let digest = *blake3::hash(payload).as_bytes();
        let Ok(total) = u32::try_from(payload.len()) else { return Vec::new() };
        (0..part_count(total))
            .filter_map(|index| {
                let start = index * CHUNK_BYTES;
                let end = payload.len().min(start + CHUNK_BYTES);
                let index = u16::try_from(index).ok()?;
                Some(Self { height, hash, digest, total, index, data: payload.slice(start..end) })
            })
            .collect()
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(PART_HEADER_BYTES + self.data.len());
        bytes.push(PART);
        bytes.extend_from_slice(&self.height.to_be_bytes());
        bytes.extend_from_slice(self.hash.as_slice());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&self.total.to_be_bytes());
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&self.data);
        bytes.into()
    }

    fn decode(mut bytes: Bytes) -> Result<Self, Malformed> {
        if bytes.len() < PART_HEADER_BYTES - 1 {
            return Err(Malformed);
        }
        let height = bytes.get_u64();
        let (mut hash, mut digest) = (B256::ZERO, [0; 32]);
        bytes.copy_to_slice(hash.as_mut_slice());
        bytes.copy_to_slice(&mut digest);
        let (total, index) = (bytes.get_u32(), bytes.get_u16());
        let start = usize::from(index) * CHUNK_BYTES;
        let whole = total as usize;
        let sound = whole <= PAYLOAD_BYTES_MAX
            && start < whole
            && bytes.len() == CHUNK_BYTES.min(whole - start);
        sound.then_some(Self { height, hash, digest, total, index, data: bytes }).ok_or(Malformed)
    }
}

/// Asks for `count` blocks from a height on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RangeRequest {
    pub(super) first: u64,
    pub(super) count: u16,
}

impl RangeRequest {
    pub(super) fn encode(self) -> Bytes {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.first.to_be_bytes());
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes.into()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let &[FORMAT, a, b, c, d, e, f, g, h, high, low] = bytes else { return Err(Malformed) };
        let count = u16::from_be_bytes([high, low]);
        let first = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let sound = first > 0 && (1..=RANGE_BLOCKS_MAX).contains(&count);
        sound.then_some(Self { first, count }).ok_or(Malformed)
    }
}

/// Appends one block to an answer.
pub(super) fn put_block(answer: &mut Vec<u8>, payload: &[u8], certificate: &[u8]) {
    for bytes in [payload, certificate] {
        answer.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        answer.extend_from_slice(bytes);
    }
}

/// Splits an answer into payloads and certificates, at most `count` of them.
pub(super) fn read_blocks(mut answer: Bytes, count: u16) -> Result<Vec<(Bytes, Bytes)>, Malformed> {
    let mut blocks = Vec::new();
    while !answer.is_empty() {
        if blocks.len() >= usize::from(count) {
            return Err(Malformed);
        }
        let payload = take(&mut answer, PAYLOAD_BYTES_MAX)?;
        blocks.push((payload, take(&mut answer, MAX_CERTIFICATE_BYTES)?));
    }
    Ok(blocks)
}

fn take(bytes: &mut Bytes, max: usize) -> Result<Bytes, Malformed> {
    let length = bytes.try_get_u32().map_err(|_| Malformed)? as usize;
    if length > max || length > bytes.len() {
        return Err(Malformed);
    }
    Ok(bytes.split_to(length))
}

/// Asks for the payload of a block.
pub(super) fn encode_payload_request(hash: B256) -> Bytes {
    [&[FORMAT], hash.as_slice()].concat().into()
}

pub(super) fn decode_payload_request(bytes: &[u8]) -> Result<B256, Malformed> {
    let hash = bytes.strip_prefix(&[FORMAT]).filter(|hash| hash.len() == 32).ok_or(Malformed)?;
    Ok(B256::from_slice(hash))
}

/// Asks for the proofs of equivocation that a peer keeps, from an index on.
pub(super) fn encode_proofs_request(first: u32) -> Bytes {
    [&[PROOFS], first.to_be_bytes().as_slice()].concat().into()
}

pub(super) fn decode_proofs_request(bytes: &[u8]) -> Result<u32, Malformed> {
    let first = bytes.strip_prefix(&[PROOFS]).and_then(|first| first.try_into().ok());
    first.map(u32::from_be_bytes).ok_or(Malformed)
}

/// The proofs from an index on, as many as fit.
pub(super) fn encode_proofs(all: &[Evidence], first: u32, bytes_max: usize) -> Bytes {
    let mut answer = (all.len() as u32).to_be_bytes().to_vec();
    for proof in all.iter().skip(first as usize).take(PROOFS_MAX) {
        let proof = proof.encode();
        if answer.len() + 2 + proof.len() > bytes_max {
            break;
        }
        // Two votes or proposals: a few hundred bytes.
        answer.extend_from_slice(&(proof.len() as u16).to_be_bytes());
        answer.extend_from_slice(&proof);
    }
    answer.into()
}

/// How many proofs the peer keeps, and those it sent. No signature is verified.
pub(super) fn read_proofs(mut answer: Bytes) -> Result<(u32, Vec<Evidence>), Malformed> {
    let all = answer.try_get_u32().map_err(|_| Malformed)?;
    let mut proofs = Vec::new();
    while !answer.is_empty() {
        let length = usize::from(answer.try_get_u16().map_err(|_| Malformed)?);
        if proofs.len() >= PROOFS_MAX || length > answer.len() {
            return Err(Malformed);
        }
        proofs.push(Evidence::decode(&answer.split_to(length))?);
    }
    Ok((all, proofs))
}

/// A message with transactions, to be filled.
pub(super) fn new_batch() -> Vec<u8> {
    vec![FORMAT]
}

/// Appends one transaction (EIP-2718) to a batch.
pub(super) fn put_transaction(batch: &mut Vec<u8>, transaction: &[u8]) {
    batch.extend_from_slice(&(transaction.len() as u32).to_be_bytes());
    batch.extend_from_slice(transaction);
}

/// Splits a batch into its transactions, of which there is at least one.
pub(super) fn read_batch(mut batch: Bytes) -> Result<Vec<Bytes>, Malformed> {
    if batch.try_get_u8() != Ok(FORMAT) || batch.is_empty() {
        return Err(Malformed);
    }
    let mut transactions = Vec::new();
    while !batch.is_empty() {
        let length = batch.len();
        transactions.push(take(&mut batch, length)?);
    }
    Ok(transactions)
}
