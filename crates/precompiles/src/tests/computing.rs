//! Proofs of compute, made by the reference backend.

use super::support::*;
use crate::{OutOfGas, PrecompileResult, compute_verify};
use alloy_sol_types::SolCall;
use mfenx_compute::{Prover, Reference, unwatched};
use proptest::prelude::*;

/// A call that holds.
fn proven(seed: [u8; 32], sizes: [u32; 4], beacon: [u8; 32], samples: u32) -> Proofs::verifyCall {
    let [m, k, p, rounds] = sizes;
    let task = mfenx_compute::Task::new(seed, m, k, p, rounds).unwrap();
    let mut prover = Prover::new(task);
    prover.run(&Reference, &unwatched).unwrap();
    let proof = prover.open(&Reference, &beacon, samples, &unwatched).unwrap();
    Proofs::verifyCall {
        task: Task { seed: seed.into(), m, k, p, rounds },
        roots: prover.roots().iter().map(Into::into).collect(),
        beacon: beacon.into(),
        samples,
        proof: proof.into(),
    }
}

fn ask(call: &Proofs::verifyCall, gas: u64) -> PrecompileResult {
    compute_verify(&call.abi_encode(), gas)
}

fn holds(call: &Proofs::verifyCall) -> bool {
    returned::<Proofs::verifyCall>(ask(call, PLENTY)).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn proofs_hold_and_changed_ones_do_not(
        seed: [u8; 32],
        sizes in [1_u32..20, 1_u32..40, 1_u32..40, 1_u32..4],
        beacon: [u8; 32],
        samples in 1_u32..20,
        at: prop::sample::Index,
        flip in 1_u8..,
    ) {
        let call = proven(seed, sizes, beacon, samples);
        prop_assert!(holds(&call));

        let mut changed = call.clone();
        let mut proof = changed.proof.to_vec();
        let at = at.index(proof.len());
        proof[at] ^= flip;
        changed.proof = proof.into();
        prop_assert!(!holds(&changed), "byte {at}");

        let mut changed = call.clone();
        changed.roots[0].0[0] ^= flip;
        prop_assert!(!holds(&changed));

        let mut changed = call.clone();
        changed.task.seed.0[0] ^= flip;
        prop_assert!(!holds(&changed));

        for cut in [0, call.proof.len() - 1] {
            let changed = Proofs::verifyCall { proof: call.proof.slice(..cut), ..call.clone() };
            prop_assert!(!holds(&changed));
        }
    }
}

/// 10,000 + 12 * rounds + samples * (100 + k/5 + k/32 + 12 * depth).
#[test]
fn gas_is_by_the_formula_and_charged_before() {
    for (sizes, samples, depth) in [
        ([1, 1, 1, 1], 1, 0),
        ([3, 100, 17, 2], 5, 2 + 1),
        ([16, 1_000, 64, 3], 64, 4 + 2),
        ([17, 33, 65, 1], 256, 5 + 3),
    ] {
        let [_, k, _, rounds] = sizes.map(u64::from);
        let gas = 10_000 + 12 * rounds + u64::from(samples) * (100 + k / 5 + k / 32 + 12 * depth);
        let call = proven([7; 32], sizes, [8; 32], samples);
        let (holds, used) = returned::<Proofs::verifyCall>(ask(&call, gas));
        assert_eq!((holds, used), (true, gas), "{sizes:?}");
        assert_eq!(ask(&call, gas - 1), Err(OutOfGas));
        // A proof that does not hold takes the same.
        let wrong = Proofs::verifyCall { proof: vec![].into(), ..call };
        assert_eq!(returned::<Proofs::verifyCall>(ask(&wrong, gas)), (false, gas));
    }
}

#[test]
fn questions_that_no_proof_can_answer_revert() {
    let call = proven([1; 32], [2, 3, 4, 2], [2; 32], 3);
    let with = |change: &dyn Fn(&mut Proofs::verifyCall)| {
        let mut call = call.clone();
        change(&mut call);
        reason(ask(&call, PLENTY))
    };
    assert_eq!(with(&|call| call.samples = 0), "samples are not from 1 to 256");
    assert_eq!(with(&|call| call.samples = 257), "samples are not from 1 to 256");
    assert_eq!(with(&|call| call.roots.truncate(1)), "not one root a round");
    assert_eq!(with(&|call| call.roots.push([0; 32].into())), "not one root a round");
    let bounds = with(&|call| call.task.k = 32_769);
    assert_eq!(bounds, "k is 32769, and must be at least 1 and at most 32768");
    for change in [
        (|call| call.task.m = 0) as fn(&mut Proofs::verifyCall),
        |call| call.task.k = 0,
        |call| call.task.p = u32::MAX,
        |call| call.task.rounds = 0,
    ] {
        let mut call = call.clone();
        change(&mut call);
        reason(ask(&call, PLENTY));
    }
}
