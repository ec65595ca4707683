//! AVX2: two registers are a lane, and sums of byte products are 16 bits wide for a while.

use super::{Form, LANES, Lane, Streams, Tile, lanes};
use crate::lanes::Word;
use std::arch::x86_64::{
    __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_or_si256, _mm256_set1_epi16, _mm256_set1_epi32,
    _mm256_setzero_si256, _mm256_sllv_epi32, _mm256_srlv_epi32, _mm256_storeu_si256,
    _mm256_xor_si256,
};

generic!(Eight, "avx2");

/// Groups whose pairs of products fit 16 bits: 32 * 2 * 31 * 16 is 31,744.
const NARROW_GROUPS: usize = 32;

/// Columns at a time: twice as many accumulators, and registers to spare.
const COLUMNS: usize = 4;

#[target_feature(enable = "avx2")]
pub(super) fn multiply(rows: &[Lane], columns: &[Lane], tile: &mut Tile) {
    for (rows, columns) in rows.chunks(NARROW_GROUPS).zip(columns.chunks(NARROW_GROUPS)) {
        for (some, sums) in tile.as_chunks_mut::<COLUMNS>().0.iter_mut().enumerate() {
            let mut narrow = [[_mm256_setzero_si256(); 2]; COLUMNS];
            for (row, column) in rows.iter().zip(columns) {
                let (low, high) = load(row);
                for ([a, b], word) in narrow.iter_mut().zip(column.as_chunks::<COLUMNS>().0[some]) {
                    let word = _mm256_set1_epi32(word.cast_signed());
                    *a = _mm256_add_epi16(*a, _mm256_maddubs_epi16(low, word));
                    *b = _mm256_add_epi16(*b, _mm256_maddubs_epi16(high, word));
                }
            }
            for (narrow, sums) in narrow.into_iter().zip(sums) {
                widen(narrow, sums);
            }
        }
    }
}

/// Adds sums of pairs to the sums of a column.
#[target_feature(enable = "avx2")]
fn widen(narrow: [__m256i; 2], sums: &mut [i32; LANES]) {
    let ones = _mm256_set1_epi16(1);
    for (narrow, sums) in narrow.into_iter().zip(sums.as_chunks_mut::<8>().0) {
        let wide = _mm256_madd_epi16(narrow, ones);
        // SAFETY: half a column of a tile has 32 bytes.
        unsafe {
            let before = _mm256_loadu_si256(sums.as_ptr().cast());
            _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm256_add_epi32(before, wide));
        }
    }
}

#[target_feature(enable = "avx2")]
fn load(group: &Lane) -> (__m256i, __m256i) {
    let pointer = group.as_ptr().cast::<__m256i>();
    // SAFETY: a group of a panel has 64 bytes, twice those of a register.
    unsafe { (_mm256_loadu_si256(pointer), _mm256_loadu_si256(pointer.add(1))) }
}

/// A register. It is only used by functions of this module, which the parent module calls
/// when the CPU has its instructions: that is what every `unsafe` of its operations stands on.
#[derive(Clone, Copy)]
struct Eight(__m256i);

impl Word for Eight {
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm256_set1_epi32(word as i32) })
    }

    #[inline(always)]
    fn read(lane: &Lane, part: usize) -> Self {
        let words: &[u32; 8] = &lane.as_chunks().0[part];
        // SAFETY: see the type; the words are as long as the register.
        Self(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn write(self, lane: &mut Lane, part: usize) {
        let words: &mut [u32; 8] = &mut lane.as_chunks_mut().0[part];
        // SAFETY: see the type; the words are as long as the register.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) };
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn left<const BITS: i32>(self) -> Self {
        // SAFETY: see the type.
        Self(unsafe {
            let up = _mm256_sllv_epi32(self.0, _mm256_set1_epi32(BITS));
            let down = _mm256_srlv_epi32(self.0, _mm256_set1_epi32(32 - BITS));
            _mm256_or_si256(up, down)
        })
    }

    #[inline(always)]
    fn dot(self, signed: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe {
            let pairs = _mm256_maddubs_epi16(self.0, signed.0);
            _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
        })
    }
}
