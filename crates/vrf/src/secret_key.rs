//! Keys that prove.

use std::fmt;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest, Sha512};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::suite::{challenge, challenge_scalar, encode_to_curve, leading, nonce};
use crate::{Output, Proof, PublicKey};

/// A secret key, derived from a seed as RFC 8032, section 5.1.5 does. Wiped when dropped; it can be
/// neither copied nor printed, and does not keep the seed.
pub struct SecretKey {
    /// The clamped scalar modulo `q`. Its multiples of points of order `q`, and there are no
    /// others here, are those of the clamped scalar itself.
    pub(crate) x: Zeroizing<Scalar>,
    /// What nonces are derived from.
    pub(crate) prefix: Zeroizing<[u8; 32]>,
    public: PublicKey,
}

impl SecretKey {
    /// Bytes of a seed.
    pub const SEED_BYTES: usize = 32;

    /// The key to a seed of 32 uniformly random bytes. The seed must not be an Ed25519 key's: the
    /// nonces of both would be derived alike.
    ///
    /// The caller wipes its own copy of the seed.
    pub fn from_seed(seed: [u8; Self::SEED_BYTES]) -> Self {
        let seed = Zeroizing::new(seed);
        let hash: Zeroizing<[u8; 64]> = Zeroizing::new(Sha512::digest(*seed).into());
        let (scalar, prefix) = hash.split_at(32);
        let scalar = Zeroizing::new(clamp_integer(leading(scalar)));
        let x = Zeroizing::new(Scalar::from_bytes_mod_order(*scalar));
        let public = PublicKey::from_point(EdwardsPoint::mul_base(&x));
        Self { x, prefix: Zeroizing::new(leading(prefix)), public }
    }

    /// The key that verifies what this one proves.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The output for `alpha` and its proof (section 5.1). The same input gives the same bytes.
    ///
    /// `alpha` must be public: how long this takes depends on it.
    ///
    /// An input that misses the curve 256 times, which has a probability of about 2^-256, gets a
    /// proof that [`PublicKey::verify`] refuses with [`VrfError::Input`](crate::VrfError::Input).
    pub fn prove(&self, alpha: &[u8]) -> (Proof, Output) {
        // Any point of order q keeps the secret when there is none to be had from the input.
        let h = encode_to_curve(self.public.encoded(), alpha).unwrap_or(ED25519_BASEPOINT_POINT);
        let gamma = h * *self.x;
        let [h_encoded, gamma_encoded] = EdwardsPoint::compress_batch(&[h, gamma]);
        let k = nonce(&self.prefix, &h_encoded);
        let [u, v] = EdwardsPoint::compress_batch(&[EdwardsPoint::mul_base(&k), h * *k]);
        let challenge = challenge([self.public.encoded(), &h_encoded, &gamma_encoded, &u, &v]);
        let s = *k + challenge_scalar(&challenge) * *self.x;
        let proof = Proof { gamma, gamma_encoded, challenge, s };
        let output = proof.output();
        (proof, output)
    }
}

impl ZeroizeOnDrop for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("public", &self.public).finish_non_exhaustive()
    }
}
