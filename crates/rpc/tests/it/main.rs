//! The methods on a small chain of their own: a temporary store with the development genesis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod calls;
mod chain;
mod fees;
mod logs;
mod pool;
mod proofs;
mod state;
mod subscriptions;
mod traces;
