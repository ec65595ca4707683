//! `mfenx localnet`: a network of real processes on this machine.
//!
//! Every node is this program's own `mfenx node`, on loopback, with a directory of its own. Invariants:
//! the nodes never outlive this process, however it ends: they stop when the pipe at their standard
//! input closes, which the system does for a process that was killed; a node that dies is reported,
//! and its directory stays as it is.
//!
//! Deliberately absent: starting a node anew that died (somebody should see why), and limits between
//! the nodes: they share the machine.

mod layout;
mod process;

use crate::{error::NodeError, run::temporary_directory};
use alloy_primitives::B256;
use layout::{Layout, Rules};
use mfenx_primitives::Quorum;
use process::{Launcher, Running};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

/// Longest time the nodes may take to stop; each drains for five seconds at most.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// What the network is made of.
#[derive(Debug, Clone)]
pub struct LocalnetConfig {
    /// Where it is kept; temporary without.
    pub datadir: Option<PathBuf>,
    /// How many authorities.
    pub validators: u16,
    /// How many followers.
    pub followers: u16,
    /// The rule; by the number of authorities without.
    pub quorum: Option<Quorum>,
    /// Blocks of an epoch; those of the network that is there, or [`crate::EPOCH_BLOCKS`], without.
    pub epoch_blocks: Option<u64>,
    /// Node `i` of all answers on this port plus `i`, its metrics on 1,000 more, peers on 2,000
    /// more; 0 takes free ports.
    pub base_port: u16,
    /// Namespaces the nodes answer.
    pub api: String,
    /// What the nodes log.
    pub log: String,
}

/// A node that is ready.
#[derive(Debug, Clone)]
pub struct LocalnetNode {
    /// `validator-1`, `follower-1`, ...
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Its ready line.
    pub line: String,
    /// What it logs.
    pub log: PathBuf,
}

/// What happens in the network.
#[derive(Debug, Clone)]
pub enum LocalnetEvent {
    /// The chain is there, and the nodes are started one after the other.
    Chain {
        /// The directory of the network.
        directory: PathBuf,
        /// Whether it goes away at the end.
        is_temporary: bool,
        /// Whether it was there before.
        is_old: bool,
        /// The chain ID.
        chain_id: u64,
        /// Hash of the genesis block.
        genesis_hash: B256,
        /// The rule.
        quorum: Quorum,
    },
    /// A node is ready.
    Ready(LocalnetNode),
    /// All nodes are ready.
    Complete,
    /// A node ended by itself.
    Ended {
        /// Which one.
        name: String,
        /// How.
        how: String,
        /// What it logged.
        log: PathBuf,
    },
    /// The nodes were told to stop.
    Stopping,
}

/// Runs the network until SIGINT, SIGTERM or SIGHUP, or until its last node has ended.
///
/// # Errors
/// The directory holds something else, a node does not start, or all of them have ended.
pub fn run_localnet(
    config: LocalnetConfig,
    mut event: impl FnMut(LocalnetEvent),
) -> Result<(), NodeError> {
    // Removed when it is dropped, at the end of this function.
    let mut temporary = None;
    let directory = match &config.datadir {
        Some(directory) => directory.clone(),
        None => temporary.insert(temporary_directory("mfenx-localnet-")?).path().to_owned(),
    };
    let rules = Rules {
        validators: config.validators,
        quorum: config.quorum,
        epoch_blocks: config.epoch_blocks,
    };
    let (layout, is_old) = Layout::open_or_make(&directory, rules)?;
    event(LocalnetEvent::Chain {
        directory: directory.clone(),
        is_temporary: temporary.is_some(),
        is_old,
        chain_id: layout.chain_id,
        genesis_hash: layout.genesis_hash,
        quorum: layout.quorum,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(NodeError::Runtime)?;
    let outcome = runtime.block_on(run(&config, &layout, &directory, &mut event));
    drop(temporary);
    outcome
}

async fn run(
    config: &LocalnetConfig,
    layout: &Layout,
    directory: &Path,
    event: &mut impl FnMut(LocalnetEvent),
) -> Result<(), NodeError> {
    let mut signals = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        signals.push(signal(kind).map_err(NodeError::Signal)?);
    }
    let [interrupt, terminate, hangup] = signals.as_mut_slice() else { return Ok(()) };
    let told_to_stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    };
    let mut nodes = Nodes::default();
    let outcome = tokio::select! {
        () = told_to_stop => Ok(()),
        outcome = nodes.run(config, layout, directory, event) => outcome,
    };
    event(LocalnetEvent::Stopping);
    nodes.stop().await;
    outcome
}

/// The processes; their pipes are closed when this is dropped.
#[derive(Default)]
struct Nodes {
    pipes: Vec<tokio::process::ChildStdin>,
    running: JoinSet<(String, PathBuf, String)>,
}

impl Nodes {
    /// Starts the nodes, then watches them.
    async fn run(
        &mut self,
        config: &LocalnetConfig,
        layout: &Layout,
        directory: &Path,
        event: &mut impl FnMut(LocalnetEvent),
    ) -> Result<(), NodeError> {
        let mut launcher = Launcher::new(config, layout)?;
        for place in layout.places(config.followers) {
            let Running { node, pipe, ended } = launcher.start(place).await?;
            self.pipes.push(pipe);
            let (name, log) = (node.name.clone(), node.log.clone());
            self.running.spawn(async move { (name, log, ended.await) });
            event(LocalnetEvent::Ready(node));
        }
        event(LocalnetEvent::Complete);
        while let Some(ended) = self.running.join_next().await {
            if let Ok((name, log, how)) = ended {
                event(LocalnetEvent::Ended { name, how, log });
            }
        }
        Err(NodeError::AllEnded { path: directory.to_owned() })
    }

    /// Closes the pipes and waits; kills what has not stopped in time.
    async fn stop(&mut self) {
        self.pipes.clear();
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIME_MAX, all).await.is_err() {
            tracing::warn!("nodes that did not stop within {STOP_TIME_MAX:?} are killed");
            self.running.shutdown().await;
        }
    }
}
