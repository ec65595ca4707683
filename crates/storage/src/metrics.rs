//! Every metric of the store, with its meaning.

use metrics::{
    Counter, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use std::time::Duration;

const COMMIT: &str = "mfenx_storage_commit_seconds";
const STATE_ROOT: &str = "mfenx_storage_state_root_seconds";
const BLOCKS: &str = "mfenx_storage_blocks_total";
const HEAD: &str = "mfenx_storage_head_number";
const READERS: &str = "mfenx_storage_readers_total";
const CODE_CACHE: &str = "mfenx_storage_code_cache_total";
const STATE_CACHE: &str = "mfenx_storage_state_cache_total";

/// Tells the installed recorder what the metrics mean. Call it once, after installing a recorder.
pub fn describe_metrics() {
    describe_histogram!(COMMIT, "Seconds to commit one block durably");
    describe_histogram!(STATE_ROOT, "Seconds to compute the state root after one block");
    describe_counter!(BLOCKS, "Blocks committed since the start");
    describe_gauge!(HEAD, "Number of the head");
    describe_counter!(
        READERS,
        "Read transactions opened since the start; most readers find one open"
    );
    describe_counter!(CODE_CACHE, "Look-ups of contract code, by outcome (hit or miss)");
    describe_counter!(
        STATE_CACHE,
        "Look-ups of accounts and slots of the latest state, by kind and outcome (hit or miss)"
    );
}

pub(crate) fn committed(number: u64, took: Duration) {
    histogram!(COMMIT).record(took.as_secs_f64());
    counter!(BLOCKS).increment(1);
    gauge!(HEAD).set(number as f64);
}

pub(crate) fn state_root(took: Duration) {
    histogram!(STATE_ROOT).record(took.as_secs_f64());
}

/// Counts read transactions. Looked up once, for they may be opened by the hundred thousand.
pub(crate) fn readers() -> Counter {
    counter!(READERS)
}

/// Counts look-ups of code, with success and without.
pub(crate) fn code_cache() -> [Counter; 2] {
    ["hit", "miss"].map(|outcome| counter!(CODE_CACHE, "outcome" => outcome))
}

/// Counts look-ups of accounts or slots, with success and without.
pub(crate) fn state_cache(kind: &'static str) -> [Counter; 2] {
    ["hit", "miss"].map(|outcome| counter!(STATE_CACHE, "kind" => kind, "outcome" => outcome))
}
