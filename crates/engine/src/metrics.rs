//! What the engine counts.

use metrics::{counter, gauge, histogram};
use mfenx_primitives::CommittedBlock;
use std::time::Duration;

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
