//! What every CPU of an architecture has, as far as the compiler finds it.

use super::{Form, LANES, Lane, Streams, Tile, lanes};
use crate::lanes::Word;

generic!(Four);

pub(super) fn multiply(rows: &[Lane], columns: &[Lane], tile: &mut Tile) {
    for (row, column) in rows.iter().zip(columns) {
        for (sums, word) in tile.iter_mut().zip(column) {
            for (sum, row) in sums.iter_mut().zip(row) {
                *sum += dot(*row, *word);
            }
        }
    }
}

/// Four words, of which the compiler makes what it can.
#[derive(Clone, Copy)]
struct Four([u32; 4]);

impl Four {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(u32, u32) -> u32) -> Self {
        Self(std::array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }
}

impl Word for Four {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self([word; 4])
    }

    #[inline(always)]
    fn read(lane: &Lane, part: usize) -> Self {
        Self(lane.as_chunks().0[part])
    }

    #[inline(always)]
    fn write(self, lane: &mut Lane, part: usize) {
        lane.as_chunks_mut().0[part] = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, u32::wrapping_add)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self.with(other, |a, b| a ^ b)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.with(other, |a, b| a & b)
    }

    #[inline(always)]
    fn left<const BITS: i32>(self) -> Self {
        Self(self.0.map(|word| word.rotate_left(BITS as u32)))
    }

    #[inline(always)]
    fn dot(self, signed: Self) -> Self {
        self.with(signed, |a, b| dot(a, b).cast_unsigned())
    }
}

/// The sum of products of four bytes.
#[inline(always)]
const fn dot(biased: u32, signed: u32) -> i32 {
    let [a0, a1, a2, a3] = biased.to_le_bytes();
    let [b0, b1, b2, b3] = signed.to_le_bytes();
    a0 as i32 * b0 as i8 as i32
        + a1 as i32 * b1 as i8 as i32
        + a2 as i32 * b2 as i8 as i32
        + a3 as i32 * b3 as i8 as i32
}
