//! Encodings that a lax decoder would take.

use std::collections::HashSet;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;

use super::key;
use crate::{Proof, PublicKey, SecretKey, VrfError};

/// `p + above`, which must be below 2^255, with a sign bit.
fn beyond_the_field(above: u8, sign: bool) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + above;
    bytes[31] = if sign { 0xff } else { 0x7f };
    bytes
}

fn lax(bytes: [u8; 32]) -> Option<EdwardsPoint> {
    CompressedEdwardsY(bytes).decompress()
}

/// The same complaint about a point in the place of a key and of Gamma.
fn assert_refused(point: [u8; 32], error: VrfError) {
    assert_eq!(PublicKey::from_bytes(&point), Err(error), "key {}", hex::encode(point));
    let mut proof = key(1).prove(b"alpha").0.to_bytes();
    proof[..32].copy_from_slice(&point);
    assert_eq!(Proof::from_bytes(&proof), Err(error), "Gamma {}", hex::encode(point));
}

#[test]
fn points_of_small_order_are_refused() {
    let canonical = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    for encoding in canonical {
        assert_refused(encoding, VrfError::SmallOrder);
    }
    // The identity and the point of order two with a sign on x = 0; the identity and the two points
    // of order four with y + p.
    let (mut identity, mut minus_one) = ([0; 32], [0xff; 32]);
    (identity[0], identity[31]) = (0x01, 0x80);
    (minus_one[0], minus_one[31]) = (0xec, 0xff);
    let other = [
        identity,
        minus_one,
        beyond_the_field(0, false),
        beyond_the_field(0, true),
        beyond_the_field(1, false),
        beyond_the_field(1, true),
    ];
    for encoding in other {
        assert!(lax(encoding).unwrap().is_small_order());
        assert_refused(encoding, VrfError::Point);
    }
    let all: HashSet<_> = canonical.into_iter().chain(other).collect();
    assert_eq!(all.len(), 14);
}

#[test]
fn the_identity_is_no_key() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(PublicKey::from_bytes(&identity), Err(VrfError::SmallOrder));
}

#[test]
fn coordinates_beyond_the_field_are_refused() {
    let mut of_large_order = 0;
    for above in 0..=18 {
        for sign in [false, true] {
            let bytes = beyond_the_field(above, sign);
            assert_refused(bytes, VrfError::Point);
            let Some(point) = lax(bytes) else { continue };
            if point.is_small_order() {
                continue;
            }
            of_large_order += 1;
            let canonical = point.compress().to_bytes();
            assert_eq!(canonical[0], above, "the same point by its right name");
            assert!(PublicKey::from_bytes(&canonical).is_ok());
        }
    }
    assert!(of_large_order > 0);
}

#[test]
fn what_is_no_point_is_refused() {
    let mut refused = 0;
    for y in 2..=255 {
        let mut bytes = [0; 32];
        bytes[0] = y;
        if lax(bytes).is_none() {
            assert_refused(bytes, VrfError::Point);
            refused += 1;
        }
    }
    assert!(refused > 50, "about half of all coordinates: {refused}");
}

/// `a + b`, little-endian, unless it needs more than 256 bits.
fn sum(a: &[u8; 32], b: &[u8; 32]) -> Option<[u8; 32]> {
    let mut carry = 0;
    let mut sum = [0; 32];
    for (to, (a, b)) in sum.iter_mut().zip(a.iter().zip(b)) {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        (*to, carry) = ((digit & 0xff) as u8, digit >> 8);
    }
    (carry == 0).then_some(sum)
}

#[test]
fn scalars_that_are_not_reduced_are_refused() {
    let secret = key(2);
    let (proof, output) = secret.prove(b"alpha");
    let mut bytes = proof.to_bytes();
    let mut one = [0; 32];
    one[0] = 1;
    let q = sum((Scalar::ZERO - Scalar::ONE).as_bytes(), &one).unwrap();

    let mut s = proof.s.to_bytes();
    let mut others = 0;
    while let Some(next) = sum(&s, &q) {
        s = next;
        assert_eq!(Scalar::from_bytes_mod_order(s), proof.s, "equal modulo q");
        bytes[48..].copy_from_slice(&s);
        assert_eq!(Proof::from_bytes(&bytes), Err(VrfError::Scalar));
        others += 1;
    }
    assert!(others >= 14, "2^256 is more than 15 q: {others}");

    for (scalar, expected) in [
        ((Scalar::ZERO - Scalar::ONE).to_bytes(), None),
        (q, Some(VrfError::Scalar)),
        ([0xff; 32], Some(VrfError::Scalar)),
    ] {
        bytes[48..].copy_from_slice(&scalar);
        assert_eq!(Proof::from_bytes(&bytes).err(), expected);
    }
    assert_eq!(secret.public_key().verify(b"alpha", &proof), Ok(output));
}

#[test]
fn other_lengths_are_refused() {
    let (proof, key) = (key(3).prove(b"").0.to_bytes(), *key(3).public_key().as_bytes());
    for actual in 0..200 {
        let mut bytes = proof.to_vec();
        bytes.resize(actual, 0);
        let expected = VrfError::Length { expected: Proof::BYTES, actual };
        assert_eq!(Proof::from_bytes(&bytes).err(), (actual != Proof::BYTES).then_some(expected));
        let mut bytes = key.to_vec();
        bytes.resize(actual, 0);
        let expected = VrfError::Length { expected: PublicKey::BYTES, actual };
        let error = PublicKey::from_bytes(&bytes).err();
        assert_eq!(error, (actual != PublicKey::BYTES).then_some(expected));
    }
}

#[test]
fn printing_a_secret_key_shows_its_public_key_only() {
    let secret = SecretKey::from_seed([0xa7; 32]);
    let printed = format!("{secret:?}");
    assert_eq!(printed, format!("SecretKey {{ public: {:?}, .. }}", secret.public_key()));
}
