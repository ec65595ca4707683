//! What operators see while the pool is busy: every answer is one moment of it.

use super::support::*;
use crate::{PoolConfig, PoolContent, PoolEvent};
use alloy_consensus::Transaction as _;
use alloy_primitives::B256;
use mfenx_chainspec::ChainSpec;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const SENDERS: u8 = 8;
const SENT_EACH: usize = 1_500;
const BLOCKS: u64 = 40;
const MAX_TRANSACTIONS: usize = 60;

/// Adds, replaces and leaves gaps.
fn sends(bench: &Bench, sender: u8, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed + u64::from(sender));
    for _ in 0..SENT_EACH {
        let fee = random.random_range(2..60) * GWEI / 2;
        let draft = Draft::new(sender, random.random_range(0..14)).fees(fee, fee / 2);
        // The account's nonce is the pool's business: what is used up is refused.
        let _ = bench.add(draft.value(random.random_range(0..9)), rich());
    }
}

/// Checks one answer and counts its transactions.
fn check(content: &PoolContent) -> usize {
    let mut hashes = BTreeSet::<B256>::new();
    let mut count = 0;
    for (sender, queue) in content.pending.iter().chain(&content.queued) {
        assert!(!queue.is_empty());
        for (nonce, tx) in queue {
            assert_eq!((tx.nonce(), tx.signer()), (*nonce, *sender));
            assert!(hashes.insert(*tx.tx_hash()), "one transaction, twice in one answer");
            count += 1;
        }
    }
    for (sender, queue) in &content.pending {
        let (first, last) = (queue.keys().next().unwrap(), queue.keys().next_back().unwrap());
        assert_eq!((last - first + 1) as usize, queue.len(), "no gap among the executable");
        if let Some(queued) = content.queued.get(sender) {
            let next = *queued.keys().next().unwrap();
            assert!(next > last + 1, "nonce {next} after {last} could run, and is queued");
        }
    }
    assert!(count <= MAX_TRANSACTIONS);
    count
}

#[test]
fn every_answer_is_a_moment_of_the_pool() {
    let seed = rand::random::<u32>().into();
    println!("seed {seed}");
    let config = PoolConfig {
        max_transactions: MAX_TRANSACTIONS,
        max_event_backlog: 1 << 18,
        ..PoolConfig::default()
    };
    let mut bench = Bench::new(config);
    let busy = AtomicBool::new(true);
    let answers = thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = 0;
                    while busy.load(Ordering::Relaxed) || answers == 0 {
                        check(&bench.pool.content());
                        let status = bench.pool.status();
                        assert!(status.pending + status.queued <= MAX_TRANSACTIONS);
                        let one = bench.pool.content_from(address(1));
                        let nonces: Vec<_> = one.pending.keys().collect();
                        assert!(nonces.windows(2).all(|pair| pair[0] + 1 == *pair[1]));
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let bench = &bench;
                scope.spawn(move || sends(bench, sender, seed))
            })
            .collect();
        let mut head = ChainSpec::dev().unwrap().genesis_header().clone();
        for _ in 0..BLOCKS {
            let best: Vec<_> = bench.pool.best(BASE_FEE).take(5).map(|tx| (*tx).clone()).collect();
            let committed = block(child(&head), best);
            head = committed.block.sealed_header();
            bench.pool.on_block(&committed, BASE_FEE, &[]);
            thread::sleep(Duration::from_millis(2));
        }
        for sender in senders {
            sender.join().unwrap();
        }
        busy.store(false, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>()
    });
    assert!(answers >= 2);
    let content = bench.pool.content();
    let count = check(&content);
    let status = bench.pool.status();
    assert_eq!(status.pending + status.queued, count);
    // The last that was told of what can run is that it can.
    let mut told = BTreeMap::new();
    for event in bench.events() {
        match event {
            PoolEvent::Pending(tx) => told.insert(*tx.tx_hash(), "pending"),
            PoolEvent::Mined { hash, .. } => told.insert(hash, "mined"),
            PoolEvent::Dropped { hash, reason } => told.insert(hash, reason.label()),
        };
    }
    for tx in content.pending.values().flat_map(BTreeMap::values) {
        assert_eq!(told.get(tx.tx_hash()), Some(&"pending"));
    }
    let reasons: BTreeSet<_> = told.into_values().collect();
    for reason in ["mined", "replaced", "evicted"] {
        assert!(reasons.contains(reason), "{reason} did not happen");
    }
}
