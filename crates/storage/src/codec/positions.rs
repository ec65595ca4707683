//! Shards of the address index: positions of transactions in the chain.
//!
//! A position is `block << 24 | index`, so that their order is that of execution. A shard is
//! `last: u64 | differences`: each position as the difference from the one before, the first from
//! 0, in LEB128. The last position stands in front so that appending needs no decoding.

use super::decoder::Decoder;
use crate::error::StoreError;

/// Bits of a position that say where in the block.
const INDEX_BITS: u32 = 24;
const INDEX_MAX: u32 = (1 << INDEX_BITS) - 1;
const BLOCK_MAX: u64 = (1 << (u64::BITS - INDEX_BITS)) - 1;
/// Bytes of the longest difference.
const DIFFERENCE_BYTES_MAX: usize = 10;

/// The position of a transaction; `None` where it has no room, at a billion times what there is.
pub(crate) const fn position(block: u64, index: u32) -> Option<u64> {
    if block > BLOCK_MAX || index > INDEX_MAX {
        return None;
    }
    Some(block << INDEX_BITS | index as u64)
}

/// The position, or the last one that there is before it.
pub(crate) fn position_at_most(block: u64, index: u32) -> u64 {
    position(block, index.min(INDEX_MAX)).unwrap_or(u64::MAX)
}

/// Block and index of a position.
pub(crate) const fn place(position: u64) -> (u64, u32) {
    (position >> INDEX_BITS, position as u32 & INDEX_MAX)
}

/// A shard that positions are appended to.
#[derive(Debug, Default)]
pub(crate) struct PositionShard {
    last: u64,
    differences: Vec<u8>,
}

impl PositionShard {
    pub(crate) fn decode(table: &'static str, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(table, bytes);
        let last = decoder.u64()?;
        Ok(Self { last, differences: decoder.rest().to_vec() })
    }

    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Bytes of the encoded positions.
    pub(crate) const fn len(&self) -> usize {
        self.differences.len()
    }

    /// Appends a position; whether it is greater than all before.
    pub(crate) fn push(&mut self, position: u64) -> bool {
        if position <= self.last {
            return false;
        }
        let mut difference = position - self.last;
        while difference >= 0x80 {
            self.differences.push(difference as u8 | 0x80);
            difference >>= 7;
        }
        self.differences.push(difference as u8);
        self.last = position;
        true
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.differences.len());
        out.extend_from_slice(&self.last.to_be_bytes());
        out.extend_from_slice(&self.differences);
        out
    }

    /// The positions in order.
    pub(crate) fn positions(&self, table: &'static str) -> Result<Vec<u64>, StoreError> {
        let corrupt = |reason| StoreError::Corrupt { table, reason };
        let mut positions = Vec::with_capacity(self.differences.len());
        let (mut position, mut difference, mut shift) = (0u64, 0u64, 0u32);
        let mut bytes = 0;
        for byte in &self.differences {
            bytes += 1;
            if bytes > DIFFERENCE_BYTES_MAX {
                return Err(corrupt("a difference is too long"));
            }
            difference |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            shift += 7;
            if byte & 0x80 == 0 {
                position = match position.checked_add(difference) {
                    Some(next) if difference > 0 => next,
                    _ => return Err(corrupt("positions are not in order")),
                };
                positions.push(position);
                (difference, shift, bytes) = (0, 0, 0);
            }
        }
        if bytes != 0 || position != self.last {
            return Err(corrupt("a shard does not end with its last position"));
        }
        Ok(positions)
    }
}
