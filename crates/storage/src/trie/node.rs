//! Subtries, and how a parent refers to them.

use crate::codec::Branch;
use alloy_primitives::{B256, keccak256};
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles,
    nodes::{ExtensionNodeRef, LeafNodeRef, RlpNode},
};
use std::borrow::Cow;

/// The topmost node of a subtrie, whatever stands above it. An extension node is no node of its
/// own: it is the distance between a parent and a branch.
#[derive(Debug, Clone)]
pub(crate) enum Node<'a> {
    /// No leaf.
    Empty,
    /// One leaf: its whole key, and the RLP of its value.
    Leaf { key: Nibbles, value: Cow<'a, [u8]> },
    /// A branch at `path`, and the reference to it.
    Branch { path: Nibbles, reference: RlpNode },
}

impl Node<'_> {
    pub(crate) fn branch(path: Nibbles, branch: &Branch, buffer: &mut Vec<u8>) -> Self {
        Self::Branch { path, reference: branch.reference(buffer) }
    }
}

/// What a branch whose children start at nibble `depth` holds for `node`; `None` for an empty one.
/// `buffer` is left with the RLP of the leaf or extension node, if there is one.
pub(crate) fn reference_in_parent(
    node: &Node<'_>,
    depth: usize,
    buffer: &mut Vec<u8>,
) -> Option<RlpNode> {
    buffer.clear();
    match node {
        Node::Empty => None,
        Node::Leaf { key, value } => Some(LeafNodeRef::new(&key.slice(depth..), value).rlp(buffer)),
        Node::Branch { path, reference } if path.len() == depth => Some(reference.clone()),
        Node::Branch { path, reference } => {
            Some(ExtensionNodeRef::new(&path.slice(depth..), reference).rlp(buffer))
        }
    }
}

/// The root hash of the trie whose topmost node is `node`: a root is hashed even where a child
/// would be inlined.
pub(crate) fn root_hash(node: &Node<'_>, buffer: &mut Vec<u8>) -> B256 {
    match reference_in_parent(node, 0, buffer) {
        None => EMPTY_ROOT_HASH,
        Some(reference) => reference.as_hash().unwrap_or_else(|| keccak256(&reference)),
    }
}
