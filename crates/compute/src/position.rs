//! The entries that a beacon asks for.

use crate::{Hash, Task};

/// The most samples that one proof opens.
pub const MAX_SAMPLES: u32 = 256;

const CONTEXT: &str = "mfenx compute v1 positions";

/// An entry of the product of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 0, below the task's rounds.
    pub round: u32,
    /// From 0, below `m`.
    pub row: u32,
    /// From 0, below `p`.
    pub column: u32,
}

/// A number of samples that is zero or above [`MAX_SAMPLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} samples asked for, at least 1 and at most {MAX_SAMPLES} can be")]
pub struct SamplesError(pub u32);

/// Draws `samples` entries, with repetition, in the order they are drawn.
///
/// They depend on every size of the task, its seed, all roots and the beacon. An index takes 64 bits
/// of a BLAKE3 stream, little endian, multiplied by the bound and shifted right by 64: no index is
/// likelier than another by more than 2^-48 of its share. Fewer samples are a prefix of more.
///
/// # Errors
/// When `samples` is out of bounds.
pub fn positions(
    task: &Task,
    roots: &[Hash],
    beacon: &Hash,
    samples: u32,
) -> Result<Vec<Position>, SamplesError> {
    if samples == 0 || samples > MAX_SAMPLES {
        return Err(SamplesError(samples));
    }
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(task.seed());
    for size in [task.m(), task.k(), task.p(), task.rounds()] {
        hasher.update(&size.to_le_bytes());
    }
    for root in roots {
        hasher.update(root);
    }
    hasher.update(beacon);
    let mut stream = hasher.finalize_xof();
    let mut draw = |bound: u32| {
        let mut bits = [0; 8];
        stream.fill(&mut bits);
        ((u128::from(u64::from_le_bytes(bits)) * u128::from(bound)) >> 64) as u32
    };
    Ok((0..samples)
        .map(|_| Position {
            round: draw(task.rounds()),
            row: draw(task.m()),
            column: draw(task.p()),
        })
        .collect())
}
