//! The exact product of two small matrices.

use crate::{
    abi::{self, Arguments, Malformed},
    outcome::{Gas, PrecompileResult, words},
};

/// `multiply(uint32,uint32,uint32,bytes,bytes)`.
pub(crate) const SELECTOR: [u8; 4] = [0x18, 0xd4, 0x0e, 0x92];
/// The most multiply-adds of one call.
pub const MULTIPLY_ADDS_MAX: u64 = 1 << 24;
const BASE_GAS: u64 = 100;
const MULTIPLY_ADDS_PER_GAS: u64 = 32;
/// For each word of both factors and of the product.
const WORD_GAS: u64 = 3;

struct Call<'a> {
    m: usize,
    k: usize,
    p: usize,
    a: &'a [u8],
    b: &'a [u8],
}

impl Call<'_> {
    /// What the product costs beyond the base; sizes are bounded, so nothing overflows.
    fn gas(&self) -> u64 {
        let multiply_adds = (self.m * self.k * self.p) as u64;
        let words = words(self.a.len()) + words(self.b.len()) + words(4 * self.m * self.p);
        multiply_adds.div_ceil(MULTIPLY_ADDS_PER_GAS) + WORD_GAS * words
    }
}

fn decode(input: &[u8]) -> Result<Call<'_>, Malformed> {
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
    Ok(Call { m, k, p, a, b })
}

/// `multiply(uint32 m, uint32 k, uint32 p, bytes a, bytes b) returns (bytes c)`: `a` is `m x k` and
/// `b` is `k x p`, int8 and row major; `c` is `m x p`, int32, little endian and row major. A sum has
/// at most 2^24 terms of at most 2^14 each; what passes 2^31 wraps around, as two's complement does.
///
/// # Errors
/// Out of gas.
pub fn multiply(input: &[u8], gas_limit: u64) -> PrecompileResult {
    let mut gas = Gas::charge(gas_limit, BASE_GAS)?;
    let call = match decode(input) {
        Ok(call) => call,
        Err(reason) => return gas.reverts(reason),
    };
    gas.charge_more(call.gas())?;
    let bytes = 4 * call.m * call.p;
    let mut encoded = Vec::with_capacity(64 + bytes + 32);
    encoded.extend_from_slice(&abi::word(32));
    encoded.extend_from_slice(&abi::word(bytes as u64));
    product(&call, &mut encoded);
    encoded.resize(encoded.len() + bytes.wrapping_neg() % 32, 0);
    gas.returns(encoded)
}

/// Columns of `b` that are multiplied with all of `a` before the next ones: they stay in the cache.
const BLOCK: usize = 8;

/// Appends the product. Long sums go along rows of `a` and columns of `b`, which vectorises; short
/// ones add multiples of the rows of `b`.
fn product(call: &Call<'_>, out: &mut Vec<u8>) {
    let Call { k, p, a, b, .. } = *call;
    if k < BLOCK {
        let mut sums = vec![0_i32; p];
        for row in a.chunks_exact(k) {
            sums.fill(0);
            for (factor, line) in row.iter().zip(b.chunks_exact(p)) {
                let factor = i32::from(factor.cast_signed());
                for (sum, entry) in sums.iter_mut().zip(line) {
                    *sum = sum.wrapping_add(factor * i32::from(entry.cast_signed()));
                }
            }
            out.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
        }
        return;
    }
    let columns = columns(b, k, p);
    let mut line = vec![0_i16; k];
    for row in a.chunks_exact(k) {
        line.iter_mut().zip(row).for_each(|(to, from)| *to = i16::from(from.cast_signed()));
        for column in columns.chunks_exact(k) {
            out.extend_from_slice(&dot(&line, column).to_le_bytes());
        }
    }
}

/// The columns of `b`, one after the other.
fn columns(b: &[u8], k: usize, p: usize) -> Vec<i16> {
    let mut columns = vec![0_i16; k * p];
    for (index, column) in columns.chunks_exact_mut(k).enumerate() {
        let entries = b.iter().skip(index).step_by(p);
        column.iter_mut().zip(entries).for_each(|(to, from)| *to = i16::from(from.cast_signed()));
    }
    columns
}

fn dot(a: &[i16], b: &[i16]) -> i32 {
    let products = a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b));
    products.fold(0, i32::wrapping_add)
}
