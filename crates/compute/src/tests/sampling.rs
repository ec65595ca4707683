//! What is drawn, and what a cheater risks.

use crate::{
    Backend, BackendError, MAX_SAMPLES, Position, Prover, Reference, Round, Task, TaskError,
    VerifyError, Watch, max_proof_bytes, positions, proof_bytes, row_root, unwatched, verify,
};
use proptest::prelude::*;

/// Leaves out entries: computes the rest as it should, and commits to what it has.
struct Lazy(fn(u32) -> bool);

impl Backend for Lazy {
    fn name(&self) -> &str {
        "lazy"
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<[u8; 32]>, BackendError> {
        let rows: Vec<u32> = (0..round.m()).collect();
        let entries = self.rows(round, &rows, watch)?;
        Ok(entries.chunks(round.p() as usize).map(row_root).collect())
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let mut entries = Reference.rows(round, rows, watch)?;
        for (row, entries) in rows.iter().zip(entries.chunks_mut(round.p() as usize)) {
            for (column, entry) in entries.iter_mut().enumerate() {
                if (self.0)(row * round.p() + column as u32) {
                    *entry += 1;
                }
            }
        }
        Ok(entries)
    }
}

#[test]
fn a_lazy_worker_is_caught_when_and_only_when_a_missing_entry_is_drawn() {
    let skipped: fn(u32) -> bool = |entry| entry % 10 == 3;
    let backend = Lazy(skipped);
    let task = Task::new([8; 32], 30, 6, 50, 1).unwrap();
    let mut prover = Prover::new(task);
    prover.run(&backend, &unwatched).unwrap();
    let (runs, samples) = (1_000_u32, 16);
    let mut caught = 0;
    for run in 0..runs {
        let beacon = *blake3::hash(&run.to_le_bytes()).as_bytes();
        let proof = prover.open(&backend, &beacon, samples, &unwatched).unwrap();
        let drawn = positions(&task, prover.roots(), &beacon, samples).unwrap();
        let missing = drawn.iter().filter(|at| skipped(at.row * 50 + at.column)).min();
        let verdict = verify(&task, prover.roots(), &beacon, samples, &proof);
        assert_eq!(verdict, missing.map_or(Ok(()), |at| Err(VerifyError::Entry(*at))));
        caught += u32::from(verdict.is_err());
    }
    // 1 - 0.9^16 = 0.8147; four standard deviations of a thousand runs are 0.049.
    let rate = f64::from(caught) / f64::from(runs);
    assert!((rate - 0.8147).abs() < 0.049, "caught {rate}");
}

#[test]
fn sizes_out_of_bounds_make_no_task() {
    let error = |name, value, max| Err(TaskError { name, value, max });
    assert_eq!(Task::new([0; 32], 0, 1, 1, 1), error("m", 0, 65_536));
    assert_eq!(Task::new([0; 32], 1, 32_769, 1, 1), error("k", 32_769, 32_768));
    assert_eq!(Task::new([0; 32], 1, 1, 65_537, 1), error("p", 65_537, 65_536));
    assert_eq!(Task::new([0; 32], 1, 1, 1, 1_025), error("rounds", 1_025, 1_024));
    assert!(Task::new([0; 32], 65_536, 32_768, 65_536, 1_024).is_ok());
}

#[test]
fn the_largest_standard_proof_is_under_64_kib() {
    let task = Task::new([0; 32], 65_536, 32_768, 65_536, 1_024).unwrap();
    assert_eq!(max_proof_bytes(&task, 64), 60 * 1_024);
    assert_eq!(max_proof_bytes(&task, u32::MAX), max_proof_bytes(&task, MAX_SAMPLES));
}

/// Each third of an axis gets its third of the draws.
#[test]
fn draws_are_even() {
    let task = Task::new([0; 32], 3, 1, 3, 3).unwrap();
    let mut counts = [[0_i32; 3]; 3];
    for run in 0..100_u32 {
        let beacon = *blake3::hash(&run.to_le_bytes()).as_bytes();
        for Position { round, row, column } in
            positions(&task, &[[1; 32]; 3], &beacon, 256).unwrap()
        {
            for (counts, index) in counts.iter_mut().zip([round, row, column]) {
                counts[index as usize] += 1;
            }
        }
    }
    // 25,600 draws: a third is 8,533, the standard deviation 75.
    assert!(counts.iter().flatten().all(|count| (count - 8_533).abs() < 375), "{counts:?}");
}

proptest! {
    #[test]
    fn positions_are_in_bounds_and_a_prefix_of_more(
        seed: [u8; 32], m in 1..=65_536_u32, k in 1..=32_768_u32, p in 1..=65_536_u32,
        rounds in 1..=9_u32, beacon: [u8; 32], samples in 1..=MAX_SAMPLES,
    ) {
        let task = Task::new(seed, m, k, p, rounds).unwrap();
        let roots = vec![[9; 32]; rounds as usize];
        let drawn = positions(&task, &roots, &beacon, samples).unwrap();
        prop_assert_eq!(drawn.len(), samples as usize);
        prop_assert!(drawn.iter().all(|at| at.round < rounds && at.row < m && at.column < p));
        let more = positions(&task, &roots, &beacon, MAX_SAMPLES).unwrap();
        prop_assert_eq!(&more[..samples as usize], &drawn[..]);
        prop_assert!(proof_bytes(&task, &drawn) <= max_proof_bytes(&task, samples));
    }
}
