//! The bundle as revm itself makes it, over a view of the store: what execution will do.

use crate::chain::{Account, Chain, State, address, block_on, expected_root};
use alloy_primitives::{Address, Bytes, U256, keccak256};
use mfenx_primitives::precompile::RecordWord;
use mfenx_storage::StateChanges;
use revm::{
    DatabaseCommit, DatabaseRef,
    bytecode::Bytecode,
    database::{
        BundleState, State as RevmState, WrapDatabaseRef, states::bundle_state::BundleRetention,
    },
    primitives::AddressMap,
    state::{Account as EvmAccount, AccountInfo, EvmStorageSlot, TransactionId},
};

const CONTRACT: u64 = 1;
const PLAIN: u64 = 2;
const NEW: u64 = 3;

fn genesis() -> State {
    let code = Bytes::from_static(&[0x5b, 0x00]);
    let storage = (1..=9u64).map(|slot| (U256::from(slot), U256::from(slot))).collect();
    let contract = Account { nonce: 1, balance: U256::from(5), code, storage };
    let plain = Account { balance: U256::from(100), ..Account::default() };
    State::from([(address(CONTRACT), contract), (address(PLAIN), plain)])
}

/// Runs `transactions` (each a set of changed accounts) through revm's state over the head.
fn bundle(chain: &Chain, transactions: Vec<Vec<(Address, EvmAccount)>>) -> BundleState {
    let reader = chain.store.reader().unwrap();
    let database = WrapDatabaseRef(reader.latest_state());
    let mut state = RevmState::builder().with_database(database).with_bundle_update().build();
    for accounts in transactions {
        for (address, account) in &accounts {
            revm::Database::basic(&mut state, *address).unwrap();
            for slot in account.storage.keys() {
                revm::Database::storage(&mut state, *address, *slot).unwrap();
            }
        }
        state.commit(accounts.into_iter().collect::<AddressMap<_>>());
    }
    state.merge_transitions(BundleRetention::PlainState);
    state.take_bundle()
}

fn touched(info: AccountInfo) -> EvmAccount {
    let mut account = EvmAccount::from(info);
    account.mark_touch();
    account
}

fn slots(account: &mut EvmAccount, slots: &[(u64, u64, u64)]) {
    for (slot, old, new) in slots {
        let changed =
            EvmStorageSlot::new_changed(U256::from(*old), U256::from(*new), TransactionId::ZERO);
        account.storage.insert(U256::from(*slot), changed);
    }
}

fn info_of(account: &Account) -> AccountInfo {
    AccountInfo {
        nonce: account.nonce,
        balance: account.balance,
        code_hash: keccak256(&account.code),
        code: Some(Bytecode::new_raw(account.code.clone())),
        ..AccountInfo::default()
    }
}

#[test]
fn destroyed_and_created_again_in_one_block() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), genesis());
    let contract = chain.state()[&address(CONTRACT)].clone();
    let mut destroyed = touched(info_of(&contract));
    destroyed.mark_selfdestruct();
    let again = Account {
        nonce: 1,
        balance: U256::from(9),
        code: Bytes::from_static(&[0xfe]),
        storage: [(U256::from(2), U256::from(22)), (U256::from(70), U256::from(7))].into(),
    };
    let mut created = touched(info_of(&again));
    created.mark_created();
    slots(&mut created, &[(2, 0, 22), (70, 0, 7)]);
    let bundle = bundle(
        &chain,
        vec![vec![(address(CONTRACT), destroyed)], vec![(address(CONTRACT), created)]],
    );
    let mut state = chain.state().clone();
    state.insert(address(CONTRACT), again);
    chain.commit(&bundle, state, 0);
    chain.check_state_at(0);
    chain.check_state_at(1);
    chain.verify();
}

#[test]
fn created_and_destroyed_in_one_block_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), genesis());
    let mut created = touched(AccountInfo { nonce: 1, ..AccountInfo::default() });
    created.mark_created();
    slots(&mut created, &[(1, 0, 1)]);
    let mut destroyed = created.clone();
    destroyed.mark_selfdestruct();
    let bundle =
        bundle(&chain, vec![vec![(address(NEW), created)], vec![(address(NEW), destroyed)]]);
    let state = chain.state().clone();
    chain.commit(&bundle, state, 0);
    chain.verify();
}

#[test]
fn storage_is_changed_cleared_and_added_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), genesis());
    let mut state = chain.state().clone();
    let contract = state.get_mut(&address(CONTRACT)).unwrap();
    contract.balance += U256::from(1);
    contract.storage.extend([(U256::from(1), U256::from(11)), (U256::from(50), U256::from(5))]);
    contract.storage.remove(&U256::from(2));
    let mut changed = touched(info_of(contract));
    slots(&mut changed, &[(1, 1, 11), (2, 2, 0), (50, 0, 5)]);
    let plain = state.get_mut(&address(PLAIN)).unwrap();
    plain.nonce = 1;
    let paid = touched(info_of(plain));
    let bundle =
        bundle(&chain, vec![vec![(address(CONTRACT), changed)], vec![(address(PLAIN), paid)]]);
    let expected = expected_root(&state);
    let reader = chain.store.reader().unwrap();
    let (root, _) = reader.state_root(&StateChanges::from_bundle(&bundle)).unwrap();
    assert_eq!(root, expected);
    chain.commit(&bundle, state, 0);
    chain.check_state_at(0);
    chain.check_state_at(1);
    chain.verify();
}

/// What is kept beside a block is read word by word, up to the block whose state is read.
#[test]
fn words_of_records_are_read_through_block_hashes() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), genesis());
    let genesis_hash = chain.head.hash();
    let hashes: Vec<_> = (0..3)
        .map(|_| {
            let (block, receipts) = block_on(&chain.head, chain.head.state_root, 0);
            chain.commit_block(&block, &receipts, &[]);
            chain.head.hash()
        })
        .collect();
    let reader = chain.store.reader().unwrap();
    let word = |height, word| RecordWord { height, word }.number().unwrap();
    let (latest, second) = (reader.latest_state(), reader.state_at(2).unwrap());
    assert_eq!(latest.block_hash_ref(0).unwrap(), genesis_hash);
    for (height, hash) in (1..).zip(&hashes) {
        assert_eq!(latest.block_hash_ref(height).unwrap(), *hash);
        // The chain of these tests keeps the hash of a block beside it.
        assert_eq!(latest.block_hash_ref(word(height, 0)).unwrap(), *hash);
        assert!(latest.block_hash_ref(word(height, 1)).unwrap().is_zero());
        let seen = second.block_hash_ref(word(height, 0)).unwrap();
        assert_eq!(seen, if height <= 2 { *hash } else { Default::default() });
    }
    for height in [0, 4, 1 << 59] {
        assert!(latest.block_hash_ref(word(height, 0)).unwrap().is_zero());
    }
}
