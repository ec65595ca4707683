//! What is due for each job of ours.

use crate::{
    book::{Book, Entry},
    contract::{Contract, Head},
    error::WorkerError,
    interface::ICompute::{self, JobState},
    machine::{Kind, Outcome, Piece},
    report::find,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolCall;
use mfenx_compute::{Hash, beacon_of};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// The beacon of the block this many after a commitment draws the positions.
const BEACON_DELAY: u64 = 2;
/// Fewer blocks than any chain leaves for an opening.
const OPEN_BLOCKS_MIN: u64 = 16;
/// Proofs kept in memory; each has at most 96 KiB. Others are made when it is their turn.
const PROOFS_MAX: usize = 16;
/// Longest time that a proof may take, in seconds: a few rows of each round.
const PROOF_SECONDS_MAX: u64 = 600;
/// Seconds before the deadline at which a computation is given up: its commitment would be late.
const COMMIT_SECONDS: u64 = 3;
/// Longest time in which what was computed once is computed again, in seconds: its opening ends before.
const AGAIN_SECONDS_MAX: u64 = 24 * 3_600;
/// Blocks that a benchmark waits for its reports.
const REPORT_BLOCKS_MAX: u64 = 2_000;

/// What is known beside the book, and can be made again from it.
#[derive(Debug, Default)]
pub(crate) struct Work {
    roots: BTreeMap<U256, Vec<Hash>>,
    proofs: BTreeMap<U256, Vec<u8>>,
    /// Committed, with the block of the commitment: a proof is wanted.
    committed: BTreeMap<U256, u64>,
    /// Verified benchmarks, with the block where that was seen first.
    waiting: BTreeMap<U256, u64>,
    /// Not to be computed: no time or memory.
    given_up: BTreeSet<U256>,
}

impl Work {
    /// Calls that are due for our jobs. Jobs that are over are forgotten.
    pub(crate) fn due(
        &mut self,
        contract: &Contract,
        book: &mut Book,
        head: Head,
    ) -> Result<Vec<Vec<u8>>, WorkerError> {
        let mut calls = Vec::new();
        let ids: Vec<U256> = book.jobs().keys().copied().collect();
        for id in ids {
            let Some(entry) = book.jobs().get(&id).cloned() else { continue };
            let job = contract.view(&ICompute::jobCall { id })?;
            if job.state != JobState::None && job.seed != entry.seed {
                // Of a chain with the same numbers that is no more.
                self.forget(book, id);
                continue;
            }
            match job.state {
                JobState::None | JobState::Assigned if head.timestamp > entry.deadline => {
                    // A benchmark that was never answered leaves no trace.
                    self.forget(book, id);
                }
                JobState::None | JobState::Assigned => {
                    if let Some(commitment) = self.commitment(book, id, &entry)? {
                        if let Some(other) = of_other_class(contract, id, &entry)? {
                            // Declared anew or lowered meanwhile: the commitment would be to this one.
                            self.forget(book, id);
                            book.add(id, other);
                            continue;
                        }
                        calls.push(ICompute::commitCall { job: id, commitment }.abi_encode());
                    }
                }
                JobState::Committed => {
                    let height = job.height.to::<u64>();
                    self.committed.insert(id, height);
                    let over = ICompute::lapseCall { job: id }.abi_encode();
                    if head.number > height + OPEN_BLOCKS_MIN && contract.refusal(&over)?.is_none()
                    {
                        // Nobody can open it any more; until it ends it holds a place and the stake.
                        calls.push(over);
                        continue;
                    }
                    if let (Some(roots), Some(proof)) = (self.roots.get(&id), self.proofs.get(&id))
                    {
                        let roots = roots.iter().map(|root| B256::from(*root)).collect();
                        let proof = proof.clone().into();
                        calls.push(ICompute::openCall { job: id, roots, proof }.abi_encode());
                    }
                }
                JobState::Verified if entry.is_benchmark => {
                    let since = *self.waiting.entry(id).or_insert(head.number);
                    let call = ICompute::settleCall { job: id }.abi_encode();
                    if contract.refusal(&call)?.is_none() {
                        calls.push(call);
                    } else if head.number > since + REPORT_BLOCKS_MAX {
                        self.forget(book, id);
                    }
                }
                _ => self.forget(book, id),
            }
        }
        Ok(calls)
    }

    fn forget(&mut self, book: &mut Book, id: U256) {
        book.remove(id);
        self.roots.remove(&id);
        self.proofs.remove(&id);
        self.committed.remove(&id);
        self.waiting.remove(&id);
        self.given_up.remove(&id);
    }

    /// What is committed to, when it is computed.
    fn commitment(
        &mut self,
        book: &Book,
        id: U256,
        entry: &Entry,
    ) -> Result<Option<B256>, WorkerError> {
        if !self.roots.contains_key(&id) && book.has_rows(id) {
            // Computed before a restart.
            if let (Some(rows), Ok(task)) = (book.rows(id), entry.task())
                && let Ok(prover) = mfenx_compute::Prover::resume(task, rows)
            {
                self.roots.insert(id, prover.roots().to_vec());
            }
        }
        Ok(self.roots.get(&id).map(|roots| keccak256(roots.concat())))
    }

    /// The most urgent work, proofs before computations.
    pub(crate) fn next(
        &mut self,
        contract: &Contract,
        book: &Book,
        head: Head,
        memory_max: u64,
    ) -> Result<Option<Piece>, WorkerError> {
        let wanted = self.committed.iter().find(|(id, height)| {
            let is_open = head.number > **height + BEACON_DELAY;
            let is_lost = self.given_up.contains(*id) && !book.has_rows(**id);
            is_open && !is_lost && !self.proofs.contains_key(*id)
        });
        if let Some((id, height)) = wanted
            && self.proofs.len() < PROOFS_MAX
        {
            let (id, height) = (*id, *height);
            return match (book.jobs().get(&id), book.rows(id)) {
                (Some(entry), Some(rows)) => {
                    let output = match contract.vrf_output(height + BEACON_DELAY) {
                        Err(WorkerError::Refused(reason)) => {
                            tracing::error!(job = %id, reason, "too late to open a commitment");
                            self.committed.remove(&id);
                            return Ok(None);
                        }
                        output => output?,
                    };
                    let output: [u8; 64] = output.as_ref().try_into().map_err(|_| {
                        WorkerError::Refused("the beacon's VRF output has not 64 bytes".into())
                    })?;
                    let until = Instant::now() + Duration::from_secs(PROOF_SECONDS_MAX);
                    let kind = Kind::Prove { rows, beacon: beacon_of(&output) };
                    Ok(Some(Piece { id, entry: entry.clone(), until, kind }))
                }
                (Some(entry), None) if !self.given_up.contains(&id) => {
                    tracing::warn!(job = %id, "what a commitment needs to be opened is lost: once more");
                    let entry = entry.clone();
                    Ok(self.compute(id, &entry, AGAIN_SECONDS_MAX, memory_max))
                }
                _ => {
                    self.committed.remove(&id);
                    Ok(None)
                }
            };
        }
        let candidates = book.jobs().iter().filter(|(id, _)| {
            let known = self.roots.contains_key(*id) || self.committed.contains_key(*id);
            !known && !self.waiting.contains_key(*id) && !self.given_up.contains(*id)
        });
        let Some((id, entry)) = candidates.min_by_key(|(_, entry)| entry.deadline) else {
            return Ok(None);
        };
        let left = entry.deadline.saturating_sub(head.timestamp + COMMIT_SECONDS);
        Ok(self.compute(*id, &entry.clone(), left, memory_max))
    }

    /// A computation that has so many seconds, if there is time and memory for it.
    fn compute(&mut self, id: U256, entry: &Entry, left: u64, memory_max: u64) -> Option<Piece> {
        let needs = memory_needed(entry);
        if needs > memory_max || left == 0 {
            tracing::warn!(job = %id, needs, memory_max, left, "a job is given up: no memory or time");
            self.given_up.insert(id);
            return None;
        }
        let until = Instant::now() + Duration::from_secs(left);
        Some(Piece { id, entry: entry.clone(), until, kind: Kind::Compute })
    }

    /// Takes in what the machine has done.
    pub(crate) fn take(
        &mut self,
        book: &Book,
        id: U256,
        outcome: Outcome,
    ) -> Result<(), WorkerError> {
        let Some(entry) = book.jobs().get(&id) else { return Ok(()) };
        match outcome {
            Outcome::Computed(rows) => {
                book.save_rows(id, &rows)?;
                self.commitment(book, id, entry)?;
            }
            Outcome::Proved { roots, proof } => {
                self.roots.insert(id, roots);
                self.proofs.insert(id, proof);
            }
            Outcome::Interrupted => {
                tracing::warn!(job = %id, "time is up, a computation was given up");
                self.given_up.insert(id);
            }
            Outcome::Failed(reason) => {
                tracing::error!(job = %id, reason, "a computation failed");
                self.given_up.insert(id);
            }
        }
        Ok(())
    }

    /// Jobs by what they wait for: to be computed, for a commitment or its beacon, to be opened.
    pub(crate) fn counts(&self, book: &Book) -> (usize, usize, usize) {
        let all = book.jobs().len();
        let committed = self.committed.len();
        let computed = self.roots.keys().filter(|id| !self.committed.contains_key(*id)).count();
        (all.saturating_sub(committed + computed), computed, committed)
    }
}

/// The benchmark as the class asks for it that its worker, the end of its number, has now; none if it is
/// that one already, or no benchmark.
fn of_other_class(
    contract: &Contract,
    id: U256,
    entry: &Entry,
) -> Result<Option<Entry>, WorkerError> {
    if !entry.is_benchmark {
        return Ok(None);
    }
    let worker = Address::from_word(B256::from(id));
    let it = find(contract, worker)?.ok_or(WorkerError::Unregistered { worker })?;
    let classes = contract.view(&ICompute::classesCall {})?;
    let Some(class) = classes.get(usize::from(it.class)) else { return Ok(None) };
    let (m, k, p, rounds) = (class.m, class.k, class.p, class.rounds);
    if (m, k, p, rounds) == (entry.m, entry.k, entry.p, entry.rounds) {
        return Ok(None);
    }
    let deadline = contract.view(&ICompute::deadlineOfCall { job_: id })?.saturating_to();
    Ok(Some(Entry { m, k, p, rounds, deadline, ..entry.clone() }))
}

/// Bytes that a job needs beside the program: one matrix, and the row roots of all rounds.
fn memory_needed(entry: &Entry) -> u64 {
    let matrix = u64::from(entry.k) * u64::from(entry.p);
    let roots = 2 * 32 * u64::from(entry.m) * u64::from(entry.rounds);
    matrix.saturating_add(roots)
}
