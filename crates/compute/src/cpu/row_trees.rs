//! The trees over sixteen rows, grown leaf by leaf from the left.

use crate::{
    Hash,
    expansion::words,
    kernel::{self, Isa, Tile},
    lanes::{LANES, Lane},
    tree::{LEAF_CONTEXT, NODE_CONTEXT},
};

/// A hash a lane.
type Hashes = [Lane; 8];

/// Subtrees that wait for their right neighbour, sixteen rows side by side.
pub(super) struct RowTrees {
    isa: Isa,
    leaf_key: [u32; 8],
    node_key: [u32; 8],
    /// Roots of complete subtrees, largest first, with their heights.
    waiting: Vec<(u32, Hashes)>,
}

impl RowTrees {
    pub(super) fn new(isa: Isa) -> Self {
        let key = |context| words(&blake3::hazmat::hash_derive_key_context(context));
        Self { isa, leaf_key: key(LEAF_CONTEXT), node_key: key(NODE_CONTEXT), waiting: Vec::new() }
    }

    /// The next leaf of each row.
    pub(super) fn push(&mut self, tile: &Tile) {
        let message = tile.map(|column| column.map(i32::cast_unsigned));
        let mut right = kernel::hash(self.isa, &self.leaf_key, &message);
        let mut height = 0;
        while let Some((_, left)) = self.waiting.pop_if(|(waiting, _)| *waiting == height) {
            right = self.node(&left, &right);
            height += 1;
        }
        self.waiting.push((height, right));
    }

    /// The roots of the sixteen rows. The last of an odd level went up as it was, so what waits is
    /// paired from the smallest on.
    pub(super) fn roots(mut self) -> [Hash; LANES] {
        let mut root = self.waiting.pop().map_or([[0; LANES]; 8], |(_, root)| root);
        while let Some((_, left)) = self.waiting.pop() {
            root = self.node(&left, &root);
        }
        std::array::from_fn(|lane| {
            let mut hash = [0; 32];
            for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(&root) {
                *bytes = word.get(lane).copied().unwrap_or_default().to_le_bytes();
            }
            hash
        })
    }

    fn node(&self, left: &Hashes, right: &Hashes) -> Hashes {
        let mut message = [[0; LANES]; 16];
        for (word, from) in message.iter_mut().zip(left.iter().chain(right)) {
            *word = *from;
        }
        kernel::hash(self.isa, &self.node_key, &message)
    }
}
