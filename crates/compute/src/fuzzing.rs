//! What must hold for any bytes; the fuzz target and a test call the same function.

use crate::{
    Hash, Prover, Reference, Task, max_proof_bytes, positions, proof_bytes, unwatched, verify,
};

/// Reads `data` as a question and a proof, and as changes to a proof that holds.
///
/// # Panics
/// When a proof is longer than the bound says, or a changed proof is accepted.
pub fn check(data: &[u8]) {
    question(data);
    changes(data);
}

/// Sizes from the first bytes, everything else from the rest. `k` stays small, for speed.
fn question(data: &[u8]) {
    let Some((sizes, rest)) = data.split_first_chunk::<8>() else { return };
    let [m0, m1, p0, p1, k, rounds, samples, _] = *sizes;
    let (m, p) = (u32::from_le_bytes([m0, m1, 0, 0]), u32::from_le_bytes([p0, p1, 0, 0]));
    let rounds = u32::from(rounds % 5);
    let Ok(task) = Task::new([k; 32], m, u32::from(k), p, rounds) else { return };
    let (roots, proof) = rest.split_at(rest.len().min(32 * rounds as usize));
    let roots: Vec<Hash> = roots.as_chunks::<32>().0.to_vec();
    let (beacon, samples) = ([samples; 32], u32::from(samples));
    if let Ok(positions) = positions(&task, &roots, &beacon, samples) {
        assert!(
            proof_bytes(&task, &positions) <= max_proof_bytes(&task, samples),
            "the bound holds"
        );
    }
    let _ = verify(&task, &roots, &beacon, samples, proof);
}

/// Each three bytes are a place and a difference.
#[allow(clippy::expect_used)] // a panic is what a fuzzer looks for
fn changes(data: &[u8]) {
    let task = Task::new([5; 32], 5, 3, 20, 2).expect("sizes in bounds");
    let mut prover = Prover::new(task);
    prover.run(&Reference, &unwatched).expect("the reference computes");
    let honest = prover.open(&Reference, &[6; 32], 8, &unwatched).expect("it opens");
    let mut changed = honest.clone();
    for [low, high, difference] in data.as_chunks::<3>().0 {
        let place = usize::from(u16::from_le_bytes([*low, *high])) % changed.len();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= difference;
        }
    }
    let accepted = verify(&task, prover.roots(), &[6; 32], 8, &changed).is_ok();
    assert_eq!(accepted, changed == honest, "there is one proof");
}
