//! New heads.

use super::support::*;
use crate::{DropReason, PoolConfig, PoolEvent, pool::Pool, transaction::PooledTransaction};
use alloy_consensus::Transaction as _;
use mfenx_chainspec::ChainSpec;
use std::sync::Arc;

/// The development chain, on which Osaka comes a second after genesis.
fn before_osaka() -> ChainSpec {
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    genesis.config.osaka_time = Some(genesis.timestamp + 1);
    ChainSpec::from_genesis(genesis).unwrap()
}

#[test]
fn a_block_takes_its_transactions() {
    let mut bench = Bench::new(PoolConfig::default());
    let hashes = bench.fill(1, 0..3);
    bench.events();
    let mined = (*bench.pool.get(&hashes[0]).unwrap()).clone();
    let head = bench.commit(vec![mined], BASE_FEE, &[]);
    let (block_number, block_hash) = (head.number, head.hash());
    assert_eq!(bench.events(), [PoolEvent::Mined { hash: hashes[0], block_number, block_hash }]);
    assert_eq!(bench.nonces(1), (vec![1, 2], vec![]));
    assert_eq!(bench.pool.pending_nonce(address(1)), Some(3));
}

#[test]
fn another_transaction_with_the_nonce_makes_stale() {
    let mut bench = Bench::new(PoolConfig::default());
    let hashes = bench.fill(1, 0..2);
    bench.events();
    let foreign = [Draft::new(1, 0).value(9).sign(), Draft::new(1, 1).value(9).sign()];
    bench.commit(foreign.to_vec(), BASE_FEE, &[]);
    let stale: Vec<_> = hashes.iter().map(|hash| dropped(*hash, DropReason::Stale)).collect();
    assert_eq!(bench.events(), stale);
    assert_eq!(bench.pool.status(), Default::default());
    assert!(bench.pool.senders().is_empty());
}

#[test]
fn a_block_fills_a_gap() {
    let mut bench = Bench::new(PoolConfig::default());
    let hash = bench.fill(1, [1])[0];
    bench.commit(vec![Draft::new(1, 0).sign()], BASE_FEE, &[]);
    assert_eq!(bench.nonces(1), (vec![1], vec![]));
    assert_eq!(bench.events().iter().filter_map(pending).collect::<Vec<_>>(), [hash]);
}

#[test]
fn the_base_fee_is_followed() {
    let mut bench = Bench::new(PoolConfig::default());
    bench.fill(1, 0..1);
    let next = 3 * BASE_FEE;
    bench.commit(vec![], next, &[]);
    // Still executable by nonce and balance, but no builder gets it.
    assert_eq!(bench.nonces(1), (vec![0], vec![]));
    assert_eq!(bench.pool.best(next).count(), 0);
    assert_eq!(bench.pool.best(BASE_FEE).count(), 1);
}

#[test]
fn smaller_blocks_drop_what_no_longer_fits() {
    let mut bench = Bench::new(PoolConfig::default());
    let large = bench.add(Draft::new(1, 0).with(|tx| tx.gas_limit = 100_000), rich()).unwrap();
    bench.fill(1, [1]);
    bench.events();
    bench.commit_with(vec![], BASE_FEE, &[], |header| header.gas_limit = 99_999);
    assert_eq!(bench.events(), [dropped(large, DropReason::ExceedsBlockGasLimit)]);
    assert_eq!(bench.nonces(1), (vec![], vec![1]));
    let draft = Draft::new(2, 0).with(|tx| tx.gas_limit = 100_000);
    assert_eq!(bench.add(draft, rich()).unwrap_err().to_string(), "exceeds block gas limit");
}

#[test]
fn builders_are_woken_and_subscribers_told() {
    let bench = Bench::new(PoolConfig::default());
    let (mut pending, mut version) = (bench.pool.subscribe(), bench.pool.changed());
    bench.fill(1, [1]);
    assert!(!version.has_changed().unwrap());
    bench.fill(1, [0]);
    assert!(version.has_changed().unwrap());
    version.mark_unchanged();
    let nonces: Vec<_> =
        std::iter::from_fn(|| pending.try_recv().ok()).map(|tx| tx.nonce()).collect();
    assert_eq!(nonces, [0, 1]);
    let content = bench.pool.content();
    assert_eq!(content.pending[&address(1)].len(), 2);
    assert!(content.queued.is_empty());
}

#[test]
fn a_slow_subscriber_loses_events_and_nobody_else_does() {
    let bench = Bench::new(PoolConfig { max_event_backlog: 2, ..PoolConfig::default() });
    let mut slow = bench.pool.subscribe();
    bench.fill(1, 0..5);
    assert!(matches!(slow.try_recv(), Err(tokio::sync::broadcast::error::TryRecvError::Lagged(3))));
    assert_eq!(slow.try_recv().unwrap().nonce(), 3);
}

#[test]
fn a_fork_drops_what_it_forbids() {
    let mut bench = Bench::on(before_osaka(), PoolConfig::default());
    let large = Draft::new(1, 0).with(|tx| tx.gas_limit = 20_000_000);
    let hash = bench.add(large, rich()).unwrap();
    bench.fill(1, [1]);
    bench.events();
    bench.commit(vec![], BASE_FEE, &[]);
    let words = "transaction gas limit too high (cap: 16777216, tx: 20000000)";
    assert_eq!(bench.events(), [dropped(hash, DropReason::Invalid(words.into()))]);
    assert_eq!(bench.nonces(1), (vec![], vec![1]));
}

#[test]
fn what_was_checked_before_a_fork_is_checked_again() {
    let spec = Arc::new(before_osaka());
    let head = spec.genesis_header().clone();
    let mut pool = Pool::new(spec, PoolConfig::default(), &head);
    let before = pool.rules();
    let large = Draft::new(1, 0).with(|tx| tx.gas_limit = 20_000_000).sign();
    assert_eq!(before.check(large.inner(), None), Ok(()));
    pool.on_block(&block(child(&head), vec![]).block, BASE_FEE, &[]);
    let error = pool.add(PooledTransaction::new(large, None), &before, seen(rich())).unwrap_err();
    assert!(error.to_string().starts_with("transaction gas limit too high"));
}
