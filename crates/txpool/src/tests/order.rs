//! The order in which a builder gets transactions.

use super::support::*;
use crate::{BestTransactions, PoolConfig};
use alloy_consensus::Transaction as _;

fn taken(best: BestTransactions) -> Vec<(u8, u64)> {
    best.map(|tx| (tx.signer()[19], tx.nonce())).collect()
}

#[test]
fn the_highest_tip_comes_first_and_nonces_in_order() {
    let bench = Bench::new(PoolConfig::default());
    let add = |sender, nonce, tip| {
        bench.add(Draft::new(sender, nonce).fees(100 * GWEI, tip), rich()).unwrap();
    };
    add(1, 0, 2);
    add(1, 1, 9);
    add(2, 0, 5);
    add(3, 0, 2);
    add(2, 1, 1);
    assert_eq!(taken(bench.pool.best(BASE_FEE)), [(2, 0), (1, 0), (1, 1), (3, 0), (2, 1)]);
}

#[test]
fn the_tip_is_what_the_base_fee_leaves() {
    let bench = Bench::new(PoolConfig::default());
    bench.add(Draft::new(1, 0).fees(10 * GWEI, 5 * GWEI), rich()).unwrap();
    bench.add(Draft::new(2, 0).fees(20 * GWEI, 4 * GWEI), rich()).unwrap();
    // A legacy transaction offers all that its price leaves.
    let legacy = Draft::new(3, 0).fees(11 * GWEI, 0).legacy(Some(mfenx_chainspec::MFENX_CHAIN_ID));
    bench.pool.add(legacy, seen(rich())).unwrap();
    assert_eq!(taken(bench.pool.best(BASE_FEE)), [(3, 0), (1, 0), (2, 0)]);
    assert_eq!(taken(bench.pool.best(8 * BASE_FEE)), [(2, 0), (3, 0), (1, 0)]);
    assert_eq!(taken(bench.pool.best(10 * BASE_FEE)), [(2, 0), (3, 0), (1, 0)]);
    assert_eq!(taken(bench.pool.best(10 * BASE_FEE + 1)), [(2, 0), (3, 0)]);
}

#[test]
fn below_the_base_fee_holds_back_its_descendants() {
    let bench = Bench::new(PoolConfig::default());
    for (nonce, fee) in [(0, 9), (1, 3), (2, 9)] {
        bench.add(Draft::new(1, nonce).fees(fee * GWEI, 1), rich()).unwrap();
    }
    assert_eq!(taken(bench.pool.best(4 * BASE_FEE)), [(1, 0)]);
    assert_eq!(taken(bench.pool.best(3 * BASE_FEE)), [(1, 0), (1, 1), (1, 2)]);
}

#[test]
fn a_skipped_sender_is_skipped_whole() {
    let bench = Bench::new(PoolConfig::default());
    bench.fill(1, 0..3);
    bench.fill(2, 0..2);
    let mut best = bench.pool.best(BASE_FEE);
    assert_eq!(best.next().unwrap().signer(), address(1));
    best.skip_sender(address(1));
    // A snapshot: what comes later is not in it.
    bench.fill(3, 0..1);
    assert_eq!(taken(best), [(2, 0), (2, 1)]);
}
