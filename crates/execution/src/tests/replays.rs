//! `Replay`: the same results as the block's, seen by an inspector, and a state before each.

use super::support::*;
use crate::{CallError, CallOptions, Replay, evm_env, execute_block};
use alloy_primitives::{Address, B256, TxKind, U256, address};
use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
use mfenx_primitives::RecoveredBlock;
use revm::{
    Database, DatabaseRef,
    context::{TxEnv, result::ExecutionResult},
    inspector::NoOpInspector,
};
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig};

const LOOP: Address = address!("0000000000000000000000000000000000001009");
const FACTORY: Address = address!("00000000000000000000000000000000000fac70");

fn calls() -> TracingInspector {
    TracingInspector::new(TracingInspectorConfig::default_parity())
}

fn slot_of(state: &impl DatabaseRef, slot: u64) -> U256 {
    state.storage_ref(STORER, U256::from(slot)).unwrap()
}

fn stores() -> Vec<mfenx_primitives::RecoveredTransaction> {
    vec![store(0, 0, 1, 5), store(1, 0, 1, 6), store(0, 1, 2, 7)]
}

fn gas_used(block: &RecoveredBlock, db: &Db) -> Vec<u64> {
    let executed = execute_block(&dev(), db, block, &mut |_| Ok(B256::ZERO)).unwrap();
    let mut before = 0;
    let gas = executed.receipts.iter().map(|receipt| {
        let gas = receipt.cumulative_gas_used() - before;
        before = receipt.cumulative_gas_used();
        gas
    });
    gas.collect()
}

#[test]
fn transactions_do_what_they_did_and_the_state_before_them_is_there() {
    let (spec, mut never) = (dev(), || false);
    let db = state(&spec);
    let block = block(&spec, &db, stores());
    let mut replay = Replay::of_block(&spec, &db, block.header(), calls(), &mut never).unwrap();
    let before = [[0, 0], [5, 0], [6, 0]];
    for (index, (transaction, sender)) in block.transactions_with_sender().enumerate() {
        let seen = [slot_of(replay.state(), 1), slot_of(replay.state(), 2)];
        assert_eq!(seen, before[index].map(U256::from), "before {index}");
        let result = replay.inspect(transaction, sender).unwrap();
        assert_eq!(result.result.tx_gas_used(), gas_used(&block, &db)[index]);
        assert_eq!(slot_of(replay.state(), 1), U256::from(before[index][0]), "not kept yet");
        let nodes = replay.inspector_mut().traces().nodes();
        assert_eq!((nodes.len(), nodes[0].trace.address), (1, STORER));
        replay.inspector_mut().fuse();
        replay.keep(result.state);
    }
    assert_eq!(slot_of(replay.state(), 2), U256::from(7));
}

#[test]
fn skipped_transactions_change_the_state_and_are_not_seen() {
    let (spec, mut never) = (dev(), || false);
    let db = state(&spec);
    let block = block(&spec, &db, stores());
    let mut replay = Replay::of_block(&spec, &db, block.header(), calls(), &mut never).unwrap();
    let (transaction, sender) = block.transactions_with_sender().next().unwrap();
    let result = replay.skip(transaction, sender).unwrap();
    assert!(matches!(result, ExecutionResult::Success { .. }));
    assert_eq!(slot_of(replay.state(), 1), U256::from(5));
    assert!(replay.inspector_mut().traces().nodes()[0].trace.status.is_none());
    // The same again does not fit the state any more.
    let error = replay.inspect(transaction, sender).unwrap_err();
    assert!(matches!(error, CallError::Transaction(_)), "{error}");
}

#[test]
fn what_comes_before_the_transactions_is_done() {
    let (spec, mut never) = (dev(), || false);
    let db = state(&spec);
    let block = block(&spec, &db, vec![]);
    let replay = Replay::of_block(&spec, &db, block.header(), NoOpInspector, &mut never).unwrap();
    let history = alloy_eips::eip2935::HISTORY_STORAGE_ADDRESS;
    let parent = replay.state().storage_ref(history, U256::ZERO).unwrap();
    assert_eq!(B256::from(parent), block.header().parent_hash);
}

#[test]
fn a_collision_with_storage_is_seen_like_any_failed_creation() {
    let mut genesis = dev().genesis().clone();
    let account = alloy_genesis::GenesisAccount {
        storage: Some([(B256::with_last_byte(1), B256::with_last_byte(2))].into_iter().collect()),
        ..Default::default()
    };
    genesis.alloc.insert(FACTORY.create(1), account);
    let spec = mfenx_chainspec::ChainSpec::from_genesis(genesis).unwrap();
    let mut db = state(&spec);
    db.insert_account_storage(FACTORY.create(1), U256::from(1), U256::from(2)).unwrap();
    put_code(&mut db, FACTORY, &[0x5f, 0x5f, 0x5f, 0xf0, 0x5f, 0x55, 0x00]);
    let creation = eip1559(0, |transaction| {
        transaction.to = TxKind::Call(FACTORY);
        transaction.value = U256::ZERO;
        transaction.gas_limit = 1_000_000;
    });
    let block = block(&spec, &db, vec![creation]);
    let mut never = || false;
    let mut replay = Replay::of_block(&spec, &db, block.header(), calls(), &mut never).unwrap();
    let (transaction, sender) = block.transactions_with_sender().next().unwrap();
    let result = replay.inspect(transaction, sender).unwrap();
    assert!(result.result.tx_gas_used() > 900_000);
    let nodes = replay.inspector_mut().traces().nodes();
    assert_eq!((nodes.len(), nodes[1].trace.success), (2, false));
}

#[test]
fn calls_stand_on_a_prefix_of_the_block_and_on_overrides() {
    let (spec, mut never) = (dev(), || false);
    let db = state(&spec);
    let block = block(&spec, &db, stores());
    let mut replay = Replay::of_block(&spec, &db, block.header(), calls(), &mut never).unwrap();
    let (transaction, sender) = block.transactions_with_sender().next().unwrap();
    replay.skip(transaction, sender).unwrap();
    let account = AccountOverride {
        // return sload(1) + basefee
        code: Some(hex_code("60015448015f5260205ff3")),
        ..Default::default()
    };
    let options = CallOptions {
        state_overrides: Some(StateOverride::from_iter([(STORER, account)])),
        ..Default::default()
    };
    replay.relax(&options).unwrap();
    let request = TxEnv {
        caller: key(0).address(),
        gas_limit: 1_000_000,
        kind: TxKind::Call(STORER),
        chain_id: Some(spec.chain_id()),
        ..Default::default()
    };
    let priced = TxEnv { gas_price: 2_000_000_000, ..request.clone() };
    let output = |result: ExecutionResult| U256::from_be_slice(result.output().unwrap());
    let free = replay.inspect_call(request.clone()).unwrap();
    assert_eq!(output(free.result), U256::from(5));
    replay.inspector_mut().fuse();
    let fee = block.header().base_fee_per_gas.unwrap();
    let paid = replay.inspect_call(priced).unwrap();
    assert_eq!(output(paid.result), U256::from(5 + fee));
    replay.inspector_mut().fuse();
    let again = replay.inspect_call(request).unwrap();
    assert_eq!(output(again.result), U256::from(5), "free again");
}

fn hex_code(code: &str) -> alloy_primitives::Bytes {
    alloy_primitives::hex::decode(code).unwrap().into()
}

#[test]
fn an_interrupt_ends_a_loop_with_an_inspector_and_without() {
    let spec = dev();
    let mut db = state(&spec);
    put_code(&mut db, LOOP, &[0x5b, 0x5f, 0x56]);
    let endless = eip1559(0, |transaction| {
        transaction.to = TxKind::Call(LOOP);
        transaction.gas_limit = 16_000_000;
    });
    let (transaction, sender) = (endless.inner(), endless.signer());
    for looking in [true, false] {
        let mut asked = 0;
        let mut after_ten = || {
            asked += 1;
            asked > 10
        };
        let env = evm_env(&spec, spec.genesis_header());
        let mut replay = Replay::on_state(&spec, &db, env, NoOpInspector, &mut after_ten);
        let error = if looking {
            replay.inspect(transaction, sender).map(drop).unwrap_err()
        } else {
            replay.skip(transaction, sender).map(drop).unwrap_err()
        };
        assert!(matches!(error, CallError::Interrupted), "{error}");
    }
}

#[test]
fn a_failure_of_the_database_is_named() {
    struct Broken;
    #[derive(Debug, thiserror::Error)]
    #[error("the disk is on fire")]
    struct Fire;
    impl revm::database_interface::DBErrorMarker for Fire {}
    impl DatabaseRef for Broken {
        type Error = Fire;
        fn basic_ref(&self, _: Address) -> Result<Option<revm::state::AccountInfo>, Fire> {
            Err(Fire)
        }
        fn code_by_hash_ref(&self, _: B256) -> Result<revm::state::Bytecode, Fire> {
            Err(Fire)
        }
        fn storage_ref(&self, _: Address, _: U256) -> Result<U256, Fire> {
            Err(Fire)
        }
        fn block_hash_ref(&self, _: u64) -> Result<B256, Fire> {
            Err(Fire)
        }
    }
    let (spec, mut never) = (dev(), || false);
    let db = state(&spec);
    let block = block(&spec, &db, vec![]);
    let error =
        Replay::of_block(&spec, Broken, block.header(), NoOpInspector, &mut never).err().unwrap();
    assert!(matches!(&error, CallError::Database(_)), "{error}");
    let env = evm_env(&spec, spec.genesis_header());
    let mut replay = Replay::on_state(&spec, Broken, env, NoOpInspector, &mut never);
    let (_, state) = replay.inspector_and_state();
    assert!(state.basic(Address::ZERO).is_err());
    let error = replay.inspect_call(TxEnv::default()).unwrap_err();
    assert!(error.to_string().contains("the disk is on fire"), "{error}");
}
