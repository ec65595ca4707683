//! Vectors of the RFC, comparison with another implementation, hostile and damaged encodings.

mod differential;
mod hostile;
mod properties;
mod vectors;

use crate::SecretKey;

/// A key as good as any other.
fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; SecretKey::SEED_BYTES])
}
