//! The instructions that this CPU has: found once a call, never part of a result.
//!
//! The only unsafe code of the crate stands here: calls of functions compiled for instructions that
//! were just found, and loads and stores of whole arrays.
#![allow(unsafe_code)]
#![allow(clippy::indexing_slicing)] // constant indices of arrays

use crate::lanes::{self, Form, LANES, Lane, Streams};

/// Sixteen columns of sixteen rows of a product: `tile[column][row]`.
pub(crate) type Tile = [[i32; LANES]; LANES];

/// A set of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// AVX-512 with its dot products of bytes.
    Avx512,
    /// AVX2.
    Avx2,
    /// What every CPU of this architecture has.
    Portable,
}

impl Isa {
    /// The best that this CPU has.
    pub(crate) fn found() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
            {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All that this CPU has, for tests and benchmarks.
    #[cfg(any(test, feature = "test-support"))]
    pub(crate) fn all() -> Vec<Self> {
        match Self::found() {
            Self::Avx512 => vec![Self::Avx512, Self::Avx2, Self::Portable],
            Self::Avx2 => vec![Self::Avx2, Self::Portable],
            Self::Portable => vec![Self::Portable],
        }
    }

    /// What to call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512 VNNI",
            Self::Avx2 => "AVX2",
            Self::Portable => "portable",
        }
    }
}

/// Calls the function of `kernel` for `$isa`.
macro_rules! dispatch {
    ($isa:expr, $function:ident($($argument:expr),*)) => {
        match $isa {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Isa` is only ever made by `Isa::found` and `Isa::all`, which found the instructions.
            Isa::Avx512 => unsafe { avx512::$function($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Isa::Avx2 => unsafe { avx2::$function($($argument),*) },
            _ => portable::$function($($argument),*),
        }
    };
}

/// See [`lanes::panel`].
pub(crate) fn panel(isa: Isa, streams: &Streams, k: u32, form: Form, panel: &mut [Lane]) {
    dispatch!(isa, panel(streams, k, form, panel));
}

/// See [`lanes::products`].
pub(crate) fn products(isa: Isa, rows: &Streams, columns: &Streams, k: u32) -> [i32; LANES] {
    dispatch!(isa, products(rows, columns, k))
}

/// See [`lanes::hash`].
pub(crate) fn hash(isa: Isa, key: &[u32; 8], message: &[Lane; 16]) -> [Lane; 8] {
    dispatch!(isa, hash(key, message))
}

/// Adds to `tile` the products of the lanes of a biased panel, rows, and a signed one, columns.
///
/// What it adds is too much by sixteen times the sum of the column: see [`column_sums`].
pub(crate) fn multiply(isa: Isa, rows: &[Lane], columns: &[Lane], tile: &mut Tile) {
    dispatch!(isa, multiply(rows, columns, tile));
}

/// The sum of each lane of a signed panel.
pub(crate) fn column_sums(isa: Isa, columns: &[Lane]) -> [i32; LANES] {
    dispatch!(isa, column_sums(columns))
}

#[inline(always)]
fn sums(columns: &[Lane]) -> [i32; LANES] {
    let mut sums = [0; LANES];
    for group in columns {
        for (sum, word) in sums.iter_mut().zip(group) {
            *sum += lanes::dot4(*word, 0x0101_0101);
        }
    }
    sums
}

/// The functions that the compiler vectorises, once for a set of instructions.
macro_rules! vectorised {
    ($lanes:literal $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        pub(super) fn panel(streams: &Streams, k: u32, form: Form, panel: &mut [Lane]) {
            // A branch on the form outside keeps it out of the inner loop.
            match form {
                Form::Biased => lanes::panel::<$lanes>(streams, k, Form::Biased, panel),
                Form::Signed => lanes::panel::<$lanes>(streams, k, Form::Signed, panel),
            }
        }

        $(#[target_feature(enable = $features)])?
        pub(super) fn products(rows: &Streams, columns: &Streams, k: u32) -> [i32; LANES] {
            lanes::products::<$lanes>(rows, columns, k)
        }

        $(#[target_feature(enable = $features)])?
        pub(super) fn hash(key: &[u32; 8], message: &[Lane; 16]) -> [Lane; 8] {
            lanes::hash::<$lanes>(key, message)
        }

        $(#[target_feature(enable = $features)])?
        pub(super) fn column_sums(columns: &[Lane]) -> [i32; LANES] {
            sums(columns)
        }
    };
}

mod portable {
    use super::{Form, LANES, Lane, Streams, Tile, lanes, sums};

    vectorised!(4);

    pub(super) fn multiply(rows: &[Lane], columns: &[Lane], tile: &mut Tile) {
        for (row, column) in rows.iter().zip(columns) {
            for (sums, word) in tile.iter_mut().zip(column) {
                for (sum, row) in sums.iter_mut().zip(row) {
                    *sum += lanes::dot4(*row, *word);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{Form, LANES, Lane, Streams, Tile, lanes, sums};
    use std::arch::x86_64::{
        _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512,
        _mm512_storeu_si512,
    };

    vectorised!(16, "avx512f,avx512bw,avx512vl,avx512vnni");

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
            for lane in 0..LANES {
                let word = _mm512_set1_epi32(column[lane] as i32);
                sums[lane] = _mm512_dpbusd_epi32(sums[lane], row, word);
            }
        }
        for (sum, column) in sums.into_iter().zip(tile) {
            // SAFETY: a column of a tile has 64 bytes.
            unsafe { _mm512_storeu_si512(column.as_mut_ptr().cast(), sum) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Form, LANES, Lane, Streams, Tile, lanes, sums};
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
        _mm256_storeu_si256,
    };

    vectorised!(8, "avx2");

    /// Groups whose pairs of products fit 16 bits: 32 * 2 * 31 * 16 is 31,744.
    const NARROW_GROUPS: usize = 32;

    /// Columns at a time: twice as many accumulators, and registers to spare.
    const COLUMNS: usize = 4;

    #[target_feature(enable = "avx2")]
    pub(super) fn multiply(rows: &[Lane], columns: &[Lane], tile: &mut Tile) {
        for (rows, columns) in rows.chunks(NARROW_GROUPS).zip(columns.chunks(NARROW_GROUPS)) {
            for first in (0..LANES).step_by(COLUMNS) {
                let mut narrow = [[_mm256_setzero_si256(); 2]; COLUMNS];
                for (row, column) in rows.iter().zip(columns) {
                    let (low, high) = load(row);
                    for lane in 0..COLUMNS {
                        let word = _mm256_set1_epi32(column[first + lane] as i32);
                        let [a, b] = narrow[lane];
                        narrow[lane] = [
                            _mm256_add_epi16(a, _mm256_maddubs_epi16(low, word)),
                            _mm256_add_epi16(b, _mm256_maddubs_epi16(high, word)),
                        ];
                    }
                }
                for lane in 0..COLUMNS {
                    widen(narrow[lane], &mut tile[first + lane]);
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
}
