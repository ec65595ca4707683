//! The check of a proof, from what is on the chain alone.

use crate::{
    Hash, LEAF_ENTRIES, Position, Round, SamplesError, Task,
    expansion::{Matrix, matrix_key},
    kernel::{self, Isa},
    lanes::{LANES, Streams},
    leaves_of_row,
    position::positions,
    proof::{Opening, openings, proof_bytes},
    tree::{bind, fold, leaf},
};

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not as many roots as rounds: malformed.
    #[error("{got} roots for {rounds} rounds")]
    Roots {
        /// Rounds of the task.
        rounds: u32,
        /// Roots given.
        got: usize,
    },
    /// The number of samples is out of bounds: malformed.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The proof is longer or shorter than the one there is.
    #[error("a proof of {got} bytes where it has {expected}")]
    Length {
        /// What the positions ask for.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// What is opened was not committed to.
    #[error("round {0}: the opening does not lead to its root")]
    Path(u32),
    /// Something else than zeros behind the last entry of a row.
    #[error("round {round}, row {row}: the row goes on behind its end")]
    Padding {
        /// The round.
        round: u32,
        /// The row.
        row: u32,
    },
    /// An entry is not the sum of products.
    #[error("round {}, row {}, column {}: wrong entry", .0.round, .0.row, .0.column)]
    Entry(Position),
}

impl VerifyError {
    /// Whether the question was wrong, whatever the proof: too many samples, roots missing.
    pub const fn is_malformed(&self) -> bool {
        matches!(self, Self::Roots { .. } | Self::Samples(_))
    }
}

/// Checks that the entries drawn by `beacon` are under `roots` and are what the task says.
///
/// Reads nothing of a proof of the wrong length. Allocates under 128 KiB, whatever the proof. Takes
/// time in proportion to `samples * k`, and finds a wrong path before it expands anything.
///
/// # Errors
/// When the proof does not hold, or the question is malformed.
pub fn verify(
    task: &Task,
    roots: &[Hash],
    beacon: &Hash,
    samples: u32,
    proof: &[u8],
) -> Result<(), VerifyError> {
    if roots.len() != task.rounds() as usize {
        return Err(VerifyError::Roots { rounds: task.rounds(), got: roots.len() });
    }
    let mut positions = positions(task, roots, beacon, samples)?;
    let expected = proof_bytes(task, &positions);
    if proof.len() != expected {
        return Err(VerifyError::Length { expected, got: proof.len() });
    }
    let rounds = task.known_rounds(roots);
    let mut opened = Vec::with_capacity(positions.len());
    let mut reader = Reader(proof);
    for opening in openings(&positions) {
        let wrong = VerifyError::Path(opening.round);
        let index = opening.round as usize;
        let (round, root) = rounds.get(index).zip(roots.get(index)).ok_or(wrong)?;
        let top = read_round(&mut reader, round, &opening, &mut opened).ok_or(wrong)?;
        if bind(round, &top) != *root {
            return Err(wrong);
        }
    }
    check_padding(task, &opened)?;
    positions.sort_unstable();
    positions.dedup();
    check_entries(&rounds, &positions, &opened)
}

/// A leaf of the proof and where it stands.
struct OpenedLeaf {
    round: u32,
    row: u32,
    leaf: u32,
    entries: [i32; LEAF_ENTRIES as usize],
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }
}

/// Reads what a round opens, and gives the root of the tree over its rows that follows from it.
fn read_round(
    reader: &mut Reader<'_>,
    round: &Round,
    opening: &Opening,
    opened: &mut Vec<OpenedLeaf>,
) -> Option<Hash> {
    let mut rows = Vec::with_capacity(opening.rows.len());
    for row in &opening.rows {
        let mut leaves = Vec::with_capacity(row.leaves.len());
        for index in &row.leaves {
            let bytes = reader.take()?;
            leaves.push((*index, leaf(&bytes)));
            let mut entries = [0; LEAF_ENTRIES as usize];
            for (entry, bytes) in entries.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *entry = i32::from_le_bytes(*bytes);
            }
            opened.push(OpenedLeaf { round: opening.round, row: row.row, leaf: *index, entries });
        }
        let root = fold(leaves_of_row(round.p()), leaves, &mut || reader.take())?;
        rows.push((row.row, root));
    }
    fold(round.m(), rows, &mut || reader.take())
}

/// Behind the last entry of a row a leaf has zeros.
fn check_padding(task: &Task, opened: &[OpenedLeaf]) -> Result<(), VerifyError> {
    for OpenedLeaf { round, row, leaf, entries } in opened {
        let present = task.p().saturating_sub(leaf * LEAF_ENTRIES) as usize;
        if entries.iter().skip(present).any(|entry| *entry != 0) {
            return Err(VerifyError::Padding { round: *round, row: *row });
        }
    }
    Ok(())
}

/// Computes each drawn entry and compares. `positions` and `opened` are sorted, and each position
/// has its leaf.
fn check_entries(
    rounds: &[Round],
    positions: &[Position],
    opened: &[OpenedLeaf],
) -> Result<(), VerifyError> {
    let isa = Isa::found();
    let mut opened = opened.iter().peekable();
    for positions in positions.chunks(LANES) {
        let computed = entries(isa, rounds, positions);
        for (position, computed) in positions.iter().zip(computed) {
            let wanted = (position.round, position.row, position.column / LEAF_ENTRIES);
            while opened.next_if(|leaf| (leaf.round, leaf.row, leaf.leaf) < wanted).is_some() {}
            let column = (position.column % LEAF_ENTRIES) as usize;
            if opened.peek().and_then(|leaf| leaf.entries.get(column)) != Some(&computed) {
                return Err(VerifyError::Entry(*position));
            }
        }
    }
    Ok(())
}

/// The entries at up to sixteen positions, side by side; lanes that are left over compute something
/// else.
pub(crate) fn entries(isa: Isa, rounds: &[Round], positions: &[Position]) -> [i32; LANES] {
    let Some(k) = rounds.first().map(Round::k) else { return [0; LANES] };
    let mut rows = Streams::of(&[0; 8], [0; LANES]);
    let mut columns = rows.clone();
    for (lane, position) in positions.iter().enumerate().take(LANES) {
        if let Some(round) = rounds.get(position.round as usize) {
            rows.set(lane, &matrix_key(round.seed(), Matrix::A), position.row);
            columns.set(lane, &matrix_key(round.seed(), Matrix::B), position.column);
        }
    }
    kernel::products(isa, &rows, &columns, k)
}
