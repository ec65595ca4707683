//! What the engine counts.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use mfenx_primitives::CommittedBlock;
use std::time::Duration;

/// Tells the recorder what the engine's metrics mean. Install the recorder first.
pub fn describe_metrics() {
    describe_gauge!("mfenx_engine_head_number", "Height of the head");
    describe_counter!("mfenx_engine_transactions_total", "Transactions in committed blocks");
    describe_counter!("mfenx_engine_gas_total", "Gas used by committed blocks");
    describe_counter!(
        "mfenx_engine_rejected_transactions_total",
        "Transactions of the pool that execution refused"
    );
    for (name, what) in [
        ("mfenx_engine_execution_seconds", "Time to execute a block"),
        ("mfenx_engine_state_root_seconds", "Time to compute the state root of a block"),
        ("mfenx_engine_commit_seconds", "Time to make a block durable"),
    ] {
        describe_histogram!(name, Unit::Seconds, what);
    }
}

/// A block was committed: its place, its contents, and how long each part took.
pub(crate) fn committed(
    block: &CommittedBlock,
    execution: Duration,
    root: Duration,
    store: Duration,
) {
    gauge!("mfenx_engine_head_number").set(block.block.number() as f64);
    counter!("mfenx_engine_transactions_total").increment(block.block.transactions().len() as u64);
    counter!("mfenx_engine_gas_total").increment(block.block.header().gas_used);
    histogram!("mfenx_engine_execution_seconds").record(execution);
    histogram!("mfenx_engine_state_root_seconds").record(root);
    histogram!("mfenx_engine_commit_seconds").record(store);
}

/// A transaction taken from the pool could not be executed and was dropped.
pub(crate) fn rejected(count: usize) {
    counter!("mfenx_engine_rejected_transactions_total").increment(count as u64);
}
