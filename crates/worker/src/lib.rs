//! The worker: sells verified computation of one device to the Compute contract of a chain.
//!
//! It talks to any node of the chain over JSON-RPC, as every other caller does; nothing in a node
//! knows it. One process is one worker, with one device, one Ed25519 key and one account that pays
//! for its transactions.
//!
//! # Invariants
//! - What a job needs to be opened is on disk before its commitment is sent, so a killed worker goes
//!   on where it was.
//! - The chain is asked what state a job is in; nothing kept here is believed against it.
//! - A computation ends at its deadline, and none is started that needs more memory than was allowed.
//! - Every list, file and wait is bounded.
//!
//! # Deliberately absent
//! Choosing among orders: the contract draws, by the terms that the worker has declared. And code of
//! strangers: a task is five numbers.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod book;
mod change;
mod chores;
mod contract;
mod device;
mod error;
mod interface;
mod keep;
mod machine;
mod observe;
mod refusal;
mod register;
mod report;
mod work;
mod worker;

pub use change::{Wishes, adjust, attest, set_terms};
pub use contract::Contract;
pub use device::{Detected, detect_cpu, detect_gpus};
pub use error::WorkerError;
pub use interface::{COMPUTE_ADDRESS, ICompute};
pub use observe::{Observed, Observer};
pub use register::{Registration, check_directory, name_of, register};
pub use report::{Earnings, Record, Status, Strikes, Subject, record, status};
pub use worker::{Limits, Worker};
