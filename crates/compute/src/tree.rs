//! The commitment to a product: a Merkle tree over each row's leaves, one over the rows, and a root
//! that binds the sizes.
//!
//! Leaves, nodes and roots are hashed under three keys of BLAKE3, so none is ever another. A level
//! pairs its nodes from the left; the last of an odd level goes up as it is. No leaf or node stands
//! twice and none is made up, and the shape follows from the sizes, which the root contains: there
//! is no second product with the same root.

use crate::{Hash, Round};
use std::sync::LazyLock;

/// Entries of a leaf: 64 bytes, one block of BLAKE3.
pub const LEAF_ENTRIES: u32 = 16;

pub(crate) const LEAF_CONTEXT: &str = "mfenx compute v1 leaf";
pub(crate) const NODE_CONTEXT: &str = "mfenx compute v1 node";
const ROOT_CONTEXT: &str = "mfenx compute v1 root";

// Deriving the key of a context takes a compression of its own: once is enough.
static LEAF: LazyLock<blake3::Hasher> =
    LazyLock::new(|| blake3::Hasher::new_derive_key(LEAF_CONTEXT));
static NODE: LazyLock<blake3::Hasher> =
    LazyLock::new(|| blake3::Hasher::new_derive_key(NODE_CONTEXT));

/// Leaves of a row of `p` entries. The last is filled up with zeros.
pub const fn leaves_of_row(p: u32) -> u32 {
    p.div_ceil(LEAF_ENTRIES)
}

/// Levels of a tree above its leaves.
pub(crate) const fn depth(leaves: u32) -> u32 {
    leaves.next_power_of_two().trailing_zeros()
}

/// The hash of a leaf's 64 bytes.
pub(crate) fn leaf(bytes: &[u8; 64]) -> Hash {
    LEAF.clone().update(bytes).finalize().into()
}

/// The hash of two nodes.
pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    NODE.clone().update(left).update(right).finalize().into()
}

/// The bytes of the leaves of a row, in order.
pub(crate) fn row_leaves(row: &[i32]) -> impl Iterator<Item = [u8; 64]> + '_ {
    row.chunks(LEAF_ENTRIES as usize).map(|entries| {
        let mut bytes = [0; 64];
        for (bytes, entry) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(entries) {
            *bytes = entry.to_le_bytes();
        }
        bytes
    })
}

/// The root of one row of a product.
pub fn row_root(row: &[i32]) -> Hash {
    Levels::new(row_leaves(row).map(|bytes| leaf(&bytes)).collect()).root()
}

/// The root of a round from those of its `m` rows.
pub fn round_root(round: &Round, row_roots: &[Hash]) -> Hash {
    bind(round, &Levels::new(row_roots.to_vec()).root())
}

/// The root of a round from that of the tree over its rows.
pub(crate) fn bind(round: &Round, top: &Hash) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key(ROOT_CONTEXT);
    for size in [round.m(), round.k(), round.p()] {
        hasher.update(&size.to_le_bytes());
    }
    hasher.update(top).finalize().into()
}

/// A whole tree, leaves first.
#[derive(Debug)]
pub(crate) struct Levels(Vec<Vec<Hash>>);

impl Levels {
    /// The tree over `leaves`.
    pub(crate) fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right),
                    alone => alone.first().copied().unwrap_or_default(),
                })
                .collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self(levels)
    }

    /// Its root; zeros for a tree of nothing, which no task has.
    pub(crate) fn root(&self) -> Hash {
        self.0.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }

    /// The siblings that an opening of the leaves `known` needs, in the order of [`fold`].
    pub(crate) fn siblings(&self, known: &[u32]) -> Vec<Hash> {
        let mut siblings = Vec::new();
        let leaves = self.0.first().map_or(0, Vec::len) as u32;
        let known = known.iter().map(|index| (*index, ())).collect();
        let mut take = |level: usize, index: u32| {
            siblings.push(*self.0.get(level)?.get(index as usize)?);
            Some(())
        };
        walk(leaves, known, &mut take, &|(), ()| ());
        siblings
    }
}

/// Siblings that an opening of the leaves `known` of a tree needs.
pub(crate) fn sibling_count(leaves: u32, known: &[u32]) -> usize {
    let mut count = 0;
    let known = known.iter().map(|index| (*index, ())).collect();
    let mut take = |_: usize, _: u32| {
        count += 1;
        Some(())
    };
    walk(leaves, known, &mut take, &|(), ()| ());
    count
}

/// The root of a tree of which the leaves `known` (ascending, without repetition) are given, the
/// siblings coming from `next`: level by level from below, from left to right.
pub(crate) fn fold(
    leaves: u32,
    known: Vec<(u32, Hash)>,
    next: &mut dyn FnMut() -> Option<Hash>,
) -> Option<Hash> {
    walk(leaves, known, &mut |_, _| next(), &|left, right| node(&left, &right))
}

/// Goes from known leaves to the root. `sibling` is asked for each node, by level and index, that is
/// needed and does not follow from the known ones.
fn walk<N: Copy>(
    leaves: u32,
    mut known: Vec<(u32, N)>,
    sibling: &mut dyn FnMut(usize, u32) -> Option<N>,
    combine: &dyn Fn(N, N) -> N,
) -> Option<N> {
    let mut width = leaves;
    for level in 0..depth(leaves) as usize {
        let mut above = Vec::with_capacity(known.len());
        let mut below = known.into_iter().peekable();
        while let Some((index, value)) = below.next() {
            let parent = if index % 2 == 1 {
                combine(sibling(level, index - 1)?, value)
            } else if index + 1 == width {
                value
            } else if let Some((_, right)) = below.next_if(|(next, _)| *next == index + 1) {
                combine(value, right)
            } else {
                combine(value, sibling(level, index + 1)?)
            };
            above.push((index / 2, parent));
        }
        known = above;
        width = width.div_ceil(2);
    }
    known.first().map(|(_, root)| *root)
}
