//! Input that is no call reverts, whatever it is, and takes no more than its gas.

use super::support::*;
use crate::{
    Output, PrecompileResult, beacon, compute_verify, ed25519_verify, multiply, vrf_verify,
};
use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use proptest::prelude::*;
use std::convert::Infallible;

type Function = fn(&[u8], u64) -> PrecompileResult;

fn ask_beacon(input: &[u8], gas: u64) -> PrecompileResult {
    let Ok(result) = beacon::<Infallible>(input, gas, 10, |_| Ok(None));
    result
}

/// Every function with a call that it understands and the gas it has taken when it begins to read.
fn calls() -> [(Function, Vec<u8>, u64); 5] {
    let signature = Signatures::verifyCall {
        publicKey: [1; 32].into(),
        signature: bytes(&[0; 64]),
        message: bytes(b"to sign"),
    };
    let proof = Vrfs::verifyCall {
        publicKey: [1; 32].into(),
        proof: bytes(&[0; 80]),
        alpha: bytes(b"alpha"),
    };
    let proof_of_compute = Proofs::verifyCall {
        task: Task { seed: [1; 32].into(), m: 3, k: 5, p: 7, rounds: 2 },
        roots: vec![[2; 32].into(), [3; 32].into()],
        beacon: [4; 32].into(),
        samples: 3,
        proof: bytes(&[5; 70]),
    };
    let height = Beacons::beaconCall { height: U256::from(7) };
    let product = Matrices::multiplyCall { m: 2, k: 3, p: 1, a: bytes(&[1; 6]), b: bytes(&[1; 3]) };
    [
        (ed25519_verify, signature.abi_encode(), 5_000),
        (vrf_verify, proof.abi_encode(), 20_000),
        (ask_beacon, height.abi_encode(), 2_100),
        (multiply, product.abi_encode(), 100),
        (compute_verify, proof_of_compute.abi_encode(), 10_000),
    ]
}

#[test]
fn what_is_cut_short_extended_or_meant_for_others_reverts() {
    for (function, call, base) in calls() {
        let reverts = |input: &[u8], expected: &str| {
            assert_eq!(function(input, base).unwrap().gas_used, base);
            assert_eq!(reason(function(input, PLENTY)), expected);
        };
        reverts(&[], "no selector");
        reverts(&call[..3], "no selector");
        reverts(&[&[0; 4], &call[4..]].concat(), "unknown function");
        reverts(&call[..4], "arguments missing");
        reverts(&[&call[..], &[0]].concat(), "trailing bytes");
        reverts(&[&call[..], &[0; 32]].concat(), "trailing bytes");
        for length in 4..call.len() {
            let Output { reverted, gas_used, .. } = function(&call[..length], PLENTY).unwrap();
            assert!(reverted && gas_used == base, "{length} bytes");
        }
        assert!(function(&call, base - 1).is_err());
    }
}

#[test]
fn what_is_no_canonical_encoding_reverts() {
    let [(_, signature, _), (_, proof, _), _, (_, product, _), (_, computing, _)] = calls();
    let with = |call: &[u8], at: usize, byte: u8| {
        let mut call = call.to_vec();
        call[at] = byte;
        call
    };
    // The offset of the first dynamic argument, and its padding.
    let offset = reason(ed25519_verify(&with(&signature, 4 + 63, 0x80), PLENTY));
    assert_eq!(offset, "offset is not canonical");
    let last = signature.len() - 1;
    assert_eq!(reason(ed25519_verify(&with(&signature, last, 1), PLENTY)), "padding is not zero");
    let length = reason(ed25519_verify(&with(&signature, 4 + 96, 1), PLENTY));
    assert_eq!(length, "length is too large");
    let length = reason(vrf_verify(&with(&proof, 4 + 96 + 28, 1), PLENTY));
    assert_eq!(length, "arguments are cut short");
    assert_eq!(reason(multiply(&with(&product, 4 + 27, 1), PLENTY)), "not a uint32");
    let roots = |byte| reason(compute_verify(&with(&computing, 4 + 10 * 32 - 2, byte), PLENTY));
    assert_eq!(roots(3), "arguments are cut short");
    assert_eq!(roots(5), "array is too long");
}

#[test]
fn lengths_that_no_valid_input_has_revert() {
    let verify = |signature: usize| {
        let (signature, message) = (bytes(&vec![0; signature]), bytes(b""));
        Signatures::verifyCall { publicKey: [1; 32].into(), signature, message }.abi_encode()
    };
    for length in [0, 63, 65, 96] {
        let reason = reason(ed25519_verify(&verify(length), PLENTY));
        assert_eq!(reason, "a signature has 64 bytes");
    }
    let verify = |proof: usize, alpha: usize| {
        let (proof, alpha) = (bytes(&vec![0; proof]), bytes(&vec![0; alpha]));
        Vrfs::verifyCall { publicKey: [1; 32].into(), proof, alpha }.abi_encode()
    };
    assert_eq!(reason(vrf_verify(&verify(79, 0), PLENTY)), "a proof has 80 bytes");
    let long = reason(vrf_verify(&verify(80, 1_025), PLENTY));
    assert_eq!(long, "alpha has more than 1,024 bytes");
    let product = |m: u32, k: u32, p: u32, a: usize, b: usize| {
        let (a, b) = (bytes(&vec![0; a]), bytes(&vec![0; b]));
        reason(multiply(&Matrices::multiplyCall { m, k, p, a, b }.abi_encode(), PLENTY))
    };
    for (m, k, p) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1 << 24, 2, 1), (u32::MAX, u32::MAX, 2)] {
        assert_eq!(product(m, k, p, 0, 0), "m * k * p is 0 or above 2^24");
    }
    assert_eq!(product(2, 3, 4, 5, 12), "a has not m * k bytes");
    assert_eq!(product(2, 3, 4, 6, 13), "b has not k * p bytes");
}

proptest! {
    /// A changed byte makes another call or none, but nothing else.
    #[test]
    fn no_input_does_anything_else(which in 0_usize..5, at: prop::sample::Index, byte: u8, gas: u64) {
        let (function, mut call, base) = calls()[which].clone();
        let at = at.index(call.len());
        call[at] = byte;
        match function(&call, gas) {
            Ok(output) => prop_assert!((base..=gas).contains(&output.gas_used)),
            Err(_) => prop_assert!(gas < base + 40_000_000),
        }
    }

    #[test]
    fn nor_does_noise(which in 0_usize..5, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let (function, call, _) = &calls()[which];
        prop_assert!(function(&noise, PLENTY).unwrap().reverted);
        let behind_selector = [&call[..4], &noise].concat();
        prop_assert!(function(&behind_selector, PLENTY).unwrap().reverted);
    }
}
