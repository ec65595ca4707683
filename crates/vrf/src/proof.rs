//! Proofs and what they prove.

use std::fmt;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;

use crate::VrfError;
use crate::suite::{
    CHALLENGE_BYTES, OUTPUT_BYTES, POINT_BYTES, SCALAR_BYTES, decode_point, proof_to_hash,
};

/// A proof that an output belongs to a key and an input: `pi` of RFC 9381.
///
/// It is well formed; whether it proves anything, [`PublicKey::verify`](crate::PublicKey::verify)
/// says.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    pub(crate) gamma: EdwardsPoint,
    pub(crate) gamma_encoded: CompressedEdwardsY,
    pub(crate) challenge: [u8; CHALLENGE_BYTES],
    pub(crate) s: Scalar,
}

impl Proof {
    /// Bytes of an encoded proof.
    pub const BYTES: usize = POINT_BYTES + CHALLENGE_BYTES + SCALAR_BYTES;

    /// Decodes `Gamma || c || s` of 32, 16 and 32 bytes, integers little-endian (section 5.4.4).
    ///
    /// Stricter than the RFC in one point: it refuses a Gamma of small order. No honest proof has
    /// one, since Gamma is the multiple of a point of order `q` by a clamped scalar, which `q` never
    /// divides; and a proof with such a Gamma verifies under a validated key only by guessing a
    /// challenge of 128 bits.
    ///
    /// # Errors
    /// [`VrfError::Length`], [`VrfError::Point`], [`VrfError::SmallOrder`] and [`VrfError::Scalar`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VrfError> {
        let length = VrfError::Length { expected: Self::BYTES, actual: bytes.len() };
        let (gamma_encoded, rest) = bytes.split_first_chunk::<POINT_BYTES>().ok_or(length)?;
        let (challenge, s) = rest.split_first_chunk::<CHALLENGE_BYTES>().ok_or(length)?;
        let s: [u8; SCALAR_BYTES] = s.try_into().map_err(|_| length)?;
        let s: Option<Scalar> = Scalar::from_canonical_bytes(s).into();
        Ok(Self {
            gamma: decode_point(gamma_encoded)?,
            gamma_encoded: CompressedEdwardsY(*gamma_encoded),
            challenge: *challenge,
            s: s.ok_or(VrfError::Scalar)?,
        })
    }

    /// `Gamma || c || s`, the only bytes that decode to this proof.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let parts =
            self.gamma_encoded.as_bytes().iter().chain(&self.challenge).chain(self.s.as_bytes());
        let mut bytes = [0; Self::BYTES];
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = *from;
        }
        bytes
    }

    /// The output that this proof claims (`ECVRF_proof_to_hash`, section 5.2).
    ///
    /// It means something only for a proof that was verified before; verification returns it, too.
    pub fn output(&self) -> Output {
        Output(proof_to_hash(&self.gamma))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(")?;
        write_hex(f, &self.to_bytes())?;
        f.write_str(")")
    }
}

/// The output for a key and an input: `beta` of RFC 9381, 64 bytes that look random to whoever has
/// not the secret key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Output([u8; OUTPUT_BYTES]);

impl Output {
    /// Bytes of an output.
    pub const BYTES: usize = OUTPUT_BYTES;

    /// The output, as it is hashed into what follows from it.
    pub fn as_bytes(&self) -> &[u8; OUTPUT_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Output(")?;
        write_hex(f, &self.0)?;
        f.write_str(")")
    }
}

/// Writes `bytes` in hexadecimal, two digits each.
pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
