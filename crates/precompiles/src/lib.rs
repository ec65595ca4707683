//! The chain's own precompiles, as functions from input and gas to output and gas.
//!
//! | Address | Function | Gas |
//! |---|---|---|
//! | `..01` | [`blake3`](fn@blake3): hash of raw bytes | 60, 6 a word |
//! | `..02` | [`ed25519_verify`]: strict verification of a signature | 5,000, 12 a word of the message |
//! | `..03` | [`vrf_verify`]: verification of a VRF proof, and its output | 20,000 |
//! | `..04` | [`beacon`](fn@beacon): seed and VRF output of a recent block | 2,100 |
//! | `..05` | [`compute_verify`]: verification of a proof of compute | 10,000, 12 a root, `100 + k/5 + k/32 + 12 * depth` a sample |
//! | `..06` | [`multiply`]: exact product of two int8 matrices | 100, 1 for 32 multiply-adds, 3 a word |
//!
//! All but the first take one ABI call each, whose interface for Solidity is
//! `chainspec/contracts/interfaces/IMfenxPrecompiles.sol`.
//!
//! # Invariants
//! - Gas is charged before the work it is for; [`OutOfGas`] means that the work was not begun.
//! - There is one encoding of every call; anything else reverts with `Error(string)`. A proof that
//!   does not hold is an answer, `false`, and no revert.
//! - Nothing fails because of its input other than by reverting or running out of gas: no input
//!   makes a block invalid.
//! - Outputs depend on the arguments alone, so they are the same on every machine.
//!
//! # Deliberately absent
//! The EVM: `execution` puts these functions into it. Reading beacons: whoever calls
//! [`beacon`](fn@beacon) hands in how.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod abi;
mod beacon;
mod blake3;
mod compute_verify;
mod ed25519;
mod matrix;
mod outcome;
mod vrf;

pub use self::blake3::blake3;
pub use beacon::{BEACON_GAS, BEACON_WINDOW_BLOCKS, Beacon, beacon};
pub use compute_verify::compute_verify;
pub use ed25519::ed25519_verify;
pub use matrix::{MULTIPLY_ADDS_MAX, multiply};
pub use outcome::{OutOfGas, Output, PrecompileResult};
pub use vrf::{ALPHA_BYTES_MAX, vrf_verify};

#[cfg(test)]
mod tests;
