//! What holds for any key, input and damage.

use curve25519_dalek::constants::EIGHT_TORSION;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::key;
use crate::{Output, Proof, PublicKey, SecretKey, VrfError, fuzzing};

/// Decodes and verifies what came over a wire.
fn receive(key: &[u8], alpha: &[u8], proof: &[u8]) -> Result<Output, VrfError> {
    PublicKey::from_bytes(key)?.verify(alpha, &Proof::from_bytes(proof)?)
}

/// `bytes` with one bit turned over.
fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn no_bit_of_one_proof_can_change() {
    let secret = key(4);
    let (key, alpha) = (secret.public_key().as_bytes(), [0x5a; 40]);
    let (proof, output) = secret.prove(&alpha);
    let proof = proof.to_bytes();
    assert_eq!(receive(key, &alpha, &proof), Ok(output));
    for bit in 0..proof.len() * 8 {
        assert!(receive(key, &alpha, &flipped(&proof, bit)).is_err(), "bit {bit} of the proof");
    }
    for bit in 0..key.len() * 8 {
        assert!(receive(&flipped(key, bit), &alpha, &proof).is_err(), "bit {bit} of the key");
    }
    for bit in 0..alpha.len() * 8 {
        let answer = receive(key, &flipped(&alpha, bit), &proof);
        assert_eq!(answer, Err(VrfError::Mismatch), "bit {bit} of the input");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_honest_proof_verifies_and_a_damaged_one_does_not(
        seed: [u8; 32],
        alpha in vec(any::<u8>(), 1..200),
        damage: [Index; 3],
        tail: u8,
    ) {
        let secret = SecretKey::from_seed(seed);
        let key = secret.public_key().as_bytes();
        let (proof, output) = secret.prove(&alpha);
        prop_assert_eq!(secret.prove(&alpha), (proof.clone(), output));
        prop_assert_eq!(proof.output(), output);
        let bytes = proof.to_bytes();
        prop_assert_eq!(&Proof::from_bytes(&bytes), &Ok(proof));
        prop_assert_eq!(receive(key, &alpha, &bytes), Ok(output));

        let [in_proof, in_key, in_alpha] = damage;
        prop_assert!(receive(key, &alpha, &flipped(&bytes, in_proof.index(640))).is_err());
        prop_assert!(receive(&flipped(key, in_key.index(256)), &alpha, &bytes).is_err());
        let other = flipped(&alpha, in_alpha.index(alpha.len() * 8));
        prop_assert_eq!(receive(key, &other, &bytes), Err(VrfError::Mismatch));
        prop_assert_ne!(secret.prove(&other).1, output);
        let longer = [&alpha[..], &[tail]].concat();
        prop_assert_eq!(receive(key, &longer, &bytes), Err(VrfError::Mismatch));
        let shorter = &alpha[..alpha.len() - 1];
        prop_assert_eq!(receive(key, shorter, &bytes), Err(VrfError::Mismatch));
    }

    #[test]
    fn a_proof_is_of_one_key(seeds: [[u8; 32]; 2], alpha in vec(any::<u8>(), 0..50)) {
        prop_assume!(seeds[0] != seeds[1]);
        let [ours, other] = seeds.map(SecretKey::from_seed);
        let (proof, output) = ours.prove(&alpha);
        prop_assert_eq!(other.public_key().verify(&alpha, &proof), Err(VrfError::Mismatch));
        prop_assert_ne!(other.prove(&alpha).1, output);
    }
}

/// Bytes at random, or a key, a proof and an input with some damage.
fn specimen(random: &mut StdRng) -> Vec<u8> {
    if random.random_ratio(1, 8) {
        return (0..random.random_range(0..200)).map(|_| random.random()).collect();
    }
    let secret = SecretKey::from_seed(random.random());
    let alpha: [u8; 8] = random.random();
    let (proof, _) = secret.prove(&alpha);
    let (key, proof) = (secret.public_key().as_bytes(), proof.to_bytes());
    let mut bytes = match random.random_range(0..4) {
        0 => key.to_vec(),
        1 => proof.to_vec(),
        _ => [&key[..], &proof, &alpha].concat(),
    };
    for _ in 0..random.random_range(0..3) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes.truncate(at + 1),
            1 => bytes.rotate_left(at),
            2 => bytes[at..].fill(0xff),
            3 => bytes[at] ^= 1 << (at % 8),
            _ => {
                let torsion = EIGHT_TORSION[at % 8].compress().to_bytes();
                let start = if at % 2 == 0 { 0 } else { bytes.len().min(32) };
                bytes.splice(start..bytes.len().min(start + 32), torsion);
            }
        }
    }
    bytes
}

/// What the fuzz target runs, over specimens of our own.
#[test]
fn any_bytes_decode_to_themselves_or_not_at_all() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut keys, mut proofs, mut verified) = (0, 0, 0);
    for _ in 0..2_000 {
        let bytes = specimen(&mut random);
        fuzzing::decode(&bytes);
        keys += usize::from(PublicKey::from_bytes(&bytes).is_ok());
        proofs += usize::from(Proof::from_bytes(&bytes).is_ok());
        verified += usize::from(
            bytes.len() > 112 && receive(&bytes[..32], &bytes[112..], &bytes[32..112]).is_ok(),
        );
    }
    println!("{keys} keys, {proofs} proofs, {verified} verified");
    assert!(keys > 100 && proofs > 100 && verified > 100, "the specimens reach every branch");
}
