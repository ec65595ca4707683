//! The thread that computes, one piece of work at a time.

use crate::{book::Entry, error::WorkerError};
use alloy_primitives::U256;
use mfenx_compute::{Backend, BackendError, Hash, Prover, ProverError};
use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel},
    },
    thread,
    time::Instant,
};

/// A piece of work.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) id: U256,
    pub(crate) entry: Entry,
    /// When it is of no use any more.
    pub(crate) until: Instant,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// Row roots and roots of all rounds.
    Compute,
    /// The proof of what `beacon` draws.
    Prove { rows: Vec<Vec<Hash>>, beacon: Hash },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Computed(Vec<Vec<Hash>>),
    Proved {
        roots: Vec<Hash>,
        proof: Vec<u8>,
    },
    /// Time was up, or the worker stops.
    Interrupted,
    Failed(String),
}

/// The thread, from outside.
#[derive(Debug)]
pub(crate) struct Machine {
    work: SyncSender<Piece>,
    done: Receiver<(U256, Outcome)>,
    busy: Option<U256>,
    stop: Arc<AtomicBool>,
    multiply_adds: Arc<AtomicU64>,
}

impl Machine {
    /// Starts the thread.
    pub(crate) fn start(backend: Arc<dyn Backend>) -> Self {
        let (work, pieces) = sync_channel::<Piece>(1);
        let (finished, done) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let multiply_adds = Arc::new(AtomicU64::new(0));
        let (its_stop, its_count) = (Arc::clone(&stop), Arc::clone(&multiply_adds));
        thread::spawn(move || {
            for piece in pieces {
                let id = piece.id;
                let outcome = perform(&*backend, piece, &its_stop, &its_count);
                if finished.send((id, outcome)).is_err() {
                    return;
                }
            }
        });
        Self { work, done, busy: None, stop, multiply_adds }
    }

    /// The job that is computed now.
    pub(crate) const fn busy(&self) -> Option<U256> {
        self.busy
    }

    /// Multiply-adds since the start.
    pub(crate) fn multiply_adds(&self) -> u64 {
        self.multiply_adds.load(Ordering::Relaxed)
    }

    /// Hands over work; the machine must be idle.
    pub(crate) fn begin(&mut self, piece: Piece) -> Result<(), WorkerError> {
        let id = piece.id;
        match self.work.try_send(piece) {
            Ok(()) => self.busy = Some(id),
            Err(TrySendError::Full(_)) => tracing::warn!("the machine is busy"),
            Err(TrySendError::Disconnected(_)) => return Err(WorkerError::Machine),
        }
        Ok(())
    }

    /// What is finished, if something is.
    pub(crate) fn finished(&mut self) -> Result<Option<(U256, Outcome)>, WorkerError> {
        match self.done.try_recv() {
            Ok(done) => {
                self.busy = None;
                Ok(Some(done))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(WorkerError::Machine),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Not joined: a device that hangs must not keep the program.
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn perform(
    backend: &dyn Backend,
    piece: Piece,
    stop: &AtomicBool,
    multiply_adds: &AtomicU64,
) -> Outcome {
    let watch = |done: u64| {
        multiply_adds.fetch_add(done, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) || Instant::now() >= piece.until {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let task = match piece.entry.task() {
        Ok(task) => task,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    match piece.kind {
        Kind::Compute => {
            let mut prover = Prover::new(task);
            match prover.run(backend, &watch) {
                Ok(()) => Outcome::Computed(prover.row_roots().to_vec()),
                Err(error) => failed(&error),
            }
        }
        Kind::Prove { rows, beacon } => {
            let prover = match Prover::resume(task, rows) {
                Ok(prover) => prover,
                Err(error) => return failed(&error),
            };
            match prover.open(backend, &beacon, piece.entry.samples, &watch) {
                Ok(proof) => Outcome::Proved { roots: prover.roots().to_vec(), proof },
                Err(ProverError::Backend(error)) => failed(&error),
                Err(error) => Outcome::Failed(error.to_string()),
            }
        }
    }
}

fn failed(error: &BackendError) -> Outcome {
    match error {
        BackendError::Interrupted => Outcome::Interrupted,
        error => Outcome::Failed(error.to_string()),
    }
}
