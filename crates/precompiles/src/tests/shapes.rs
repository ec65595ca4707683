//! The matrix product at the sizes where it changes the order of its loops.

use super::support::*;
use crate::{MULTIPLY_ADDS_MAX, multiply};
use alloy_sol_types::SolCall;

/// Shorter and longer than a loop that is worth its start, a band of rows, a panel's depth.
const SIDES: [usize; 9] = [1, 2, 7, 8, 9, 16, 17, 257, 1_025];

fn call(m: usize, k: usize, p: usize, a: &[u8], b: &[u8]) -> Vec<u8> {
    let (m, k, p) = (m as u32, k as u32, p as u32);
    Matrices::multiplyCall { m, k, p, a: bytes(a), b: bytes(b) }.abi_encode()
}

/// What a linear congruence makes of `seed`: every byte there is, in no order that a shape has.
fn entries(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn every_order_of_the_loops_gives_the_same_sums() {
    let mut shapes = 0;
    for (m, k, p) in SIDES
        .iter()
        .flat_map(|m| SIDES.iter().flat_map(move |k| SIDES.iter().map(move |p| (*m, *k, *p))))
        .filter(|(m, k, p)| m * k * p <= 1 << 17)
    {
        let (a, b) = (entries(m * k, 1), entries(k * p, 2));
        let (c, _) = returned::<Matrices::multiplyCall>(multiply(&call(m, k, p, &a, &b), PLENTY));
        assert_eq!(c.len(), 4 * m * p);
        for (at, sum) in c.as_chunks::<4>().0.iter().enumerate() {
            let (row, column) = (at / p, at % p);
            let term = |i| i32::from(a[row * k + i] as i8) * i32::from(b[i * p + column] as i8);
            let expected: i32 = (0..k).map(term).sum();
            assert_eq!(i32::from_le_bytes(*sum), expected, "{m} x {k} x {p}, {row}, {column}");
        }
        shapes += 1;
    }
    assert!(shapes > 300, "{shapes} shapes");
}

/// 2^17 terms of 2^14 are 2^31, one more than 32 bits hold.
#[test]
fn sums_wrap_around() {
    for (k, expected) in [(1 << 17, i32::MIN), ((1 << 17) - 1, i32::MAX - 16_383), (1 << 18, 0)] {
        let least = vec![0x80; k];
        let (c, _) =
            returned::<Matrices::multiplyCall>(multiply(&call(1, k, 1, &least, &least), PLENTY));
        assert_eq!(c[..], expected.to_le_bytes());
    }
    let (side, zeros) = (MULTIPLY_ADDS_MAX as usize, vec![0; MULTIPLY_ADDS_MAX as usize + 1]);
    let most = multiply(&call(1, side, 1, &zeros[1..], &zeros[1..]), PLENTY);
    assert_eq!(returned::<Matrices::multiplyCall>(most).0[..], [0; 4]);
    let more = call(1, side + 1, 1, &zeros, &zeros);
    assert_eq!(reason(multiply(&more, PLENTY)), "m * k * p is 0 or above 2^24");
}
