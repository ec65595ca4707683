//! The worker's side: commit round by round, then open what a beacon asks for.

use crate::{
    Backend, BackendError, Hash, Round, SamplesError, Task, Watch,
    position::positions,
    proof::{Opening, openings},
    round_root,
    tree::{Levels, leaf, row_leaves},
};

/// A task at work: the row roots of its rounds so far, 32 bytes a row and round.
///
/// Entries of the products are not kept. An opening computes the rows it needs anew, at most as many
/// as samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prover {
    task: Task,
    row_roots: Vec<Vec<Hash>>,
    roots: Vec<Hash>,
}

/// Why a proof was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProverError {
    /// The backend has no result.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The number of samples is out of bounds.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// Rounds are missing: step on.
    #[error("{done} of {rounds} rounds are done")]
    Unfinished {
        /// Rounds done.
        done: u32,
        /// Rounds of the task.
        rounds: u32,
    },
    /// The rows computed now are not those committed to: the device or the kept roots are wrong.
    #[error("row {row} of round {round} is not what was committed to")]
    Changed {
        /// The round.
        round: u32,
        /// The row.
        row: u32,
    },
}

impl Prover {
    /// Nothing done yet.
    pub const fn new(task: Task) -> Self {
        Self { task, row_roots: Vec::new(), roots: Vec::new() }
    }

    /// Goes on with row roots that an earlier [`row_roots`](Self::row_roots) gave.
    ///
    /// # Errors
    /// When there are more rounds than the task has, or a round has another number of rows.
    pub fn resume(task: Task, row_roots: Vec<Vec<Hash>>) -> Result<Self, BackendError> {
        if row_roots.len() > task.rounds() as usize {
            return Err(BackendError::Incomplete {
                asked: task.rounds() as usize,
                got: row_roots.len(),
            });
        }
        let mut prover = Self::new(task);
        for rows in row_roots {
            let round = prover.round();
            prover.push(&round, rows)?;
        }
        Ok(prover)
    }

    /// The task.
    pub const fn task(&self) -> &Task {
        &self.task
    }

    /// Roots of the rounds that are done, to be published once all are.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Row roots of the rounds that are done, for [`resume`](Self::resume).
    pub fn row_roots(&self) -> &[Vec<Hash>] {
        &self.row_roots
    }

    /// Whether all rounds are done.
    pub fn is_done(&self) -> bool {
        self.roots.len() == self.task.rounds() as usize
    }

    /// Computes the next round, if there is one.
    ///
    /// # Errors
    /// When the backend has no result; what was done before stays.
    pub fn step(&mut self, backend: &dyn Backend, watch: &Watch<'_>) -> Result<(), BackendError> {
        if self.is_done() {
            return Ok(());
        }
        let round = self.round();
        let rows = backend.row_roots(&round, watch)?;
        self.push(&round, rows)
    }

    /// Computes all rounds that are left.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn run(&mut self, backend: &dyn Backend, watch: &Watch<'_>) -> Result<(), BackendError> {
        while !self.is_done() {
            self.step(backend, watch)?;
        }
        Ok(())
    }

    /// The proof of the entries that `beacon` draws.
    ///
    /// # Errors
    /// When rounds are missing, `samples` is out of bounds, the backend has no result, or gives rows
    /// that were not committed to.
    pub fn open(
        &self,
        backend: &dyn Backend,
        beacon: &Hash,
        samples: u32,
        watch: &Watch<'_>,
    ) -> Result<Vec<u8>, ProverError> {
        if !self.is_done() {
            let (done, rounds) = (self.roots.len() as u32, self.task.rounds());
            return Err(ProverError::Unfinished { done, rounds });
        }
        let positions = positions(&self.task, &self.roots, beacon, samples)?;
        let rounds = self.task.known_rounds(&self.roots);
        let mut proof = Vec::new();
        for opening in openings(&positions) {
            let index = opening.round as usize;
            if let (Some(round), Some(roots)) = (rounds.get(index), self.row_roots.get(index)) {
                open_round(&mut proof, round, roots, &opening, backend, watch)?;
            }
        }
        Ok(proof)
    }

    /// The round after those that are done.
    fn round(&self) -> Round {
        let rounds = self.task.known_rounds(&self.roots);
        rounds.last().copied().unwrap_or_else(|| self.task.round(*self.task.seed()))
    }

    fn push(&mut self, round: &Round, rows: Vec<Hash>) -> Result<(), BackendError> {
        expect(round.m() as usize, rows.len())?;
        self.roots.push(round_root(round, &rows));
        self.row_roots.push(rows);
        Ok(())
    }
}

fn expect(asked: usize, got: usize) -> Result<(), BackendError> {
    if asked == got { Ok(()) } else { Err(BackendError::Incomplete { asked, got }) }
}

/// Appends what a round contributes to the proof.
fn open_round(
    proof: &mut Vec<u8>,
    round: &Round,
    roots: &[Hash],
    opening: &Opening,
    backend: &dyn Backend,
    watch: &Watch<'_>,
) -> Result<(), ProverError> {
    let indices = opening.row_indices();
    let (width, entries) = (round.p() as usize, backend.rows(round, &indices, watch)?);
    expect(indices.len() * width, entries.len())?;
    for (opened, row) in opening.rows.iter().zip(entries.chunks(width)) {
        let leaves: Vec<_> = row_leaves(row).collect();
        let levels = Levels::new(leaves.iter().map(leaf).collect());
        if roots.get(opened.row as usize) != Some(&levels.root()) {
            return Err(ProverError::Changed { round: opening.round, row: opened.row });
        }
        for index in &opened.leaves {
            proof.extend(leaves.get(*index as usize).into_iter().flatten());
        }
        proof.extend(levels.siblings(&opened.leaves).as_flattened());
    }
    proof.extend(Levels::new(roots.to_vec()).siblings(&indices).as_flattened());
    Ok(())
}
