//! A database that fails is never taken for an invalid block.

use super::support::*;
use crate::{CallError, CallOptions, EstimateError, ExecutionError, call, estimate_gas, evm_env};
use alloy_primitives::{Address, B256, TxKind, U256};
use revm::{
    DatabaseRef,
    context::TxEnv,
    database_interface::DBErrorMarker,
    state::{AccountInfo, Bytecode},
};
use std::cell::Cell;

/// Answers `reads` times and then fails.
struct Failing<'a> {
    db: &'a Db,
    reads: Cell<u32>,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
struct DiskGone;

impl DBErrorMarker for DiskGone {}

impl Failing<'_> {
    fn read<T>(&self, answer: Result<T, std::convert::Infallible>) -> Result<T, DiskGone> {
        let left = self.reads.get().checked_sub(1).ok_or(DiskGone)?;
        self.reads.set(left);
        let Ok(answer) = answer;
        Ok(answer)
    }
}

impl DatabaseRef for Failing<'_> {
    type Error = DiskGone;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, DiskGone> {
        self.read(self.db.basic_ref(address))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, DiskGone> {
        self.read(self.db.code_by_hash_ref(code_hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, DiskGone> {
        self.read(self.db.storage_ref(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, DiskGone> {
        self.read(self.db.block_hash_ref(number))
    }
}

/// Wherever the failure comes: system calls, transactions, requests, rewards.
#[test]
fn at_every_read_of_a_block() {
    let spec = dev();
    let db = state(&spec);
    let block = block(&spec, &db, vec![store(0, 0, 1, 2), eip1559(1, |_| {})]);
    for reads in 0.. {
        let failing = Failing { db: &db, reads: Cell::new(reads) };
        match crate::execute_block(&spec, failing, &block, &mut |_| Ok(B256::ZERO)) {
            Err(ExecutionError::Database(error)) => {
                assert_eq!(error.to_string(), "the disk is gone");
            }
            Err(other) => panic!("after {reads} reads: {other}"),
            Ok(_) => {
                assert!(reads > 10, "{reads} reads were enough");
                return;
            }
        }
    }
}

#[test]
fn at_every_read_while_building() {
    let spec = dev();
    let db = state(&spec);
    let parent = spec.genesis_header();
    for reads in 0.. {
        let failing = Failing { db: &db, reads: Cell::new(reads) };
        let mut list = List::from(vec![store(0, 0, 1, 2)]);
        let attributes = attributes(&spec, parent);
        let built =
            crate::build_block(&spec, failing, parent, &attributes, &mut list, &mut || false);
        match built {
            Err(ExecutionError::Database(_)) => assert_eq!(list.rejected, []),
            Err(other) => panic!("after {reads} reads: {other}"),
            Ok(_) => return,
        }
    }
}

#[test]
fn at_every_read_of_a_call() {
    let spec = dev();
    let db = state(&spec);
    let request = || TxEnv {
        caller: key(0).address(),
        gas_limit: 100_000,
        kind: TxKind::Call(STORER),
        chain_id: Some(spec.chain_id()),
        ..Default::default()
    };
    let env = || evm_env(&spec, spec.genesis_header());
    let options = CallOptions::default();
    let mut failures = 0;
    for reads in 0.. {
        let failing = || Failing { db: &db, reads: Cell::new(reads) };
        let called = call(failing(), env(), request(), &options, &mut || false);
        let estimated = estimate_gas(failing(), env(), request(), &options, &mut || false);
        match (called, estimated) {
            (Ok(_), Ok(_)) => break,
            (Err(CallError::Database(_)), Err(EstimateError::Call(CallError::Database(_)))) => {
                failures += 1;
            }
            // An estimate also reads the account of the beneficiary.
            (Ok(_), Err(EstimateError::Call(CallError::Database(_)))) => {}
            (called, estimated) => panic!("after {reads} reads: {called:?}, {estimated:?}"),
        }
    }
    assert!(failures > 2);
}
