//! The product itself, in three orders of the same loops: whichever side of a shape is long is the
//! inner loop, which the compiler vectorises. A thin shape would otherwise pay the start of a loop
//! for every multiply-add.

/// Two matrices, row by row: `a` has `m` rows of `k` entries, `b` has `k` rows of `p`.
pub(crate) struct Factors<'a> {
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) p: usize,
    pub(crate) a: &'a [u8],
    pub(crate) b: &'a [u8],
}

/// Loops shorter than this are not worth their start.
const LONG: usize = 16;
/// With fewer rows than this, `b` is not worth bringing its columns together.
const FEW_ROWS: usize = 8;
/// Columns of `b` that are brought together at a time, and how much of each: 16 KiB.
const PANEL_COLUMNS: usize = 8;
const PANEL_DEPTH: usize = 1_024;
/// Rows of `a` whose columns are brought together at a time.
const BAND_ROWS: usize = 256;

/// Writes the product over `out`, which holds `4 * m * p` zeros: int32, little endian, row by row.
pub(crate) fn product(factors: &Factors<'_>, out: &mut [u8]) {
    let Factors { m, k, p, .. } = *factors;
    match (k >= LONG, p >= LONG) {
        (true, true) if m >= FEW_ROWS => by_entries(factors, out),
        (_, true) => by_rows(factors, out),
        (true, false) => by_entries(factors, out),
        (false, false) => by_bands(factors, out),
    }
}

/// Adds multiples of the rows of `b`, as they lie in memory, to each row of the product.
fn by_rows(factors: &Factors<'_>, out: &mut [u8]) {
    let Factors { k, p, a, b, .. } = *factors;
    let mut sums = vec![0_i32; p];
    for (row, out) in a.chunks_exact(k).zip(out.chunks_exact_mut(4 * p)) {
        sums.fill(0);
        for (factor, line) in row.iter().zip(b.chunks_exact(p)) {
            add_multiple(&mut sums, entry(factor), line.iter().map(entry));
        }
        write(&sums, out.as_chunks_mut().0.iter_mut());
    }
}

/// Multiplies parts of rows of `a` with parts of columns of `b`, both brought together as 16-bit
/// integers, and adds the sums to the product.
fn by_entries(factors: &Factors<'_>, out: &mut [u8]) {
    let Factors { k, p, a, b, .. } = *factors;
    let depth = PANEL_DEPTH.min(k);
    let mut panel = vec![0_i16; PANEL_COLUMNS.min(p) * depth];
    let mut line = vec![0_i16; depth];
    for first in (0..p).step_by(PANEL_COLUMNS) {
        for (part, lines) in b.chunks(PANEL_DEPTH * p).enumerate() {
            let depth = lines.len() / p;
            let columns = PANEL_COLUMNS.min(p - first);
            for (index, column) in panel.chunks_exact_mut(depth).take(columns).enumerate() {
                for (to, line) in column.iter_mut().zip(lines.chunks_exact(p)) {
                    *to = line.get(first + index).map_or(0, entry);
                }
            }
            for (row, out) in a.chunks_exact(k).zip(out.chunks_exact_mut(4 * p)) {
                let row = row.iter().skip(part * PANEL_DEPTH);
                line.iter_mut().zip(row).for_each(|(to, from)| *to = entry(from));
                let out = out.as_chunks_mut::<4>().0.iter_mut().skip(first);
                for (column, out) in panel.chunks_exact(depth).take(columns).zip(out) {
                    let sum = i32::from_le_bytes(*out).wrapping_add(dot(&line, column));
                    *out = sum.to_le_bytes();
                }
            }
        }
    }
}

/// Adds multiples of the columns of `a`, brought together for a band of rows, to each column of the
/// product.
fn by_bands(factors: &Factors<'_>, out: &mut [u8]) {
    let Factors { m, k, p, a, b } = *factors;
    let rows = BAND_ROWS.min(m);
    let mut columns = vec![0_i16; k * rows];
    let mut sums = vec![0_i32; rows];
    for (a, out) in a.chunks(k * rows).zip(out.chunks_mut(4 * p * rows)) {
        for (index, column) in columns.chunks_exact_mut(rows).enumerate() {
            for (to, row) in column.iter_mut().zip(a.chunks_exact(k)) {
                *to = row.get(index).map_or(0, entry);
            }
        }
        for index in 0..p {
            sums.fill(0);
            for (column, line) in columns.chunks_exact(rows).zip(b.chunks_exact(p)) {
                let factor = line.get(index).map_or(0, entry);
                add_multiple(&mut sums, factor, column.iter().copied());
            }
            write(&sums, out.as_chunks_mut().0.iter_mut().skip(index).step_by(p));
        }
    }
}

/// A product of two entries fits into 16 bits.
fn add_multiple(sums: &mut [i32], factor: i16, entries: impl Iterator<Item = i16>) {
    for (sum, entry) in sums.iter_mut().zip(entries) {
        *sum = sum.wrapping_add(i32::from(factor.wrapping_mul(entry)));
    }
}

fn write<'a>(sums: &[i32], out: impl Iterator<Item = &'a mut [u8; 4]>) {
    out.zip(sums).for_each(|(out, sum)| *out = sum.to_le_bytes());
}

fn dot(a: &[i16], b: &[i16]) -> i32 {
    let products = a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b));
    products.fold(0, i32::wrapping_add)
}

fn entry(byte: &u8) -> i16 {
    i16::from(byte.cast_signed())
}
