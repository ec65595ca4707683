//! Proof-of-compute: tasks of exact integer matrix multiplication, what a worker commits to, and
//! the check that needs neither the worker nor a GPU. The formats stand in docs/compute.md.
//!
//! A [`Task`] is a chain of rounds. A round expands two matrices from its seed, multiplies them and
//! commits to the product with one root, from which the next round's seed is made. A beacon that
//! nobody knew when the roots were published draws [`Position`]s; a proof opens the entries there,
//! and [`verify`] computes each of them anew.
//!
//! # Invariants
//! - The scalar [`Reference`] defines the result. A [`Backend`] that differs from it in one bit is
//!   wrong, and the conformance suite (feature `test-support`) says so.
//! - [`verify`] gives the same answer on every CPU: the vector instructions it finds change its
//!   speed alone.
//! - For given task, roots, beacon and samples there is one proof, of one length, known before a
//!   byte of it is read.
//!
//! # Deliberately absent
//! Who may work and what it earns (the Compute contract), when a beacon is known, clocks and
//! deadlines (a [`Watch`] is handed in), and the GPU, which is a backend of its own.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod backend;
#[cfg(any(test, feature = "test-support"))]
pub mod conformance;
mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
mod expansion;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod kernel;
mod lanes;
mod position;
mod proof;
mod prover;
mod reference;
mod seed;
mod task;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use backend::{Backend, BackendError, Watch, unwatched};
pub use cpu::CpuBackend;
#[cfg(feature = "test-support")]
pub use cpu::stages::Stages;
pub use expansion::{Matrix, column, matrix_key, row};
pub use position::{MAX_SAMPLES, Position, SamplesError, positions};
pub use proof::{max_proof_bytes, proof_bytes};
pub use prover::{Prover, ProverError};
pub use reference::Reference;
pub use seed::{beacon_of, first_seed, next_seed};
pub use task::{MAX_INNER, MAX_ROUNDS, MAX_SIDE, Round, Task, TaskError};
pub use tree::{LEAF_ENTRIES, leaves_of_row, round_root, row_root};
pub use verify::{VerifyError, verify};

/// A seed, a root or a beacon: 32 bytes of BLAKE3.
pub type Hash = [u8; 32];
