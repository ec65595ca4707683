//! Rules that only blocks before the merge have: state roots in receipts, rewards, ommers, and
//! transactions of their time.

use super::support::*;
use crate::{
    BlockError, ExecutionError, TransactionError, execute_block, validate_block, validate_header,
    validate_ommers, validate_transaction,
};
use alloy_consensus::{
    Eip658Value, TxEip2930, TxEip4844, TxEip7702,
    proofs::{calculate_ommers_root, calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::{Address, B256, U256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{
    Block, BlockBody, Header, RecoveredBlock, RecoveredTransaction, SealedHeader,
};

const ETHER: u128 = 10_u128.pow(18);

/// A block on genesis in a chain before the merge, right but for what execution gives.
fn old_block(spec: &ChainSpec, transactions: Vec<RecoveredTransaction>) -> Block {
    let parent = spec.genesis_header();
    let transactions: Vec<_> =
        transactions.into_iter().map(RecoveredTransaction::into_inner).collect();
    let header = Header {
        parent_hash: parent.hash(),
        beneficiary: BENEFICIARY,
        number: 1,
        timestamp: parent.timestamp + 13,
        gas_limit: parent.gas_limit,
        difficulty: U256::from(0x20000),
        transactions_root: calculate_transaction_root(&transactions),
        ..Default::default()
    };
    Block { header, body: BlockBody { transactions, ..Default::default() } }
}

/// Roots 1, 2, ... in the order in which they are asked for.
fn counting() -> impl FnMut(&revm::database::BundleState) -> Result<B256, crate::BoxError> {
    let mut count = 0;
    move |_| {
        count += 1;
        Ok(B256::with_last_byte(count))
    }
}

#[test]
fn frontier_receipts_carry_the_state_root_after_their_transaction() {
    let spec = old_chain(r#""homesteadBlock": 100"#);
    let db = state(&spec);
    let mut block = old_block(&spec, vec![legacy(0, |_| {}), legacy(1, |_| {})]);
    block.header.gas_used = 42_000;
    let receipts: Vec<_> = (1..=2_u8)
        .map(|index| {
            let receipt = alloy_consensus::Receipt {
                status: Eip658Value::PostState(B256::with_last_byte(index)),
                cumulative_gas_used: 21_000 * u64::from(index),
                logs: vec![],
            };
            alloy_consensus::ReceiptEnvelope::Legacy(receipt.with_bloom())
        })
        .collect();
    block.header.receipts_root = calculate_receipt_root(&receipts);
    let block = RecoveredBlock::recover(block).unwrap();
    validate_header(&spec, &block.sealed_header(), spec.genesis_header()).unwrap();
    validate_block(&spec, &block).unwrap();
    let executed = execute_block(&spec, &db, &block, &mut counting()).unwrap();
    assert_eq!(executed.receipts, receipts);
    let reward = executed.bundle.account(&BENEFICIARY).unwrap().info.clone().unwrap().balance;
    assert_eq!(reward, U256::from(5 * ETHER + 42_000 * 2_000_000_000));

    let error = execute_block(&spec, &db, &block, &mut |_| Err("no disk".into())).unwrap_err();
    assert!(matches!(error, ExecutionError::IntermediateRoot(_)));
    assert!(!error.is_invalid());
}

#[test]
fn byzantium_receipts_carry_a_status() {
    let spec = old_chain(
        r#""homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
        "byzantiumBlock": 0"#,
    );
    let db = state(&spec);
    let block = RecoveredBlock::recover(old_block(&spec, vec![legacy(0, |_| {})])).unwrap();
    let error = execute_block(&spec, &db, &block, &mut |_| panic!("not asked for")).unwrap_err();
    let got = BlockError::GasUsed { expected: 0, got: 21_000 };
    assert!(matches!(error, ExecutionError::InvalidBlock(error) if error == got));
    let fixed = changed(&block, |block| {
        block.header.gas_used = 21_000;
        let receipt = alloy_consensus::Receipt {
            status: Eip658Value::Eip658(true),
            cumulative_gas_used: 21_000,
            logs: vec![],
        };
        let receipts = [alloy_consensus::ReceiptEnvelope::Legacy(receipt.with_bloom())];
        block.header.receipts_root = calculate_receipt_root(&receipts);
    });
    let executed = execute_block(&spec, &db, &fixed, &mut |_| panic!("not asked for")).unwrap();
    assert!(executed.receipts[0].status());
}

#[test]
fn transactions_wait_for_their_fork() {
    use TransactionError as E;
    let check = |spec: &ChainSpec, transaction: &RecoveredTransaction| {
        validate_transaction(spec, transaction.inner(), 1, 1_013)
    };
    let frontier = old_chain(r#""homesteadBlock": 100"#);
    let types = [
        (sign_any(TxEip2930::default(), 0), 1),
        (eip1559(0, |_| {}), 2),
        (sign_any(TxEip4844::default(), 0), 3),
        (sign_any(TxEip7702::default(), 0), 4),
    ];
    for (transaction, of_type) in &types {
        assert_eq!(check(&frontier, transaction), Err(E::Type(*of_type)));
        assert_eq!(check(&dev(), transaction), Ok(()));
    }
    let protected = legacy(0, |transaction| transaction.chain_id = Some(1));
    assert_eq!(check(&frontier, &protected), Err(E::ReplayProtection));
    assert_eq!(check(&frontier, &legacy(0, |_| {})), Ok(()));
    assert_eq!(check(&dev(), &protected), Ok(()));
}

/// A chain of `count` empty blocks before the merge, oldest first, and one ommer of block 1.
fn chain_with_ommer(spec: &ChainSpec, count: u64) -> (Vec<Block>, Header) {
    let mut parent = spec.genesis_header().clone();
    let mut blocks = Vec::new();
    let mut ommer = Header::default();
    for _ in 0..count {
        let header = Header {
            parent_hash: parent.hash(),
            number: parent.number + 1,
            timestamp: parent.timestamp + 13,
            gas_limit: parent.gas_limit,
            difficulty: U256::from(0x20000),
            ..Default::default()
        };
        if parent.number == 0 {
            ommer = Header { beneficiary: Address::repeat_byte(9), ..header.clone() };
        }
        parent = SealedHeader::new(header.clone());
        blocks.push(Block { header, body: BlockBody::default() });
    }
    (blocks, ommer)
}

fn with_ommers(mut block: Block, ommers: Vec<Header>) -> RecoveredBlock {
    block.header.ommers_hash = calculate_ommers_root(&ommers);
    block.body.ommers = ommers;
    RecoveredBlock::recover(block).unwrap()
}

fn ommer_error(result: Result<(), ExecutionError>) -> &'static str {
    match result.unwrap_err() {
        ExecutionError::InvalidBlock(BlockError::Ommer { reason, .. }) => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn ommers_are_young_new_and_related() {
    let spec = old_chain(r#""homesteadBlock": 0"#);
    let (mut blocks, ommer) = chain_with_ommer(&spec, 3);
    let genesis =
        Block { header: spec.genesis_header().inner().clone(), body: BlockBody::default() };
    let last = blocks.pop().unwrap();
    let ancestors: Vec<_> = [genesis].into_iter().chain(blocks).rev().collect();
    let validate = |ommers: Vec<Header>, ancestors: &[Block]| {
        validate_ommers(&spec, &with_ommers(last.clone(), ommers), ancestors)
    };
    validate(vec![ommer.clone()], &ancestors).unwrap();
    let twice = ommer_error(validate(vec![ommer.clone(), ommer.clone()], &ancestors));
    assert_eq!(twice, "it is already included");
    let parent = ancestors[1].header.clone();
    assert_eq!(ommer_error(validate(vec![parent], &ancestors)), "it is an ancestor of the block");
    let unrelated = Header { parent_hash: OLD_HASH, ..ommer.clone() };
    let reason = "its parent is not an ancestor of the block's parent";
    assert_eq!(ommer_error(validate(vec![unrelated], &ancestors)), reason);
    let brother = Header { beneficiary: Address::repeat_byte(1), ..last.header.clone() };
    let reason = "it is not one to six generations older than the block";
    assert_eq!(ommer_error(validate(vec![brother], &ancestors)), reason);
    let easy = Header { difficulty: U256::from(1), ..ommer.clone() };
    assert_eq!(ommer_error(validate(vec![easy], &ancestors)), "its difficulty is wrong");
    let mut used = ancestors.clone();
    used[0].body.ommers.push(ommer.clone());
    assert_eq!(ommer_error(validate(vec![ommer.clone()], &used)), "it is already included");
    let three = with_ommers(last.clone(), vec![ommer.clone(), ommer.clone(), ommer.clone()]);
    assert_eq!(ommer_error(validate_block(&spec, &three)), "there are at most two");
    let reason = "it is not one to six generations older than the block";
    let old = Header { number: 8, ..last.header.clone() };
    let old = with_ommers(Block { header: old, ..last.clone() }, vec![ommer]);
    assert_eq!(ommer_error(validate_block(&spec, &old)), reason);
}

#[test]
fn ommers_and_their_includer_are_rewarded() {
    let spec = old_chain(r#""homesteadBlock": 0"#);
    let (mut blocks, ommer) = chain_with_ommer(&spec, 2);
    let mut last = blocks.pop().unwrap();
    last.header.beneficiary = BENEFICIARY;
    last.header.receipts_root = alloy_consensus::EMPTY_ROOT_HASH;
    let block = with_ommers(last, vec![ommer.clone()]);
    let executed = execute_block(&spec, state(&spec), &block, &mut counting()).unwrap();
    let balance = |address| executed.bundle.account(address).unwrap().info.clone().unwrap().balance;
    assert_eq!(balance(&BENEFICIARY), U256::from(5 * ETHER + 5 * ETHER / 32));
    assert_eq!(balance(&ommer.beneficiary), U256::from(5 * ETHER * 7 / 8));
}
