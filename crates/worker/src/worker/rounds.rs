//! Benchmarks that rounds ask of us.

use super::Worker;
use crate::{book::Entry, contract::Head, error::WorkerError, interface::ICompute, report::find};
use alloy_primitives::U256;

/// Samples of a benchmark.
pub(super) const BENCHMARK_SAMPLES: u32 = 64;
/// Rounds that are remembered. They are hours apart; older ones have passed their deadline.
const ROUNDS_MAX: usize = 64;

impl Worker {
    /// Takes in that a round was opened.
    pub(super) fn remember_round(&mut self, round: U256, height: u64) {
        if self.rounds.len() >= ROUNDS_MAX {
            self.rounds.remove(0);
        }
        self.rounds.push((round, height));
    }

    /// Takes the benchmarks in that rounds ask of us.
    pub(super) fn answer_rounds(&mut self, head: Head) -> Result<(), WorkerError> {
        let (ready, waiting) =
            self.rounds.iter().copied().partition(|(_, height)| head.number > *height);
        let ready: Vec<(U256, u64)> = ready;
        for (round, _) in &ready {
            let call = ICompute::isAskedCall { round_: *round, worker_: self.name };
            match self.contract.view(&call) {
                Ok(true) => {}
                // Its beacon is out of reach, so nobody can answer it any more.
                Ok(false) | Err(WorkerError::Refused(_)) => continue,
                Err(error) => return Err(error),
            }
            let call = ICompute::benchmarkIdCall { round_: *round, worker_: self.name };
            let id = self.contract.view(&call)?;
            let deadline = self.contract.view(&ICompute::deadlineOfCall { job_: id })?;
            let deadline = deadline.saturating_to::<u64>();
            if deadline < head.timestamp {
                continue;
            }
            let it = find(&self.contract, self.name)?
                .ok_or(WorkerError::Unregistered { worker: self.name })?;
            let classes = self.contract.view(&ICompute::classesCall {})?;
            let Some(class) = classes.get(usize::from(it.class)) else { continue };
            let entry = Entry {
                seed: self.contract.view(&ICompute::seedOfCall { job_: id })?,
                m: class.m,
                k: class.k,
                p: class.p,
                rounds: class.rounds,
                samples: BENCHMARK_SAMPLES,
                deadline,
                is_benchmark: true,
            };
            self.book.add(id, entry);
        }
        self.rounds = waiting;
        Ok(())
    }
}
