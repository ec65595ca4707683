mod backends;
mod golden;
mod hostile;
mod primitives;
mod sampling;

use crate::{Prover, Reference, Task, unwatched};

/// A task that is done.
fn proved(m: u32, k: u32, p: u32, rounds: u32) -> Prover {
    let mut prover = Prover::new(Task::new([7; 32], m, k, p, rounds).unwrap());
    prover.run(&Reference, &unwatched).unwrap();
    prover
}
