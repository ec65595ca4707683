//! The store as its users see it.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

mod blocks;
mod chain;
mod concurrency;
mod crash;
mod golden;
mod histories;
mod indices;
mod lifecycle;
mod past;
mod proofs;
mod revm_state;
