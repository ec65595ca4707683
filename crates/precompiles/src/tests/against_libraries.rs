use super::support::*;
use crate::{OutOfGas, blake3, ed25519_verify, multiply, vrf_verify};
use alloy_sol_types::SolCall;
use ed25519_dalek::{Signer, SigningKey};
use mfenx_vrf::SecretKey;
use proptest::prelude::*;

fn signature_call(key: [u8; 32], signature: &[u8], message: &[u8]) -> Vec<u8> {
    let (signature, message) = (bytes(signature), bytes(message));
    Signatures::verifyCall { publicKey: key.into(), signature, message }.abi_encode()
}

fn vrf_call(key: [u8; 32], proof: &[u8], alpha: &[u8]) -> Vec<u8> {
    Vrfs::verifyCall { publicKey: key.into(), proof: bytes(proof), alpha: bytes(alpha) }
        .abi_encode()
}

fn product_call(m: usize, k: usize, p: usize, a: &[u8], b: &[u8]) -> Vec<u8> {
    let (m, k, p) = (m as u32, k as u32, p as u32);
    Matrices::multiplyCall { m, k, p, a: bytes(a), b: bytes(b) }.abi_encode()
}

/// The gas that a call takes is the least that it can be called with.
fn takes(gas: u64, call: impl Fn(u64) -> crate::PrecompileResult) {
    assert_eq!(call(gas).unwrap().gas_used, gas);
    assert_eq!(call(gas - 1), Err(OutOfGas));
    assert_eq!(call(0), Err(OutOfGas));
}

proptest! {
    #[test]
    fn blake3_is_the_hash(input in prop::collection::vec(any::<u8>(), 0..3_000)) {
        let output = blake3(&input, PLENTY).unwrap();
        prop_assert_eq!(output.bytes, ::blake3::hash(&input).as_bytes().to_vec());
        takes(60 + 6 * input.len().div_ceil(32) as u64, |gas| blake3(&input, gas));
    }

    #[test]
    fn signatures_hold_and_changed_ones_do_not(
        seed: [u8; 32],
        message in prop::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..96,
        flip in 1_u8..,
    ) {
        let key = SigningKey::from_bytes(&seed);
        let signature = key.sign(&message).to_bytes();
        let public = key.verifying_key().to_bytes();
        let call = signature_call(public, &signature, &message);
        let (holds, _) = returned::<Signatures::verifyCall>(ed25519_verify(&call, PLENTY));
        prop_assert!(holds);
        takes(5_000 + 12 * message.len().div_ceil(32) as u64, |gas| ed25519_verify(&call, gas));

        let (mut public, mut signature) = (public, signature);
        if let Some(byte) = at.checked_sub(64) { public[byte] ^= flip } else { signature[at] ^= flip }
        let call = signature_call(public, &signature, &message);
        let (holds, _) = returned::<Signatures::verifyCall>(ed25519_verify(&call, PLENTY));
        prop_assert!(!holds);
    }

    #[test]
    fn proofs_hold_and_changed_ones_do_not(
        seed: [u8; 32],
        alpha in prop::collection::vec(any::<u8>(), 0..1_025),
        at in 0_usize..112,
        flip in 1_u8..,
    ) {
        let key = SecretKey::from_seed(seed);
        let (proof, output) = key.prove(&alpha);
        let (mut public, mut proof) = (*key.public_key().as_bytes(), proof.to_bytes());
        let call = vrf_call(public, &proof, &alpha);
        let (answer, _) = returned::<Vrfs::verifyCall>(vrf_verify(&call, PLENTY));
        prop_assert!(answer.ok);
        prop_assert_eq!(&answer.beta[..], output.as_bytes());
        takes(20_000, |gas| vrf_verify(&call, gas));

        if let Some(byte) = at.checked_sub(80) { public[byte] ^= flip } else { proof[at] ^= flip }
        let call = vrf_call(public, &proof, &alpha);
        let (answer, _) = returned::<Vrfs::verifyCall>(vrf_verify(&call, PLENTY));
        prop_assert!(!answer.ok && answer.beta.is_empty());
    }

    #[test]
    fn products_are_those_of_the_definition(
        (m, k, p, a, b) in (1_usize..20, 1_usize..40, 1_usize..30).prop_flat_map(|(m, k, p)| {
            let entries = |count| prop::collection::vec(any::<u8>(), count);
            (Just(m), Just(k), Just(p), entries(m * k), entries(k * p))
        })
    ) {
        let call = product_call(m, k, p, &a, &b);
        let (c, gas) = returned::<Matrices::multiplyCall>(multiply(&call, PLENTY));
        let mut expected = Vec::new();
        for (row, column) in (0..m).flat_map(|row| (0..p).map(move |column| (row, column))) {
            let term = |i: usize| {
                i64::from(a[row * k + i] as i8) * i64::from(b[i * p + column] as i8)
            };
            let sum = (0..k).map(term).sum::<i64>();
            expected.extend_from_slice(&i32::try_from(sum).unwrap().to_le_bytes());
        }
        prop_assert_eq!(&c[..], &expected[..]);
        let words = [m * k, k * p, 4 * m * p].map(|bytes| bytes.div_ceil(32)).iter().sum::<usize>();
        prop_assert_eq!(gas as usize, 100 + (m * k * p).div_ceil(32) + 3 * words);
        takes(gas, |gas| multiply(&call, gas));
    }
}

/// RFC 8032, section 7.1, test 2, and RFC 9381, appendix B.3, example 16.
#[test]
fn published_vectors() {
    use alloy_primitives::hex;
    let key = hex!("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let signature = hex!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
    let call = signature_call(key, &signature, &[0x72]);
    assert!(returned::<Signatures::verifyCall>(ed25519_verify(&call, PLENTY)).0);

    let key = hex!("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let proof = hex!(
        "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f"
        "26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12"
        "68a1b0db10836d9826a528ca76567805"
    );
    let (answer, _) = returned::<Vrfs::verifyCall>(vrf_verify(&vrf_call(key, &proof, &[]), PLENTY));
    let beta = hex!(
        "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
        "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae"
    );
    assert!(answer.ok);
    assert_eq!(answer.beta[..], beta);
}

/// A key of small order signs everything for whoever does not look; strict verification looks.
#[test]
fn keys_of_small_order_hold_nothing() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let call = signature_call(identity, &signature, b"anything");
    assert!(!returned::<Signatures::verifyCall>(ed25519_verify(&call, PLENTY)).0);
    let call = vrf_call(identity, &[0; 80], b"anything");
    assert!(!returned::<Vrfs::verifyCall>(vrf_verify(&call, PLENTY)).0.ok);
}
