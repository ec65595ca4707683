//! Nonces: gaps, order of arrival, replacement, limits of one sender.

use super::support::*;
use crate::{DropReason, PoolConfig, PoolError, SenderState};

#[test]
fn a_used_nonce_is_refused() {
    let bench = Bench::new(PoolConfig::default());
    let error = bench.add(Draft::new(1, 4), account(5, COST)).unwrap_err();
    assert_eq!(error.to_string(), "nonce too low: next nonce 5, tx nonce 4");
}

#[test]
fn a_gap_holds_back_what_follows() {
    let mut bench = Bench::new(PoolConfig::default());
    let later = bench.fill(1, [3, 1]);
    assert_eq!(bench.nonces(1), (vec![], vec![1, 3]));
    assert_eq!(bench.pool.pending_nonce(address(1)), None);
    assert!(bench.events().is_empty());
    let first = bench.fill(1, [0]);
    assert_eq!(bench.nonces(1), (vec![0, 1], vec![3]));
    assert_eq!(bench.pool.pending_nonce(address(1)), Some(2));
    let promoted: Vec<_> = bench.events().iter().filter_map(pending).collect();
    assert_eq!(promoted, [first[0], later[1]]);
    let status = bench.pool.status();
    assert_eq!((status.pending, status.queued, status.senders), (2, 1, 1));
}

#[test]
fn a_gap_is_bounded() {
    let bench = Bench::new(PoolConfig { max_nonce_gap: 3, ..PoolConfig::default() });
    bench.fill(1, [0, 4]);
    let error = bench.add(Draft::new(1, 5), rich()).unwrap_err();
    assert_eq!(error.to_string(), "nonce too high: tx nonce 5, gapped nonce 1");
}

#[test]
fn contracts_send_no_transactions() {
    let bench = Bench::new(PoolConfig::default());
    let error = bench
        .pool
        .add(Draft::new(1, 0).sign(), SenderState { has_foreign_code: true, ..seen(rich()) })
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "sender not an eoa: address 0x0000000000000000000000000000000000000001, codehash: \
         0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    );
}

#[test]
fn a_replacement_raises_both_fees_by_a_tenth() {
    let mut bench = Bench::new(PoolConfig::default());
    let old = bench.fill(1, [0, 1])[0];
    bench.events();
    let (max_fee, tip) = (22 * GWEI / 10, 11 * GWEI / 10);
    for (max_fee, tip) in [(max_fee - 1, tip), (max_fee, tip - 1), (2 * GWEI, GWEI)] {
        let draft = Draft::new(1, 0).fees(max_fee, tip).value(1);
        let error = bench.add(draft, rich()).unwrap_err();
        assert_eq!(error.to_string(), "replacement transaction underpriced");
    }
    let error = bench.add(Draft::new(1, 0).value(1), rich()).unwrap_err();
    let expected = PoolError::ReplacementUnderpriced {
        needed_max_fee: max_fee,
        needed_tip: tip,
        needed_blob_fee: 0,
    };
    assert_eq!(error, expected);
    assert!(bench.events().is_empty());

    let new = bench.add(Draft::new(1, 0).fees(max_fee, tip), rich()).unwrap();
    let events = bench.events();
    assert_eq!(events[0], dropped(old, DropReason::Replaced { by: new }));
    assert_eq!(events[1..].iter().filter_map(pending).collect::<Vec<_>>(), [new]);
    assert_eq!(bench.nonces(1), (vec![0, 1], vec![]));
    assert!(!bench.pool.contains(&old));
}

#[test]
fn a_queued_transaction_is_replaced_alike() {
    let mut bench = Bench::new(PoolConfig::default());
    let old = bench.fill(1, [7])[0];
    let error = bench.add(Draft::new(1, 7).value(1), rich()).unwrap_err();
    assert_eq!(error.to_string(), "replacement transaction underpriced");
    let new = bench.add(Draft::new(1, 7).fees(3 * GWEI, 2 * GWEI), rich()).unwrap();
    assert_eq!(bench.events(), [dropped(old, DropReason::Replaced { by: new })]);
    assert_eq!(bench.nonces(1), (vec![], vec![7]));
}

#[test]
fn one_sender_has_its_limits() {
    let config =
        PoolConfig { max_per_sender: 3, max_queued_per_sender: 2, ..PoolConfig::default() };
    let mut bench = Bench::new(config);
    let hashes = bench.fill(1, 0..5);
    // The fourth and fifth wait behind the three that one sender may have executable.
    assert_eq!(bench.nonces(1), (vec![0, 1, 2], vec![3, 4]));
    let error = bench.add(Draft::new(1, 5), rich()).unwrap_err();
    assert_eq!(error.to_string(), "account limit exceeded: pooled 5 txs");
    // Replacements take no place.
    bench.add(Draft::new(1, 4).fees(3 * GWEI, 2 * GWEI), rich()).unwrap();
    bench.events();
    let first = bench.pool.get(&hashes[0]).unwrap();
    bench.commit(vec![(*first).clone()], BASE_FEE, &[]);
    assert_eq!(bench.nonces(1), (vec![1, 2, 3], vec![4]));
}

#[test]
fn transactions_set_back_count_against_the_whole() {
    let config =
        PoolConfig { max_per_sender: 3, max_queued_per_sender: 2, ..PoolConfig::default() };
    let bench = Bench::new(config);
    let hashes = bench.fill(1, 0..5);
    bench.pool.remove(&hashes[0], DropReason::Invalid("test".into()));
    assert_eq!(bench.nonces(1), (vec![], vec![1, 2, 3, 4]));
    let error = bench.add(Draft::new(1, 5), rich()).unwrap_err();
    assert_eq!(error.to_string(), "account limit exceeded: pooled 4 txs");
    bench.fill(1, [0]);
    assert_eq!(bench.nonces(1), (vec![0, 1, 2], vec![3, 4]));
}

#[test]
fn removal_makes_a_gap() {
    let mut bench = Bench::new(PoolConfig::default());
    let hashes = bench.fill(1, 0..3);
    bench.events();
    let reason = DropReason::Invalid("execution refused it".into());
    assert!(bench.pool.remove(&hashes[1], reason.clone()).is_some());
    assert!(bench.pool.remove(&hashes[1], reason.clone()).is_none());
    assert_eq!(bench.nonces(1), (vec![0], vec![2]));
    assert_eq!(bench.events(), [dropped(hashes[1], reason)]);
    // Filled again, the one behind it runs again and is announced again.
    bench.add(Draft::new(1, 1).value(1), rich()).unwrap();
    let promoted: Vec<_> = bench.events().iter().filter_map(pending).collect();
    assert_eq!(promoted[1..], hashes[2..]);
}

#[test]
fn an_account_seen_across_a_block_keeps_the_pool_consistent() {
    let mut bench = Bench::new(PoolConfig::default());
    let hashes = bench.fill(1, [0, 1]);
    let newer = account(1, 10u128.pow(24));
    // The caller has seen the block that mined nonce 0, the pool has not: not lost, not replaced.
    let error = bench.add(Draft::new(1, 0).fees(9 * GWEI, 9 * GWEI), newer).unwrap_err();
    assert_eq!(error.to_string(), "nonce too low: next nonce 1, tx nonce 0");
    bench.add(Draft::new(1, 2), newer).unwrap();
    assert_eq!(bench.nonces(1), (vec![0, 1, 2], vec![]));
    let mined = bench.pool.get(&hashes[0]).unwrap();
    bench.commit(vec![(*mined).clone()], BASE_FEE, &[(address(1), newer)]);
    assert_eq!(bench.nonces(1), (vec![1, 2], vec![]));
    // And the other way round: the caller is behind.
    let error = bench.add(Draft::new(1, 0).value(5), rich()).unwrap_err();
    assert_eq!(error.to_string(), "nonce too low: next nonce 1, tx nonce 0");
    bench.fill(1, [3]);
    assert_eq!(bench.nonces(1), (vec![1, 2, 3], vec![]));
}

/// Without this, the transactions of a sender whose account was read before the last block would
/// wait behind a nonce that is gone.
#[test]
fn an_account_read_before_the_head_is_to_be_read_again() {
    let mut bench = Bench::new(PoolConfig::default());
    bench.fill(1, [0]);
    bench.commit(vec![Draft::new(1, 0).sign()], 1, &[(address(1), account(1, 10u128.pow(24)))]);
    let stale = SenderState { head_number: 0, ..seen(rich()) };
    let error = bench.pool.add(Draft::new(1, 1).sign(), stale).unwrap_err();
    assert_eq!(error, PoolError::StaleAccount { read_at: 0, head: 1 });
    let fresh = SenderState { head_number: 1, ..seen(account(1, 10u128.pow(24))) };
    bench.pool.add(Draft::new(1, 1).sign(), fresh).unwrap();
    assert_eq!(bench.pool.status().pending, 1);
}
