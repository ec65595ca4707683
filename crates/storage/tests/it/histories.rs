//! Random histories: every root, every old state, and the whole store in the end.

use crate::chain::{Chain, Random};
use proptest::prelude::*;

fn run(seed: u64, addresses: u64, blocks: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(seed, addresses);
    let mut chain = Chain::new(dir.path(), random.genesis());
    for _ in 0..blocks {
        let (bundle, state) = random.block(chain.state());
        let transactions = random.below(4);
        chain.commit(&bundle, state, transactions);
    }
    for number in 0..chain.states.len() {
        chain.check_state_at(number);
        chain.check_ranges_at(number);
    }
    chain.verify();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn few_accounts(seed: u64) {
        run(seed, 6, 25);
    }

    #[test]
    fn dozens_of_accounts(seed: u64) {
        run(seed, 60, 15);
    }
}

#[test]
fn hundreds_of_accounts() {
    for seed in [1, 2] {
        run(seed, 900, 8);
    }
}

/// More blocks than one shard of history holds change the same account and slot.
#[test]
fn a_history_longer_than_a_shard() {
    use crate::chain::{Account, State, address};
    use alloy_primitives::U256;
    use revm::database::{AccountStatus, BundleAccount, BundleState, states::StorageSlot};

    let dir = tempfile::tempdir().unwrap();
    let (slot, blocks) = (U256::from(3), 4100u64);
    let account = |number: u64| Account {
        nonce: number,
        storage: [(slot, U256::from(number + 1))].into(),
        ..Account::default()
    };
    let state = |number: u64| State::from([(address(0), account(number))]);
    let mut chain = Chain::new(dir.path(), state(0));
    for number in 1..=blocks {
        let mut bundle = BundleState::default();
        let changed = BundleAccount {
            info: Some(revm::state::AccountInfo { nonce: number, ..Default::default() }),
            original_info: None,
            storage: [(slot, StorageSlot::new_changed(U256::ZERO, U256::from(number + 1)))]
                .into_iter()
                .collect(),
            status: AccountStatus::Changed,
        };
        bundle.state.insert(address(0), changed);
        chain.commit(&bundle, state(number), 0);
    }
    let reader = chain.store.reader().unwrap();
    for number in [0, 1, 1998, 1999, 2000, 2001, 2500, 3999, 4000, 4001, blocks - 1, blocks] {
        let view = reader.state_at(number).unwrap();
        assert_eq!(view.account(address(0)).unwrap().unwrap().nonce, number);
        assert_eq!(view.storage(address(0), slot).unwrap(), U256::from(number + 1));
    }
    chain.verify();
}
