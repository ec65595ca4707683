//! The driver of consensus: one task that feeds the pure machine and carries out its effects.
//!
//! Invariants:
//! - A message of ours leaves only after the log that records it, and the guard that names it, are
//!   durable ([`journal`]). What the guard knows to be signed is never signed again.
//! - A block is executed once, when it is built or first received; what is decided is committed
//!   with its certificate in one transaction of the store, announced after that, and only then is
//!   the log of its height given up.
//! - There is one writer: a commit, or a range of synced blocks, never both.
//! - Everything that peers can make grow has a bound, named where it is kept.
//!
//! A node whose keys are in force runs the machine; any other node follows: it takes decided blocks
//! with their certificates from its peers and checks each as if it had voted.
//!
//! Deliberately absent: the consensus algorithm (`mfenx-consensus`), sockets (`mfenx-network`), and
//! transactions that the pool has dropped: they are not sent again.

mod accusations;
mod audit;
mod blocks;
mod candidates;
mod check;
mod driver;
mod effects;
mod evidence;
mod gossip;
mod guard;
mod height;
mod jobs;
mod journal;
mod keys;
mod log;
mod pace;
mod parts;
mod rivals;
mod serve;
mod settle;
mod slots;
mod sources;
mod start;
mod status;
mod sync;
mod transactions;
mod twice;
mod wire;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::keys as test_keys;

pub use guard::GuardError;
pub use keys::{KeysError, ValidatorKeys};
pub use log::LogError;
pub use status::{EngineStatus, Participation, Step};

use crate::{chain::Chain, error::EngineError, feed::HeadFeed, sets::Sets};
use driver::Driver;
use mfenx_consensus::{Domain, Evidence};
use mfenx_network::{ChainIdentity, Head, NetworkEvent, NetworkHandle, PeerId};
use mfenx_txpool::PoolHandle;
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What an engine is made of.
pub struct EngineConfig {
    /// The chain; its specification must have a section on consensus.
    pub chain: Chain,
    /// Where transactions wait.
    pub pool: PoolHandle,
    /// Where heads are announced.
    pub feed: HeadFeed,
    /// The network, whose task the caller runs.
    pub network: NetworkHandle,
    /// What the network tells.
    pub events: mpsc::Receiver<NetworkEvent>,
    /// The keys of an authority; a node without them follows.
    pub keys: Option<ValidatorKeys>,
    /// Directory of the log, the guard, the evidence and the audit log; created when it is not
    /// there. It must never be copied to a second node that runs; a copy that runs later in its place
    /// does not vote before it is known what was signed since.
    pub directory: PathBuf,
    /// What may differ from node to node.
    pub options: EngineOptions,
}

/// What may differ from node to node without harm to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Longest time spent on executing transactions for one block.
    pub build_time_max: Duration,
    /// Vote although the directory has no record of what these keys signed, or one in doubt, because it
    /// is a copy: whoever sets this knows that they never signed on this chain, or nothing in its last
    /// blocks that is not in the directory, for instance because it was moved to another disk, or
    /// because every authority was restored from a copy. Without it such a node waits until it is connected to a
    /// quorum of others and knows what they know, and then for two more blocks decided by them; on a
    /// chain without blocks, until all authorities or a quorum of others are connected.
    pub trust_empty_directory: bool,
    /// Longest time that a new chain which could begin waits for all of its authorities to be
    /// connected. Whoever comes when there are blocks cannot be told from one that lost its directory:
    /// it does not vote for a few blocks, and counts as down for that long.
    pub gather_time: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            build_time_max: Duration::from_millis(800),
            trust_empty_directory: false,
            gather_time: Duration::from_secs(10),
        }
    }
}

/// A node's part in consensus. See the module for what it promises.
pub struct Engine {
    driver: Box<Driver>,
    relay: transactions::Relay,
    status: watch::Receiver<EngineStatus>,
    evidence: watch::Receiver<Arc<Vec<Evidence>>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Checks the keys against the registry and opens the log. Reads files and the store; call it
    /// within a runtime, before the node says that it is ready.
    ///
    /// # Errors
    /// The chain has no authorities, the keys are not those that the operator is registered with,
    /// or the log or the guard is damaged. Each says what to do.
    pub fn new(config: EngineConfig) -> Result<Self, EngineError> {
        let relay = transactions::Relay::new(&config);
        let (driver, status) = Driver::new(config, relay.inbox())?;
        let evidence = driver.proofs.subscribe();
        Ok(Self { driver: Box::new(driver), relay, status, evidence })
    }

    /// What the engine does, for RPC, health and metrics.
    pub fn status(&self) -> watch::Receiver<EngineStatus> {
        self.status.clone()
    }

    /// The proofs of equivocation that this node keeps, oldest first. Each held under the authorities
    /// of its epoch when it was taken.
    pub fn evidence(&self) -> watch::Receiver<Arc<Vec<Evidence>>> {
        self.evidence.clone()
    }

    /// Follows or votes until `stop` is cancelled; a commit under way is finished first.
    ///
    /// # Errors
    /// The store or the log failed, the network ended, or consensus cannot go on. The process must
    /// end with this reason.
    pub async fn run(self, stop: CancellationToken) -> Result<(), EngineError> {
        let ended = stop.child_token();
        let relay = tokio::spawn(self.relay.run(ended.clone()));
        // Also when this future is dropped.
        let ended = ended.drop_guard();
        let outcome = self.driver.run(stop).await;
        drop(ended);
        relay.await.map_err(|error| EngineError::Worker(error.to_string()))?;
        outcome
    }
}

impl Chain {
    /// What peers of this chain must agree on.
    pub fn identity(&self) -> ChainIdentity {
        let domain = self.domain();
        ChainIdentity::new(domain.chain_id, domain.genesis_hash)
    }

    /// The head as the network speaks of it.
    ///
    /// # Errors
    /// The store fails.
    pub fn network_head(&self) -> Result<Head, EngineError> {
        let head = self.head()?;
        Ok(Head { number: head.number, hash: head.hash() })
    }

    /// Peer IDs of the authorities of the next block: whom the network pins at its start. The
    /// engine tells it when they change.
    ///
    /// # Errors
    /// The chain has no authorities, or the store fails.
    pub fn authority_peers(&self) -> Result<Vec<PeerId>, EngineError> {
        let authorities =
            Sets::new(Arc::clone(self.spec()))?.after_head(&self.store().reader()?)?;
        Ok(authorities.peers().collect())
    }

    /// What signatures on this chain are about.
    pub fn domain(&self) -> Domain {
        Domain {
            chain_id: self.spec().chain_id(),
            genesis_hash: self.spec().genesis_header().hash(),
        }
    }
}
