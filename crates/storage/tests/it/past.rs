//! Proofs and state roots of earlier blocks, against alloy's builder and verifier.

use crate::{
    chain::{Chain, Random, address, expected_root},
    proofs::check,
};
use mfenx_storage::{StateChanges, Store, StoreError, StoreOptions};
use proptest::prelude::*;

fn options(blocks: u64) -> StoreOptions {
    StoreOptions { trie_history_blocks: blocks, ..StoreOptions::volatile() }
}

fn run(seed: u64, addresses: u64, blocks: u64, keep: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(seed, addresses);
    let mut chain = Chain::with_options(dir.path(), random.genesis(), options(keep));
    for _ in 0..blocks {
        let (bundle, state) = random.block(chain.state());
        chain.commit(&bundle, state, 1);
        if random.below(6) == 0 {
            let Chain { store, head, states } = chain;
            store.close().unwrap();
            chain = Chain { store: Store::open(dir.path(), options(keep)).unwrap(), head, states };
        }
        if random.below(4) == 0 {
            check_past(&chain, &mut random, addresses, keep, seed);
        }
    }
    check_past(&chain, &mut random, addresses, keep, seed);
    chain.verify();
}

/// Proofs of every account and roots after further blocks, as far back as they reach.
fn check_past(chain: &Chain, random: &mut Random, addresses: u64, keep: u64, seed: u64) {
    let reader = chain.store.reader().unwrap();
    let head = chain.head.number;
    let earliest = head.saturating_sub(keep);
    assert_eq!(reader.earliest_trie().unwrap(), earliest, "seed {seed}");
    for number in 0..earliest {
        let error = reader.proof_at(number, address(0), &[]).unwrap_err();
        assert!(matches!(error, StoreError::PrunedTries { earliest: at } if at == earliest));
        let error = reader.state_root_at(number, &StateChanges::default()).unwrap_err();
        assert!(matches!(error, StoreError::PrunedTries { .. }), "seed {seed}: {error}");
    }
    for number in earliest..=head {
        let state = &chain.states[number as usize];
        for index in 0..addresses + 2 {
            check(chain, &reader, number, address(index));
        }
        let root = reader.state_root_at(number, &StateChanges::default()).unwrap();
        assert_eq!(root, expected_root(state), "seed {seed}: state root of block {number}");
        let (bundle, after) = random.block(state);
        let changes = StateChanges::from_bundle(&bundle);
        let root = reader.state_root_at(number, &changes).unwrap();
        assert_eq!(root, expected_root(&after), "seed {seed}: changes after block {number}");
    }
    let error = reader.proof_at(head + 1, address(0), &[]).unwrap_err();
    assert!(matches!(error, StoreError::UnknownBlock { .. }), "seed {seed}: {error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn tries_of_few_accounts(seed: u64) {
        run(seed, 4, 16, 7);
    }

    #[test]
    fn tries_of_dozens_of_accounts(seed: u64) {
        run(seed, 40, 10, 5);
    }
}

/// The setting falls: over some blocks, the store forgets what is too much.
#[test]
fn what_is_too_old_is_forgotten_bit_by_bit() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(7, 20);
    let mut chain = Chain::with_options(dir.path(), random.genesis(), options(1_000));
    let mut grow = |chain: &mut Chain, blocks| {
        for _ in 0..blocks {
            let (bundle, state) = random.block(chain.state());
            chain.commit(&bundle, state, 0);
        }
    };
    grow(&mut chain, 20);
    let Chain { store, head, states } = chain;
    store.close().unwrap();
    let store = Store::open(dir.path(), options(2)).unwrap();
    let mut chain = Chain { store, head, states };
    let earliest = |chain: &Chain| chain.store.reader().unwrap().earliest_trie().unwrap();
    assert_eq!(earliest(&chain), 0);
    grow(&mut chain, 1);
    assert_eq!(earliest(&chain), 4);
    grow(&mut chain, 9);
    assert_eq!(earliest(&chain), 28);
    chain.verify();
}
