//! kill -9 in the middle of everything: what was reported as committed is there, and whole.

use crate::chain::{CHAIN_ID, Random, alloc, block_on, expected_root, genesis_header, touched_by};
use mfenx_storage::{BlockCommit, StateChanges, Store, StoreOptions};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const DIR: &str = "MFENX_CRASH_TEST_DIR";
const SEED: &str = "MFENX_CRASH_TEST_SEED";
const KILLS: u32 = 20;
const ADDRESSES: u64 = 200;

/// What the test starts, and kills: commits blocks until then.
fn commit_for_ever(dir: &str) {
    let mut random = Random::new(env::var(SEED).unwrap().parse().unwrap(), ADDRESSES);
    let mut state = random.genesis();
    let store = Store::open(Path::new(dir), StoreOptions::default()).unwrap();
    let mut head = genesis_header(&state);
    store.init_genesis(CHAIN_ID, &head, &alloc(&state)).unwrap();
    // The same blocks as before, from the same seed: those already there are only replayed.
    let stored = store.reader().unwrap().head().unwrap().number;
    loop {
        let (bundle, after) = random.block(&state);
        state = after;
        let root = expected_root(&state);
        let (block, receipts) = block_on(&head, root, 3);
        head = block.sealed_header();
        if head.number <= stored {
            continue;
        }
        let changes = StateChanges::from_bundle(&bundle);
        let (_, trie) = store.reader().unwrap().state_root(&changes).unwrap();
        let commit = BlockCommit {
            block: &block,
            receipts: &receipts,
            touched: &touched_by(&block),
            changes: &changes,
            trie: &trie,
            certificate: None,
        };
        store.commit(commit).unwrap();
        // In one write: standard error has no buffer, and half a line is no report.
        let report = format!("committed {}\n", head.number);
        std::io::stderr().write_all(report.as_bytes()).unwrap();
    }
}

#[test]
fn nothing_that_was_committed_is_lost() {
    // The test starts its own program again, with a directory to write into.
    if let Ok(dir) = env::var(DIR) {
        return commit_for_ever(&dir);
    }
    let seed: u64 =
        env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("{SEED}={seed}");
    let dir = tempfile::tempdir().unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut last = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::nothing_that_was_committed_is_lost", "--nocapture"])
            .env(DIR, dir.path())
            .env(SEED, seed.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // Some are killed before or while the store is opened.
        let first = if kill % 4 == 0 { None } else { lines.next() };
        std::thread::sleep(Duration::from_micros(rng.random_range(0..150_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in first.into_iter().chain(lines) {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("committed ") {
                last = number.parse().unwrap();
            } else {
                assert!(!line.contains("panicked"), "seed {seed}: {line}");
            }
        }
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        if !store.is_initialized().unwrap() {
            assert_eq!(last, 0);
            continue;
        }
        let head = store.reader().unwrap().head().unwrap().number;
        assert!(head >= last, "seed {seed}: block {last} was committed, the head is {head}");
        assert!(
            head <= last + 1 || last == 0,
            "seed {seed}: {last} was reported, the head is {head}"
        );
        let report = store.verify(&mut |_| ()).unwrap();
        assert!(report.is_ok(), "seed {seed}: {report:#?}");
        last = head;
    }
    assert!(last > 0, "seed {seed}: no block was committed");
}
