//! The methods on a small chain of their own: a temporary store with the development genesis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blobs;
mod blocks;
mod calls;
mod chain;
mod discovery;
mod example_chain;
mod fees;
mod logs;
mod page;
mod pending;
mod pool;
mod proofs;
mod send_sync;
mod state;
mod subscriptions;
