//! Entries of A and B from a seed, by the definition: one row or column after the other.
//!
//! ChaCha8 here is Bernstein's layout with a 64-bit block counter in words 12 and 13, from 0, and
//! the index of the row or column as nonce in words 14 and 15. Vectorised code elsewhere in the
//! crate gives the same bytes; the tests compare both with a crate that is not ours.

use crate::{Hash, Round};

/// Which of the two factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// The left one, `m x k`.
    A,
    /// The right one, `k x p`.
    B,
}

/// The first words of ChaCha's state: "expand 32-byte k".
pub(crate) const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// The ChaCha key that `matrix` of a round is expanded with, as words.
pub fn matrix_key(seed: &Hash, matrix: Matrix) -> [u32; 8] {
    let context = match matrix {
        Matrix::A => "mfenx compute v1 A",
        Matrix::B => "mfenx compute v1 B",
    };
    words(&blake3::derive_key(context, seed))
}

/// Row `index` of A: `k` entries.
pub fn row(round: &Round, index: u32) -> Vec<i8> {
    entries(&matrix_key(round.seed(), Matrix::A), index, round.k())
}

/// Column `index` of B: `k` entries.
pub fn column(round: &Round, index: u32) -> Vec<i8> {
    entries(&matrix_key(round.seed(), Matrix::B), index, round.k())
}

/// The first `count` entries under `key` and nonce `index`: `(byte & 31) - 16` of each byte.
pub(crate) fn entries(key: &[u32; 8], index: u32, count: u32) -> Vec<i8> {
    let bytes = (0..).flat_map(|counter| block(key, counter, index));
    bytes.take(count as usize).map(|byte| (byte & 31) as i8 - 16).collect()
}

/// A 32-byte value as little-endian words.
pub(crate) fn words(hash: &Hash) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(hash.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

#[allow(clippy::indexing_slicing)] // constant indices of arrays
fn block(key: &[u32; 8], counter: u32, index: u32) -> [u8; 64] {
    let [c0, c1, c2, c3] = CONSTANTS;
    let [k0, k1, k2, k3, k4, k5, k6, k7] = *key;
    let first = [c0, c1, c2, c3, k0, k1, k2, k3, k4, k5, k6, k7, counter, 0, index, 0];
    let mut state = first;
    for _ in 0..4 {
        for i in 0..4 {
            quarter(&mut state, i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter(&mut state, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    let mut bytes = [0; 64];
    for ((bytes, word), first) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state).zip(first) {
        *bytes = word.wrapping_add(first).to_le_bytes();
    }
    bytes
}

#[allow(clippy::indexing_slicing)] // the caller's indices are below 16
fn quarter(state: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    for (shift_d, shift_b) in [(16, 12), (8, 7)] {
        state[a] = state[a].wrapping_add(state[b]);
        state[d] = (state[d] ^ state[a]).rotate_left(shift_d);
        state[c] = state[c].wrapping_add(state[d]);
        state[b] = (state[b] ^ state[c]).rotate_left(shift_b);
    }
}
