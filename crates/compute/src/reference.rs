//! The definition of a round, entry by entry: what every backend is measured against.

use crate::{
    Backend, BackendError, Hash, Round, Watch,
    expansion::{column, row},
    row_root,
};

/// The scalar backend: one thread, no vector instructions asked for, B held whole. For tests; a
/// round of a few million multiply-adds takes it seconds at most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Backend for Reference {
    fn name(&self) -> &str {
        "reference"
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError> {
        let columns = columns(round);
        (0..round.m())
            .map(|index| Ok(row_root(&product_row(round, index, &columns, watch)?)))
            .collect()
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let columns = columns(round);
        let mut entries = Vec::with_capacity(rows.len() * round.p() as usize);
        for index in rows {
            entries.extend(product_row(round, *index, &columns, watch)?);
        }
        Ok(entries)
    }
}

fn columns(round: &Round) -> Vec<Vec<i8>> {
    (0..round.p()).map(|index| column(round, index)).collect()
}

fn product_row(
    round: &Round,
    index: u32,
    columns: &[Vec<i8>],
    watch: &Watch<'_>,
) -> Result<Vec<i32>, BackendError> {
    let row = row(round, index);
    let entries = columns.iter().map(|column| dot(&row, column)).collect();
    let done = u64::from(round.k()) * u64::from(round.p());
    if watch(done).is_break() { Err(BackendError::Interrupted) } else { Ok(entries) }
}

/// The sum of products.
pub(crate) fn dot(left: &[i8], right: &[i8]) -> i32 {
    left.iter().zip(right).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}
