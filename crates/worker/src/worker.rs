//! The loop: hear what happened, do what is due, keep the machine busy.

mod hear;
mod rounds;

pub(crate) use hear::{BLOCKS_MAX, within};

use crate::{
    book::{Book, Earnings},
    chores::Chores,
    contract::{Contract, Head},
    error::WorkerError,
    machine::Machine,
    report::find,
    work::Work,
};
use alloy_primitives::{Address, Bytes, U256};
use mfenx_compute::Backend;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Calls in one transaction.
const CALLS_MAX: usize = 24;
/// Bytes of calls in one transaction, below what pools take.
const CALL_BYTES_MAX: usize = 110 * 1024;
/// Blocks that a worker looks back when it begins: orders older than this are others' business.
const LOOK_BACK: u64 = 2_000;
/// Blocks that a worker looks back for its own jobs when it has no book: twice what a commitment can be
/// opened in, on any chain, and more than an hour for what comes before.
const LOOK_BACK_FOR_JOBS: u64 = 20_000;
/// How often the machine is looked at.
const MACHINE_INTERVAL: Duration = Duration::from_millis(10);
/// How soon a node that did not answer is asked for a beacon again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Longest pause between attempts while the node does not answer.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What a worker may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of memory for one job. Larger jobs are not begun.
    pub memory_max: u64,
    /// Between two looks at the chain.
    pub poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_max: 4 << 30, poll: Duration::from_millis(500) }
    }
}

/// A registered worker at work.
pub struct Worker {
    contract: Contract,
    name: Address,
    book: Book,
    chores: Chores,
    work: Work,
    machine: Machine,
    limits: Limits,
    /// Rounds that may ask us, and the block whose beacon says so.
    rounds: Vec<(U256, u64)>,
    /// The head of the last look.
    seen: Head,
    /// The last block whose events for everybody were read. Not kept: who starts looks back.
    heard: u64,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Worker {
    /// The worker `name`, whose files are in `directory`, with the account of `contract`.
    ///
    /// # Errors
    /// The worker is not registered, the account may not act for it, or the files are another's.
    pub fn open(
        contract: Contract,
        name: Address,
        directory: &Path,
        backend: Arc<dyn Backend>,
        limits: Limits,
    ) -> Result<Self, WorkerError> {
        let it = find(&contract, name)?.ok_or(WorkerError::Unregistered { worker: name })?;
        let account = contract.account();
        if account != it.operator && account != it.agent {
            return Err(WorkerError::Stranger { worker: name, operator: it.operator, account });
        }
        let head = contract.head()?.number;
        let heard = head.saturating_sub(LOOK_BACK);
        // Who has jobs and no book finds them.
        let begin = if it.live > 0 { head.saturating_sub(LOOK_BACK_FOR_JOBS) } else { heard };
        let book = Book::open(directory, contract.chain_id(), name, begin)?;
        book.check_head(head)?;
        let machine = Machine::start(backend);
        let (chores, work) = (Chores::new(name), Work::default());
        let rounds = Vec::new();
        Ok(Self {
            contract,
            name,
            book,
            chores,
            work,
            machine,
            limits,
            rounds,
            seen: Head::default(),
            heard,
        })
    }

    /// The worker's name.
    pub const fn name(&self) -> Address {
        self.name
    }

    /// What it has earned.
    pub const fn earnings(&self) -> &Earnings {
        self.book.earnings()
    }

    /// A line on what it does now.
    pub fn progress(&self) -> String {
        let (open, computed, committed) = self.work.counts(&self.book);
        format!(
            "block {}: {open} to compute, {computed} to commit, {committed} to open, {} slots watched; {:.3e} multiply-adds; {}",
            self.seen.number,
            self.chores.watched(),
            self.machine.multiply_adds() as f64,
            self.book.earnings()
        )
    }

    /// The same for programs.
    pub fn json(&self) -> String {
        let (open, computed, committed) = self.work.counts(&self.book);
        serde_json::json!({
            "worker": self.name,
            "block": self.seen.number,
            "toCompute": open,
            "toCommit": computed,
            "toOpen": committed,
            "slotsWatched": self.chores.watched(),
            "multiplyAdds": self.machine.multiply_adds(),
            "earnings": self.book.earnings(),
        })
        .to_string()
    }

    /// Works until `stop`; `report` is called after each block.
    ///
    /// # Errors
    /// Something that waiting does not mend: files, a worker that is gone, the machine.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        mut report: impl FnMut(&Self),
    ) -> Result<(), WorkerError> {
        let mut pause = self.limits.poll;
        while !stop.load(Ordering::Relaxed) {
            match self.step() {
                Ok(is_new) => {
                    pause = self.limits.poll;
                    if is_new {
                        report(self);
                    }
                }
                // What the contract refuses now may be right after the next block.
                Err(error) if error.is_passing() || matches!(error, WorkerError::Refused(_)) => {
                    tracing::warn!(%error, "will try again");
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(WorkerError::Client(error)) => {
                    tracing::error!(%error, "will try again");
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
            self.compute_for(pause, stop)?;
        }
        self.book.save()
    }

    /// Keeps the machine busy for so long, without asking the chain more than a proof needs.
    fn compute_for(&mut self, time: Duration, stop: &AtomicBool) -> Result<(), WorkerError> {
        let end = Instant::now() + time;
        while Instant::now() < end && !stop.load(Ordering::Relaxed) {
            match self.feed() {
                Ok(true) => {}
                Ok(false) => thread::sleep(MACHINE_INTERVAL.min(time)),
                Err(error @ WorkerError::Client(_)) => {
                    tracing::debug!(%error, "a beacon could not be read");
                    thread::sleep(RETRY_INTERVAL.min(time));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what the machine has finished and gives it the next piece; whether anything happened.
    fn feed(&mut self) -> Result<bool, WorkerError> {
        let mut happened = false;
        while let Some((id, outcome)) = self.machine.finished()? {
            self.work.take(&self.book, id, outcome)?;
            happened = true;
        }
        if self.machine.busy().is_none()
            && let Some(piece) =
                self.work.next(&self.contract, &self.book, self.seen, self.limits.memory_max)?
        {
            self.machine.begin(piece)?;
            happened = true;
        }
        Ok(happened)
    }

    /// One look; whether there was a new block.
    fn step(&mut self) -> Result<bool, WorkerError> {
        self.feed()?;
        let head = self.contract.head()?;
        let is_new = head.number > self.seen.number;
        if is_new {
            self.hear(head)?;
            self.answer_rounds(head)?;
            self.book.save()?;
            self.send_due(head)?;
            self.seen = head;
        }
        Ok(is_new)
    }

    /// Sends what is due as one transaction. What would fail alone is left out, with the reason.
    fn send_due(&mut self, head: Head) -> Result<(), WorkerError> {
        let mut calls = self.work.due(&self.contract, &mut self.book, head)?;
        let room = CALLS_MAX.saturating_sub(calls.len());
        calls.extend(self.chores.due(&self.contract, head, room)?);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for call in calls {
            if batch.len() >= CALLS_MAX || bytes + call.len() > CALL_BYTES_MAX {
                break;
            }
            match self.contract.refusal(&call)? {
                None => {
                    bytes += call.len() + 96;
                    batch.push(Bytes::from(call));
                }
                Some(reason) => tracing::debug!(reason, "a call is not due yet"),
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        // What was written down must be there after a crash, before the chain knows of it.
        self.book.save()?;
        let receipt = self.contract.send_batch(batch)?;
        let paid = receipt.effective_gas_price.saturating_mul(U256::from(receipt.gas_used));
        let earnings = self.book.earnings_mut();
        earnings.gas = earnings.gas.saturating_add(paid);
        self.book.save()
    }
}
