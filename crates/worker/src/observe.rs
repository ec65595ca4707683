//! What an authority saw of benchmarks: how long each took, for the attestation's fourth level.
//!
//! It keeps workers to their duties, too, in a thread of its own: what that waits for delays no look at a
//! block, of which the times are made.
//!
//! The clock is this machine's. A time runs from the arrival of the block whose beacon gave the seed
//! to the arrival of the block with the commitment, less the median round trip to the node, which
//! stands for the network between.

use crate::{
    contract::{Contract, signature},
    error::WorkerError,
    interface::ICompute::{self, IComputeEvents as Event},
    keep::Keeper,
};
use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Blocks whose arrival is remembered.
const ARRIVALS_MAX: usize = 4_096;
/// Rounds that are remembered.
const ROUNDS_MAX: usize = 64;
/// Round trips of which the median is taken.
const TRIPS_MAX: usize = 31;
/// Benchmarks in one report.
const REPORT_MAX: usize = 64;
/// Benchmarks that wait to be reported.
const WAITING_MAX: usize = 4_096;

/// An authority that watches.
#[derive(Debug)]
pub struct Observer {
    contract: Contract,
    poll: Duration,
    arrivals: BTreeMap<u64, Instant>,
    rounds: BTreeMap<U256, u64>,
    trips: VecDeque<Duration>,
    waiting: BTreeMap<U256, u32>,
    cursor: u64,
}

/// What was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The benchmark.
    pub job: U256,
    /// How long it took.
    pub milliseconds: u32,
}

impl Observer {
    /// Watches with the account of `contract`.
    ///
    /// # Errors
    /// The account is no authority, or the node does not answer.
    pub fn new(contract: Contract, poll: Duration) -> Result<Self, WorkerError> {
        let account = contract.account();
        if !contract.view(&ICompute::isAuthorityCall { account })? {
            return Err(WorkerError::Refused(format!("{account} is no authority of this chain")));
        }
        let cursor = contract.head()?.number;
        Ok(Self {
            contract,
            poll,
            arrivals: BTreeMap::new(),
            rounds: BTreeMap::new(),
            trips: VecDeque::new(),
            waiting: BTreeMap::new(),
            cursor,
        })
    }

    /// Watches, and keeps workers to their duties, until `stop`; `report` is told what was reported.
    ///
    /// # Errors
    /// Something that waiting does not mend.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        report: impl FnMut(&[Observed]),
    ) -> Result<(), WorkerError> {
        let failed = AtomicBool::new(false);
        let mut keeper = Keeper::new(self.contract.clone(), self.cursor);
        thread::scope(|scope| {
            let is_over = || stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
            scope.spawn(move || keeper.run(is_over));
            let watched = self.watch(stop, report);
            failed.store(watched.is_err(), Ordering::Relaxed);
            watched
        })
    }

    fn watch(
        &mut self,
        stop: &AtomicBool,
        mut report: impl FnMut(&[Observed]),
    ) -> Result<(), WorkerError> {
        while !stop.load(Ordering::Relaxed) {
            match self.step() {
                Ok(reported) if reported.is_empty() => {}
                Ok(reported) => report(&reported),
                Err(WorkerError::Client(error)) => tracing::warn!(%error, "will look again"),
                Err(error @ (WorkerError::Refused(_) | WorkerError::Reverted)) => {
                    tracing::warn!(%error, "will report again");
                }
                Err(error) => return Err(error),
            }
            thread::sleep(self.poll);
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Vec<Observed>, WorkerError> {
        let before = Instant::now();
        let head = self.contract.head()?.number;
        self.note_trip(before.elapsed());
        if head <= self.cursor {
            return Ok(Vec::new());
        }
        // Blocks that came since the last look arrived now, as far as one can tell.
        for number in (self.cursor + 1).max(head.saturating_sub(ARRIVALS_MAX as u64))..=head {
            // A look that failed later on saw it arrive all the same.
            self.arrivals.entry(number).or_insert(before);
        }
        while self.arrivals.len() > ARRIVALS_MAX {
            self.arrivals.pop_first();
        }
        let wanted = [signature::<ICompute::RoundOpened>(), signature::<ICompute::Committed>()];
        for happened in self.contract.events((self.cursor + 1, head), &wanted, None)? {
            match happened.event {
                Event::RoundOpened(it) => {
                    self.rounds.insert(it.round, it.height);
                    while self.rounds.len() > ROUNDS_MAX {
                        self.rounds.pop_first();
                    }
                }
                Event::Committed(it) if it.job.bit(255) => self.note(it.job, happened.block),
                _ => {}
            }
        }
        self.cursor = head;
        self.report()
    }

    fn note_trip(&mut self, trip: Duration) {
        if self.trips.len() == TRIPS_MAX {
            self.trips.pop_front();
        }
        self.trips.push_back(trip);
    }

    fn median_trip(&self) -> Duration {
        let mut trips: Vec<_> = self.trips.iter().copied().collect();
        trips.sort_unstable();
        trips.get(trips.len() / 2).copied().unwrap_or_default()
    }

    /// A benchmark was committed in `block`; nothing is known of what began before this program.
    fn note(&mut self, job: U256, block: u64) {
        let round = (job << 1usize) >> 161usize;
        let began = self.rounds.get(&round).and_then(|height| self.arrivals.get(height));
        let (Some(began), Some(ended)) = (began, self.arrivals.get(&block)) else { return };
        let time = ended.duration_since(*began).saturating_sub(self.median_trip());
        let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        if self.waiting.len() < WAITING_MAX {
            self.waiting.insert(job, milliseconds);
        }
    }

    /// Reports what waits and is still wanted.
    fn report(&mut self) -> Result<Vec<Observed>, WorkerError> {
        let mut reported = Vec::new();
        for (job, milliseconds) in self.waiting.clone() {
            if reported.len() == REPORT_MAX {
                break;
            }
            let call = ICompute::reportCall { jobs: vec![job], milliseconds: vec![milliseconds] };
            if self.contract.refusal(&call.abi_encode())?.is_none() {
                reported.push(Observed { job, milliseconds });
            } else {
                self.waiting.remove(&job);
            }
        }
        if reported.is_empty() {
            return Ok(reported);
        }
        let jobs = reported.iter().map(|it| it.job).collect();
        let milliseconds = reported.iter().map(|it| it.milliseconds).collect();
        let call = ICompute::reportCall { jobs, milliseconds };
        // When this fails they still wait: the next block asks anew which of them are wanted.
        self.contract.send(&call, U256::ZERO)?;
        for it in &reported {
            self.waiting.remove(&it.job);
        }
        Ok(reported)
    }
}
