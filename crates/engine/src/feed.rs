//! Where heads are announced.

use mfenx_primitives::{CommittedBlock, SealedHeader};
use std::sync::Arc;
use tokio::sync::{broadcast, watch};

/// Committed blocks a slow subscriber may be behind before it misses some.
const COMMITTED_CAPACITY: usize = 256;

/// The head, to be asked for, and each committed block, to be told of; cheap to clone.
#[derive(Debug, Clone)]
pub struct HeadFeed {
    latest: watch::Sender<SealedHeader>,
    committed: broadcast::Sender<Arc<CommittedBlock>>,
}

impl HeadFeed {
    /// A feed that stands at `head`.
    pub fn new(head: SealedHeader) -> Self {
        Self {
            latest: watch::Sender::new(head),
            committed: broadcast::Sender::new(COMMITTED_CAPACITY),
        }
    }

    /// The header of the head, now and whenever it changes.
    pub fn latest(&self) -> watch::Receiver<SealedHeader> {
        self.latest.subscribe()
    }

    /// Where to subscribe to committed blocks. A receiver that lags is told how many it missed.
    pub const fn committed(&self) -> &broadcast::Sender<Arc<CommittedBlock>> {
        &self.committed
    }

    /// Announces a block that is durable: first as the head, then as an event.
    pub fn announce(&self, block: Arc<CommittedBlock>) {
        self.latest.send_replace(block.block.sealed_header());
        // Nobody may be listening, which is no error.
        let _ = self.committed.send(block);
    }
}
