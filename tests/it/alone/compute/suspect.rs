//! Workers in threads of this process, whose manners can be changed.

use super::contract;
use crate::node::Node;
use alloy_primitives::{Address, keccak256};
use mfenx_compute::{Backend, BackendError, CpuBackend, Hash, Round, Watch, row_root};
use mfenx_worker::{Contract, Detected, Limits, Registration, Worker, register, status};
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

/// How a worker computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Manner {
    Honest,
    /// Leaves out one of twenty rows, one of ten, three of ten.
    SkippingOneOf20,
    SkippingOneOf10,
    SkippingThreeOf10,
    /// Answers with its first result of the same sizes.
    Replaying,
    /// Answers with what another worker was asked.
    Copying,
    /// Never answers.
    Sleeping,
}

/// The first round of each size that a worker was asked.
type Answers = Mutex<BTreeMap<[u32; 3], Round>>;

/// A backend that is honest until it is told otherwise.
struct Cheat {
    honest: CpuBackend,
    manner: Arc<AtomicU8>,
    own: Arc<Answers>,
    others: Option<Arc<Answers>>,
}

impl Cheat {
    fn is(&self, manner: Manner) -> bool {
        self.manner.load(Ordering::SeqCst) == manner as u8
    }

    /// The round that is computed in the place of this one.
    fn instead(&self, round: &Round) -> Round {
        let sizes = [round.m(), round.k(), round.p()];
        let first = *self.own.lock().unwrap().entry(sizes).or_insert(*round);
        if self.is(Manner::Replaying) {
            return first;
        }
        let of_other = || Some(*self.others.as_ref()?.lock().unwrap().get(&sizes)?);
        if self.is(Manner::Copying) { of_other().expect("a round to copy") } else { *round }
    }

    fn is_left_out(&self, row: u32) -> bool {
        self.is(Manner::SkippingOneOf20) && row.is_multiple_of(20)
            || self.is(Manner::SkippingOneOf10) && row.is_multiple_of(10)
            || self.is(Manner::SkippingThreeOf10) && row % 10 < 3
    }
}

impl Backend for Cheat {
    fn name(&self) -> &str {
        "a cheat"
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError> {
        while self.is(Manner::Sleeping) {
            if watch(0).is_break() {
                return Err(BackendError::Interrupted);
            }
            thread::sleep(Duration::from_millis(50));
        }
        let mut roots = self.honest.row_roots(&self.instead(round), watch)?;
        for (index, root) in roots.iter_mut().enumerate() {
            if self.is_left_out(index as u32) {
                *root = row_root(&vec![0; round.p() as usize]);
            }
        }
        Ok(roots)
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let mut entries = self.honest.rows(&self.instead(round), rows, watch)?;
        for (row, entries) in rows.iter().zip(entries.chunks_mut(round.p() as usize)) {
            if self.is_left_out(*row) {
                entries.fill(0);
            }
        }
        Ok(entries)
    }
}

/// Where the worker of account `index` has its files.
pub(super) fn directory_of(directory: &Path, index: u32) -> PathBuf {
    directory.join(index.to_string())
}

/// A worker in a thread of this process, whose manner can be changed.
pub(super) struct Suspect {
    pub(super) name: Address,
    manner: Arc<AtomicU8>,
    answers: Arc<Answers>,
    pub(super) contract: Contract,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Suspect {
    /// The worker of account `index`; it may copy from `other`.
    pub(super) fn start(
        node: &Node,
        index: u32,
        directory: &Path,
        device: &Detected,
        other: Option<&Self>,
    ) -> Self {
        let contract = contract(node, index);
        let key = ed25519_dalek::SigningKey::from_bytes(&keccak256([index as u8]).0);
        let registration = Registration {
            key: &key,
            agent: Address::ZERO,
            class: 0,
            capacity: 4,
            base: 0,
            price: 0,
            device,
            stake: None,
        };
        let name = register(&contract, &registration).unwrap();
        let manner = Arc::new(AtomicU8::new(Manner::Honest as u8));
        let honest = CpuBackend::new(NonZeroUsize::MIN).unwrap();
        let answers = Arc::default();
        let others = other.map(|other| Arc::clone(&other.answers));
        let (its_manner, own) = (Arc::clone(&manner), Arc::clone(&answers));
        let backend = Arc::new(Cheat { honest, manner: its_manner, own, others });
        let limits = Limits { poll: Duration::from_millis(100), ..Limits::default() };
        let directory = directory_of(directory, index);
        let mut worker = Worker::open(contract.clone(), name, &directory, backend, limits).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let its_stop = Arc::clone(&stop);
        let thread = thread::spawn(move || worker.run(&its_stop, |_| ()).unwrap());
        Self { name, manner, answers, contract, stop, thread: Some(thread) }
    }

    pub(super) fn becomes(&self, manner: Manner) {
        self.manner.store(manner as u8, Ordering::SeqCst);
    }

    pub(super) fn status(&self) -> mfenx_worker::Status {
        status(&self.contract, self.name).unwrap().unwrap()
    }
}

impl Suspect {
    /// Ends the thread; the worker stays registered, and may be acted for.
    pub(super) fn stop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Suspect {
    fn drop(&mut self) {
        self.stop();
    }
}
