//! Rows of A that are held at once, times groups of columns.

use super::{Columns, GROUP_PANELS, Panel, row_trees::RowTrees};
use crate::{
    BackendError, Hash, LEAF_ENTRIES, Round, Watch,
    kernel::{self, Isa, Tile},
    lanes::{Form, LANES, Lane, Streams, groups},
    leaves_of_row,
};

/// Groups of four entries whose rows and columns stay in the nearest cache while they are
/// multiplied: 16 KiB of each.
const NEAR_GROUPS: usize = 256;

/// Rows, expanded, sixteen a panel.
pub(super) struct Block {
    isa: Isa,
    /// Rows asked for; lanes behind them compute something that nobody looks at.
    present: usize,
    k: u32,
    p: u32,
    rows: Vec<Vec<Lane>>,
}

/// A group of columns of a block's product.
pub(super) struct Product {
    /// Tiles of the first sixteen rows, then of the next.
    tiles: Vec<Tile>,
    panels: usize,
}

impl Block {
    /// Expands the rows of each of `streams`, of which `present` are asked for.
    pub(super) fn new(isa: Isa, round: &Round, streams: Vec<Streams>, present: usize) -> Self {
        let expand = |streams: Streams| {
            let mut panel = vec![[0; LANES]; groups(round.k())];
            kernel::panel(isa, &streams, round.k(), Form::Biased, &mut panel);
            panel
        };
        let rows = streams.into_iter().map(expand).collect();
        Self { isa, present, k: round.k(), p: round.p(), rows }
    }

    /// The roots of all rows, sixteen a panel.
    pub(super) fn row_roots(
        &self,
        columns: &Columns,
        watch: &Watch<'_>,
    ) -> Result<Vec<Hash>, BackendError> {
        let mut trees: Vec<_> = self.rows.iter().map(|_| RowTrees::new(self.isa)).collect();
        let panels = leaves_of_row(self.p) as usize;
        for group in 0..panels.div_ceil(GROUP_PANELS) {
            let product = self.group(group, columns, watch)?;
            for (trees, tiles) in trees.iter_mut().zip(product.tiles.chunks(product.panels)) {
                for tile in tiles {
                    trees.push(tile);
                }
            }
        }
        Ok(trees.into_iter().flat_map(RowTrees::roots).collect())
    }

    /// The product with a group of columns.
    pub(super) fn group(
        &self,
        group: usize,
        columns: &Columns,
        watch: &Watch<'_>,
    ) -> Result<Product, BackendError> {
        let panels = columns.group(group);
        let mut tiles = Vec::with_capacity(self.rows.len() * panels.len());
        for _ in &self.rows {
            tiles.extend(panels.iter().map(bias));
        }
        for first in (0..groups(self.k)).step_by(NEAR_GROUPS) {
            for (rows, tiles) in self.rows.iter().zip(tiles.chunks_mut(panels.len())) {
                let rows = near(rows, first);
                for (panel, tile) in panels.iter().zip(tiles) {
                    kernel::multiply(self.isa, rows, near(&panel.groups, first), tile);
                }
            }
        }
        let first = group * GROUP_PANELS;
        for tiles in tiles.chunks_mut(panels.len()) {
            for (index, tile) in tiles.iter_mut().enumerate() {
                let present = self.p as usize - (first + index) * LEAF_ENTRIES as usize;
                tile.iter_mut().skip(present).for_each(|column| *column = [0; LANES]);
            }
        }
        let width = panels.len() * LEAF_ENTRIES as usize;
        let width = width.min(self.p as usize - first * LEAF_ENTRIES as usize);
        let done = u64::from(self.k) * (width * self.present) as u64;
        if watch(done).is_break() {
            return Err(BackendError::Interrupted);
        }
        Ok(Product { tiles, panels: panels.len() })
    }
}

impl Product {
    /// The entries of row `row` of the block in this group, with those behind the last column.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = i32> + '_ {
        let tiles = self.tiles.iter().skip(row / LANES * self.panels).take(self.panels);
        tiles.flatten().filter_map(move |column| column.get(row % LANES)).copied()
    }
}

/// The indices of up to sixteen rows. Lanes that are left over repeat the last.
pub(super) fn sixteen_rows(rows: &[u32]) -> Lane {
    let last = rows.last().copied().unwrap_or_default();
    std::array::from_fn(|lane| rows.get(lane).copied().unwrap_or(last))
}

/// A tile that makes up for the bias of the rows.
fn bias(panel: &Panel) -> Tile {
    panel.sums.map(|sum| [-16 * sum; LANES])
}

fn near(panel: &[Lane], first: usize) -> &[Lane] {
    panel.get(first..panel.len().min(first + NEAR_GROUPS)).unwrap_or_default()
}
