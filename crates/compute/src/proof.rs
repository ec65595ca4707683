//! The bytes of a proof.
//!
//! A proof holds no position, no length and no count: all follow from task, roots, beacon and
//! samples. For each round that is asked for, ascending: for each row, ascending: its leaves,
//! ascending, 64 bytes each, then the siblings of the row's tree; after the rows the siblings of
//! the round's tree. A leaf or sibling that follows from others is left out.

use crate::{
    LEAF_ENTRIES, MAX_SAMPLES, Position, Task, leaves_of_row,
    tree::{depth, sibling_count},
};

/// The most bytes that a proof of `samples` entries of this task has: 60 KiB for 64 samples of the
/// largest.
pub const fn max_proof_bytes(task: &Task, samples: u32) -> usize {
    let samples = if samples > MAX_SAMPLES { MAX_SAMPLES } else { samples };
    let path = depth(leaves_of_row(task.p())) + depth(task.m());
    samples as usize * (64 + 32 * path as usize)
}

/// The bytes that the proof for these positions has.
pub fn proof_bytes(task: &Task, positions: &[Position]) -> usize {
    openings(positions).iter().map(|opening| opening.bytes(task)).sum()
}

/// What is opened of one round.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) round: u32,
    /// Ascending, without repetition.
    pub(crate) rows: Vec<OpenedRow>,
}

/// What is opened of one row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenedRow {
    pub(crate) row: u32,
    /// Ascending, without repetition.
    pub(crate) leaves: Vec<u32>,
}

impl Opening {
    /// The indices of the rows.
    pub(crate) fn row_indices(&self) -> Vec<u32> {
        self.rows.iter().map(|opened| opened.row).collect()
    }

    fn bytes(&self, task: &Task) -> usize {
        let width = leaves_of_row(task.p());
        let rows = self.rows.iter();
        let below: usize =
            rows.map(|row| 64 * row.leaves.len() + 32 * sibling_count(width, &row.leaves)).sum();
        below + 32 * sibling_count(task.m(), &self.row_indices())
    }
}

/// What positions ask for, in the order of the proof.
pub(crate) fn openings(positions: &[Position]) -> Vec<Opening> {
    let mut sorted = positions.to_vec();
    sorted.sort_unstable();
    let mut openings: Vec<Opening> = Vec::new();
    for Position { round, row, column } in sorted {
        let leaf = column / LEAF_ENTRIES;
        if openings.last().is_none_or(|opening| opening.round != round) {
            openings.push(Opening { round, rows: Vec::new() });
        }
        let Some(opening) = openings.last_mut() else { continue };
        match opening.rows.last_mut() {
            Some(opened) if opened.row == row => {
                if opened.leaves.last() != Some(&leaf) {
                    opened.leaves.push(leaf);
                }
            }
            _ => opening.rows.push(OpenedRow { row, leaves: vec![leaf] }),
        }
    }
    openings
}
