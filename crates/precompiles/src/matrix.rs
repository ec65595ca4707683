//! The exact product of two small matrices.

mod product;

use crate::{
    abi::{self, Arguments, Malformed},
    outcome::{Gas, PrecompileResult, words},
};
use product::{Factors, product};

/// `multiply(uint32,uint32,uint32,bytes,bytes)`.
pub(crate) const SELECTOR: [u8; 4] = [0x18, 0xd4, 0x0e, 0x92];
/// The most multiply-adds of one call.
pub const MULTIPLY_ADDS_MAX: u64 = 1 << 24;
const BASE_GAS: u64 = 100;
const MULTIPLY_ADDS_PER_GAS: u64 = 32;
/// For each word of both factors and of the product.
const WORD_GAS: u64 = 3;
/// Offset and length of what is returned.
const HEAD_BYTES: usize = 64;

/// What the product costs beyond the base: the multiply-adds, and what is read and written, which is
/// most of the work where a side is short. Sizes are bounded, so nothing overflows.
fn gas_of(factors: &Factors<'_>) -> u64 {
    let Factors { m, k, p, a, b } = factors;
    let words = words(a.len()) + words(b.len()) + words(4 * m * p);
    ((m * k * p) as u64).div_ceil(MULTIPLY_ADDS_PER_GAS) + WORD_GAS * words
}

fn decode(input: &[u8]) -> Result<Factors<'_>, Malformed> {
    let mut arguments = Arguments::of(input, SELECTOR, 5)?;
    let (m, k, p) = (arguments.u32()?, arguments.u32()?, arguments.u32()?);
    let (a, b) = (arguments.bytes()?, arguments.bytes()?);
    arguments.end()?;
    let product = u64::from(m).checked_mul(u64::from(k));
    let product = product.and_then(|product| product.checked_mul(u64::from(p)));
    if !product.is_some_and(|product| (1..=MULTIPLY_ADDS_MAX).contains(&product)) {
        return Err("m * k * p is 0 or above 2^24");
    }
    let (m, k, p) = (m as usize, k as usize, p as usize);
    if a.len() != m * k {
        return Err("a has not m * k bytes");
    }
    if b.len() != k * p {
        return Err("b has not k * p bytes");
    }
    Ok(Factors { m, k, p, a, b })
}

/// `multiply(uint32 m, uint32 k, uint32 p, bytes a, bytes b) returns (bytes c)`: `a` is `m x k` and
/// `b` is `k x p`, int8 and row major; `c` is `m x p`, int32, little endian and row major. A sum has
/// at most 2^24 terms of at most 2^14 each; what passes 2^31 wraps around, as two's complement does.
///
/// # Errors
/// Out of gas.
pub fn multiply(input: &[u8], gas_limit: u64) -> PrecompileResult {
    let mut gas = Gas::charge(gas_limit, BASE_GAS)?;
    let factors = match decode(input) {
        Ok(factors) => factors,
        Err(reason) => return gas.reverts(reason),
    };
    gas.charge_more(gas_of(&factors))?;
    let bytes = 4 * factors.m * factors.p;
    // Zeroed pages come from the system as they are touched; what is behind the product stays zero.
    let mut encoded = vec![0; HEAD_BYTES + bytes.next_multiple_of(32)];
    let (head, out) = encoded.split_at_mut(HEAD_BYTES);
    head.copy_from_slice([abi::word(32), abi::word(bytes as u64)].as_flattened());
    product(&factors, out.split_at_mut(bytes).0);
    gas.returns(encoded)
}
