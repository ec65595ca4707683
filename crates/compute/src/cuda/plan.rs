//! How much of a round a card holds at a time.

use super::kernels::{CHUNK_ENTRIES, INNER_STEP, Shape};
use crate::{LEAF_ENTRIES, Round};

/// Streams of a card, each with rows of its own.
pub(super) const LANES: usize = 2;

/// Rows of a tile at most: enough that B is read seldom, few enough that a tile is a fraction of a
/// second.
const ROWS_MAX: u32 = 4096;

/// Rows of a tile at least, where there is a choice.
const ROWS_MIN: u32 = 128;

/// Below so many rows a tile, columns are tiled too.
const ROWS_WANTED: u32 = 1024;

/// Buffers hold whole multiples of so many rows, which is what cuBLASLt multiplies.
pub(super) const ROWS_STEP: u32 = 16;

/// Tiles of a round for each card at least, where there are rows enough: the first tile's expansion
/// and the last one's commitment have nothing beside them.
const TILES_WANTED: u32 = 8;

/// The tiles of a round on one card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Rows of a tile.
    pub(super) rows: u32,
    /// Columns of a tile: all, or a multiple of a chunk.
    pub(super) columns: u32,
    /// Entries from line to line of A and B.
    pub(super) inner: u32,
    /// Chunks of a row of the product.
    pub(super) chunks: u32,
    /// Columns of the product.
    width: u32,
}

impl Plan {
    /// The plan for a round shared by `cards`, in `memory` bytes; none when not even a row fits.
    pub(super) fn new(round: &Round, cards: u32, memory: u64) -> Option<Self> {
        let share = round.m().div_ceil(TILES_WANTED * cards).next_multiple_of(ROWS_MIN);
        let wanted = share.min(ROWS_MAX).min(round.m());
        let mut plan = Self {
            rows: wanted,
            columns: round.p(),
            inner: round.k().next_multiple_of(INNER_STEP),
            chunks: round.p().div_ceil(CHUNK_ENTRIES),
            width: round.p(),
        };
        loop {
            let chunks = plan.columns.div_ceil(CHUNK_ENTRIES);
            plan.rows = wanted;
            while plan.rows > 1 && plan.bytes() > memory {
                plan.rows = plan.rows.div_ceil(2);
            }
            let fits = plan.bytes() <= memory;
            if fits && (chunks == 1 || plan.rows >= wanted.min(ROWS_WANTED)) {
                return Some(plan);
            }
            if chunks == 1 {
                return None;
            }
            plan.columns = chunks.div_ceil(2) * CHUNK_ENTRIES;
        }
    }

    /// Entries from row to row of the product of a tile.
    pub(super) const fn pitch(&self) -> u32 {
        self.columns.next_multiple_of(LEAF_ENTRIES)
    }

    /// Rows of a tile that there is room for.
    pub(super) const fn rows_held(&self) -> u32 {
        self.rows.next_multiple_of(ROWS_STEP)
    }

    /// Bytes of B, or of a tile of it.
    pub(super) const fn b_bytes(&self) -> usize {
        // cuBLASLt multiplies whole pitches.
        self.pitch() as usize * self.inner as usize
    }

    /// Bytes of all buffers.
    pub(super) const fn bytes(&self) -> u64 {
        let row = self.inner as u64 + 4 * self.pitch() as u64 + 32 * self.chunks as u64 + 32;
        self.b_bytes() as u64 + LANES as u64 * self.rows_held() as u64 * row
    }

    /// First column and number of columns of each tile of a row.
    pub(super) fn column_tiles(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let Self { width, columns, .. } = *self;
        (0..width.div_ceil(columns))
            .map(move |tile| (tile * columns, columns.min(width - tile * columns)))
    }

    /// The shape of a tile.
    pub(super) const fn shape(&self, rows: u32, columns: u32) -> Shape {
        Shape { rows, columns, inner: self.inner, pitch: self.pitch() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task;

    fn plan(m: u32, k: u32, p: u32, cards: u32, memory: u64) -> Option<Plan> {
        Plan::new(&Task::new([0; 32], m, k, p, 1).unwrap().round([0; 32]), cards, memory)
    }

    #[test]
    fn a_large_card_holds_all_columns_and_wide_tiles() {
        let plan = plan(32_768, 32_768, 32_768, 1, 140 << 30).unwrap();
        assert_eq!((plan.rows, plan.columns, plan.inner), (4096, 32_768, 32_768));
        assert!(plan.bytes() < 3 << 30, "{}", plan.bytes());
        assert_eq!(plan.column_tiles().collect::<Vec<_>>(), [(0, 32_768)]);
    }

    #[test]
    fn columns_are_tiled_by_chunks_where_they_do_not_fit() {
        let plan = plan(32_768, 32_768, 65_000, 1, 600 << 20).unwrap();
        assert!(plan.bytes() <= 600 << 20);
        assert!(plan.columns < 65_000 && plan.columns.is_multiple_of(CHUNK_ENTRIES));
        let tiles: Vec<_> = plan.column_tiles().collect();
        let mut next = 0;
        for (first, count) in tiles {
            assert_eq!(first, next);
            next += count;
        }
        assert_eq!(next, 65_000);
    }

    #[test]
    fn any_memory_gives_a_plan_within_it_or_none() {
        for (m, k, p) in [(1, 1, 1), (5, 77, 9000), (65_536, 32_768, 65_536), (300, 32_768, 17)] {
            for shift in 10..40 {
                if let Some(plan) = plan(m, k, p, 3, 1 << shift) {
                    assert!(plan.bytes() <= 1 << shift && plan.rows >= 1 && plan.rows <= m);
                }
            }
            assert!(plan(m, k, p, 1, 1 << 39).is_some());
            assert!(plan(m, k, p, 1, 100).is_none());
        }
    }
}
