//! The duties of workers, which somebody has to enforce: whoever answers no round that asked it loses a
//! class, and whoever is eligible no more loses its seat in the pool.
//!
//! Nothing is judged here. The node tries what the contract would do in the next block, and what it would
//! do is sent, in one transaction. Several keepers do the same: each waits as long as its account says,
//! so that mostly one of them pays, and `batch` leaves out what another has done.
//!
//! # Invariants
//! - Lists, calls and questions of a block are bounded by the constants below.
//! - An error is passing: what was not sent is asked anew for the next block.
//!
//! # Deliberately absent
//! Help from nodes without `eth_simulateV1`: through such a one a keeper asks about one worker of a round
//! at a time, and looks at no seats.

mod watched;

use crate::{
    contract::{Contract, Head, signature},
    error::WorkerError,
    interface::ICompute::{self, IComputeEvents as Event},
    worker::{BLOCKS_MAX, within},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall;
use mfenx_client::ClientError;
use std::{
    thread,
    time::{Duration, Instant},
};
use watched::{Sweep, Watched};

/// How often a block is looked for.
const INTERVAL: Duration = Duration::from_millis(500);
/// Blocks that a keeper looks back when it begins: a window and its grace, 8 days on `mfenx`, at a block
/// a second and some more. Whoever is measured was heard of in that time.
const LOOK_BACK: u64 = 1_000_000;
/// Ranges of blocks that are asked for at a time; while there are more, nothing else is done.
const RANGES_MAX: usize = 8;
/// Workers of rounds asked about for a block: as many calls fit one transaction.
const QUESTIONS_MAX: usize = 32;
/// Seats looked at for a block.
const SEATS_MAX: usize = 16;
/// Blocks between two looks at a seat.
const SEAT_INTERVAL: u64 = 60;
/// Seconds, or blocks, among which keepers choose when to act.
const PATIENCE: u64 = 12;

/// Watches over workers with an account that pays for it.
#[derive(Debug)]
pub(crate) struct Keeper {
    contract: Contract,
    watched: Watched,
    /// The last block whose events were read.
    heard: u64,
    /// The head at the start: a node may lack the events of older blocks.
    began: u64,
    /// The last block for which everything was asked.
    seen: u64,
}

/// What is to be sent for a block, and what is so when it was.
#[derive(Debug, Default)]
struct Due {
    calls: Vec<Bytes>,
    rounds: Vec<(U256, Option<Sweep>)>,
}

impl Keeper {
    /// Watches with the account of `contract`, whose node is at block `head`.
    pub(crate) fn new(contract: Contract, head: u64) -> Self {
        let heard = head.saturating_sub(LOOK_BACK);
        Self { contract, watched: Watched::default(), heard, began: head, seen: 0 }
    }

    /// Watches until `is_over` says so.
    pub(crate) fn run(&mut self, is_over: impl Fn() -> bool) {
        while !is_over() {
            let began = Instant::now();
            match self.step() {
                Ok(0) => {}
                Ok(calls) => tracing::info!(calls, "duties of workers were enforced"),
                Err(error) => tracing::warn!(%error, "duties of workers wait for the next block"),
            }
            thread::sleep(INTERVAL.saturating_sub(began.elapsed()).max(INTERVAL / 5));
        }
    }

    /// What is due for the head; how many calls were sent.
    fn step(&mut self) -> Result<usize, WorkerError> {
        let head = self.contract.head()?;
        if head.number <= self.seen {
            return Ok(0);
        }
        self.hear(head)?;
        if self.heard < head.number {
            // Of a round that is gone through now whoever is not known yet would be left out.
            return Ok(0);
        }
        let mut due = self.missed(head)?;
        due.calls.extend(self.stale(head)?);
        let sent = due.calls.len();
        if sent > 0 {
            self.contract.send_batch(due.calls)?;
        }
        for (round, sweep) in due.rounds {
            self.watched.go_on(round, sweep);
        }
        self.seen = head.number;
        Ok(sent)
    }

    /// Reads who is there and what rounds are.
    fn hear(&mut self, head: Head) -> Result<(), WorkerError> {
        let wanted = [
            signature::<ICompute::Registered>(),
            signature::<ICompute::Attested>(),
            signature::<ICompute::Eligible>(),
            signature::<ICompute::Settled>(),
            signature::<ICompute::Released>(),
            signature::<ICompute::RoundOpened>(),
        ];
        for _ in 0..RANGES_MAX {
            if self.heard >= head.number {
                break;
            }
            let range = (self.heard + 1, head.number.min(self.heard + BLOCKS_MAX));
            let (found, to) =
                match within(range, |range| self.contract.events(range, &wanted, None)) {
                    Err(WorkerError::Client(ClientError::Rpc { .. })) if range.1 <= self.began => {
                        // Pruned: the rest is found by what it does next.
                        (Vec::new(), range.1)
                    }
                    found => found?,
                };
            for happened in found {
                match happened.event {
                    Event::Registered(it) => self.watched.hear(it.worker),
                    Event::Attested(it) => self.watched.hear(it.worker),
                    Event::Eligible(it) => self.watched.hear(it.worker),
                    Event::Settled(it) => self.watched.hear(it.worker),
                    Event::Released(it) => self.watched.forget(it.worker),
                    Event::RoundOpened(it) => self.watched.open(it.round),
                    _ => {}
                }
            }
            self.heard = to;
        }
        Ok(())
    }

    /// The workers that missed a round. A round is asked about when all deadlines of those that are asked
    /// about are over.
    fn missed(&self, head: Head) -> Result<Due, WorkerError> {
        let (mut due, mut left) = (Due::default(), QUESTIONS_MAX);
        for (round, sweep) in self.watched.rounds_due(head.timestamp) {
            if left == 0 {
                break;
            }
            let workers = self.watched.behind(sweep.after, left);
            if workers.is_empty() {
                due.rounds.push((round, None));
                continue;
            }
            left -= workers.len();
            let from = self.deadline(round, &workers)? + 1 + self.patience(round.into());
            if from > head.timestamp {
                due.rounds.push((round, Some(Sweep { due: from, ..sweep })));
                continue;
            }
            let call = |worker: &Address| ICompute::missCall { round, worker: *worker };
            let calls: Vec<_> = workers.iter().map(|worker| call(worker).abi_encode()).collect();
            let answers = self.contract.answers(&calls)?;
            let last = workers.iter().zip(&answers).last().map(|(worker, _)| *worker);
            let accepted = calls.into_iter().zip(&answers).filter(|(_, answer)| answer.is_some());
            due.calls.extend(accepted.map(|(call, _)| Bytes::from(call)));
            due.rounds.push((round, Some(Sweep { after: last.or(sweep.after), ..sweep })));
        }
        Ok(due)
    }

    /// The last second in which any of `workers` may answer the round.
    fn deadline(&self, round: U256, workers: &[Address]) -> Result<u64, WorkerError> {
        let call = |worker: &Address| {
            let job_ = benchmark_id(round, *worker);
            ICompute::deadlineOfCall { job_ }.abi_encode()
        };
        let answers = self.contract.answers(&workers.iter().map(call).collect::<Vec<_>>())?;
        let deadlines = answers.iter().flatten().map(|answer| {
            let found = ICompute::deadlineOfCall::abi_decode_returns(answer);
            found.map_or(0, |deadline| deadline.saturating_to::<u64>())
        });
        // Leaves room for what is added.
        Ok(deadlines.max().unwrap_or_default().min(u64::MAX >> 1))
    }

    /// The workers that `refresh` would seat, or give the seat back of, at this look and the last.
    fn stale(&mut self, head: Head) -> Result<Vec<Bytes>, WorkerError> {
        let seats = self.watched.seats_due(head.number, SEATS_MAX);
        if seats.is_empty() {
            return Ok(Vec::new());
        }
        let calls: Vec<_> = seats.iter().flat_map(|(worker, _)| around(*worker)).collect();
        let answers = self.contract.answers(&calls)?;
        let mut due = Vec::new();
        for ((worker, was_stale), answers) in seats.into_iter().zip(answers.chunks(3)) {
            let is_stale = is_stale(answers);
            let acts = is_stale && was_stale;
            if acts {
                due.push(Bytes::from(ICompute::refreshCall { worker }.abi_encode()));
            }
            let later = if is_stale && !acts {
                1 + self.patience(worker.into_word())
            } else {
                SEAT_INTERVAL
            };
            self.watched.look_again(worker, head.number + later, is_stale && !acts);
        }
        Ok(due)
    }

    /// How long to leave to others what `subject` names.
    fn patience(&self, subject: B256) -> u64 {
        let preimage = [self.contract.account().as_slice(), subject.as_slice()].concat();
        let [first, ..] = keccak256(preimage).0;
        u64::from(first) % PATIENCE
    }
}

/// The number of the benchmark of a worker in a round, as `benchmarkId` has it.
fn benchmark_id(round: U256, worker: Address) -> U256 {
    (U256::from(1) << 255usize) | (round << 160usize) | U256::from_be_bytes(worker.into_word().0)
}

/// Calls that show what `refresh` does: the worker before and after it.
fn around(worker: Address) -> [Vec<u8>; 3] {
    let view = ICompute::workerCall { worker_: worker }.abi_encode();
    [view.clone(), ICompute::refreshCall { worker }.abi_encode(), view]
}

/// Whether a worker came to a seat or lost it, by the answers to [`around`].
fn is_stale(answers: &[Option<Bytes>]) -> bool {
    let [Some(before), Some(_), Some(after)] = answers else { return false };
    let is_seated =
        |it: &Bytes| ICompute::workerCall::abi_decode_returns(it).map(|it| it.place != 0);
    matches!((is_seated(before), is_seated(after)), (Ok(before), Ok(after)) if before != after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_is_told_from_jobs_and_others() {
        let worker = Address::repeat_byte(0xab);
        let id = benchmark_id(U256::from(7), worker);
        assert!(id.bit(255));
        assert_eq!((id << 1usize) >> 161usize, U256::from(7));
        assert_eq!(Address::from_word(B256::from(id)), worker);
    }

    #[test]
    fn a_seat_is_stale_when_refresh_would_move_it() {
        let worker = |place| {
            let it = ICompute::Worker { place, ..nobody() };
            Some(Bytes::from(ICompute::workerCall::abi_encode_returns(&it)))
        };
        let done = Some(Bytes::new());
        assert!(is_stale(&[worker(3), done.clone(), worker(0)]));
        assert!(is_stale(&[worker(0), done.clone(), worker(3)]));
        assert!(!is_stale(&[worker(3), done.clone(), worker(3)]));
        assert!(!is_stale(&[worker(0), done, worker(0)]));
        // Released meanwhile, or from a node that simulates nothing.
        assert!(!is_stale(&[worker(0), None, worker(0)]));
        assert!(!is_stale(&[worker(3)]));
    }

    /// A worker of which nothing is set.
    fn nobody() -> ICompute::Worker {
        let nothing = [0; 32 * 64];
        ICompute::workerCall::abi_decode_returns(&nothing).unwrap()
    }
}
