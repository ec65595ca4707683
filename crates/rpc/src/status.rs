//! What the node says of itself, written by its assembly and read by RPC and the health endpoints.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

/// The state of the node outside the chain. Starts without peers, not listening, not syncing and
/// not ready.
#[derive(Debug, Default)]
pub struct NodeStatus {
    peers: AtomicU64,
    listening: AtomicBool,
    ready: AtomicBool,
    sync: watch::Sender<Option<SyncProgress>>,
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
}
