//! The pool's metrics. Every bound is exported as `mfenx_txpool_limit`, beside the gauge or the
//! counter that shows how near it is.

use crate::{config::PoolConfig, error::PoolError, event::PoolEvent, pool::PoolStatus};
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Handles that were looked up once.
#[derive(Debug)]
pub(crate) struct PoolMetrics {
    pending: Gauge,
    queued: Gauge,
    bytes: Gauge,
    senders: Gauge,
    added: Counter,
    promoted: Counter,
    demoted: Counter,
    mined: Counter,
}

impl PoolMetrics {
    /// Must come after the recorder is installed; before that, handles lead nowhere.
    pub(crate) fn new(config: &PoolConfig) -> Self {
        describe();
        let limits = [
            ("transactions", config.max_transactions as f64),
            ("bytes", config.max_bytes as f64),
            ("senders", config.max_senders as f64),
            ("per_sender", config.max_per_sender as f64),
            ("queued_per_sender", config.max_queued_per_sender as f64),
            ("nonce_gap", config.max_nonce_gap as f64),
            ("tx_bytes", config.max_tx_bytes as f64),
            ("blob_tx_bytes", config.max_blob_tx_bytes as f64),
            ("blob_txs_per_sender", config.max_blob_txs_per_sender as f64),
            ("event_backlog", config.max_event_backlog as f64),
        ];
        for (bound, limit) in limits {
            gauge!("mfenx_txpool_limit", "bound" => bound).set(limit);
        }
        Self {
            pending: gauge!("mfenx_txpool_pending_transactions"),
            queued: gauge!("mfenx_txpool_queued_transactions"),
            bytes: gauge!("mfenx_txpool_bytes"),
            senders: gauge!("mfenx_txpool_senders"),
            added: counter!("mfenx_txpool_added_total"),
            promoted: counter!("mfenx_txpool_promoted_total"),
            demoted: counter!("mfenx_txpool_demoted_total"),
            mined: counter!("mfenx_txpool_mined_total"),
        }
    }

    pub(crate) fn added(&self) {
        self.added.increment(1);
    }

    pub(crate) fn rejected(&self, error: &PoolError) {
        counter!("mfenx_txpool_rejected_total", "reason" => error.label()).increment(1);
    }

    pub(crate) fn demoted(&self, count: u64) {
        self.demoted.increment(count);
    }

    pub(crate) fn event(&self, event: &PoolEvent) {
        match event {
            PoolEvent::Pending(_) => self.promoted.increment(1),
            PoolEvent::Mined { .. } => self.mined.increment(1),
            PoolEvent::Dropped { reason, .. } => {
                counter!("mfenx_txpool_dropped_total", "reason" => reason.label()).increment(1);
            }
        }
    }

    pub(crate) fn status(&self, status: PoolStatus) {
        self.pending.set(status.pending as f64);
        self.queued.set(status.queued as f64);
        self.bytes.set(status.bytes as f64);
        self.senders.set(status.senders as f64);
    }
}

fn describe() {
    describe_gauge!("mfenx_txpool_limit", "Configured bounds of the pool, by bound");
    describe_gauge!("mfenx_txpool_pending_transactions", "Executable transactions");
    describe_gauge!("mfenx_txpool_queued_transactions", "Transactions that cannot run yet");
    describe_gauge!("mfenx_txpool_bytes", "Encoded length of all pooled transactions");
    describe_gauge!("mfenx_txpool_senders", "Senders with a pooled transaction");
    describe_counter!("mfenx_txpool_added_total", "Transactions taken in");
    describe_counter!("mfenx_txpool_promoted_total", "Transactions that became executable");
    describe_counter!("mfenx_txpool_demoted_total", "Transactions that ceased to be executable");
    describe_counter!("mfenx_txpool_mined_total", "Pooled transactions that a block took");
    describe_counter!("mfenx_txpool_rejected_total", "Transactions refused, by reason");
    describe_counter!("mfenx_txpool_dropped_total", "Pooled transactions dropped, by reason");
}
