//! What every backend must do, told by comparison with [`Reference`].

use crate::{Backend, BackendError, Prover, Reference, Round, Task, unwatched, verify};
use std::ops::ControlFlow;

/// Sizes `(m, k, p)` that are off every tile, panel, block and word, and some that are on them.
pub const SIZES: [(u32, u32, u32); 9] = [
    (1, 1, 1),
    (3, 5, 17),
    (33, 100, 70),
    (8, 257, 16),
    (16, 1_500, 129),
    (70, 64, 700),
    (130, 4_099, 260),
    (1_100, 7, 3),
    (2, 32_768, 5),
];

/// Runs the whole suite.
///
/// # Errors
/// Says in words what the backend did otherwise.
pub fn check(backend: &dyn Backend) -> Result<(), String> {
    for (index, (m, k, p)) in SIZES.into_iter().enumerate() {
        let seed = [index as u8 + 1; 32];
        let task = Task::new(seed, m, k, p, 2).map_err(|error| error.to_string())?;
        let told = |what: &str| format!("{}: {m} x {k} x {p}: {what}", backend.name());
        check_round(backend, &task.round(seed)).map_err(|what| told(&what))?;
        check_proof(backend, task).map_err(|what| told(&what))?;
    }
    check_interrupt(backend).map_err(|what| format!("{}: {what}", backend.name()))
}

fn check_round(backend: &dyn Backend, round: &Round) -> Result<(), String> {
    let roots = backend.row_roots(round, &unwatched).map_err(|error| error.to_string())?;
    let expected = Reference.row_roots(round, &unwatched).map_err(|error| error.to_string())?;
    if roots.len() != expected.len() {
        return Err(format!("{} row roots", roots.len()));
    }
    if let Some(row) = (0..roots.len()).find(|row| roots.get(*row) != expected.get(*row)) {
        return Err(format!("another root of row {row}"));
    }
    // Out of order, repeated, and more than fit one panel.
    let last = round.m() - 1;
    let some = [last, 0, last / 2, 0];
    let many: Vec<u32> = (0..round.m()).rev().step_by(3).take(40).collect();
    for rows in [&some[..], &many] {
        let entries = backend.rows(round, rows, &unwatched).map_err(|error| error.to_string())?;
        let expected =
            Reference.rows(round, rows, &unwatched).map_err(|error| error.to_string())?;
        if entries != expected {
            return Err(format!("other entries of rows {rows:?}"));
        }
    }
    Ok(())
}

/// What it commits to and opens is accepted, and is what the reference opens.
fn check_proof(backend: &dyn Backend, task: Task) -> Result<(), String> {
    let mut prover = Prover::new(task);
    prover.run(backend, &unwatched).map_err(|error| error.to_string())?;
    let beacon = [0xbe; 32];
    let open = |with: &dyn Backend| {
        prover.open(with, &beacon, 24, &unwatched).map_err(|error| error.to_string())
    };
    let proof = open(backend)?;
    if proof != open(&Reference)? {
        return Err("another proof".into());
    }
    verify(&task, prover.roots(), &beacon, 24, &proof).map_err(|error| error.to_string())
}

/// It stops when the watch says so.
fn check_interrupt(backend: &dyn Backend) -> Result<(), String> {
    let task = Task::new([1; 32], 40, 40, 40, 1).map_err(|error| error.to_string())?;
    let round = task.round([2; 32]);
    let stop = |_: u64| ControlFlow::Break(());
    if backend.row_roots(&round, &stop) != Err(BackendError::Interrupted)
        || backend.rows(&round, &[1, 2], &stop) != Err(BackendError::Interrupted)
    {
        return Err("went on although it was told to stop".into());
    }
    Ok(())
}
