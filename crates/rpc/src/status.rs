//! What the node says of itself, written by its assembly and read by RPC and the health endpoints.

use crate::consensus::{ConsensusStatus, EvidenceRecord};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// How far a node that catches up has got. All three are block numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncProgress {
    /// Where it began.
    pub starting_block: u64,
    /// Where it is.
    pub current_block: u64,
    /// The highest block it knows of.
    pub highest_block: u64,
}

/// When a node of a network is of use to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthLimits {
    /// The oldest head that is not stale.
    pub head_age_max: Duration,
    /// How many blocks the head may be behind the highest one that authorities or certificates show.
    pub lag_blocks_max: u64,
    /// The fewest peers.
    pub peers_min: u64,
}

/// How a node of a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Time since the head was made.
    pub head_age: Duration,
    /// Blocks that the network has, as far as there is reason to believe in them, and this node has not.
    pub lag_blocks: u64,
    /// Connected peers.
    pub peers: u64,
    /// What is demanded.
    pub limits: HealthLimits,
}

impl Health {
    /// Why requests should not be sent here; nothing when they should.
    pub fn reasons(&self) -> Vec<String> {
        let Self { head_age, lag_blocks, peers, limits } = *self;
        let mut reasons = Vec::new();
        if head_age > limits.head_age_max {
            let (age, most) = (head_age.as_secs(), limits.head_age_max.as_secs());
            reasons.push(format!("the head is {age} s old, more than {most} s"));
        }
        if lag_blocks > limits.lag_blocks_max {
            let most = limits.lag_blocks_max;
            reasons.push(format!("{lag_blocks} blocks behind the network, more than {most}"));
        }
        if peers < limits.peers_min {
            reasons.push(format!("{peers} peers, fewer than {}", limits.peers_min));
        }
        reasons
    }
}

/// The state of the node outside the chain. Starts without peers, not listening, not syncing and
/// not ready.
#[derive(Debug, Default)]
pub struct NodeStatus {
    peers: AtomicU64,
    listening: AtomicBool,
    ready: AtomicBool,
    sync: watch::Sender<Option<SyncProgress>>,
    health: Mutex<Option<Health>>,
    consensus: Mutex<Option<ConsensusStatus>>,
    evidence: Mutex<Option<Arc<Vec<EvidenceRecord>>>>,
}

impl NodeStatus {
    /// A node that has just started.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many peers are connected.
    pub fn peers(&self) -> u64 {
        self.peers.load(Ordering::Relaxed)
    }

    /// Says how many peers are connected.
    pub fn set_peers(&self, peers: u64) {
        self.peers.store(peers, Ordering::Relaxed);
    }

    /// Whether peers can connect.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Says whether peers can connect.
    pub fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
    }

    /// Whether a load balancer should send requests here.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Says whether a load balancer should send requests here.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// How far catching up has got; none when the node is up to date.
    pub fn sync(&self) -> Option<SyncProgress> {
        *self.sync.borrow()
    }

    /// Tells when that changes.
    pub fn sync_changes(&self) -> watch::Receiver<Option<SyncProgress>> {
        self.sync.subscribe()
    }

    /// Says how far catching up has got, or that the node is up to date.
    pub fn set_sync(&self, progress: Option<SyncProgress>) {
        self.sync.send_if_modified(|held| std::mem::replace(held, progress) != progress);
    }

    /// How the node is; none where there is no network.
    pub fn health(&self) -> Option<Health> {
        *self.health.lock()
    }

    /// Says how the node is.
    pub fn set_health(&self, health: Health) {
        *self.health.lock() = Some(health);
    }

    /// Where consensus stands; none on a node without it.
    pub fn consensus(&self) -> Option<ConsensusStatus> {
        self.consensus.lock().clone()
    }

    /// The proofs of equivocation that the node keeps, oldest first; none on a node without consensus.
    pub fn evidence(&self) -> Option<Arc<Vec<EvidenceRecord>>> {
        self.evidence.lock().clone()
    }

    /// Says what proofs the node keeps.
    pub fn set_evidence(&self, evidence: Vec<EvidenceRecord>) {
        *self.evidence.lock() = Some(Arc::new(evidence));
    }

    /// Says where consensus stands.
    pub fn set_consensus(&self, status: ConsensusStatus) {
        *self.consensus.lock() = Some(status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_limit_is_named() {
        let limits =
            HealthLimits { head_age_max: Duration::from_secs(20), lag_blocks_max: 3, peers_min: 1 };
        let well = Health { head_age: Duration::from_secs(20), lag_blocks: 3, peers: 1, limits };
        assert_eq!(well.reasons(), Vec::<String>::new());
        let ill = Health { head_age: Duration::from_secs(21), lag_blocks: 4, peers: 0, limits };
        let reasons = ill.reasons();
        for (reason, words) in reasons.iter().zip(["21 s old", "4 blocks behind", "0 peers"]) {
            assert!(reason.contains(words), "{reason}");
        }
        assert_eq!(reasons.len(), 3);
    }
}
