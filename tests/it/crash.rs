//! Fifty `kill -9` at random moments under load.
//!
//! Several senders send transfers as fast as the node takes them and write down every receipt it
//! serves. A receipt that was served is a promise: after each kill the node must start again and
//! serve every one of them, unchanged, and its state root must recompute. `MFENX_SEED` repeats the
//! moments of a run; what the node was doing in them is up to the machine.

use crate::{
    node::{Node, die_young, verify},
    rpc::{CallError, Rpc, quantity},
    wallet::{STRANGER, account, sign, transfer},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const KILLS: u32 = 50;
const SENDERS: u32 = 4;
/// Transactions a sender sends at once before it waits for their receipts.
const WINDOW: u64 = 4;
/// Entries of one batch of reads.
const BATCH: usize = 100;

/// A transaction whose receipt was served: the parameters that ask for it, and the answer.
type Served = (Value, Value);

/// Sends until the node is gone; every receipt that it served.
fn send_until_killed(rpc: &Rpc, index: u32, killed: &AtomicBool) -> Vec<Served> {
    let mut served = Vec::new();
    let ended = send_windows(rpc, index, &mut served);
    let Err(CallError::Io(error)) = ended else { panic!("sender {index}: {ended:?}") };
    assert!(killed.load(Ordering::SeqCst), "sender {index}: the node is alive, but: {error}");
    served
}

fn send_windows(rpc: &Rpc, index: u32, served: &mut Vec<Served>) -> Result<(), CallError> {
    let signer = account(index);
    let count = rpc.call("eth_getTransactionCount", json!([signer.address(), "latest"]))?;
    let mut nonce = quantity(&count);
    loop {
        let raw: Vec<_> = (nonce..nonce + WINDOW)
            .map(|nonce| json!([sign(&signer, transfer(nonce, STRANGER))]))
            .collect();
        let mut waiting = Vec::new();
        for hash in rpc.batch("eth_sendRawTransaction", &raw)? {
            waiting.push(json!([hash?]));
        }
        nonce += WINDOW;
        while !waiting.is_empty() {
            let mut missing = Vec::new();
            let receipts = rpc.batch("eth_getTransactionReceipt", &waiting)?;
            for (hash, receipt) in waiting.into_iter().zip(receipts) {
                match receipt? {
                    Value::Null => missing.push(hash),
                    receipt => served.push((hash, receipt)),
                }
            }
            waiting = missing;
        }
    }
}

/// Every receipt that was ever served is still served, and is the same.
fn nothing_is_lost(rpc: &Rpc, served: &[Served]) {
    for chunk in served.chunks(BATCH) {
        let hashes: Vec<_> = chunk.iter().map(|(hash, _)| hash.clone()).collect();
        let receipts = rpc.batch("eth_getTransactionReceipt", &hashes).expect("an answer");
        for ((hash, before), now) in chunk.iter().zip(receipts) {
            assert_eq!(&now.expect("a receipt"), before, "the receipt of {hash}");
        }
    }
}

fn seed() -> u64 {
    let given = std::env::var("MFENX_SEED").ok();
    given.map_or_else(
        || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64,
        |seed| seed.parse().expect("MFENX_SEED is a number"),
    )
}

#[test]
fn fifty_kills_under_load_lose_nothing_that_was_served() {
    let seed = seed();
    println!("MFENX_SEED={seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut served: Vec<Served> = Vec::new();
    let mut head = 0;
    for kill in 1..=KILLS {
        if rng.random_ratio(1, 5) {
            die_young(dir.path(), Duration::from_millis(rng.random_range(0..400)));
        }
        let node = Node::dev(Some(dir.path()));
        let rpc = node.rpc();
        nothing_is_lost(&rpc, &served);
        let now = rpc.quantity("eth_blockNumber", json!([]));
        assert!(now >= head, "kill {kill}: the head went back from {head} to {now}");

        let life = Duration::from_millis(rng.random_range(20..500));
        let killed = AtomicBool::new(false);
        let clients: Vec<_> = (0..SENDERS).map(|_| node.rpc()).collect();
        thread::scope(|scope| {
            let killed = &killed;
            let senders: Vec<_> = (0..SENDERS)
                .zip(&clients)
                .map(|(index, rpc)| scope.spawn(move || send_until_killed(rpc, index, killed)))
                .collect();
            thread::sleep(life);
            killed.store(true, Ordering::SeqCst);
            node.kill();
            for sender in senders {
                served.extend(sender.join().expect("a sender"));
            }
        });
        let heights = served.iter().map(|(_, receipt)| quantity(&receipt["blockNumber"]));
        head = heights.max().unwrap_or(0);
        verify(dir.path());
        if kill % 10 == 0 {
            println!("{kill} kills, {} receipts, head {head}", served.len());
        }
    }
    assert!(served.len() > KILLS as usize, "the load was no load: {} receipts", served.len());
    let node = Node::dev(Some(dir.path()));
    nothing_is_lost(&node.rpc(), &served);
    node.stop("TERM");
}
