//! Branch nodes and their paths.
//!
//! Node: `children: u16 | inline children: u16 |` then for each child its hash, or, for an inline
//! one, its length and RLP. Bit `n` of a mask is the child of nibble `n`.
//!
//! Change of a node: nothing where there was none before, else `children before: u16 | children
//! that are the same after: u16 | inline children of the others: u16 |` and the others as above.
//! So what a node was before a block is known from what it was after it.
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
    pub(crate) fn children(&self) -> impl Iterator<Item = (u8, &RlpNode)> + Clone {
        (0..16).filter(|nibble| self.has(*nibble)).zip(&self.children)
    }

    fn child(&self, nibble: u8) -> Option<&RlpNode> {
        self.children().find(|(of, _)| *of == nibble).map(|(_, reference)| reference)
    }

    /// Reference to this node, leaving its RLP in `buffer`.
    pub(crate) fn reference(&self, buffer: &mut Vec<u8>) -> RlpNode {
        buffer.clear();
        BranchNodeRef::new(&self.children, self.mask).rlp(buffer)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mask.get().to_be_bytes());
        encode_children(self.children(), out);
    }

    /// Writes this node as what it was before `after`.
    pub(crate) fn encode_change(&self, after: Option<&Self>, out: &mut Vec<u8>) {
        let mut same = TrieMask::default();
        let mut others = after.into_iter().flat_map(Self::children).peekable();
        for (nibble, reference) in self.children() {
            while others.next_if(|(other, _)| *other < nibble).is_some() {}
            if others.next_if_eq(&(nibble, reference)).is_some() {
                same |= TrieMask::from_nibble(nibble);
            }
        }
        out.extend_from_slice(&self.mask.get().to_be_bytes());
        out.extend_from_slice(&same.get().to_be_bytes());
        encode_children(self.children().filter(|(nibble, _)| !same.is_bit_set(*nibble)), out);
    }

    /// What the node was before a change that made it `after`.
    pub(crate) fn decode_change(
        table: &'static str,
        bytes: &[u8],
        after: Option<&Self>,
    ) -> Result<Option<Self>, StoreError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut decoder = Decoder::new(table, bytes);
        let mask = TrieMask::new(decoder.u16()?);
        let same = TrieMask::new(decoder.u16()?);
        let inline = TrieMask::new(decoder.u16()?);
        let is_possible = same.is_subset_of(mask) && inline.is_subset_of(mask);
        if mask.get().count_ones() < 2 || !is_possible {
            return Err(decoder.corrupt("impossible masks of a branch"));
        }
        let mut before = Self::default();
        for nibble in (0..16).filter(|nibble| mask.is_bit_set(*nibble)) {
            let child = if same.is_bit_set(nibble) {
                let child = after.and_then(|after| after.child(nibble)).cloned();
                child.ok_or(decoder.corrupt("a change keeps a child that is not there"))?
            } else {
                decode_child(&mut decoder, inline.is_bit_set(nibble))?
            };
            before.push(nibble, child);
        }
        decoder.finish()?;
        Ok(Some(before))
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
            children.push(decode_child(&mut decoder, inline.is_bit_set(nibble))?);
        }
        decoder.finish()?;
        Ok(Self { mask, children })
    }
}

fn encode_children<'c>(
    children: impl Iterator<Item = (u8, &'c RlpNode)> + Clone,
    out: &mut Vec<u8>,
) {
    let mut inline = TrieMask::default();
    for (nibble, _) in children.clone().filter(|(_, child)| child.as_hash().is_none()) {
        inline |= TrieMask::from_nibble(nibble);
    }
    out.extend_from_slice(&inline.get().to_be_bytes());
    for (_, child) in children {
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

fn decode_child(decoder: &mut Decoder<'_>, is_inline: bool) -> Result<RlpNode, StoreError> {
    if !is_inline {
        return Ok(RlpNode::word_rlp(&decoder.b256()?));
    }
    let len = usize::from(decoder.u8()?);
    let rlp = decoder.take(len)?;
    let child = (len < B256::len_bytes()).then(|| RlpNode::from_raw(rlp)).flatten();
    child.ok_or(decoder.corrupt("an inline child is too long"))
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

/// What ends a path where others begin with it: no nibble is written as this.
const PATH_END: u8 = 0;

/// A path to look for changes by: each nibble and one, so that [`PATH_END`] stands before them.
pub(crate) fn encode_change_path(path: &Nibbles, out: &mut Vec<u8>) {
    out.extend(path.iter().map(|nibble| nibble + 1));
}

/// Ends a path of [`encode_change_path`], so that the change can follow.
pub(crate) fn end_change_path(out: &mut Vec<u8>) {
    out.push(PATH_END);
}

/// The path of a change, and the change.
pub(crate) fn decode_change_path<'a>(
    table: &'static str,
    bytes: &'a [u8],
) -> Result<(Nibbles, &'a [u8]), StoreError> {
    let corrupt = StoreError::Corrupt { table, reason: "impossible path" };
    let end = bytes.iter().position(|byte| *byte == PATH_END);
    let Some((path, change)) = end.and_then(|end| bytes.split_at_checked(end)) else {
        return Err(corrupt);
    };
    let path: Vec<u8> = path.iter().map(|byte| byte.wrapping_sub(1)).collect();
    Ok((decode_path(table, &path)?, change.get(1..).unwrap_or_default()))
}
