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
    describe_counter!(
        "mfenx_engine_senders_total",
        "Senders of transactions in blocks that were checked, by whether the pool knew them"
    );
    for (name, what) in [
        ("mfenx_engine_execution_seconds", "Time to execute a block"),
        ("mfenx_engine_state_root_seconds", "Time to compute the state root of a block"),
        ("mfenx_engine_commit_seconds", "Time to make a block durable"),
    ] {
        describe_histogram!(name, Unit::Seconds, what);
    }
    consensus::describe();
    audit::describe();
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

/// Senders of a block that was checked: how many the pool knew, of how many.
pub(crate) fn senders(pooled: usize, all: usize) {
    let recovered = all.saturating_sub(pooled);
    counter!("mfenx_engine_senders_total", "source" => "pool").increment(pooled as u64);
    counter!("mfenx_engine_senders_total", "source" => "recovered").increment(recovered as u64);
}

/// What consensus, sync and gossip count.
pub(crate) mod consensus {
    use metrics::{
        Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    };
    use mfenx_network::Verdict;
    use std::time::Duration;

    pub(super) fn describe() {
        for (name, what) in [
            ("mfenx_consensus_rounds_total", "Rounds begun by this node"),
            (
                "mfenx_consensus_missed_proposals_total",
                "Rounds of committed heights without decision",
            ),
            ("mfenx_consensus_votes_total", "Votes of this node, by kind"),
            (
                "mfenx_consensus_vrf_proofs_total",
                "Randomness of decided blocks, by whether this node or another made it",
            ),
            ("mfenx_consensus_equivocations_total", "Proofs of equivocation found"),
            ("mfenx_engine_gossip_total", "Messages of peers, by topic and verdict"),
            ("mfenx_engine_synced_blocks_total", "Blocks taken from peers"),
            ("mfenx_engine_bad_data_total", "Times a peer sent something wrong"),
            (
                "mfenx_engine_rival_blocks_total",
                "Times a peer had another block than this node at a height",
            ),
            ("mfenx_engine_transactions_sent_total", "Transactions of ours that were gossiped"),
            (
                "mfenx_engine_transactions_received_total",
                "Transactions of peers that were admitted",
            ),
        ] {
            describe_counter!(name, what);
        }
        for (name, what) in [
            ("mfenx_consensus_voting", "Whether this node votes: 1, else 0"),
            ("mfenx_consensus_epoch", "The epoch of authorities of the next block"),
            (
                "mfenx_engine_sync_lag_blocks",
                "How far the head is behind what authorities or certificates show",
            ),
        ] {
            describe_gauge!(name, what);
        }
        // A counter that has not counted yet is there, too: whoever watches it sees that it is 0.
        counter!("mfenx_consensus_rounds_total").absolute(0);
        counter!("mfenx_consensus_missed_proposals_total").absolute(0);
        counter!("mfenx_consensus_equivocations_total").absolute(0);
        counter!("mfenx_engine_synced_blocks_total").absolute(0);
        counter!("mfenx_engine_bad_data_total").absolute(0);
        counter!("mfenx_engine_rival_blocks_total").absolute(0);
        describe_histogram!(
            "mfenx_consensus_commit_seconds",
            Unit::Seconds,
            "From the decision on a block to its durability"
        );
        describe_histogram!(
            "mfenx_consensus_decided_round",
            "The round in which blocks were decided"
        );
    }

    pub(crate) fn round() {
        counter!("mfenx_consensus_rounds_total").increment(1);
    }

    pub(crate) fn missed() {
        counter!("mfenx_consensus_missed_proposals_total").increment(1);
    }

    pub(crate) fn vote(prevote: bool) {
        let kind = if prevote { "prevote" } else { "precommit" };
        counter!("mfenx_consensus_votes_total", "kind" => kind).increment(1);
    }

    /// The proof of a decided block, made here or by another.
    pub(crate) fn vrf_proof(ours: bool) {
        let builder = if ours { "self" } else { "other" };
        counter!("mfenx_consensus_vrf_proofs_total", "builder" => builder).increment(1);
    }

    /// Where the node stands.
    pub(crate) fn standing(votes: bool, epoch: u64, lag_blocks: u64) {
        gauge!("mfenx_consensus_voting").set(if votes { 1.0 } else { 0.0 });
        gauge!("mfenx_consensus_epoch").set(epoch as f64);
        gauge!("mfenx_engine_sync_lag_blocks").set(lag_blocks as f64);
    }

    pub(crate) fn equivocation() {
        counter!("mfenx_consensus_equivocations_total").increment(1);
    }

    pub(crate) fn committed(round: u32, latency: Duration) {
        histogram!("mfenx_consensus_decided_round").record(f64::from(round));
        histogram!("mfenx_consensus_commit_seconds").record(latency);
    }

    pub(crate) fn gossip(topic: &'static str, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::Accept => "accepted",
            Verdict::Reject => "rejected",
            Verdict::Ignore => "ignored",
        };
        counter!("mfenx_engine_gossip_total", "topic" => topic, "verdict" => verdict).increment(1);
    }

    pub(crate) fn synced() {
        counter!("mfenx_engine_synced_blocks_total").increment(1);
    }

    pub(crate) fn bad_data() {
        counter!("mfenx_engine_bad_data_total").increment(1);
    }

    pub(crate) fn rival() {
        counter!("mfenx_engine_rival_blocks_total").increment(1);
    }

    pub(crate) fn transactions_sent(count: u64) {
        counter!("mfenx_engine_transactions_sent_total").increment(count);
    }

    pub(crate) fn transactions_received(count: u64) {
        counter!("mfenx_engine_transactions_received_total").increment(count);
    }
}

/// What the audit log counts.
pub(crate) mod audit {
    use metrics::{counter, describe_counter, describe_gauge, gauge};

    pub(super) fn describe() {
        describe_counter!("mfenx_audit_records_total", "Records written to the audit log");
        describe_counter!("mfenx_audit_failures_total", "Attempts to write one that failed");
        describe_gauge!("mfenx_audit_waiting_records", "Records that wait for a disk that fails");
    }

    pub(crate) fn written() {
        counter!("mfenx_audit_records_total").increment(1);
    }

    pub(crate) fn failed() {
        counter!("mfenx_audit_failures_total").increment(1);
    }

    pub(crate) fn waiting(count: usize) {
        gauge!("mfenx_audit_waiting_records").set(count as f64);
    }
}
