//! The methods on a small chain of their own: a temporary store with the development genesis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blobs;
mod blocks;
mod bounds;
mod building;
mod calls;
mod chain;
mod discovery;
mod example_chain;
mod fees;
mod filters;
mod forks;
mod logs;
mod otterscan;
mod page;
mod pending;
mod pool;
mod proofs;
mod raw;
mod records;
mod send_sync;
mod simulate;
mod slots;
mod state;
mod subscriptions;
mod traces;
mod witness;
