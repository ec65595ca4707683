//! A worker of the Compute contract as a command runs it: its directory with keys and book, the node
//! it talks to, the backend it computes with.
//!
//! The directory has `worker.key` (Ed25519, proves who the worker is), `operator.key` (secp256k1, the
//! account that stakes and is paid; it may lie elsewhere), `book.json` and `jobs`.

mod requests;

pub use requests::{
    WorkerRequest, lapse_job, miss_round, refresh_worker, worker_request, worker_status,
};

use crate::{
    accounts::dev_accounts,
    error::NodeError,
    keys::{self, OperatorKey, Passphrase},
};
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use ed25519_dalek::SigningKey;
use mfenx_client::{Client, Sender};
use mfenx_compute::{
    Backend, CpuBackend,
    cuda::{CudaBackend, CudaOptions, Unavailable},
};
use mfenx_worker::{
    Contract, Detected, Limits, Observed, Observer, Registration, Wishes, Worker, detect_cpu,
    detect_gpus,
};
use std::{
    fs::DirBuilder,
    io,
    num::NonZeroUsize,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    thread,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// Which device computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendChoice {
    /// The processor.
    Cpu,
    /// A card; an error when there is none that works.
    Cuda,
    /// A card if there is one, else the processor.
    Auto,
}

/// Whose account pays and is paid.
#[derive(Debug, Clone)]
pub enum Account {
    /// `operator.key`: this file or, when there is none, the one in the worker's directory, which is
    /// made when it is not there.
    Key(Option<PathBuf>),
    /// An account of a development chain, whose key everybody knows.
    Dev(u32),
}

/// What every command of a worker needs.
#[derive(Debug, Clone)]
pub struct WorkerAccess {
    /// JSON-RPC of a node.
    pub rpc: String,
    /// The worker's directory.
    pub directory: PathBuf,
    /// The account.
    pub account: Account,
    /// Whose worker it is, when the account is its agent; the account's own when there is none.
    pub operator: Option<Address>,
    /// The passphrase of the keys, in this file.
    pub passphrase_file: Option<PathBuf>,
}

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Where and who.
    pub access: WorkerAccess,
    /// What computes.
    pub backend: BackendChoice,
    /// Threads of the processor.
    pub threads: NonZeroUsize,
    /// Which card, as CUDA counts them.
    pub card: usize,
    /// With what to register, if it is not yet, and what to change where it is.
    pub wishes: Wishes,
    /// Bounds.
    pub limits: Limits,
}

/// Jobs at a time of a worker that is registered without a word on that.
const CAPACITY_DEFAULT: u32 = 4;

/// What a worker tells whoever started it.
#[derive(Debug)]
pub enum WorkerEvent<'a> {
    /// It is registered, and works now.
    Ready {
        /// Its name.
        worker: Address,
        /// Its operator's account.
        operator: Address,
        /// What computes.
        backend: &'a str,
    },
    /// What was changed of a worker that is registered already, or is not as it was asked for.
    Adjusted(&'a str),
    /// A new block; a line on what it does.
    Progress(&'a Worker),
    /// Benchmarks are observed from now on.
    Observing {
        /// Who reports.
        authority: Address,
    },
    /// Times of benchmarks were reported.
    Observed(&'a [Observed]),
}

/// An opened directory, and the contract.
struct Opened {
    contract: Contract,
    key: SigningKey,
    operator: Address,
}

impl WorkerAccess {
    /// Opens the directory of a worker, and makes one where there is none.
    fn open_or_make(&self) -> Result<Opened, NodeError> {
        let directory = &self.directory;
        match DirBuilder::new().mode(0o700).recursive(true).create(directory) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(NodeError::File { path: directory.clone(), source });
            }
            _ => {}
        }
        let passphrase = self.passphrase()?;
        keys::worker_key(directory, passphrase.as_ref())?;
        if matches!(self.account, Account::Key(None)) {
            keys::make_operator(directory, passphrase.as_ref())?;
        }
        self.open()
    }

    /// Opens the directory of a worker that is there.
    fn open(&self) -> Result<Opened, NodeError> {
        let passphrase = self.passphrase()?;
        if !keys::has_worker(&self.directory) {
            return Err(no_worker(
                &self.directory,
                "it holds no worker (worker.key): name a worker's directory with --dir, or start \
                 `mfenx worker` there, which makes one",
            ));
        }
        let secret = keys::worker_key(&self.directory, passphrase.as_ref())?;
        let contract = self.contract(passphrase.as_ref())?;
        let operator = self.operator.unwrap_or_else(|| contract.account());
        Ok(Opened { contract, key: SigningKey::from_bytes(&secret), operator })
    }

    fn passphrase(&self) -> Result<Option<Passphrase>, NodeError> {
        Ok(self.passphrase_file.as_deref().map(Passphrase::read).transpose()?)
    }

    /// The contract, called by the account.
    fn contract(&self, passphrase: Option<&Passphrase>) -> Result<Contract, NodeError> {
        let signer = self.signer(passphrase)?;
        let client = Client::new(&self.rpc).map_err(mfenx_worker::WorkerError::from)?;
        let sender = |client, chain_id| Sender::new(client, chain_id, signer);
        Ok(Contract::connect(client, sender)?)
    }

    fn signer(&self, passphrase: Option<&Passphrase>) -> Result<PrivateKeySigner, NodeError> {
        match &self.account {
            Account::Key(Some(path)) => Ok(OperatorKey::read(path, passphrase)?.signer()),
            Account::Key(None) if !keys::has_operator(&self.directory) => Err(no_worker(
                &self.directory,
                "it holds no account (operator.key): name the file of one with --operator-key, or \
                 --dev-account on a development chain",
            )),
            Account::Key(None) => Ok(OperatorKey::read(&self.directory, passphrase)?.signer()),
            Account::Dev(index) => {
                let accounts = dev_accounts()?;
                let account = accounts.get(*index as usize).ok_or_else(|| {
                    NodeError::Accounts(format!("there is no development account {index}"))
                })?;
                PrivateKeySigner::from_bytes(&account.secret)
                    .map_err(|error| NodeError::Accounts(error.to_string()))
            }
        }
    }
}

fn no_worker(directory: &Path, reason: &'static str) -> NodeError {
    mfenx_worker::WorkerError::NoWorker { path: directory.into(), reason }.into()
}

impl Opened {
    /// The worker's name.
    fn name(&self) -> Result<Address, NodeError> {
        Ok(mfenx_worker::name_of(&self.contract, self.operator, &self.key)?)
    }
}

/// What computes, and what the contract is told of it.
fn device(
    choice: BackendChoice,
    threads: NonZeroUsize,
    card: usize,
) -> Result<(Arc<dyn Backend>, Detected), NodeError> {
    if choice != BackendChoice::Cpu {
        let (cards, reason) = detect_gpus();
        match cuda(cards, card) {
            Ok(found) => return Ok(found),
            Err(why) => {
                let reason = match reason {
                    Some(nvml) if why != Unavailable::NoDriver => format!("{why}; {nvml}"),
                    _ => why.to_string(),
                };
                if choice == BackendChoice::Cuda {
                    return Err(mfenx_worker::WorkerError::Device(format!(
                        "no card computes: {reason}; --backend cpu uses the processor"
                    ))
                    .into());
                }
                tracing::info!(reason, "no card; the processor computes");
            }
        }
    }
    let backend = CpuBackend::new(threads)
        .map_err(|error| mfenx_worker::WorkerError::Device(error.to_string()))?;
    Ok((Arc::new(backend), detect_cpu()?))
}

/// One card: CUDA computes on it, and NVML, where it is there, says what it is.
fn cuda(cards: Vec<Detected>, ordinal: usize) -> Result<(Arc<dyn Backend>, Detected), Unavailable> {
    let options = CudaOptions { devices: vec![ordinal], ..CudaOptions::default() };
    let backend = CudaBackend::new(&options)?;
    let detected = backend.devices().next().map(|(device, _)| {
        let same = |card: &Detected| card.place.as_deref() == Some(&device.pci_address);
        cards.into_iter().find(same).unwrap_or_else(|| Detected {
            name: device.name.clone(),
            place: Some(device.pci_address.clone()),
            memory_bytes: device.memory_bytes,
            notes: vec!["NVML does not know this card".to_owned()],
            ..Detected::default()
        })
    });
    let detected = detected.ok_or(Unavailable::NoDevice)?;
    Ok((Arc::new(backend), detected))
}

/// Registers the worker if it is not, else changes the terms that are asked for, and works until a signal
/// comes.
///
/// # Errors
/// The node does not answer at the start, the contract refuses, or files are another's.
pub fn run_worker(
    config: WorkerConfig,
    mut tell: impl FnMut(WorkerEvent<'_>),
) -> Result<(), NodeError> {
    let (backend, detected) = device(config.backend, config.threads, config.card)?;
    let access = &config.access;
    // An agent has been given a worker, and makes none.
    let is_agent = access.operator.is_some();
    let opened = if is_agent { access.open() } else { access.open_or_make() }?;
    let (name, wishes) = (opened.name()?, config.wishes);
    mfenx_worker::check_directory(&opened.contract, name, &access.directory)?;
    if opened.operator == opened.contract.account() {
        let registration = Registration {
            key: &opened.key,
            agent: Address::ZERO,
            class: wishes.class.unwrap_or_default(),
            capacity: wishes.capacity.unwrap_or(CAPACITY_DEFAULT),
            base: wishes.base.unwrap_or_default(),
            price: wishes.price.unwrap_or_default(),
            device: &detected,
            stake: wishes.stake,
        };
        mfenx_worker::register(&opened.contract, &registration)?;
    }
    for said in mfenx_worker::adjust(&opened.contract, name, &wishes, &detected)? {
        tell(WorkerEvent::Adjusted(&said));
    }
    let (operator, directory) = (opened.operator, &access.directory);
    let mut worker =
        Worker::open(opened.contract, name, directory, Arc::clone(&backend), config.limits)?;
    let stop = stop_on_signals()?;
    tell(WorkerEvent::Ready { worker: name, operator, backend: backend.name() });
    worker.run(&stop, |worker| tell(WorkerEvent::Progress(worker)))?;
    Ok(())
}

/// Reports times of benchmarks and keeps workers to their duties, as an authority, until a signal comes.
///
/// # Errors
/// The account is no authority, or the node does not answer at the start.
pub fn run_observer(
    access: &WorkerAccess,
    poll: Duration,
    mut tell: impl FnMut(WorkerEvent<'_>),
) -> Result<(), NodeError> {
    let contract = access.contract(access.passphrase()?.as_ref())?;
    let authority = contract.account();
    let mut observer = Observer::new(contract, poll)?;
    let stop = stop_on_signals()?;
    tell(WorkerEvent::Observing { authority });
    observer.run(&stop, |observed| tell(WorkerEvent::Observed(observed)))?;
    Ok(())
}

/// The devices of this machine.
///
/// # Errors
/// The kernel does not say how much memory there is.
pub fn worker_devices() -> Result<(Vec<Detected>, Option<String>), NodeError> {
    let (mut found, reason) = detect_gpus();
    found.push(detect_cpu()?);
    Ok((found, reason))
}

/// A switch that SIGINT and SIGTERM turn on; the second signal ends the process.
fn stop_on_signals() -> Result<Arc<AtomicBool>, NodeError> {
    let stop = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(NodeError::Signal)?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).map_err(NodeError::Signal)?;
        (interrupt, signal(SignalKind::terminate()).map_err(NodeError::Signal)?)
    };
    thread::spawn(move || {
        runtime.block_on(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if switch.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            }
        });
    });
    Ok(stop)
}
