//! Many readers beside one writer, and work spread over threads.

use crate::chain::{Account, Chain, Random, State, address, expected_root};
use alloy_primitives::U256;
use mfenx_storage::StateChanges;
use revm::{
    database::{AccountStatus, BundleAccount, BundleState, states::StorageSlot},
    state::AccountInfo,
};
use std::sync::atomic::{AtomicBool, Ordering};

/// Gives every account of `range` one more nonce, and `slots` new slots to some.
fn large_block(before: &State, range: std::ops::Range<u64>, slots: u64) -> (BundleState, State) {
    let (mut bundle, mut after) = (BundleState::default(), before.clone());
    for index in range {
        let account: &mut Account = after.entry(address(index)).or_default();
        account.nonce += 1;
        let mut storage = Vec::new();
        for slot in (0..slots).filter(|_| index % 3 == 0) {
            let (slot, value) = (U256::from(slot * 1000 + index), U256::from(account.nonce));
            account.storage.insert(slot, value);
            storage.push((slot, StorageSlot::new_changed(U256::ZERO, value)));
        }
        let info = AccountInfo {
            nonce: account.nonce,
            balance: account.balance,
            code_hash: before.get(&address(index)).map_or(Default::default(), Account::code_hash),
            ..AccountInfo::default()
        };
        let account = BundleAccount {
            info: Some(info),
            original_info: None,
            storage: storage.into_iter().collect(),
            status: AccountStatus::Changed,
        };
        bundle.state.insert(address(index), account);
    }
    (bundle, after)
}

/// Enough leaves for the walk to use every core, in the account trie and in a storage trie; also
/// from a snapshot that new transactions can no longer reach.
#[test]
fn large_blocks_are_spread_over_threads() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), State::new());
    for (range, slots) in [(0..700, 1), (100..900, 2), (3..4, 600), (3..4, 900), (0..600, 5)] {
        let (bundle, after) = large_block(chain.state(), range, slots);
        let reader = chain.store.reader().unwrap();
        let expected = expected_root(&after);
        chain.commit(&bundle, after, 0);
        let (root, _) = reader.state_root(&StateChanges::from_bundle(&bundle)).unwrap();
        assert_eq!(root, expected);
    }
    chain.verify();
}

#[test]
fn readers_see_whole_blocks_while_others_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(77, 50);
    let mut chain = Chain::new(dir.path(), random.genesis());
    let store = chain.store.clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let reader = store.reader().unwrap();
                    let head = reader.head().unwrap();
                    assert!(head.number >= last);
                    last = head.number;
                    let header = reader.header(head.number).unwrap().unwrap();
                    assert_eq!(header.hash(), head.hash);
                    let (root, _) = reader.state_root(&StateChanges::default()).unwrap();
                    assert_eq!(root, header.state_root);
                    // What readers share is that of their own snapshot.
                    let (own, shared) = (reader.latest_state(), reader.shared_latest_state());
                    for index in 0..50 {
                        let (address, slot) = (address(index), U256::from(index % 4));
                        let known = shared.account_with_storage_root(address).unwrap();
                        assert_eq!(known, own.account_with_storage_root(address).unwrap());
                        let known = shared.storage(address, slot).unwrap();
                        assert_eq!(known, own.storage(address, slot).unwrap());
                    }
                    for back in 0..=head.number.min(5) {
                        let view = reader.state_at(head.number - back).unwrap();
                        view.storage(address(back), U256::from(1)).unwrap();
                        view.account(address(back)).unwrap();
                    }
                }
            });
        }
        for _ in 0..120 {
            let (bundle, state) = random.block(chain.state());
            chain.commit(&bundle, state, 1);
        }
        done.store(true, Ordering::Relaxed);
    });
    for number in [0, 60, 120] {
        chain.check_state_at(number);
    }
    chain.verify();
}
