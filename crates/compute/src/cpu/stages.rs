//! The stages of a round by themselves, one thread, for benchmarks.

use super::{Columns, block::Block, row_trees::RowTrees};
use crate::{
    LEAF_ENTRIES, Round,
    expansion::{self, Matrix, matrix_key},
    kernel::{self, Isa, Tile},
    lanes::{LANES, Lane, Streams},
    leaves_of_row,
    reference::dot,
    unwatched,
};

/// A round whose rows of A fit one block and whose B is kept.
pub struct Stages {
    isa: Isa,
    round: Round,
    block: Block,
    columns: Columns,
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stages").field("isa", &self.isa).finish_non_exhaustive()
    }
}

impl Stages {
    /// One for each set of instructions that this CPU has, with its name, the best first.
    pub fn all(round: &Round) -> Vec<(&'static str, Self)> {
        Isa::all().into_iter().map(|isa| (isa.name(), Self::new(isa, round))).collect()
    }

    fn new(isa: Isa, round: &Round) -> Self {
        let (block, columns) = expanded(isa, round);
        Self { isa, round: *round, block, columns }
    }

    /// Expands A and B.
    pub fn expand(&self) {
        std::hint::black_box(expanded(self.isa, &self.round));
    }

    /// Multiplies them.
    pub fn multiply(&self) {
        let group = super::GROUP_PANELS as u32 * LEAF_ENTRIES;
        for group in 0..self.round.p().div_ceil(group) {
            let _ =
                std::hint::black_box(self.block.group(group as usize, &self.columns, &unwatched));
        }
    }

    /// Multiplies one row with one column the plain way, entry by entry, `times` over.
    pub fn multiply_plainly(&self, times: u32) {
        let (row, column) = (expansion::row(&self.round, 0), expansion::column(&self.round, 0));
        for _ in 0..times {
            std::hint::black_box(dot(std::hint::black_box(&row), &column));
        }
    }

    /// Hashes a product of this size into row roots; whose entries does not matter to the time.
    pub fn commit(&self) {
        let tile: Tile = [[7; LANES]; LANES];
        for _ in 0..self.round.m().div_ceil(LANES as u32) {
            let mut trees = RowTrees::new(self.isa);
            for _ in 0..leaves_of_row(self.round.p()) {
                trees.push(std::hint::black_box(&tile));
            }
            std::hint::black_box(trees.roots());
        }
    }

    /// Multiplies sixteen rows and sixteen columns of 1,024 entries `times` over, all in the nearest
    /// cache: the kernel without the memory.
    pub fn multiply_near(&self, times: u32) {
        let (rows, columns): (Vec<Lane>, Vec<Lane>) =
            (vec![[0x1f1f_1f1f; LANES]; 256], vec![[0xf0f0_f0f0; LANES]; 256]);
        let mut tile: Tile = [[0; LANES]; LANES];
        for _ in 0..times {
            tile = [[0; LANES]; LANES];
            kernel::multiply(self.isa, &rows, std::hint::black_box(&columns), &mut tile);
        }
        std::hint::black_box(tile);
    }
}

fn expanded(isa: Isa, round: &Round) -> (Block, Columns) {
    let key = matrix_key(round.seed(), Matrix::A);
    let panels = round.m().div_ceil(LANES as u32);
    let streams = (0..panels).map(|panel| Streams::from(&key, panel * LANES as u32)).collect();
    let mut columns = Columns {
        isa,
        key: matrix_key(round.seed(), Matrix::B),
        k: round.k(),
        p: round.p(),
        kept: Vec::new(),
    };
    columns.kept =
        (0..leaves_of_row(round.p()) as usize).map(|index| columns.expand(index)).collect();
    (Block::new(isa, round, streams, round.m() as usize), columns)
}
