//! The benchmark's own logic on small networks, so that it does not rot. No figure is judged here.
#![allow(clippy::unwrap_used)]

use super::{load::Load, nodes::Network, single::Turns, transfers::Accounts, usage::Usage};
use std::path::PathBuf;

/// The program beside this test, or the one that `MFENX_BIN` names; none says so.
fn mfenx() -> Option<PathBuf> {
    let beside = std::env::current_exe().unwrap();
    let beside = beside.parent().unwrap().parent().unwrap().join("mfenx");
    let program = std::env::var_os("MFENX_BIN").map_or(beside, PathBuf::from);
    let is_there = program.exists();
    if !is_there {
        println!("SKIPPED: {} is not built (scripts/test builds it)", program.display());
    }
    is_there.then_some(program)
}

#[test]
fn every_transfer_is_seen_at_every_node() {
    let Some(mfenx) = mfenx() else { return };
    let network = Network::start(&mfenx, None, (1, 1), 0).unwrap();
    let names: Vec<_> = network.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["validator-1", "follower-1"]);
    let mut accounts = Accounts::fund(network.last().unwrap(), 5).unwrap();
    let usage = Usage::start(&network.nodes).unwrap();
    for (to_all, rate) in [(false, Some(40.0)), (true, None)] {
        let load = Load { rate, window: 20, transfers: 60, connections: 4, to_all };
        let outcome = load.run(&network, &mut accounts).unwrap();
        assert_eq!((outcome.transfers, outcome.finality.len()), (60, 60));
        assert_eq!(outcome.finality_there.len(), 60);
        assert!(outcome.blocks >= 1 && outcome.intervals.len() + 1 == outcome.blocks);
        assert!(outcome.finality.first().is_some_and(|least| *least > 0.0));
        assert!(rate.is_none_or(|_| outcome.seconds > 1.4), "{}", outcome.seconds);
    }
    let taken = usage.taken().unwrap();
    assert!(taken.iter().all(|taken| taken.cpu_share > 0.0 && taken.resident_bytes > 0));
}

#[test]
fn a_turn_ends_with_every_receipt() {
    let Some(mfenx) = mfenx() else { return };
    let turns = Turns { turns: 1, transfers: 40, accounts: 4, connections: 4, peer_block: 8 };
    let rates = turns.run(&mfenx, None).unwrap();
    assert!(rates.peer.is_empty() && rates.ours.len() == 1);
    assert!(rates.ours.iter().all(|rate| rate.mined >= rate.with_receipts));
}
