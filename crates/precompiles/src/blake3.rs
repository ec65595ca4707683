//! BLAKE3 of raw bytes.

use crate::outcome::{Gas, PrecompileResult, words};

const BASE_GAS: u64 = 60;
const WORD_GAS: u64 = 6;

/// The 32 bytes of the hash of `input`. There is nothing malformed.
///
/// # Errors
/// Out of gas.
pub fn blake3(input: &[u8], gas_limit: u64) -> PrecompileResult {
    let gas = Gas::charge(gas_limit, BASE_GAS + WORD_GAS * words(input.len()))?;
    gas.returns(*::blake3::hash(input).as_bytes())
}
