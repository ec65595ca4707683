//! Why a worker does not start, or stops.

use crate::{interface::ICompute::NoSuchWorker, refusal};
use alloy_primitives::Address;
use alloy_sol_types::SolError;
use mfenx_client::ClientError;
use std::{io, path::PathBuf};

/// What can go wrong; words say what to do.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The node.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The contract refused; nothing was sent.
    #[error("the Compute contract refuses: {0}")]
    Refused(String),
    /// A chain without the contract.
    #[error(
        "the chain at {url} has no Compute contract at {address}; name a node of a chain whose genesis \
         file has it (`mfenx dev` does)"
    )]
    NoContract {
        /// What was asked.
        url: String,
        /// Where it should be.
        address: Address,
    },
    /// The worker is not registered.
    #[error("worker {worker} is not registered; `mfenx worker` registers it")]
    Unregistered {
        /// Its name.
        worker: Address,
    },
    /// The account is neither operator nor agent of the worker.
    #[error(
        "account {account} is neither the operator ({operator}) nor the agent of worker {worker}"
    )]
    Stranger {
        /// The worker.
        worker: Address,
        /// Its operator.
        operator: Address,
        /// Who wanted to act for it.
        account: Address,
    },
    /// A transaction is in a block and did nothing.
    #[error("a transaction reverted after it was tried; something changed, try again")]
    Reverted,
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{}: {reason}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The list of jobs cannot be read. Nothing in it is not on the chain, but the count of earnings.
    #[error(
        "{}: {reason}; move this file away, and leave the keys where they are, to go on without it: jobs \
         under way are found on the chain and computed once more, and earnings are counted anew",
        path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The directory is of another worker or chain, whose jobs would be lost with it.
    #[error(
        "{}: it is of worker {worker} on chain {chain_id}, and not of this one; name the directory of \
         this one, or a new one, with --dir",
        path.display()
    )]
    OtherWorker {
        /// The list of jobs.
        path: PathBuf,
        /// Its worker.
        worker: Address,
        /// Its chain.
        chain_id: u64,
    },
    /// The chain is shorter than what the worker has read of it.
    #[error(
        "{}: this worker has read the chain up to block {seen}, and the node is at block {head}: wait \
         until it has caught up. Only if the chain was begun anew, as `mfenx dev` begins one without \
         --datadir, move this file away: its jobs are gone",
        path.display()
    )]
    ShorterChain {
        /// The list of jobs.
        path: PathBuf,
        /// The last block that was read.
        seen: u64,
        /// The node's head.
        head: u64,
    },
    /// Another process uses the directory.
    #[error("{}: another worker uses this directory", .0.display())]
    InUse(PathBuf),
    /// The thread that computes ended; a defect.
    #[error("the thread that computes ended")]
    Machine,
    /// A directory without the keys that are needed.
    #[error("{}: {reason}", path.display())]
    NoWorker {
        /// The directory.
        path: PathBuf,
        /// What it lacks, and what to do.
        reason: &'static str,
    },
    /// No device of the wanted kind.
    #[error("{0}")]
    Device(String),
}

impl WorkerError {
    /// Whether the same may succeed later.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Client(error) => error.is_passing(),
            Self::Reverted | Self::ShorterChain { .. } => true,
            _ => false,
        }
    }

    /// A client's error, with the contract's reverts in words.
    pub(crate) fn from_client(error: ClientError) -> Self {
        match error {
            ClientError::Reverted(reason) => match NoSuchWorker::abi_decode_validate(&reason) {
                Ok(it) => Self::Unregistered { worker: it.worker },
                Err(_) => Self::Refused(refusal::words(&reason)),
            },
            error => Self::Client(error),
        }
    }
}
