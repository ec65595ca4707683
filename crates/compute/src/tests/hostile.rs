//! One proof holds; every other is refused.

use super::proved;
use crate::{
    Backend, BackendError, CpuBackend, Hash, MAX_SAMPLES, Prover, Reference, Round, SamplesError,
    Task, VerifyError, Watch, fuzzing, max_proof_bytes,
    tree::{Levels, fold, leaf, row_leaves},
    unwatched, verify,
};
use proptest::prelude::*;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{num::NonZeroUsize, sync::LazyLock};

const BEACON: Hash = [9; 32];

static PROVED: LazyLock<(Prover, Vec<u8>)> = LazyLock::new(|| {
    let prover = proved(37, 70, 53, 3);
    let proof = prover.open(&Reference, &BEACON, 20, &unwatched).unwrap();
    (prover, proof)
});

#[test]
fn an_honest_proof_holds() {
    let backend = CpuBackend::new(NonZeroUsize::MIN).unwrap();
    for (m, k, p, rounds) in [(1, 1, 1, 1), (3, 5, 17, 2), (33, 100, 70, 3), (8, 257, 16, 1)] {
        let prover = proved(m, k, p, rounds);
        for samples in [1, 64, MAX_SAMPLES] {
            let proof = prover.open(&backend, &BEACON, samples, &unwatched).unwrap();
            assert!(proof.len() <= max_proof_bytes(prover.task(), samples));
            assert_eq!(verify(prover.task(), prover.roots(), &BEACON, samples, &proof), Ok(()));
        }
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let (prover, proof) = &*PROVED;
    for index in 0..proof.len() {
        let mut changed = proof.clone();
        changed[index] ^= 1 << (index % 8);
        let verdict = verify(prover.task(), prover.roots(), &BEACON, 20, &changed);
        assert!(matches!(verdict, Err(VerifyError::Path(_))), "byte {index}: {verdict:?}");
    }
}

#[test]
fn every_other_length_is_refused_unread() {
    let (prover, proof) = &*PROVED;
    let expected = proof.len();
    for got in (0..expected + 70).filter(|got| *got != expected) {
        let mut other = proof.clone();
        other.resize(got, 0);
        let verdict = verify(prover.task(), prover.roots(), &BEACON, 20, &other);
        assert_eq!(verdict, Err(VerifyError::Length { expected, got }));
    }
}

#[test]
fn a_wrong_question_is_malformed() {
    let (prover, proof) = &*PROVED;
    for samples in [0, MAX_SAMPLES + 1, u32::MAX] {
        let error = verify(prover.task(), prover.roots(), &BEACON, samples, proof).unwrap_err();
        assert_eq!(error, VerifyError::Samples(SamplesError(samples)));
        assert!(error.is_malformed());
    }
    for roots in [&prover.roots()[..2], &[]] {
        let error = verify(prover.task(), roots, &BEACON, 20, proof).unwrap_err();
        assert_eq!(error, VerifyError::Roots { rounds: 3, got: roots.len() });
        assert!(error.is_malformed());
    }
    assert!(!verify(prover.task(), prover.roots(), &BEACON, 20, &[]).unwrap_err().is_malformed());
}

/// Another seed, size, order of roots, beacon or number of samples makes another question.
#[test]
fn a_proof_answers_one_question() {
    let (prover, proof) = &*PROVED;
    let task = prover.task();
    let refused = |task: &Task, roots: &[Hash], beacon: &Hash, samples| {
        assert!(verify(task, roots, beacon, samples, proof).is_err());
    };
    for (m, k, p) in [
        (36, 70, 53),
        (38, 70, 53),
        (37, 69, 53),
        (37, 71, 53),
        (37, 70, 52),
        (37, 70, 54),
        (53, 70, 37),
    ] {
        refused(&Task::new(*task.seed(), m, k, p, 3).unwrap(), prover.roots(), &BEACON, 20);
    }
    let mut seed = *task.seed();
    seed[0] ^= 1;
    refused(&Task::new(seed, 37, 70, 53, 3).unwrap(), prover.roots(), &BEACON, 20);
    refused(task, prover.roots(), &[8; 32], 20);
    refused(task, prover.roots(), &BEACON, 19);
    refused(task, prover.roots(), &BEACON, 21);
    for (first, second) in [(0, 1), (1, 2), (0, 2)] {
        let mut roots = prover.roots().to_vec();
        roots.swap(first, second);
        refused(task, &roots, &BEACON, 20);
    }
}

/// A root says of which sizes it is, where trees alone would not.
#[test]
fn roots_bind_the_sizes() {
    let rows = [[1; 32], [2; 32]];
    let root = |m, k, p| {
        let task = Task::new([0; 32], m, k, p, 1).unwrap();
        crate::round_root(&task.round([0; 32]), &rows)
    };
    assert!(
        root(2, 3, 4) != root(3, 3, 4)
            && root(2, 3, 4) != root(2, 4, 4)
            && root(2, 3, 4) != root(2, 3, 5)
    );
}

/// Commits to rows that go on behind their end.
struct Longer;

impl Backend for Longer {
    fn name(&self) -> &str {
        "longer"
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError> {
        let rows: Vec<u32> = (0..round.m()).collect();
        let entries = Reference.rows(round, &rows, watch)?;
        let root = |row: &[i32]| crate::row_root(&[row, &[1]].concat());
        Ok(entries.chunks(round.p() as usize).map(root).collect())
    }

    fn rows(&self, _: &Round, _: &[u32], _: &Watch<'_>) -> Result<Vec<i32>, BackendError> {
        Err(BackendError::Interrupted)
    }
}

#[test]
fn a_row_ends_at_its_end() {
    let task = Task::new([1; 32], 1, 5, 3, 1).unwrap();
    let mut prover = Prover::new(task);
    prover.run(&Longer, &unwatched).unwrap();
    let row = Reference.rows(&task.round([1; 32]), &[0], &unwatched).unwrap();
    let proof: Vec<u8> = row_leaves(&[&row[..], &[1]].concat()).flatten().collect();
    let verdict = verify(&task, prover.roots(), &BEACON, 4, &proof);
    assert_eq!(verdict, Err(VerifyError::Padding { round: 0, row: 0 }));
}

proptest! {
    /// Any leaves of a tree of any width lead to its root, with exactly the siblings it gives.
    #[test]
    fn openings_lead_to_the_root(width in 1..80_u32, picks: u128) {
        let leaves: Vec<Hash> = (0..width).map(|index| leaf(&[index as u8; 64])).collect();
        let known: Vec<u32> = (0..width).filter(|index| picks >> (index % 128) & 1 == 1).collect();
        prop_assume!(!known.is_empty());
        let levels = Levels::new(leaves.clone());
        let mut siblings = levels.siblings(&known).into_iter();
        let opened = known.iter().map(|index| (*index, leaves[*index as usize])).collect();
        prop_assert_eq!(fold(width, opened, &mut || siblings.next()), Some(levels.root()));
        prop_assert!(siblings.next().is_none());
    }

    #[test]
    fn any_bytes_as_a_proof_are_refused(noise in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let (prover, proof) = &*PROVED;
        let mut bytes = noise;
        bytes.resize(proof.len(), 0);
        prop_assert!(verify(prover.task(), prover.roots(), &BEACON, 20, &bytes).is_err());
    }
}

#[test]
fn what_the_fuzzer_asks_holds_for_specimens() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    fuzzing::check(&[]);
    fuzzing::check(&[255; 600]);
    for _ in 0..300 {
        let mut data = vec![0; rng.random_range(0..600)];
        rng.fill_bytes(&mut data);
        // Sizes in bounds more often than chance would have them.
        if let Some([_, m, _, p, ..]) = data.first_chunk_mut::<8>() {
            (*m, *p) = (0, 0);
        }
        fuzzing::check(&data);
    }
}
