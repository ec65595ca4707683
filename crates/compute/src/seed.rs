//! Seeds and beacons. All are plain BLAKE3 of a concatenation, so that a contract makes them with
//! the BLAKE3 precompile.

use crate::Hash;

const FIRST_SEED: &[u8] = b"mfenx compute v1 seed";

/// The seed of round 0: nobody knows it before the VRF output `beta` of the assigning block, and no
/// two workers, tasks or chains share one.
pub fn first_seed(chain_id: u64, beta: &[u8; 64], worker: &[u8; 20], task_id: &[u8; 32]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(FIRST_SEED);
    hasher.update(&chain_id.to_be_bytes());
    hasher.update(beta);
    hasher.update(worker);
    hasher.update(task_id);
    hasher.finalize().into()
}

/// The seed of the round after the one that had `seed` and gave `root`.
pub fn next_seed(seed: &Hash, root: &Hash) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(seed);
    hasher.update(root);
    hasher.finalize().into()
}

/// What positions are drawn with: BLAKE3 of the VRF output of the drawing block.
pub fn beacon_of(beta: &[u8; 64]) -> Hash {
    blake3::hash(beta).into()
}
