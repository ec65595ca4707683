//! What must hold for any bytes; the fuzz target and a test call the same function.

use crate::{Proof, PublicKey};

/// Decodes `data` as a key, as a proof, and as a key, a proof and an input one after the other.
///
/// # Panics
/// When something decodes that does not encode to the same bytes, or a proof verifies with another
/// output than it claims.
pub fn decode(data: &[u8]) {
    if let Ok(key) = PublicKey::from_bytes(data) {
        assert_eq!(key.as_bytes(), data, "a key has one encoding");
    }
    if let Ok(proof) = Proof::from_bytes(data) {
        assert_eq!(proof.to_bytes(), data, "a proof has one encoding");
    }
    let Some((key, rest)) = data.split_at_checked(PublicKey::BYTES) else { return };
    let Some((proof, alpha)) = rest.split_at_checked(Proof::BYTES) else { return };
    if let (Ok(key), Ok(proof)) = (PublicKey::from_bytes(key), Proof::from_bytes(proof))
        && let Ok(output) = key.verify(alpha, &proof)
    {
        assert_eq!(output, proof.output(), "the output is the one the proof claims");
    }
}
