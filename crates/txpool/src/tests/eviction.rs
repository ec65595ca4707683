//! A full pool.

use super::support::*;
use crate::{DropReason, PoolConfig, PoolEvent, PoolHandle};
use alloy_primitives::B256;

fn full(max_transactions: usize) -> PoolConfig {
    PoolConfig { max_transactions, ..PoolConfig::default() }
}

fn tipped(sender: u8, nonce: u64, tip: u128) -> Draft {
    Draft::new(sender, nonce).fees(100 * GWEI, tip)
}

fn evicted(events: &[PoolEvent]) -> Vec<B256> {
    let hash = |event: &PoolEvent| match event {
        PoolEvent::Dropped { hash, reason: DropReason::Evicted } => Some(*hash),
        _ => None,
    };
    events.iter().filter_map(hash).collect()
}

fn len(pool: &PoolHandle) -> usize {
    pool.status().pending + pool.status().queued
}

#[test]
fn a_better_transaction_displaces_the_worst() {
    let mut bench = Bench::new(full(2));
    bench.add(tipped(1, 0, 30), rich()).unwrap();
    let worst = bench.add(tipped(2, 0, 10), rich()).unwrap();
    for tip in [5, 10] {
        let error = bench.add(tipped(3, 0, tip), rich()).unwrap_err();
        assert_eq!(error.to_string(), "transaction underpriced");
    }
    bench.add(tipped(3, 0, 11), rich()).unwrap();
    assert_eq!(evicted(&bench.events()), [worst]);
    assert_eq!(len(&bench.pool), 2);
}

#[test]
fn what_cannot_run_goes_first_and_displaces_nothing_that_can() {
    let mut bench = Bench::new(full(2));
    bench.add(tipped(1, 0, 1), rich()).unwrap();
    let gapped = bench.add(tipped(2, 5, 99), rich()).unwrap();
    bench.add(tipped(3, 0, 1), rich()).unwrap();
    assert_eq!(evicted(&bench.events()), [gapped]);
    let error = bench.add(tipped(2, 5, 999), rich()).unwrap_err();
    assert_eq!(error.to_string(), "txpool is full");
}

#[test]
fn queued_transactions_displace_worse_queued_ones() {
    let mut bench = Bench::new(full(2));
    let worst = bench.add(tipped(1, 5, 1), rich()).unwrap();
    bench.add(tipped(2, 5, 3), rich()).unwrap();
    bench.add(tipped(3, 5, 2), rich()).unwrap();
    assert_eq!(evicted(&bench.events()), [worst]);
}

#[test]
fn the_last_nonce_of_a_sender_goes_first() {
    let mut bench = Bench::new(full(3));
    bench.add(tipped(1, 0, 2), rich()).unwrap();
    let last = bench.add(tipped(1, 1, 50), rich()).unwrap();
    bench.add(tipped(2, 0, 20), rich()).unwrap();
    // The dear one at the end is worth no more than the cheap one before it.
    bench.add(tipped(3, 0, 10), rich()).unwrap();
    assert_eq!(evicted(&bench.events()), [last]);
    assert_eq!(bench.nonces(1), (vec![0], vec![]));
}

#[test]
fn a_dear_last_transaction_does_not_open_the_door() {
    let bench = Bench::new(full(2));
    bench.add(tipped(1, 0, 2), rich()).unwrap();
    bench.add(tipped(2, 0, 5), rich()).unwrap();
    // Behind a tip of 2 it is worth 2, whatever it offers.
    let error = bench.add(tipped(1, 1, 1_000), rich()).unwrap_err();
    assert_eq!(error.to_string(), "transaction underpriced");
}

#[test]
fn a_hoarder_yields_to_a_modest_sender_at_the_same_price() {
    let mut bench = Bench::new(full(20));
    let hoard = bench.fill(1, 0..20);
    bench.fill(2, 0..3);
    assert_eq!(evicted(&bench.events()), [hoard[19], hoard[18], hoard[17]]);
    bench.fill(2, 3..4);
    // A fair share stays.
    for nonce in 4..10 {
        let _ = bench.add(Draft::new(2, nonce), rich());
    }
    assert_eq!(bench.nonces(1).0.len(), 16);
    assert_eq!(
        bench.add(Draft::new(3, 0), rich()).unwrap_err().to_string(),
        "transaction underpriced"
    );
}

#[test]
fn a_filled_gap_displaces_its_own_tail() {
    let mut bench = Bench::new(full(3));
    let own = bench.fill(1, [1, 2, 9]);
    bench.fill(1, [0]);
    assert_eq!(evicted(&bench.events()), [own[2]]);
    assert_eq!(bench.nonces(1), (vec![0, 1, 2], vec![]));
    // But a gapped one of its own is no better than those it has.
    assert_eq!(bench.add(Draft::new(1, 7), rich()).unwrap_err().to_string(), "txpool is full");
}

#[test]
fn bytes_are_bounded_and_a_long_one_displaces_several() {
    let config = PoolConfig { max_bytes: 2_000, ..PoolConfig::default() };
    let mut bench = Bench::new(config);
    for sender in 1..=3 {
        bench.add(tipped(sender, 0, u128::from(sender)).calldata(500), rich()).unwrap();
    }
    bench.events();
    // Better than two of the three, and these two do not make room enough: nobody loses anything.
    let long = tipped(9, 0, 3).calldata(1_700);
    let error = bench.add(long, rich()).unwrap_err();
    assert_eq!(error.to_string(), "transaction underpriced");
    assert!(bench.events().is_empty());
    bench.add(tipped(9, 0, 3).calldata(1_100), rich()).unwrap();
    assert_eq!(evicted(&bench.events()).len(), 2);
    assert!(bench.pool.status().bytes <= 2_000);
    // A replacement that is longer has to make room as well, and not by replacing itself twice.
    let error = bench.add(tipped(9, 0, 4).calldata(1_900), rich()).unwrap_err();
    assert_eq!(error.to_string(), "replacement transaction underpriced");
    bench.add(Draft::new(9, 0).fees(200 * GWEI, 4).calldata(1_700), rich()).unwrap();
    assert_eq!(bench.pool.senders(), [address(9)]);
}

#[test]
fn senders_are_bounded() {
    let config = PoolConfig { max_senders: 2, ..PoolConfig::default() };
    let mut bench = Bench::new(config);
    let poor = [bench.add(tipped(1, 0, 3), rich()), bench.add(tipped(1, 1, 4), rich())];
    bench.add(tipped(2, 0, 2), rich()).unwrap();
    let dear = bench.add(tipped(2, 1, 9), rich()).unwrap();
    bench.events();
    // No better than the worst sender, who came first.
    let error = bench.add(tipped(3, 0, 2), rich()).unwrap_err();
    assert_eq!(error.to_string(), "transaction underpriced");
    // The worst sender goes whole: what is dear of it stands behind what is cheap.
    bench.add(tipped(3, 0, 4), rich()).unwrap();
    assert_eq!(bench.pool.senders(), [address(1), address(3)]);
    let gone = evicted(&bench.events());
    assert_eq!((gone.len(), gone[0]), (2, dear));
    assert!(poor.iter().all(|hash| bench.pool.contains(hash.as_ref().unwrap())));
    // Who is in already takes no new place.
    bench.add(tipped(1, 2, 1), rich()).unwrap();
}

#[test]
fn a_flood_without_money_moves_nothing() {
    let mut bench = Bench::new(full(4));
    bench.fill(1, 0..4);
    bench.events();
    for sender in 10..60 {
        let draft = Draft::new(sender, 0).fees(1_000 * GWEI, 900 * GWEI);
        bench.add(draft, account(0, 0u128)).unwrap_err();
    }
    assert!(bench.events().is_empty());
    assert_eq!(len(&bench.pool), 4);
}

#[test]
fn what_does_not_cover_the_base_fee_is_worth_least_of_what_can_run() {
    let mut bench = Bench::new(full(2));
    let cheap = bench.add(Draft::new(1, 0).fees(GWEI / 2, GWEI / 2), rich()).unwrap();
    bench.add(tipped(2, 0, 1), rich()).unwrap();
    bench.add(tipped(3, 0, 1), rich()).unwrap();
    assert_eq!(evicted(&bench.events()), [cheap]);
}
