//! The CPU backend: vector instructions where they are found, and as many threads as it is given.
//!
//! Rows go in blocks, columns in groups. A block expands its rows of A once and holds them; a group
//! of columns is expanded, multiplied with the block, hashed into the trees of its rows and forgotten.
//! So a block holds `rows * k` bytes, `columns * k` bytes and a few hashes a row: 40 MiB a thread at
//! the largest `k`, whatever `m` and `p` are. B as a whole is only kept where it fits the memory
//! allowed for it.

mod block;
mod row_trees;
#[cfg(feature = "test-support")]
pub(crate) mod stages;

use crate::{
    Backend, BackendError, Hash, LEAF_ENTRIES, Round, Watch,
    expansion::{Matrix, matrix_key},
    kernel::{self, Isa},
    lanes::{Form, LANES, Lane, Streams, groups},
    leaves_of_row,
};
use block::{Block, sixteen_rows};
use rayon::prelude::*;
use std::{borrow::Cow, num::NonZeroUsize};

/// Panels of sixteen rows in a block at most: with fewer, expanding B again for each block costs
/// more than a twentieth of the product.
const BLOCK_PANELS: usize = 64;

/// Panels of sixteen columns in a group.
const GROUP_PANELS: usize = 8;

/// Bytes of B that are kept rather than expanded again for each block, unless told otherwise.
const KEPT_BYTES_MAX: usize = 256 << 20;

/// Computes with this machine's CPU.
#[derive(Debug)]
pub struct CpuBackend {
    isa: Isa,
    name: String,
    threads: usize,
    pool: Option<rayon::ThreadPool>,
    kept_bytes_max: usize,
}

impl CpuBackend {
    /// A backend with that many threads. With one, the caller's thread does the work.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn new(threads: NonZeroUsize) -> Result<Self, BackendError> {
        Self::with_isa(threads, Isa::found())
    }

    /// Allows so many bytes for B, beside what blocks need: 256 MiB unless told. It is kept whole
    /// or not at all.
    #[must_use]
    pub const fn keeping(mut self, bytes: usize) -> Self {
        self.kept_bytes_max = bytes;
        self
    }

    pub(crate) fn with_isa(threads: NonZeroUsize, isa: Isa) -> Result<Self, BackendError> {
        let threads = threads.get();
        let build = || rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = (threads > 1).then(build).transpose();
        let pool = pool.map_err(|error| BackendError::Device(error.to_string()))?;
        let name = format!("cpu ({}, {threads} threads)", isa.name());
        Ok(Self { isa, name, threads, pool, kept_bytes_max: KEPT_BYTES_MAX })
    }

    /// Does `job` for each of `0..count`, in parallel where there is a pool.
    fn each<T: Send>(
        &self,
        count: usize,
        job: impl Fn(usize) -> Result<T, BackendError> + Sync + Send,
    ) -> Result<Vec<T>, BackendError> {
        match &self.pool {
            None => (0..count).map(job).collect(),
            Some(pool) => pool.install(|| (0..count).into_par_iter().map(job).collect()),
        }
    }

    /// B of a round, expanded now if it fits.
    fn columns(&self, round: &Round) -> Result<Columns, BackendError> {
        let mut columns = Columns {
            isa: self.isa,
            key: matrix_key(round.seed(), Matrix::B),
            k: round.k(),
            p: round.p(),
            kept: Vec::new(),
        };
        let panels = leaves_of_row(round.p()) as usize;
        if panels * groups(round.k()) * size_of::<Lane>() <= self.kept_bytes_max {
            columns.kept = self.each(panels, |index| Ok(columns.expand(index)))?;
        }
        Ok(columns)
    }
}

impl Backend for CpuBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError> {
        let columns = self.columns(round)?;
        let panels = (round.m() as usize).div_ceil(LANES);
        let block = panels.div_ceil(self.threads).min(BLOCK_PANELS);
        let key = matrix_key(round.seed(), Matrix::A);
        let blocks = self.each(panels.div_ceil(block), |index| {
            let first = index * block;
            let count = block.min(panels - first);
            let streams = (first..first + count)
                .map(|panel| Streams::from(&key, (panel * LANES) as u32))
                .collect();
            let present = (round.m() as usize - first * LANES).min(count * LANES);
            Block::new(self.isa, round, streams, present).row_roots(&columns, watch)
        })?;
        let mut roots = blocks.concat();
        roots.truncate(round.m() as usize);
        Ok(roots)
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let columns = self.columns(round)?;
        let key = matrix_key(round.seed(), Matrix::A);
        let streams =
            rows.chunks(LANES).map(|rows| Streams::of(&key, sixteen_rows(rows))).collect();
        let block = Block::new(self.isa, round, streams, rows.len());
        let (p, width) = (round.p() as usize, GROUP_PANELS * LEAF_ENTRIES as usize);
        let parts = self.each(p.div_ceil(width), |group| block.group(group, &columns, watch))?;
        let mut entries = Vec::with_capacity(rows.len() * p);
        for row in 0..rows.len() {
            let parts = parts.iter().flat_map(|group| group.row(row));
            entries.extend(parts.take(p));
        }
        Ok(entries)
    }
}

/// B, by panels of sixteen columns.
#[derive(Debug)]
struct Columns {
    isa: Isa,
    key: [u32; 8],
    k: u32,
    p: u32,
    /// All panels, or none.
    kept: Vec<Panel>,
}

/// Sixteen columns.
#[derive(Clone, Debug)]
struct Panel {
    groups: Vec<Lane>,
    sums: [i32; LANES],
}

impl Columns {
    /// The panels of a group.
    fn group(&self, group: usize) -> Cow<'_, [Panel]> {
        let panels = leaves_of_row(self.p) as usize;
        let range = group * GROUP_PANELS..((group + 1) * GROUP_PANELS).min(panels);
        match self.kept.get(range.clone()) {
            Some(kept) if !kept.is_empty() => Cow::Borrowed(kept),
            _ => range.map(|index| self.expand(index)).collect(),
        }
    }

    fn expand(&self, index: usize) -> Panel {
        let streams = Streams::from(&self.key, (index * LANES) as u32);
        let mut words = vec![[0; LANES]; groups(self.k)];
        kernel::panel(self.isa, &streams, self.k, Form::Signed, &mut words);
        let sums = kernel::column_sums(self.isa, &words);
        Panel { groups: words, sums }
    }
}
