//! EIP-7610: no creation where there is storage.

use super::support::*;
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, TxKind, U256, address};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::RecoveredTransaction;

const FACTORY: Address = address!("00000000000000000000000000000000000fac70");

/// The development chain with an account at `address` that has storage, but no nonce and no code.
fn with_storage_at(address: Address) -> (ChainSpec, Db) {
    let mut genesis = dev().genesis().clone();
    let slot = (B256::with_last_byte(1), B256::with_last_byte(2));
    let account = GenesisAccount {
        balance: U256::from(10),
        storage: Some([slot].into_iter().collect()),
        ..Default::default()
    };
    genesis.alloc.insert(address, account);
    let spec = ChainSpec::from_genesis(genesis).unwrap();
    let mut db = state(&spec);
    db.insert_account_storage(address, U256::from(1), U256::from(2)).unwrap();
    // create(0, 0, 0), then store its result in slot 0
    put_code(&mut db, FACTORY, &[0x5f, 0x5f, 0x5f, 0xf0, 0x5f, 0x55, 0x00]);
    (spec, db)
}

fn creation() -> RecoveredTransaction {
    eip1559(0, |transaction| {
        transaction.to = TxKind::Create;
        transaction.value = U256::ZERO;
        transaction.gas_limit = 100_000;
    })
}

fn through_factory() -> RecoveredTransaction {
    eip1559(0, |transaction| {
        transaction.to = TxKind::Call(FACTORY);
        transaction.value = U256::ZERO;
        transaction.gas_limit = 1_000_000;
    })
}

#[test]
fn a_creating_transaction_fails_with_all_its_gas() {
    let (spec, db) = with_storage_at(key(0).address().create(0));
    let built = build(&spec, &db, &mut List::from(vec![creation()])).unwrap();
    let receipt = &built.executed.receipts[0];
    assert_eq!((receipt.status(), receipt.cumulative_gas_used()), (false, 100_000));
    let sender = built.executed.bundle.account(&key(0).address()).unwrap().info.clone().unwrap();
    assert_eq!(sender.nonce, 1);
    let block = built.seal(B256::ZERO).0;
    check(&spec, &db, &block).unwrap();
    // Elsewhere the same transaction succeeds.
    let (spec, db) = with_storage_at(Address::repeat_byte(1));
    let built = build(&spec, &db, &mut List::from(vec![creation()])).unwrap();
    assert!(built.executed.receipts[0].status());
}

#[test]
fn a_creating_instruction_fails_and_counts() {
    let (spec, db) = with_storage_at(FACTORY.create(1));
    let built = build(&spec, &db, &mut List::from(vec![through_factory()])).unwrap();
    let receipt = &built.executed.receipts[0];
    assert!(receipt.status() && receipt.cumulative_gas_used() > 900_000);
    let factory = built.executed.bundle.account(&FACTORY).unwrap();
    assert_eq!(factory.info.clone().unwrap().nonce, 2);
    assert!(factory.storage.is_empty(), "zero is stored where zero was");
}

#[test]
fn an_account_whose_storage_is_gone_is_no_obstacle() {
    let (spec, mut db) = with_storage_at(FACTORY.create(1));
    db.insert_account_storage(FACTORY.create(1), U256::from(1), U256::ZERO).unwrap();
    let built = build(&spec, &db, &mut List::from(vec![through_factory()])).unwrap();
    assert!(built.executed.receipts[0].cumulative_gas_used() < 200_000);
}
