//! Tests of the crate from outside: formats, election, the machine, and whole networks of machines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod codecs;
mod election;
mod fixtures;
mod machine;
mod proofs;
mod simulation;
mod validators;
