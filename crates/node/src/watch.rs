//! What engine and network say of themselves, written where RPC and the health endpoints read it.

use crate::{error::NodeError, records};
use mfenx_consensus::{Domain, Evidence};
use mfenx_engine::{EngineStatus, Epochs, Participation};
use mfenx_network::NetworkHandle;
use mfenx_primitives::SealedHeader;
use mfenx_rpc::{ConsensusStatus, Health, HealthLimits, NodeStatus, SyncProgress};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

/// How often the age of the head and the peers are looked at, if nothing else changes.
const INTERVAL: Duration = Duration::from_millis(500);

/// What is watched, and where it is written.
pub(crate) struct Watch {
    pub(crate) engine: Receiver<EngineStatus>,
    /// What is kept against authorities, and what their signatures are about.
    pub(crate) evidence: Receiver<Arc<Vec<Evidence>>>,
    pub(crate) domain: Domain,
    pub(crate) epochs: Epochs,
    pub(crate) network: NetworkHandle,
    pub(crate) feed: Receiver<SealedHeader>,
    pub(crate) status: Arc<NodeStatus>,
    pub(crate) limits: HealthLimits,
}

/// Writes until it is stopped.
pub(crate) async fn watch(mut watch: Watch, stop: CancellationToken) -> Result<(), NodeError> {
    let mut age = HeadAge::of(&watch.feed.borrow_and_update());
    let mut starting_block = None;
    watch.evidence.mark_changed();
    loop {
        if watch.feed.has_changed().unwrap_or(false) {
            watch.feed.borrow_and_update();
            age = HeadAge::Committed(Instant::now());
        }
        watch.write(&age, &mut starting_block);
        watch.write_evidence();
        tokio::select! {
            changed = watch.engine.changed() => {
                if changed.is_err() {
                    // The engine has ended; the supervisor knows why.
                    stop.cancelled().await;
                    return Ok(());
                }
            }
            () = tokio::time::sleep(INTERVAL) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

impl Watch {
    fn write_evidence(&mut self) {
        if self.evidence.has_changed().unwrap_or(false) {
            let kept = Arc::clone(&self.evidence.borrow_and_update());
            let record = |found| records::evidence(&self.domain, self.epochs, found);
            self.status.set_evidence(kept.iter().map(record).collect());
        }
    }

    fn write(&mut self, age: &HeadAge, starting_block: &mut Option<u64>) {
        let engine = self.engine.borrow_and_update().clone();
        let count = self.network.peers().len() as u64;
        self.status.set_peers(count);
        let current_block = engine.head_number;
        match engine.sync_target {
            None => {
                *starting_block = None;
                self.status.set_sync(None);
            }
            Some(target) => {
                let starting_block = *starting_block.get_or_insert(current_block);
                let highest_block = target.max(current_block);
                let progress = SyncProgress { starting_block, current_block, highest_block };
                self.status.set_sync(Some(progress));
            }
        }
        self.status.set_health(Health {
            head_age: age.now(),
            // Any peer may claim any head.
            lag_blocks: engine.lag_blocks(),
            peers: count,
            limits: self.limits,
        });
        self.status.set_consensus(consensus(&engine));
    }
}

fn consensus(engine: &EngineStatus) -> ConsensusStatus {
    let votes = engine.participation == Participation::Validator;
    ConsensusStatus {
        operator: engine.operator,
        is_authority: votes,
        height: engine.height,
        round: engine.round,
        step: if votes { engine.step.label() } else { engine.participation.label() },
        proposer: (!engine.proposer.is_zero()).then_some(engine.proposer),
        missed_rounds: engine.missed_rounds.iter().map(|(who, count)| (*who, *count)).collect(),
        last_commit: engine.last_commit,
    }
}

/// How old the head is. A block that was committed while we watched is as old as that, whatever the
/// clock says; of the one that was there at the start only its timestamp is known.
enum HeadAge {
    Timestamp(u64),
    Committed(Instant),
}

impl HeadAge {
    fn of(header: &SealedHeader) -> Self {
        Self::Timestamp(header.timestamp)
    }

    fn now(&self) -> Duration {
        match self {
            Self::Timestamp(seconds) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                now.saturating_sub(Duration::from_secs(*seconds))
            }
            Self::Committed(at) => at.elapsed(),
        }
    }
}
