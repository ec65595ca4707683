//! Work that blocks or waits, and how its results come back to the driver.
//!
//! Every kind of job has its own bound: one build, one check, one commit or range of synced blocks,
//! and as many pulls as there are blocks wanted.

use super::{rivals::Told, sync::Synced};
use crate::{
    candidate::Candidate,
    chain::Sealed,
    error::{BlockFault, EngineError},
};
use alloy_primitives::B256;
use bytes::Bytes;
use mfenx_network::PeerId;
use std::future::Future;
use tokio::sync::mpsc;

/// Why a payload did not become a candidate.
#[derive(Debug)]
pub(super) enum Bad {
    /// It is not the block it claims to be.
    Payload(BlockFault),
    /// The block itself breaks a rule.
    Block(BlockFault),
    /// This node failed.
    Ours(BlockFault),
}

/// A job has ended.
pub(super) enum Done {
    Built { height: u64, round: u32, outcome: Result<Box<Candidate>, EngineError> },
    Checked { height: u64, hash: B256, decided: bool, outcome: Result<Box<Candidate>, Bad> },
    Committed { outcome: Result<Sealed, EngineError> },
    Pulled { hash: B256, found: Option<(PeerId, Bytes)> },
    Fetched { peer: PeerId, first: u64, answer: Option<Bytes> },
    Proofs { peer: PeerId, first: u32, answer: Option<Bytes> },
    Rival(Told),
    Synced(Result<Synced, EngineError>),
    Panicked(String),
}

/// Starts jobs.
#[derive(Debug, Clone)]
pub(super) struct Jobs(mpsc::UnboundedSender<Done>);

impl Jobs {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Done>) {
        // One message a job, and there is at most one that builds, one that checks, one that writes,
        // one that asks for proofs, one for each rival that was named, and as many as `PULLS_MAX` and
        // the ranges of a sync that fetch.
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Runs `work` on a thread that may block.
    pub(super) fn blocking(&self, work: impl FnOnce() -> Done + Send + 'static) {
        self.waiting(async move {
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or_else(|error| Done::Panicked(error.to_string()))
        });
    }

    /// Runs `work`, which waits for others.
    pub(super) fn waiting(&self, work: impl Future<Output = Done> + Send + 'static) {
        let Self(sender) = self.clone();
        tokio::spawn(async move {
            let done = tokio::spawn(work).await;
            // The driver may have ended.
            let _ = sender.send(done.unwrap_or_else(|error| Done::Panicked(error.to_string())));
        });
    }
}
