//! What is kept beside a decided block and handed to followers with it.

use alloy_primitives::B256;
use mfenx_vrf::Proof;

use crate::{Certificate, DecodeError, next_seed};

const VERSION: u8 = 1;
const SEED_BYTES: usize = 32;

/// Everything about a decided block that is not in the block: the seed its height had, its builder's
/// randomness, and who decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The seed that was in force at this height.
    pub seed: B256,
    /// The proof of the builder's VRF; its output gives PREVRANDAO and the next seed.
    pub proof: Proof,
    /// The precommits.
    pub certificate: Certificate,
}

impl Decision {
    /// `version (1) || seed (32) || proof (80) || certificate`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(self.seed.as_slice());
        bytes.extend_from_slice(&self.proof.to_bytes());
        bytes.extend_from_slice(&self.certificate.encode());
        bytes
    }

    /// Reads what [`Self::encode`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`DecodeError`]: the bytes are of another version, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (&version, rest) = bytes.split_first().ok_or(DecodeError::Truncated)?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let (seed, rest) = rest.split_at_checked(SEED_BYTES).ok_or(DecodeError::Truncated)?;
        let (proof, rest) = rest.split_at_checked(Proof::BYTES).ok_or(DecodeError::Truncated)?;
        Ok(Self {
            seed: B256::from_slice(seed),
            proof: Proof::from_bytes(proof).map_err(|_| DecodeError::Proof)?,
            certificate: Certificate::decode(rest)?,
        })
    }

    /// The seed of the next height.
    pub fn next_seed(&self) -> B256 {
        next_seed(self.seed, self.proof.output().as_bytes())
    }
}
