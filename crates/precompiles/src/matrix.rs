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

/// Sums shorter than this, and products with fewer rows, are not worth bringing columns together.
const COLUMNS_FROM: usize = 8;

/// Appends the product.
fn product(call: &Call<'_>, out: &mut Vec<u8>) {
    if call.k < COLUMNS_FROM || call.m < COLUMNS_FROM {
        add_rows(call, out);
    } else {
        multiply_columns(call, out);
    }
}

/// Adds multiples of the rows of `b`, as they lie in memory. A product of two entries fits into 16
/// bits.
fn add_rows(call: &Call<'_>, out: &mut Vec<u8>) {
    let mut sums = vec![0_i32; call.p];
    for row in call.a.chunks_exact(call.k) {
        sums.fill(0);
        for (factor, line) in row.iter().zip(call.b.chunks_exact(call.p)) {
            let factor = entry(factor);
            for (sum, value) in sums.iter_mut().zip(line) {
                *sum = sum.wrapping_add(i32::from(factor.wrapping_mul(entry(value))));
            }
        }
        out.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
    }
}

/// Multiplies rows of `a` and columns of `b`, both brought together as 16-bit integers.
fn multiply_columns(call: &Call<'_>, out: &mut Vec<u8>) {
    let columns = columns(call.b, call.k, call.p);
    let mut line = vec![0_i16; call.k];
    for row in call.a.chunks_exact(call.k) {
        line.iter_mut().zip(row).for_each(|(to, from)| *to = entry(from));
        for column in columns.chunks_exact(call.k) {
            out.extend_from_slice(&dot(&line, column).to_le_bytes());
        }
    }
}

/// The columns of `b`, one after the other. A few are collected at a time, so that the lines of the
/// cache that are written fit into it whatever the distance between them.
fn columns(b: &[u8], k: usize, p: usize) -> Vec<i16> {
    const TOGETHER: usize = 8;
    let mut columns = vec![0_i16; k * p];
    for (index, panel) in columns.chunks_mut(TOGETHER * k).enumerate() {
        let mut writers: Vec<_> =
            panel.chunks_exact_mut(k).map(|column| column.iter_mut()).collect();
        for row in b.chunks_exact(p) {
            let values = row.iter().skip(index * TOGETHER);
            for (to, from) in writers.iter_mut().filter_map(Iterator::next).zip(values) {
                *to = entry(from);
            }
        }
    }
    columns
}

fn dot(a: &[i16], b: &[i16]) -> i32 {
    let products = a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b));
    products.fold(0, i32::wrapping_add)
}

fn entry(byte: &u8) -> i16 {
    i16::from(byte.cast_signed())
}
