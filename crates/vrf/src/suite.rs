//! The functions of RFC 9381, section 5.4 with the parameters of suite 0x03 (section 5.5).

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::VrfError;

/// `suite_string` of ECVRF-EDWARDS25519-SHA512-TAI.
const SUITE: u8 = 0x03;
const ENCODE_TO_CURVE_FRONT: u8 = 0x01;
const CHALLENGE_FRONT: u8 = 0x02;
const PROOF_TO_HASH_FRONT: u8 = 0x03;
/// The same for all three.
const BACK: u8 = 0x00;

/// Bytes of an encoded point (`ptLen`).
pub(crate) const POINT_BYTES: usize = 32;
/// Bytes of a challenge (`cLen`).
pub(crate) const CHALLENGE_BYTES: usize = 16;
/// Bytes of a scalar (`qLen`).
pub(crate) const SCALAR_BYTES: usize = 32;
/// Bytes of an output (`hLen`).
pub(crate) const OUTPUT_BYTES: usize = 64;

/// The first `N` of `bytes`, which are as many or more.
pub(crate) fn leading<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut leading = [0; N];
    for (to, from) in leading.iter_mut().zip(bytes) {
        *to = *from;
    }
    leading
}

/// `string_to_point` as RFC 8032, section 5.1.3 has it: one encoding a point.
///
/// Decompression alone would take `y` of `p` and above, and a sign bit on `x = 0`.
fn string_to_point(bytes: &[u8; POINT_BYTES]) -> Option<EdwardsPoint> {
    let encoded = CompressedEdwardsY(*bytes);
    let point = encoded.decompress()?;
    (point.compress() == encoded).then_some(point)
}

/// A point of a key or of a proof: canonical and not of small order.
pub(crate) fn decode_point(bytes: &[u8; POINT_BYTES]) -> Result<EdwardsPoint, VrfError> {
    let point = string_to_point(bytes).ok_or(VrfError::Point)?;
    if point.is_small_order() { Err(VrfError::SmallOrder) } else { Ok(point) }
}

/// `ECVRF_encode_to_curve_try_and_increment` (section 5.4.1.1): a point of order `q`, or nothing
/// when all 256 values of the one-byte counter miss.
///
/// The time depends on both arguments: the public key, which is the salt, and the input.
pub(crate) fn encode_to_curve(salt: &CompressedEdwardsY, alpha: &[u8]) -> Option<EdwardsPoint> {
    let front = Sha512::new()
        .chain_update([SUITE, ENCODE_TO_CURVE_FRONT])
        .chain_update(salt.as_bytes())
        .chain_update(alpha);
    (0..=u8::MAX).find_map(|counter| {
        let hash = front.clone().chain_update([counter, BACK]).finalize();
        let point = string_to_point(&leading(&hash))?.mul_by_cofactor();
        (!point.is_identity()).then_some(point)
    })
}

/// `ECVRF_nonce_generation_RFC8032` (section 5.4.2.2), `prefix` being the second half of the hashed
/// seed.
pub(crate) fn nonce(prefix: &[u8; 32], h: &CompressedEdwardsY) -> Zeroizing<Scalar> {
    let hash = Sha512::new().chain_update(prefix).chain_update(h.as_bytes()).finalize();
    let hash: Zeroizing<[u8; 64]> = Zeroizing::new(hash.into());
    Zeroizing::new(Scalar::from_bytes_mod_order_wide(&hash))
}

/// `ECVRF_challenge_generation` (section 5.4.3) of the points Y, H, Gamma, U and V.
pub(crate) fn challenge(points: [&CompressedEdwardsY; 5]) -> [u8; CHALLENGE_BYTES] {
    let mut hasher = Sha512::new().chain_update([SUITE, CHALLENGE_FRONT]);
    for point in points {
        hasher.update(point.as_bytes());
    }
    leading(&hasher.chain_update([BACK]).finalize())
}

/// The challenge as the integer it is, little-endian; 2^128 is below `q`, nothing is reduced.
pub(crate) fn challenge_scalar(challenge: &[u8; CHALLENGE_BYTES]) -> Scalar {
    Scalar::from(u128::from_le_bytes(*challenge))
}

/// `ECVRF_proof_to_hash` (section 5.2), from the point Gamma of the proof.
pub(crate) fn proof_to_hash(gamma: &EdwardsPoint) -> [u8; OUTPUT_BYTES] {
    Sha512::new()
        .chain_update([SUITE, PROOF_TO_HASH_FRONT])
        .chain_update(gamma.mul_by_cofactor().compress().as_bytes())
        .chain_update([BACK])
        .finalize()
        .into()
}
