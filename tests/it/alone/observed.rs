//! What operators see of a network: metrics that move, and a readiness that tells the truth.

use crate::{
    cluster::{Cluster, any_port, free, until},
    network::get,
};
use serde_json::{Value, json};
use std::{process::Command, thread, time::Duration};

/// Counters of an authority that decides blocks with others.
const OF_AUTHORITIES: [&str; 6] = [
    "mfenx_consensus_rounds_total",
    r#"mfenx_consensus_votes_total{kind="prevote"}"#,
    r#"mfenx_consensus_votes_total{kind="precommit"}"#,
    r#"mfenx_consensus_vrf_proofs_total{builder="self"}"#,
    r#"mfenx_consensus_vrf_proofs_total{builder="other"}"#,
    "mfenx_consensus_commit_seconds_count",
];
/// Counters of every node of a network.
const OF_ALL: [&str; 2] = [
    r#"mfenx_network_gossip_messages_total{topic="heads",result="accepted"}"#,
    r#"mfenx_engine_gossip_total{topic="heads",verdict="accepted"}"#,
];

/// A network in which the follower is slow to call itself fine, and quick to complain.
fn network() -> Cluster {
    let mut cluster = Cluster::new(3, 1, "majority", |_| (free(), any_port()));
    cluster.wrap(3, |mut command: Command| {
        command.args(["--ready-head-age", "6s", "--ready-lag", "2", "--ready-peers", "2"]);
        command
    });
    for index in 0..4 {
        cluster.start(index);
    }
    cluster.advance(&[0, 1, 2, 3], 2);
    cluster
}

/// The sum over the labels that are not named.
fn peers(cluster: &Cluster, index: usize) -> f64 {
    let of = |way| format!(r#"mfenx_network_peers{{direction="{way}"}}"#);
    ["inbound", "outbound"].map(|way| cluster.node(index).metric(&of(way))).iter().sum()
}

#[test]
fn metrics_are_there_and_move() {
    let mut cluster = network();
    for index in 0..3 {
        assert_eq!(cluster.node(index).metric("mfenx_consensus_voting"), 1.0);
        assert!(peers(&cluster, index) >= 3.0);
        assert!(cluster.node(index).metric("mfenx_network_pinned_peers") >= 2.0);
        for name in OF_AUTHORITIES.iter().chain(&OF_ALL) {
            let node = cluster.node(index);
            let before = node.metric(name);
            until(&format!("{name} moves at node {index}"), || node.metric(name) > before);
        }
    }
    let follower = cluster.node(3);
    assert_eq!(follower.metric("mfenx_consensus_voting"), 0.0);
    assert_eq!(follower.metric("mfenx_consensus_rounds_total"), 0.0);
    assert_eq!(follower.metric(r#"mfenx_consensus_vrf_proofs_total{builder="self"}"#), 0.0);
    for name in OF_ALL.iter().chain(&[r#"mfenx_consensus_vrf_proofs_total{builder="other"}"#]) {
        let before = follower.metric(name);
        until(&format!("{name} moves at the follower"), || follower.metric(name) > before);
    }
    let missed = "mfenx_consensus_missed_proposals_total";
    let before: Vec<_> = (0..2).map(|index| cluster.node(index).metric(missed)).collect();
    cluster.kill(2);
    for (index, before) in before.iter().enumerate() {
        let node = cluster.node(index);
        until("a turn of the dead one is counted", || node.metric(missed) > *before);
        until("the dead one is no peer", || peers(&cluster, index) < 3.0);
    }
    // Who comes back late takes the blocks of others, and says how many.
    cluster.advance(&[0, 1], 3);
    cluster.start(2);
    let node = cluster.node(2);
    until("blocks of others", || node.metric("mfenx_engine_synced_blocks_total") >= 1.0);
    until("no lag", || node.metric("mfenx_engine_sync_lag_blocks") == 0.0);
    cluster.stop();
}

/// The answer of `/health/ready` of the follower.
fn ready(cluster: &Cluster) -> (u16, Value) {
    get(cluster.node(3).http(), "/health/ready")
}

#[test]
fn a_follower_says_when_it_should_not_be_asked() {
    let mut cluster = network();
    until("readiness", || ready(&cluster).0 == 200);
    let (_, body) = ready(&cluster);
    assert_eq!((&body["ready"], &body["lagBlocks"]), (&json!(true), &json!(0)), "{body}");

    cluster.kill(0);
    cluster.kill(1);
    until("two peers are missing", || {
        let (code, body) = ready(&cluster);
        code == 503 && body["reasons"].to_string().contains("1 peers, fewer than 2")
    });
    cluster.kill(2);
    until("cut off, with an old head", || {
        let (code, body) = ready(&cluster);
        let reasons = body["reasons"].to_string();
        code == 503
            && reasons.contains("0 peers, fewer than 2")
            && reasons.contains("s old, more than 6 s")
    });
    println!("{}", ready(&cluster).1);
    // It answers all the same, and is ready again when the others are back.
    let head = cluster.head(3);
    for index in 0..3 {
        cluster.start(index);
    }
    until("readiness again", || ready(&cluster).0 == 200);
    assert!(cluster.head(3) > head);
    thread::sleep(Duration::from_millis(600));
    assert_eq!(ready(&cluster).0, 200);
    cluster.stop();
}
