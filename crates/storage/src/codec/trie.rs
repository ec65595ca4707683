//! Branch nodes and their paths.
//!
//! Node: `children: u16 | inline children: u16 |` then for each child its hash, or, for an inline
//! one, its length and RLP. Bit `n` of a mask is the child of nibble `n`.
//!
//! Path: one byte per nibble. Shorter than packing (which needs padding and a length to keep a
//! node before everything below it) for every path that occurs in practice.

use super::decoder::Decoder;
use crate::error::StoreError;
use alloy_primitives::B256;
use alloy_trie::{
    Nibbles, TrieMask,
    nodes::{BranchNodeRef, RlpNode},
};

/// Nibbles of a hashed key.
const MAX_PATH: usize = 64;

/// A branch node: which children there are, and the reference to each as the node's RLP has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Branch {
    mask: TrieMask,
    children: Vec<RlpNode>,
}

impl Branch {
    /// Adds the child of `nibble`; nibbles must come in order.
    pub(crate) fn push(&mut self, nibble: u8, reference: RlpNode) {
        self.mask |= TrieMask::from_nibble(nibble);
        self.children.push(reference);
    }

    /// Whether there is a child at `nibble`.
    pub(crate) const fn has(&self, nibble: u8) -> bool {
        self.mask.is_bit_set(nibble)
    }

    /// The children with their nibbles, in order.
    pub(crate) fn children(&self) -> impl Iterator<Item = (u8, &RlpNode)> {
        (0..16).filter(|nibble| self.has(*nibble)).zip(&self.children)
    }

    /// Reference to this node, leaving its RLP in `buffer`.
    pub(crate) fn reference(&self, buffer: &mut Vec<u8>) -> RlpNode {
        buffer.clear();
        BranchNodeRef::new(&self.children, self.mask).rlp(buffer)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut inline = TrieMask::default();
        for (nibble, child) in self.children() {
            if child.as_hash().is_none() {
                inline |= TrieMask::from_nibble(nibble);
            }
        }
        out.extend_from_slice(&self.mask.get().to_be_bytes());
        out.extend_from_slice(&inline.get().to_be_bytes());
        for child in &self.children {
            match child.as_hash() {
                Some(hash) => out.extend_from_slice(hash.as_slice()),
                None => {
                    // Shorter than 32 bytes.
                    out.push(child.len() as u8);
                    out.extend_from_slice(child);
                }
            }
        }
    }

    pub(crate) fn decode(table: &'static str, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(table, bytes);
        let mask = TrieMask::new(decoder.u16()?);
        let inline = TrieMask::new(decoder.u16()?);
        if mask.get().count_ones() < 2 || !inline.is_subset_of(mask) {
            return Err(decoder.corrupt("impossible masks of a branch"));
        }
        let mut children = Vec::with_capacity(mask.get().count_ones() as usize);
        for nibble in (0..16).filter(|nibble| mask.is_bit_set(*nibble)) {
            let child = if inline.is_bit_set(nibble) {
                let len = usize::from(decoder.u8()?);
                let rlp = decoder.take(len)?;
                (len < B256::len_bytes()).then(|| RlpNode::from_raw(rlp)).flatten()
            } else {
                Some(RlpNode::word_rlp(&decoder.b256()?))
            };
            children.push(child.ok_or(decoder.corrupt("an inline child is too long"))?);
        }
        decoder.finish()?;
        Ok(Self { mask, children })
    }
}

pub(crate) fn encode_path(path: &Nibbles, out: &mut Vec<u8>) {
    out.extend(path.iter());
}

pub(crate) fn decode_path(table: &'static str, bytes: &[u8]) -> Result<Nibbles, StoreError> {
    if bytes.len() >= MAX_PATH || bytes.iter().any(|nibble| *nibble > 0x0f) {
        return Err(StoreError::Corrupt { table, reason: "impossible path" });
    }
    Ok(Nibbles::from_nibbles_unchecked(bytes))
}
