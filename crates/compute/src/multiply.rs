//! The exact product of any two matrices of bytes, for callers that bring their own.
//!
//! Nothing here is sampled or committed to. Entries are any signed bytes, so the kernels of the
//! backends, which know that theirs are small, do not apply; the compiler vectorises these loops
//! with what every CPU of the architecture has.

/// The most multiply-adds of one product.
pub const MAX_MULTIPLY_ADDS: u64 = 1 << 24;

/// The largest inner size: one more could leave 32 bits.
pub const MAX_MULTIPLY_INNER: u32 = 131_071;

/// Rows and columns at least this long are multiplied one by one; shorter ones spread over the
/// longer side of the product.
const LONG: usize = 16;

/// Why there is no product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultiplyError {
    /// A size is zero, `k` is above [`MAX_MULTIPLY_INNER`], or all three multiply to more than
    /// [`MAX_MULTIPLY_ADDS`].
    #[error("{m} x {k} times {k} x {p} is out of bounds")]
    Sizes {
        /// Rows of the left matrix.
        m: u32,
        /// Its columns.
        k: u32,
        /// Columns of the right one.
        p: u32,
    },
    /// A matrix has another number of bytes than its sizes say.
    #[error("a matrix of {got} bytes where its sizes say {expected}")]
    Length {
        /// What the sizes say.
        expected: usize,
        /// What was given.
        got: usize,
    },
}

/// The product of `a`, `m x k`, and `b`, `k x p`, both signed bytes row by row: `m x p` signed words
/// of 32 bits, little endian, row by row.
///
/// # Errors
/// When sizes are out of bounds or do not fit the bytes given.
pub fn multiply(m: u32, k: u32, p: u32, a: &[u8], b: &[u8]) -> Result<Vec<u8>, MultiplyError> {
    let product = u128::from(m) * u128::from(k) * u128::from(p);
    if product == 0 || product > u128::from(MAX_MULTIPLY_ADDS) || k > MAX_MULTIPLY_INNER {
        return Err(MultiplyError::Sizes { m, k, p });
    }
    let (m, k, p) = (m as usize, k as usize, p as usize);
    for (expected, bytes) in [(m * k, a), (k * p, b)] {
        if bytes.len() != expected {
            return Err(MultiplyError::Length { expected, got: bytes.len() });
        }
    }
    let widen = |bytes: &[u8]| bytes.iter().map(|byte| i16::from(byte.cast_signed())).collect();
    let (a, b): (Vec<i16>, Vec<i16>) = (widen(a), widen(b));
    let entries = if k >= LONG {
        by_entries(k, &a, &transposed(p, &b))
    } else if p >= m {
        by_rows(k, p, &a, &b)
    } else {
        transposed(m, &by_rows(k, m, &transposed(p, &b), &transposed(k, &a)))
    };
    Ok(entries.into_iter().flat_map(i32::to_le_bytes).collect())
}

/// Each entry as the product of a row of `a` and a column of B.
fn by_entries(k: usize, a: &[i16], columns: &[i16]) -> Vec<i32> {
    let dot = |row: &[i16], column: &[i16]| -> i32 {
        row.iter().zip(column).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
    };
    let row = |row| columns.chunks_exact(k).map(move |column| dot(row, column));
    a.chunks_exact(k).flat_map(row).collect()
}

/// Each row as a sum of rows of `b`.
fn by_rows(k: usize, p: usize, a: &[i16], b: &[i16]) -> Vec<i32> {
    let mut product = vec![0; a.len() / k * p];
    for (sums, row) in product.chunks_exact_mut(p).zip(a.chunks_exact(k)) {
        for (factor, row) in row.iter().zip(b.chunks_exact(p)) {
            for (sum, entry) in sums.iter_mut().zip(row) {
                *sum += i32::from(*factor) * i32::from(*entry);
            }
        }
    }
    product
}

/// A matrix with rows of `width` entries, column by column.
fn transposed<T: Copy + Default>(width: usize, matrix: &[T]) -> Vec<T> {
    let height = matrix.len() / width;
    let mut columns = vec![T::default(); matrix.len()];
    for (index, row) in matrix.chunks_exact(width).enumerate() {
        for (entry, column) in row.iter().zip(columns.chunks_exact_mut(height)) {
            if let Some(place) = column.get_mut(index) {
                *place = *entry;
            }
        }
    }
    columns
}
