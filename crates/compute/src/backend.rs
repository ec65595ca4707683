//! What computes: the CPU here, a GPU elsewhere.

use crate::{Hash, Round};
use std::ops::ControlFlow;

/// Told how many more multiply-adds are done, from any thread, often enough for a progress line;
/// `Break` makes the backend return [`BackendError::Interrupted`] soon.
pub type Watch<'a> = dyn Fn(u64) -> ControlFlow<()> + Sync + 'a;

/// A [`Watch`] that lets the work run to its end.
pub fn unwatched(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Computes rounds. Every implementation gives the bytes that [`crate::Reference`] gives.
///
/// Nothing of a round must be kept between calls: an opening asks for rows of the product anew. A
/// backend is free to tile, since row roots leave it no order but that of columns inside a row.
pub trait Backend: Send + Sync {
    /// What to call it in logs and reports.
    fn name(&self) -> &str;

    /// The root of each row of the round's product, `m` of them, in order. [`crate::row_root`]
    /// defines the root of a row.
    ///
    /// # Errors
    /// When the watch asks for it, or the device does not do its work.
    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError>;

    /// The rows of the round's product with these indices, one after the other, `p` entries each.
    ///
    /// Indices are below `m` and at most [`crate::MAX_SAMPLES`].
    ///
    /// # Errors
    /// As [`row_roots`](Self::row_roots).
    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError>;
}

/// Why a backend has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The watch said so; ask again.
    #[error("interrupted")]
    Interrupted,
    /// The device is out of memory: ask for less, or another backend.
    #[error("out of memory: {0}")]
    Memory(String),
    /// The device failed: another backend may do it.
    #[error("device: {0}")]
    Device(String),
    /// It gave another number of results than asked for: a defect of the backend.
    #[error("the backend gave {got} results for {asked}")]
    Incomplete {
        /// Results asked for.
        asked: usize,
        /// Results given.
        got: usize,
    },
}
