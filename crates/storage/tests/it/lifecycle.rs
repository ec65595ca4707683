//! Opening, refusing, filling up.

use crate::chain::{
    Account, CHAIN_ID, Chain, Random, State, address, alloc, block_on, genesis_header, touched_by,
};
use alloy_primitives::{B256, U256};
use mfenx_storage::{
    BlockCommit, Durability, Reader, StateChanges, StateView, Store, StoreError, StoreOptions,
};
use revm::database::{AccountStatus, BundleAccount, BundleState, states::StorageSlot};

const fn assert_send_sync<T: Send + Sync>() {}
const _: () = assert_send_sync::<Store>();
const _: () = assert_send_sync::<Reader>();
const _: () = assert_send_sync::<StateView<'static>>();

#[test]
fn a_store_survives_closing() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(3, 30);
    let genesis = random.genesis();
    let mut chain = Chain::new(dir.path(), genesis.clone());
    for _ in 0..5 {
        let (bundle, state) = random.block(chain.state());
        chain.commit(&bundle, state, 2);
    }
    let Chain { store, head, states } = chain;
    store.close().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    assert!(store.is_initialized().unwrap());
    store.init_genesis(CHAIN_ID, &genesis_header(&genesis), &alloc(&genesis)).unwrap();
    let chain = Chain { store, head, states };
    assert_eq!(chain.store.reader().unwrap().head().unwrap().hash, chain.head.hash());
    chain.verify();
    let stats = chain.store.stats().unwrap();
    assert_eq!(stats.iter().find(|table| table.name == "Headers").unwrap().entries, 6);
}

#[test]
fn a_new_store_is_small_and_empty() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    assert!(!store.is_initialized().unwrap());
    assert!(matches!(store.reader().unwrap().head(), Err(StoreError::NotInitialized)));
    let bytes = dir.path().join("mdbx.dat").metadata().unwrap().len();
    assert!(bytes <= 64 << 20, "{bytes}");
}

#[test]
fn a_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::volatile()).unwrap();
    let error = Store::open(dir.path(), StoreOptions::volatile()).unwrap_err();
    assert!(
        matches!(&error, StoreError::Locked { dir: locked } if locked == dir.path()),
        "{error}"
    );
    let reader = store.reader().unwrap();
    drop(store);
    assert!(matches!(
        Store::open(dir.path(), StoreOptions::volatile()),
        Err(StoreError::Locked { .. })
    ));
    drop(reader);
    Store::open(dir.path(), StoreOptions::volatile()).unwrap();
}

/// An environment with a table `name` that holds one entry.
fn write_environment(dir: &std::path::Path, name: &str, key: &[u8], value: &[u8]) {
    let mut builder = reth_libmdbx::Environment::builder();
    let environment = builder.set_max_dbs(4).open(dir).unwrap();
    let tx = environment.begin_rw_unsync().unwrap();
    let table = tx.create_db(Some(name), reth_libmdbx::DatabaseFlags::empty()).unwrap();
    tx.put(table, key, value, reth_libmdbx::WriteFlags::UPSERT).unwrap();
    tx.commit().unwrap();
}

#[test]
fn stores_of_others_are_refused() {
    for (table, key, value) in [("PlainState", "a", "b"), ("Meta", "format", "something else")] {
        let dir = tempfile::tempdir().unwrap();
        write_environment(dir.path(), table, key.as_bytes(), value.as_bytes());
        let error = Store::open(dir.path(), StoreOptions::volatile()).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
}

#[test]
fn other_formats_are_refused_with_advice() {
    for (format, advice) in [(1u32, "export"), (3, "newer version")] {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path(), StoreOptions::volatile()).unwrap());
        let value = [b"MFENX store ".as_slice(), &format.to_be_bytes()].concat();
        write_environment(dir.path(), "Meta", b"format", &value);
        let error = Store::open(dir.path(), StoreOptions::volatile()).unwrap_err();
        assert!(matches!(error, StoreError::Format { found, .. } if found == format), "{error}");
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[test]
fn a_head_without_its_state_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new(dir.path(), Random::new(9, 40).genesis());
    let table = "AccountTrie";
    let entry = {
        let Chain { store, .. } = chain;
        assert!(store.stats().unwrap().iter().any(|t| t.name == table && t.entries > 0));
        store.close().unwrap();
        // The root: both masks, two children.
        [&[0u8, 3, 0, 0][..], &[1; 64]].concat()
    };
    write_environment(dir.path(), table, &[0], &entry);
    let error = Store::open(dir.path(), StoreOptions::volatile()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "AccountTrie", .. }), "{error}");
}

#[test]
fn the_genesis_must_be_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = State::from([(address(0), Account { nonce: 1, ..Account::default() })]);
    let chain = Chain::new(dir.path(), genesis.clone());
    let (header, accounts) = (genesis_header(&genesis), alloc(&genesis));
    let error = chain.store.init_genesis(1, &header, &accounts).unwrap_err();
    assert!(matches!(error, StoreError::GenesisMismatch { stored_chain_id: CHAIN_ID, .. }));
    let other = genesis_header(&State::new());
    let error = chain.store.init_genesis(CHAIN_ID, &other, &accounts).unwrap_err();
    assert!(matches!(error, StoreError::GenesisMismatch { .. }));

    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::volatile()).unwrap();
    let error = store.init_genesis(CHAIN_ID, &other, &accounts).unwrap_err();
    assert!(matches!(error, StoreError::StateRootMismatch { number: 0, .. }));
    assert!(!store.is_initialized().unwrap());
}

#[test]
fn a_commit_must_extend_the_head_with_its_own_state() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(4, 10);
    let mut chain = Chain::new(dir.path(), random.genesis());
    let store = chain.store.clone();
    let changes = StateChanges::default();
    let (root, trie) = store.reader().unwrap().state_root(&changes).unwrap();
    let genesis = chain.head.clone();
    let (next, receipts) = block_on(&genesis, root, 2);
    let commit = |block, receipts: &[_], trie| {
        let changes = &changes;
        let touched = &touched_by(block);
        store.commit(BlockCommit { block, receipts, touched, changes, trie, certificate: None })
    };
    let (later, _) = block_on(&next.sealed_header(), root, 0);
    assert!(matches!(commit(&later, &[], &trie), Err(StoreError::NotNextBlock { .. })));
    let (other_state, _) = block_on(&genesis, B256::repeat_byte(1), 0);
    let error = commit(&other_state, &[], &trie).unwrap_err();
    assert!(matches!(error, StoreError::StateRootMismatch { number: 1, .. }));
    let error = commit(&next, &receipts[1..], &trie).unwrap_err();
    assert!(matches!(error, StoreError::InvalidCommit { .. }));
    let (bundle, state) = random.block(chain.state());
    chain.commit(&bundle, state, 1);
    assert!(matches!(commit(&next, &receipts, &trie), Err(StoreError::NotNextBlock { .. })));
    let (after, receipts) = block_on(&chain.head, root, 1);
    let error = commit(&after, &receipts, &trie).unwrap_err();
    assert!(matches!(error, StoreError::StaleTrieUpdates { .. }));
    let error = store.reader().unwrap().state_at(2).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::UnknownBlock { number: 2, head: 1 }));
    chain.verify();
}

/// The store reaches its maximum size: the block that does not fit is refused as a whole, and the
/// store goes on being readable.
#[test]
fn a_full_store_refuses_the_block_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        max_size_bytes: 4 << 20,
        growth_step_bytes: 1 << 20,
        durability: Durability::Volatile,
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options).unwrap();
    let head = genesis_header(&State::new());
    store.init_genesis(CHAIN_ID, &head, &alloc(&State::new())).unwrap();
    let mut head = head;
    let error = loop {
        let mut bundle = BundleState::default();
        let first = head.number * 1000;
        let slots = (first..first + 1000)
            .map(|slot| (U256::from(slot), StorageSlot::new_changed(U256::ZERO, U256::MAX)));
        let account = BundleAccount {
            info: Some(revm::state::AccountInfo::default()),
            original_info: None,
            storage: slots.collect(),
            status: AccountStatus::Changed,
        };
        bundle.state.insert(address(0), account);
        let changes = StateChanges::from_bundle(&bundle);
        let (root, trie) = store.reader().unwrap().state_root(&changes).unwrap();
        let (block, receipts) = block_on(&head, root, 1);
        let commit = BlockCommit {
            block: &block,
            receipts: &receipts,
            touched: &touched_by(&block),
            changes: &changes,
            trie: &trie,
            certificate: None,
        };
        match store.commit(commit) {
            Ok(()) => head = block.sealed_header(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(head.number > 0);
    assert_eq!(store.reader().unwrap().head().unwrap().hash, head.hash());
    let report = store.verify(&mut |_| ()).unwrap();
    assert!(report.is_ok(), "{report:#?}");
}
