//! The randomness of a block, behind the interface that the VRF will take.
//!
//! For now `beta` is a keyed BLAKE3 hash instead of a VRF output: whoever holds the key can compute
//! it, nobody can verify it. Everything around it is final: `alpha` binds chain, height and seed;
//! `seed(h+1) = BLAKE3("mfenx/seed/v1" || seed(h) || beta(h))`; PREVRANDAO is `beta` hashed.

use alloy_primitives::{B256, hex};
use mfenx_primitives::SealedHeader;

/// Output of the function, 64 bytes as RFC 9381's.
pub type Beta = [u8; 64];

const KEY_CONTEXT: &str = "mfenx randomness key v1";
const SIDECAR_VERSION: u8 = 0;
const SIDECAR_BYTES: usize = 1 + 32 + 64;

/// The secret behind a proposer's randomness.
#[derive(Clone)]
pub struct RandomnessKey([u8; 32]);

impl std::fmt::Debug for RandomnessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RandomnessKey(..)")
    }
}

impl RandomnessKey {
    /// Derives a key from secret material of any length.
    pub fn derive(material: &[u8]) -> Self {
        Self(blake3::derive_key(KEY_CONTEXT, material))
    }

    /// `beta` for the block at `height` on the chain `chain_id` whose seed is `seed`.
    pub fn beta(&self, chain_id: u64, height: u64, seed: B256) -> Beta {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"mfenx/vrf/v1");
        hasher.update(&chain_id.to_be_bytes());
        hasher.update(&height.to_be_bytes());
        hasher.update(seed.as_slice());
        let mut beta = [0; 64];
        hasher.finalize_xof().fill(&mut beta);
        beta
    }
}

/// PREVRANDAO (`mixHash`) of a block with output `beta`.
pub(crate) fn mix_hash(beta: &Beta) -> B256 {
    B256::from(*blake3::hash(beta).as_bytes())
}

/// What is kept beside a header of our own: version, seed and `beta`, 97 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// The seed that was in force at this height.
    pub seed: B256,
    /// The output of this height's proposer.
    pub beta: Beta,
}

impl std::fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sidecar {{ seed: {}, beta: {} }}", self.seed, hex::encode(self.beta))
    }
}

impl Sidecar {
    /// The bytes for the store.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIDECAR_BYTES);
        bytes.push(SIDECAR_VERSION);
        bytes.extend_from_slice(self.seed.as_slice());
        bytes.extend_from_slice(&self.beta);
        bytes
    }

    /// Reads what [`Self::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&version, rest) = bytes.split_first()?;
        let (seed, beta) = rest.split_at_checked(32)?;
        if version != SIDECAR_VERSION {
            return None;
        }
        Some(Self { seed: B256::from_slice(seed), beta: beta.try_into().ok()? })
    }

    /// The seed of the next height.
    pub fn next_seed(&self) -> B256 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"mfenx/seed/v1");
        hasher.update(self.seed.as_slice());
        hasher.update(&self.beta);
        B256::from(*hasher.finalize().as_bytes())
    }
}

/// The seed after a block that has no sidecar: genesis, or one imported without a seal.
pub(crate) fn seed_after(header: &SealedHeader) -> B256 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"mfenx/seed/v1");
    hasher.update(header.hash().as_slice());
    B256::from(*hasher.finalize().as_bytes())
}
