//! Sixteen rows or columns side by side: ChaCha8 and BLAKE3 over lanes of 32-bit words.
//!
//! A *panel* holds sixteen rows of A or columns of B: group `g` of it is one word a lane, entries
//! `4g .. 4g + 4` of that lane, the first in the lowest byte. It is what ChaCha8 gives when sixteen
//! streams run side by side, and what the product multiplies. Sixteen rows of a product, a word a
//! lane, are what BLAKE3 hashes sixteen leaves of. Nothing is ever transposed.
//!
//! Everything is written once over [`Word`], a register, and inlined into functions compiled for
//! the instructions of that register (see [`crate::kernel`]). Indices of states are constants, so
//! that states stay in registers.
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

/// A register of [`LANES`](Self::LANES) words. `part` is which of the registers that make a [`Lane`].
pub(crate) trait Word: Copy {
    /// Lanes of a register: a divisor of sixteen.
    const LANES: usize;

    /// The same word in each lane.
    fn splat(word: u32) -> Self;

    /// Part of a lane.
    fn read(lane: &Lane, part: usize) -> Self;

    /// Writes a part of a lane.
    fn write(self, lane: &mut Lane, part: usize);

    /// The sum modulo 2^32.
    fn add(self, other: Self) -> Self;

    /// Exclusive or.
    fn xor(self, other: Self) -> Self;

    /// And.
    fn and(self, other: Self) -> Self;

    /// Rotation to the left.
    fn left<const BITS: i32>(self) -> Self;

    /// The sum of the four bytes of `self`, below 32, times those of `signed`, in [-16, 15].
    fn dot(self, signed: Self) -> Self;
}

/// Which bytes of group `group` are entries below `k`.
#[inline(always)]
const fn mask(k: u32, group: usize) -> u32 {
    let left = k as usize - 4 * group;
    if left >= 4 { u32::MAX } else { u32::MAX >> (32 - 8 * left) }
}

/// Fills `panel`, which has [`groups`]`(k)` groups. Entries from `k` on are zero bytes.
#[inline(always)]
pub(crate) fn panel<W: Word>(streams: &Streams, k: u32, form: Form, panel: &mut [Lane]) {
    for part in 0..LANES / W::LANES {
        for (counter, groups) in panel.chunks_mut(16).enumerate() {
            let words = block::<W>(streams, part, counter as u32);
            for (group, word) in groups.iter_mut().zip(words) {
                shape(word, form).write(group, part);
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
pub(crate) fn products<W: Word>(rows: &Streams, columns: &Streams, k: u32) -> [i32; LANES] {
    let (mut products, mut sums) = ([0; LANES], [0; LANES]);
    for part in 0..LANES / W::LANES {
        let (mut product, mut sum) = (W::splat(0), W::splat(0));
        for counter in 0..k.div_ceil(64) {
            let a = block::<W>(rows, part, counter);
            let b = block::<W>(columns, part, counter);
            let left = (k - 64 * counter).min(64);
            for (group, (a, b)) in a.into_iter().zip(b).take(groups(left)).enumerate() {
                let b = shape(b, Form::Signed).and(W::splat(mask(left, group)));
                product = product.add(shape(a, Form::Biased).dot(b));
                sum = sum.add(W::splat(0x0101_0101).dot(b));
            }
        }
        product.write(&mut products, part);
        sum.write(&mut sums, part);
    }
    std::array::from_fn(|lane| {
        products[lane].wrapping_sub(sums[lane].wrapping_mul(16)).cast_signed()
    })
}

/// The sum of each lane of a signed panel.
#[inline(always)]
pub(crate) fn sums<W: Word>(panel: &[Lane]) -> [i32; LANES] {
    let mut sums = [0; LANES];
    for part in 0..LANES / W::LANES {
        let mut sum = W::splat(0);
        for group in panel {
            sum = sum.add(W::splat(0x0101_0101).dot(W::read(group, part)));
        }
        sum.write(&mut sums, part);
    }
    sums.map(u32::cast_signed)
}

/// Four entries from four bytes of the stream.
#[inline(always)]
fn shape<W: Word>(word: W, form: Form) -> W {
    let biased = word.and(W::splat(0x1f1f_1f1f));
    match form {
        Form::Biased => biased,
        Form::Signed => {
            // Less sixteen in five bits flips the highest; three copies of it extend the sign.
            let signed = biased.xor(W::splat(0x1010_1010));
            let sign = signed.and(W::splat(0x1010_1010));
            let sixth = sign.add(sign);
            let seventh = sixth.add(sixth);
            signed.xor(sixth).xor(seventh).xor(seventh.add(seventh))
        }
    }
}

/// A block of ChaCha8.
#[inline(always)]
fn block<W: Word>(streams: &Streams, part: usize, counter: u32) -> [W; 16] {
    let zero = W::splat(0);
    let [c0, c1, c2, c3] = CONSTANTS.map(W::splat);
    let [k0, k1, k2, k3, k4, k5, k6, k7] =
        [0, 1, 2, 3, 4, 5, 6, 7].map(|word: usize| W::read(&streams.keys[word], part));
    let index = W::read(&streams.indices, part);
    let first =
        [c0, c1, c2, c3, k0, k1, k2, k3, k4, k5, k6, k7, W::splat(counter), zero, index, zero];
    let mut state = first;
    double_round(&mut state);
    double_round(&mut state);
    double_round(&mut state);
    double_round(&mut state);
    for (word, first) in state.iter_mut().zip(first) {
        *word = word.add(first);
    }
    state
}

#[inline(always)]
fn double_round<W: Word>(state: &mut [W; 16]) {
    quarter(state, [0, 4, 8, 12]);
    quarter(state, [1, 5, 9, 13]);
    quarter(state, [2, 6, 10, 14]);
    quarter(state, [3, 7, 11, 15]);
    quarter(state, [0, 5, 10, 15]);
    quarter(state, [1, 6, 11, 12]);
    quarter(state, [2, 7, 8, 13]);
    quarter(state, [3, 4, 9, 14]);
}

#[inline(always)]
fn quarter<W: Word>(state: &mut [W; 16], [a, b, c, d]: [usize; 4]) {
    state[a] = state[a].add(state[b]);
    state[d] = state[d].xor(state[a]).left::<16>();
    state[c] = state[c].add(state[d]);
    state[b] = state[b].xor(state[c]).left::<12>();
    state[a] = state[a].add(state[b]);
    state[d] = state[d].xor(state[a]).left::<8>();
    state[c] = state[c].add(state[d]);
    state[b] = state[b].xor(state[c]).left::<7>();
}

/// BLAKE3's initialisation vector, first half.
const IV: [u32; 4] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a];

/// One block that is a whole message under a key derived from a context: first and last block of
/// its chunk, root, key material.
const FLAGS: u32 = 1 | 2 | 8 | 64;

/// Which message words each round takes.
const SCHEDULE: [[usize; 16]; 7] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8],
    [3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1],
    [10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6],
    [12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4],
    [9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7],
    [11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13],
];

/// BLAKE3 in `derive_key` mode of a 64-byte message in each lane, `key` being the context's.
#[inline(always)]
pub(crate) fn hash<W: Word>(key: &[u32; 8], message: &[Lane; 16]) -> [Lane; 8] {
    let mut output = [[0; LANES]; 8];
    for part in 0..LANES / W::LANES {
        let zero = W::splat(0);
        let [k0, k1, k2, k3, k4, k5, k6, k7] = key.map(W::splat);
        let [i0, i1, i2, i3] = IV.map(W::splat);
        let (length, flags) = (W::splat(64), W::splat(FLAGS));
        let mut state = [k0, k1, k2, k3, k4, k5, k6, k7, i0, i1, i2, i3, zero, zero, length, flags];
        round(&mut state, message, part, &SCHEDULE[0]);
        round(&mut state, message, part, &SCHEDULE[1]);
        round(&mut state, message, part, &SCHEDULE[2]);
        round(&mut state, message, part, &SCHEDULE[3]);
        round(&mut state, message, part, &SCHEDULE[4]);
        round(&mut state, message, part, &SCHEDULE[5]);
        round(&mut state, message, part, &SCHEDULE[6]);
        let (low, high) = state.split_at(8);
        for (output, (low, high)) in output.iter_mut().zip(low.iter().zip(high)) {
            low.xor(*high).write(output, part);
        }
    }
    output
}

#[inline(always)]
fn round<W: Word>(state: &mut [W; 16], message: &[Lane; 16], part: usize, order: &[usize; 16]) {
    mix(state, [0, 4, 8, 12], message, part, [order[0], order[1]]);
    mix(state, [1, 5, 9, 13], message, part, [order[2], order[3]]);
    mix(state, [2, 6, 10, 14], message, part, [order[4], order[5]]);
    mix(state, [3, 7, 11, 15], message, part, [order[6], order[7]]);
    mix(state, [0, 5, 10, 15], message, part, [order[8], order[9]]);
    mix(state, [1, 6, 11, 12], message, part, [order[10], order[11]]);
    mix(state, [2, 7, 8, 13], message, part, [order[12], order[13]]);
    mix(state, [3, 4, 9, 14], message, part, [order[14], order[15]]);
}

#[inline(always)]
fn mix<W: Word>(
    state: &mut [W; 16],
    [a, b, c, d]: [usize; 4],
    message: &[Lane; 16],
    part: usize,
    [x, y]: [usize; 2],
) {
    state[a] = state[a].add(state[b]).add(W::read(&message[x], part));
    state[d] = state[d].xor(state[a]).left::<16>();
    state[c] = state[c].add(state[d]);
    state[b] = state[b].xor(state[c]).left::<20>();
    state[a] = state[a].add(state[b]).add(W::read(&message[y], part));
    state[d] = state[d].xor(state[a]).left::<24>();
    state[c] = state[c].add(state[d]);
    state[b] = state[b].xor(state[c]).left::<25>();
}
