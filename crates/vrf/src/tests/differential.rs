//! Comparison with `vrf-rfc9381`, on honest keys and proofs and on those of a dishonest holder.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use proptest::collection::vec;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vrf_rfc9381::ec::edwards25519::EdVrfProof;
use vrf_rfc9381::ec::edwards25519::tai::{
    EdVrfEdwards25519TaiPublicKey as TheirPublicKey,
    EdVrfEdwards25519TaiSecretKey as TheirSecretKey,
};
use vrf_rfc9381::{Ciphersuite, Proof as _, Prover as _, Verifier as _};

use crate::suite::{challenge, challenge_scalar, encode_to_curve};
use crate::{Proof, PublicKey, SecretKey, VrfError};

/// What the other implementation says of a key, an input and a proof.
fn their_verdict(key: &[u8], alpha: &[u8], proof: &[u8]) -> Option<Vec<u8>> {
    let key = TheirPublicKey::from_slice(key).ok()?;
    let output = key.verify(alpha, EdVrfProof::decode_pi(proof).ok()?).ok()?;
    Some(output.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn both_make_the_same_proofs(seed: [u8; 32], alpha in vec(any::<u8>(), 0..300)) {
        let ours = SecretKey::from_seed(seed);
        let (proof, output) = ours.prove(&alpha);
        let key = *ours.public_key().as_bytes();
        prop_assert_eq!(their_verdict(&key, &alpha, &proof.to_bytes()), Some(output.as_bytes().to_vec()));

        let theirs = TheirSecretKey::from_slice(&seed).unwrap();
        prop_assert!(theirs.verifier() == TheirPublicKey::from_slice(&key).unwrap());
        let their_proof = theirs.prove(&alpha).unwrap();
        let suite = Ciphersuite::ECVRF_EDWARDS25519_SHA512_TAI;
        prop_assert_eq!(&their_proof.proof_to_hash(suite).unwrap()[..], &output.as_bytes()[..]);
        let their_proof = Proof::from_bytes(&their_proof.encode_to_pi()).unwrap();
        prop_assert_eq!(PublicKey::from_bytes(&key).unwrap().verify(&alpha, &their_proof), Ok(output));
        prop_assert_eq!(their_proof, proof);
    }
}

/// A proof by the holder of `x`, with a nonce and a component of small order in Gamma at will.
fn dishonest(
    x: &Scalar,
    k: &Scalar,
    key: &PublicKey,
    torsion: EdwardsPoint,
    alpha: &[u8],
) -> Proof {
    let h = encode_to_curve(key.encoded(), alpha).unwrap();
    let gamma = h * x + torsion;
    let u = EdwardsPoint::mul_base(k);
    let [h_encoded, gamma_encoded, u, v] = EdwardsPoint::compress_batch(&[h, gamma, u, h * k]);
    let challenge = challenge([key.encoded(), &h_encoded, &gamma_encoded, &u, &v]);
    Proof { gamma, gamma_encoded, challenge, s: k + challenge_scalar(&challenge) * x }
}

/// Who holds a key may add points of small order to it and to Gamma. Such a proof holds exactly when
/// the challenge annuls them, and its output is always the same.
#[test]
fn the_output_is_unique_whatever_is_added_of_small_order() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut held, mut refused) = (0, 0);
    for in_key in EIGHT_TORSION {
        let x = Scalar::from_bytes_mod_order(random.random());
        let key = (EdwardsPoint::mul_base(&x) + in_key).compress();
        let key = PublicKey::from_bytes(key.as_bytes()).unwrap();
        let alpha: [u8; 20] = random.random();
        let plain = dishonest(&x, &x, &key, EIGHT_TORSION[0], &alpha).output();
        for in_gamma in EIGHT_TORSION {
            for _ in 0..8 {
                let k = Scalar::from_bytes_mod_order(random.random());
                let proof = dishonest(&x, &k, &key, in_gamma, &alpha);
                assert_eq!(Proof::from_bytes(&proof.to_bytes()).as_ref(), Ok(&proof));
                assert_eq!(proof.output(), plain);

                let c = challenge_scalar(&proof.challenge);
                let annulled = (in_key * c).is_identity() && (in_gamma * c).is_identity();
                let expected = if annulled { Ok(plain) } else { Err(VrfError::Mismatch) };
                assert_eq!(key.verify(&alpha, &proof), expected);
                let theirs = their_verdict(key.as_bytes(), &alpha, &proof.to_bytes());
                assert_eq!(theirs, annulled.then(|| plain.as_bytes().to_vec()));
                if annulled { held += 1 } else { refused += 1 }
            }
        }
    }
    assert!(held > 10 && refused > 100, "{held} held, {refused} refused");
}
