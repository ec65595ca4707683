//! A small fixed chain: its roots must never change, whatever happens to the code.

use crate::chain::{Account, Chain, Random, State, address, expected_root};
use alloy_primitives::{Bytes, Keccak256, U256, b256};
use revm::{
    bytecode::Bytecode,
    database::{AccountStatus, BundleAccount, BundleState, states::StorageSlot},
    state::AccountInfo,
};

#[test]
fn a_small_chain_has_the_same_roots_for_ever() {
    let code = Bytes::from_static(&[0x60, 0x01, 0x60, 0x00, 0x55]);
    let contract = Account {
        nonce: 1,
        code: code.clone(),
        storage: (1..=20u64).map(|slot| (U256::from(slot), U256::from(slot * slot))).collect(),
        ..Account::default()
    };
    let genesis: State = (0..50)
        .map(|index| {
            let plain = Account { balance: U256::from(index * 7 + 1), ..Account::default() };
            (address(index), if index == 3 { contract.clone() } else { plain })
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Chain::new(dir.path(), genesis.clone());
    let golden = b256!("2849820e973c90a8b3804447ec7f8349459fe90538e01c3cad190469b4f18e2e");
    assert_eq!(chain.head.state_root, golden);

    // The contract is destroyed and created again, one account goes, one comes.
    let mut bundle = BundleState::default();
    let mut state = genesis;
    let now = Account { storage: [(U256::from(5), U256::from(6))].into(), ..contract };
    let info = AccountInfo {
        nonce: 1,
        code_hash: alloy_primitives::keccak256(&code),
        ..AccountInfo::default()
    };
    bundle.contracts.insert(info.code_hash, Bytecode::new_raw(code));
    let storage = [(U256::from(5), StorageSlot::new_changed(U256::from(25), U256::from(6)))];
    let recreated = BundleAccount {
        info: Some(info),
        original_info: None,
        storage: storage.into_iter().collect(),
        status: AccountStatus::DestroyedChanged,
    };
    let gone = BundleAccount { info: None, storage: Default::default(), ..recreated.clone() };
    let gone = BundleAccount { status: AccountStatus::Destroyed, ..gone };
    let info = AccountInfo { balance: U256::from(1), ..AccountInfo::default() };
    let new =
        BundleAccount { info: Some(info), status: AccountStatus::InMemoryChange, ..gone.clone() };
    bundle.state.extend([(address(3), recreated), (address(4), gone), (address(99), new)]);
    state.insert(address(3), now);
    state.remove(&address(4));
    state.insert(address(99), Account { balance: U256::from(1), ..Account::default() });
    let root = expected_root(&state);
    chain.commit(&bundle, state, 1);
    let golden = b256!("476cd986a0adaddcc859b714e800403e0d741216d4dc135b5b253fd7d749096c");
    assert_eq!((chain.head.state_root, root), (golden, golden));
    assert_eq!(chain.store.reader().unwrap().header(1).unwrap().unwrap().state_root, golden);
    chain.check_state_at(0);
    chain.check_state_at(1);
    chain.verify();
}

/// Everything on disk, table by table: a change of any key or value needs a new format number.
#[test]
fn the_format_on_disk_does_not_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(42, 30);
    let mut chain = Chain::new(dir.path(), random.genesis());
    for _ in 0..6 {
        let (bundle, state) = random.block(chain.state());
        chain.commit(&bundle, state, 2);
    }
    let tables: Vec<_> = chain.store.stats().unwrap();
    assert!(tables.iter().all(|table| table.entries > 0), "{tables:?}");
    drop(chain);
    let mut builder = reth_libmdbx::Environment::builder();
    let environment = builder.set_max_dbs(tables.len()).open(dir.path()).unwrap();
    let tx = environment.begin_ro_unsync().unwrap();
    let mut digest = Keccak256::new();
    for table in tables {
        digest.update(table.name);
        let db = tx.open_db(Some(table.name)).unwrap();
        let mut cursor = tx.cursor(db).unwrap();
        let mut entry = cursor.first::<Vec<u8>, Vec<u8>>().unwrap();
        while let Some((key, value)) = entry {
            digest.update((key.len() as u64).to_be_bytes());
            digest.update(key);
            digest.update((value.len() as u64).to_be_bytes());
            digest.update(value);
            entry = cursor.next().unwrap();
        }
    }
    let golden = b256!("68d9af853ffdf0aa386a83dc39bdcb044fa7366c44f66107db5c73ada3782aa2");
    assert_eq!(digest.finalize(), golden);
}
