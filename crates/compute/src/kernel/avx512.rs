//! AVX-512 with its dot products of bytes (VNNI): a register is a lane.

use super::{Form, LANES, Lane, Streams, Tile, lanes};
use crate::lanes::Word;
use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_and_si512, _mm512_dpbusd_epi32, _mm512_loadu_si512,
    _mm512_rol_epi32, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
    _mm512_xor_si512,
};

generic!(Sixteen, "avx512f,avx512bw,avx512vl,avx512vnni");

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn multiply(rows: &[Lane], columns: &[Lane], tile: &mut Tile) {
    let mut sums = [_mm512_setzero_si512(); LANES];
    for (sum, column) in sums.iter_mut().zip(tile.iter()) {
        // SAFETY: a column of a tile has 64 bytes.
        *sum = unsafe { _mm512_loadu_si512(column.as_ptr().cast()) };
    }
    for (row, column) in rows.iter().zip(columns) {
        // SAFETY: a group of a panel has 64 bytes.
        let row = unsafe { _mm512_loadu_si512(row.as_ptr().cast()) };
        for (sum, word) in sums.iter_mut().zip(column) {
            *sum = _mm512_dpbusd_epi32(*sum, row, _mm512_set1_epi32(word.cast_signed()));
        }
    }
    for (sum, column) in sums.into_iter().zip(tile) {
        // SAFETY: a column of a tile has 64 bytes.
        unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), sum) };
    }
}

/// A register. It is only used by functions of this module, which the parent module calls
/// when the CPU has its instructions: that is what every `unsafe` of its operations stands on.
#[derive(Clone, Copy)]
struct Sixteen(__m512i);

impl Word for Sixteen {
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm512_set1_epi32(word as i32) })
    }

    #[inline(always)]
    fn read(lane: &Lane, part: usize) -> Self {
        let words: &[u32; 16] = &lane.as_chunks().0[part];
        // SAFETY: see the type; the words are as long as the register.
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn write(self, lane: &mut Lane, part: usize) {
        let words: &mut [u32; 16] = &mut lane.as_chunks_mut().0[part];
        // SAFETY: see the type; the words are as long as the register.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) };
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn left<const BITS: i32>(self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm512_rol_epi32::<BITS>(self.0) })
    }

    #[inline(always)]
    fn dot(self, signed: Self) -> Self {
        // SAFETY: see the type.
        Self(unsafe { _mm512_dpbusd_epi32(_mm512_setzero_si512(), self.0, signed.0) })
    }
}
