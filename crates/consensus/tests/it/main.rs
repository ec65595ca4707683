//! Tests of the crate from outside: formats, election, the machine, and whole networks of machines.

mod codecs;
mod election;
mod fixtures;
mod machine;
mod proofs;
mod simulation;
mod validators;
