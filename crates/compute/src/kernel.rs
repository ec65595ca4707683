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

/// What is written once over registers, compiled for a set of instructions.
macro_rules! generic {
    ($word:ty $(, $features:literal)?) => {
        $(#[target_feature(enable = $features)])?
        pub(super) fn panel(streams: &Streams, k: u32, form: Form, panel: &mut [Lane]) {
            // A branch on the form outside keeps it out of the inner loop.
            match form {
                Form::Biased => lanes::panel::<$word>(streams, k, Form::Biased, panel),
                Form::Signed => lanes::panel::<$word>(streams, k, Form::Signed, panel),
            }
        }

        $(#[target_feature(enable = $features)])?
        pub(super) fn products(rows: &Streams, columns: &Streams, k: u32) -> [i32; LANES] {
            lanes::products::<$word>(rows, columns, k)
        }

        $(#[target_feature(enable = $features)])?
        pub(super) fn hash(key: &[u32; 8], message: &[Lane; 16]) -> [Lane; 8] {
            lanes::hash::<$word>(key, message)
        }

        $(#[target_feature(enable = $features)])?
        pub(super) fn column_sums(columns: &[Lane]) -> [i32; LANES] {
            lanes::sums::<$word>(columns)
        }
    };
}

mod portable {
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
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
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

    /// A register. It is only used by functions of this module, which [`dispatch`](super) calls
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
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Form, LANES, Lane, Streams, Tile, lanes};
    use crate::lanes::Word;
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_loadu_si256,
        _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_or_si256, _mm256_set1_epi16,
        _mm256_set1_epi32, _mm256_setzero_si256, _mm256_sllv_epi32, _mm256_srlv_epi32,
        _mm256_storeu_si256, _mm256_xor_si256,
    };

    generic!(Eight, "avx2");

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

    /// A register. It is only used by functions of this module, which [`dispatch`](super) calls
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
}
