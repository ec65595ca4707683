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

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
