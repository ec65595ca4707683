//! Keys that verify.

use std::fmt;
use std::hash::{Hash, Hasher};

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::VartimeMultiscalarMul;

use crate::proof::write_hex;
use crate::suite::{POINT_BYTES, challenge, challenge_scalar, decode_point, encode_to_curve};
use crate::{Output, Proof, VrfError};

/// A public key that passed validation, decoded once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    point: EdwardsPoint,
    encoded: CompressedEdwardsY,
}

impl PublicKey {
    /// Bytes of an encoded key.
    pub const BYTES: usize = POINT_BYTES;

    /// Decodes and validates a key (`ECVRF_validate_key`, section 5.4.5).
    ///
    /// A key with a component of small order beside one of order `q` passes, as in the RFC: its
    /// outputs are unique, since they come from Gamma times the cofactor.
    ///
    /// # Errors
    /// [`VrfError::Length`], [`VrfError::Point`] and [`VrfError::SmallOrder`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VrfError> {
        let length = VrfError::Length { expected: Self::BYTES, actual: bytes.len() };
        let bytes: &[u8; POINT_BYTES] = bytes.try_into().map_err(|_| length)?;
        Ok(Self { point: decode_point(bytes)?, encoded: CompressedEdwardsY(*bytes) })
    }

    /// The key to a secret scalar. A clamped scalar is no multiple of `q`, so that the point is
    /// never of small order.
    pub(crate) fn from_point(point: EdwardsPoint) -> Self {
        Self { point, encoded: point.compress() }
    }

    /// The only bytes that decode to this key.
    pub fn as_bytes(&self) -> &[u8; POINT_BYTES] {
        self.encoded.as_bytes()
    }

    /// The encoded point, salt of `encode_to_curve` and part of the challenge.
    pub(crate) fn encoded(&self) -> &CompressedEdwardsY {
        &self.encoded
    }

    /// Checks that `proof` is of this key and of `alpha`, and returns the output (section 5.3).
    ///
    /// # Errors
    /// [`VrfError::Mismatch`]; [`VrfError::Input`] with a probability of about 2^-256.
    pub fn verify(&self, alpha: &[u8], proof: &Proof) -> Result<Output, VrfError> {
        let h = encode_to_curve(&self.encoded, alpha).ok_or(VrfError::Input)?;
        let c = challenge_scalar(&proof.challenge);
        // The points are negated and not the challenge: Y and Gamma may have a component of small
        // order, for which q - c is another factor than -c.
        let u = EdwardsPoint::vartime_double_scalar_mul_basepoint(&c, &-self.point, &proof.s);
        let v = EdwardsPoint::vartime_multiscalar_mul([proof.s, c], [h, -proof.gamma]);
        let [h, u, v] = EdwardsPoint::compress_batch(&[h, u, v]);
        if challenge([&self.encoded, &h, &proof.gamma_encoded, &u, &v]) == proof.challenge {
            Ok(proof.output())
        } else {
            Err(VrfError::Mismatch)
        }
    }
}

impl Hash for PublicKey {
    fn hash<S: Hasher>(&self, state: &mut S) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        write_hex(f, self.as_bytes())?;
        f.write_str(")")
    }
}
