//! Sixteen rows or columns side by side: ChaCha8 and BLAKE3 over lanes of 32-bit words.
//!
//! A *panel* holds sixteen rows of A or columns of B: group `g` of it is one word a lane, entries
//! `4g .. 4g + 4` of that lane, the first in the lowest byte. It is what ChaCha8 gives when sixteen
//! streams run side by side, and what the product multiplies. Sixteen rows of a product, a word a
//! lane, are what BLAKE3 hashes sixteen leaves of. Nothing is ever transposed.
//!
//! Plain arrays and loops, which the compiler vectorises with the instructions of the function that
//! they are inlined into (see [`crate::kernel`]); `N` is how many lanes fit its registers.
#![allow(clippy::indexing_slicing)] // constant indices of arrays

use crate::expansion::CONSTANTS;

/// Lanes of a panel.
pub(crate) const LANES: usize = 16;

/// One word a lane.
pub(crate) type Lane = [u32; LANES];

/// Which bytes a panel holds for an entry `e`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `e + 16`, unsigned: A.
    Biased,
    /// `e`, signed: B.
    Signed,
}

/// What the sixteen lanes of a panel are expanded with.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// Word `w` of the key of each lane.
    pub(crate) keys: [Lane; 8],
    /// The row or column of each lane.
    pub(crate) indices: Lane,
}

impl Streams {
    /// Sixteen lanes under one key.
    pub(crate) fn of(key: &[u32; 8], indices: Lane) -> Self {
        Self { keys: key.map(|word| [word; LANES]), indices }
    }

    /// Sixteen neighbours under one key.
    pub(crate) fn from(key: &[u32; 8], first: u32) -> Self {
        Self::of(key, std::array::from_fn(|lane| first.wrapping_add(lane as u32)))
    }

    /// Puts a row or column into a lane.
    pub(crate) fn set(&mut self, lane: usize, key: &[u32; 8], index: u32) {
        for (word, key) in self.keys.iter_mut().zip(key) {
            word[lane] = *key;
        }
        self.indices[lane] = index;
    }
}

/// The groups of a panel with `k` entries a lane.
pub(crate) const fn groups(k: u32) -> usize {
    k.div_ceil(4) as usize
}

/// Which bytes of group `group` are entries below `k`.
#[inline(always)]
const fn mask(k: u32, group: usize) -> u32 {
    let left = k as usize - 4 * group;
    if left >= 4 { u32::MAX } else { u32::MAX >> (32 - 8 * left) }
}

/// Fills `panel`, which has [`groups`]`(k)` groups. Entries from `k` on are zero bytes.
#[inline(always)]
pub(crate) fn panel<const N: usize>(streams: &Streams, k: u32, form: Form, panel: &mut [Lane]) {
    for (counter, part) in panel.chunks_mut(16).enumerate() {
        for half in 0..LANES / N {
            let words = block::<N>(streams, half * N, counter as u32);
            for (group, words) in part.iter_mut().zip(words) {
                for lane in 0..N {
                    group[half * N + lane] = shape(words[lane], form);
                }
            }
        }
    }
    if let Some((group, last)) = panel.iter_mut().enumerate().next_back() {
        let mask = mask(k, group);
        for word in last {
            *word &= mask;
        }
    }
}

/// The product of a row and a column in each lane, `k` long.
#[inline(always)]
pub(crate) fn products<const N: usize>(rows: &Streams, columns: &Streams, k: u32) -> [i32; LANES] {
    let mut sums = [0; LANES];
    for half in 0..LANES / N {
        let mut sum = [0_i32; N];
        for counter in 0..k.div_ceil(64) {
            let a = block::<N>(rows, half * N, counter);
            let b = block::<N>(columns, half * N, counter);
            let left = (k - 64 * counter).min(64);
            for group in 0..groups(left) {
                let mask = mask(left, group);
                for lane in 0..N {
                    let a = shape(a[group][lane], Form::Signed) & mask;
                    sum[lane] += dot4(a, shape(b[group][lane], Form::Signed));
                }
            }
        }
        sums[half * N..][..N].copy_from_slice(&sum);
    }
    sums
}

/// The sum of the four signed bytes of `a` times those of `b`.
#[inline(always)]
pub(crate) const fn dot4(a: u32, b: u32) -> i32 {
    byte(a, 0) * byte(b, 0)
        + byte(a, 1) * byte(b, 1)
        + byte(a, 2) * byte(b, 2)
        + byte(a, 3) * byte(b, 3)
}

#[inline(always)]
const fn byte(word: u32, index: u32) -> i32 {
    (word << (24 - 8 * index)) as i32 >> 24
}

/// Four entries from four bytes of the stream.
#[inline(always)]
const fn shape(word: u32, form: Form) -> u32 {
    let biased = word & 0x1f1f_1f1f;
    match form {
        Form::Biased => biased,
        Form::Signed => {
            // Less sixteen in five bits flips the highest; three copies of it extend the sign.
            let signed = biased ^ 0x1010_1010;
            let sign = signed & 0x1010_1010;
            signed | (sign << 1) | (sign << 2) | (sign << 3)
        }
    }
}

/// A block of ChaCha8 of `N` lanes from `first`.
#[inline(always)]
fn block<const N: usize>(streams: &Streams, first: usize, counter: u32) -> [[u32; N]; 16] {
    let take = |lanes: &Lane| -> [u32; N] { std::array::from_fn(|lane| lanes[first + lane]) };
    let mut state = [[0; N]; 16];
    for word in 0..4 {
        state[word] = [CONSTANTS[word]; N];
    }
    for word in 0..8 {
        state[4 + word] = take(&streams.keys[word]);
    }
    state[12] = [counter; N];
    state[14] = take(&streams.indices);
    let first = state;
    for _ in 0..4 {
        for i in 0..4 {
            quarter(&mut state, [i, 4 + i, 8 + i, 12 + i]);
        }
        for i in 0..4 {
            quarter(&mut state, [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4]);
        }
    }
    for word in 0..16 {
        state[word] = add(state[word], first[word]);
    }
    state
}

#[inline(always)]
fn quarter<const N: usize>(state: &mut [[u32; N]; 16], [a, b, c, d]: [usize; 4]) {
    state[a] = add(state[a], state[b]);
    state[d] = left::<16, N>(xor(state[d], state[a]));
    state[c] = add(state[c], state[d]);
    state[b] = left::<12, N>(xor(state[b], state[c]));
    state[a] = add(state[a], state[b]);
    state[d] = left::<8, N>(xor(state[d], state[a]));
    state[c] = add(state[c], state[d]);
    state[b] = left::<7, N>(xor(state[b], state[c]));
}

/// BLAKE3's initialisation vector.
const IV: [u32; 4] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a];

/// One block that is a whole message under a key derived from a context: first and last block of
/// its chunk, root, key material.
const FLAGS: u32 = 1 | 2 | 8 | 64;

/// Where each message word of the next round comes from.
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/// BLAKE3 in `derive_key` mode of a 64-byte message in each lane, `key` being the context's.
#[inline(always)]
pub(crate) fn hash<const N: usize>(key: &[u32; 8], message: &[Lane; 16]) -> [Lane; 8] {
    let mut output = [[0; LANES]; 8];
    for half in 0..LANES / N {
        let mut words: [[u32; N]; 16] = [[0; N]; 16];
        for word in 0..16 {
            words[word].copy_from_slice(&message[word][half * N..][..N]);
        }
        let digest = compress::<N>(key, words);
        for word in 0..8 {
            output[word][half * N..][..N].copy_from_slice(&digest[word]);
        }
    }
    output
}

#[inline(always)]
fn compress<const N: usize>(key: &[u32; 8], mut message: [[u32; N]; 16]) -> [[u32; N]; 8] {
    let mut state = [[0; N]; 16];
    for word in 0..8 {
        state[word] = [key[word]; N];
    }
    for word in 0..4 {
        state[8 + word] = [IV[word]; N];
    }
    state[14] = [64; N];
    state[15] = [FLAGS; N];
    for round in 0..7 {
        for i in 0..4 {
            let at = [i, 4 + i, 8 + i, 12 + i];
            mix(&mut state, at, message[2 * i], message[2 * i + 1]);
        }
        for i in 0..4 {
            let at = [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4];
            mix(&mut state, at, message[8 + 2 * i], message[9 + 2 * i]);
        }
        if round < 6 {
            let before = message;
            for word in 0..16 {
                message[word] = before[PERMUTATION[word]];
            }
        }
    }
    let mut output = [[0; N]; 8];
    for word in 0..8 {
        output[word] = xor(state[word], state[8 + word]);
    }
    output
}

#[inline(always)]
fn mix<const N: usize>(
    state: &mut [[u32; N]; 16],
    [a, b, c, d]: [usize; 4],
    x: [u32; N],
    y: [u32; N],
) {
    state[a] = add(add(state[a], state[b]), x);
    state[d] = left::<16, N>(xor(state[d], state[a]));
    state[c] = add(state[c], state[d]);
    state[b] = left::<20, N>(xor(state[b], state[c]));
    state[a] = add(add(state[a], state[b]), y);
    state[d] = left::<24, N>(xor(state[d], state[a]));
    state[c] = add(state[c], state[d]);
    state[b] = left::<25, N>(xor(state[b], state[c]));
}

#[inline(always)]
fn add<const N: usize>(mut a: [u32; N], b: [u32; N]) -> [u32; N] {
    for lane in 0..N {
        a[lane] = a[lane].wrapping_add(b[lane]);
    }
    a
}

#[inline(always)]
fn xor<const N: usize>(mut a: [u32; N], b: [u32; N]) -> [u32; N] {
    for lane in 0..N {
        a[lane] ^= b[lane];
    }
    a
}

#[inline(always)]
fn left<const BITS: u32, const N: usize>(mut a: [u32; N]) -> [u32; N] {
    for word in &mut a {
        *word = word.rotate_left(BITS);
    }
    a
}
