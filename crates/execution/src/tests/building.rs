//! Building, and that whatever is built is accepted.

use super::support::*;
use crate::{ExecutionError, Rejection, build_block, execute_block};
use alloy_consensus::{Transaction as _, TxEip4844};
use alloy_primitives::{Address, B256, TxKind, U256};
use mfenx_primitives::RecoveredTransaction;
use proptest::prelude::*;

#[test]
fn an_empty_block_is_valid() {
    let spec = dev();
    let db = state(&spec);
    let block = block(&spec, &db, vec![]);
    check(&spec, &db, &block).unwrap();
    assert_eq!(block.header().gas_used, 0);
    assert_eq!(block.header().beneficiary, BENEFICIARY);
    assert_eq!(&block.header().extra_data[..], b"test");
}

#[test]
fn the_beneficiary_gets_the_tip_and_not_the_base_fee() {
    let spec = dev();
    let db = state(&spec);
    let mut list = List::from(vec![eip1559(0, |transaction| {
        transaction.max_priority_fee_per_gas = 7;
    })]);
    let built = build(&spec, &db, &mut list).unwrap();
    let account = built.executed.bundle.account(&BENEFICIARY).unwrap();
    assert_eq!(account.info.clone().unwrap().balance, U256::from(7 * 21_000));
}

#[test]
fn what_does_not_fit_is_said_and_skipped() {
    let spec = dev();
    let db = state(&spec);
    let gap = eip1559(0, |transaction| transaction.nonce = 5);
    let cheap = eip1559(1, |transaction| transaction.max_fee_per_gas = 1);
    let foreign = eip1559(2, |transaction| transaction.chain_id = 1);
    let huge = eip1559(3, |transaction| transaction.gas_limit = 120_000_001);
    let capped = eip1559(4, |transaction| transaction.gas_limit = 1 << 25);
    let good = eip1559(5, |_| {});
    let again = eip1559(5, |transaction| transaction.value = U256::from(9));
    let all = [&gap, &cheap, &foreign, &huge, &capped, &good, &again].map(Clone::clone).to_vec();
    let mut list = List::from(all);
    let built = build(&spec, &db, &mut list).unwrap();
    assert_eq!(built.senders, [good.signer()]);
    let hash = |transaction: &RecoveredTransaction| *transaction.inner().tx_hash();
    let kinds: Vec<_> = list
        .rejected
        .iter()
        .map(|(hash, reason)| (*hash, matches!(reason, Rejection::DoesNotFit(_))))
        .collect();
    let expected = [
        (hash(&gap), true),
        (hash(&cheap), true),
        (hash(&foreign), false),
        (hash(&huge), false),
        (hash(&capped), false),
        (hash(&again), false),
    ];
    assert_eq!(kinds, expected);
    check(&spec, &db, &built.seal(B256::ZERO).0).unwrap();
}

#[test]
fn a_full_block_takes_no_more() {
    let spec = dev();
    let db = state(&spec);
    let parent = spec.genesis_header();
    let attributes = crate::BuildAttributes { gas_limit: 50_000, ..attributes(&spec, parent) };
    let mut list = List::from((0..10).map(|from| eip1559(from, |_| {})).collect::<Vec<_>>());
    let built = build_block(&spec, &db, parent, &attributes, &mut list, &mut || false).unwrap();
    assert_eq!(built.body.transactions.len(), 2);
    assert_eq!(list.next.len(), 8, "nothing fits into 8,000 gas, so nothing more is asked for");
}

#[test]
fn blobs_that_do_not_fit_leave_room_for_others() {
    let spec = dev();
    let db = state(&spec);
    let parent = spec.genesis_header();
    let blobs = |from| {
        let hash = B256::right_padding_from(&[1]);
        let transaction = TxEip4844 {
            chain_id: spec.chain_id(),
            gas_limit: 21_000,
            max_fee_per_gas: 2_000_000_000,
            max_priority_fee_per_gas: 1,
            blob_versioned_hashes: vec![hash; 6],
            max_fee_per_blob_gas: 10,
            ..TxEip4844::default()
        };
        sign_any(transaction, from)
    };
    // A block holds nine blobs. More misfits in a row than would end a block that is full.
    let mut all: Vec<_> = [0; 70].into_iter().map(|_| blobs(1)).collect();
    all.insert(0, blobs(0));
    all.push(eip1559(2, |_| {}));
    let mut list = List::from(all);
    let built =
        build_block(&spec, &db, parent, &attributes(&spec, parent), &mut list, &mut || false);
    let built = built.unwrap();
    assert_eq!(built.senders, [key(0).address(), key(2).address()]);
    assert_eq!(built.executed.blob_gas_used, 6 * 131_072);
    assert!(list.rejected.iter().all(|(_, reason)| matches!(reason, Rejection::DoesNotFit(_))));
    check(&spec, &db, &built.seal(B256::ZERO).0).unwrap();
}

#[test]
fn bytes_are_bounded() {
    let spec = dev();
    let db = state(&spec);
    // 2^24 gas pay for at most 419,430 bytes of zeros at the floor of 10 a byte.
    let fat = |from, nonce| {
        eip1559(from, |transaction| {
            transaction.nonce = nonce;
            transaction.gas_limit = 4_100_000;
            transaction.input = vec![0; 400_000].into();
        })
    };
    let mut list = List::from((0..30).map(|nonce| fat(0, nonce)).collect::<Vec<_>>());
    let built = build(&spec, &db, &mut list).unwrap();
    let bytes = alloy_rlp::Encodable::length(built.clone().seal(B256::ZERO).0.block());
    assert_eq!(built.body.transactions.len(), 20);
    assert!(bytes <= crate::MAX_BLOCK_RLP_BYTES && bytes > 8_000_000, "{bytes}");
    assert!(list.rejected.iter().all(|(_, reason)| matches!(reason, Rejection::DoesNotFit(_))));
}

#[test]
fn the_deadline_is_asked_before_each_transaction() {
    let spec = dev();
    let db = state(&spec);
    let parent = spec.genesis_header();
    let mut list = List::from((0..10).map(|from| eip1559(from, |_| {})).collect::<Vec<_>>());
    let mut asked = 0;
    let mut deadline = || {
        asked += 1;
        asked > 3
    };
    let attributes = attributes(&spec, parent);
    let built = build_block(&spec, &db, parent, &attributes, &mut list, &mut deadline).unwrap();
    assert_eq!((built.body.transactions.len(), list.next.len()), (3, 7));
}

#[test]
fn attributes_must_suit_the_fork() {
    let spec = dev();
    let db = state(&spec);
    let parent = spec.genesis_header();
    let refused = |change: &dyn Fn(&mut crate::BuildAttributes)| {
        let mut attributes = attributes(&spec, parent);
        change(&mut attributes);
        let mut list = List::default();
        let result = build_block(&spec, &db, parent, &attributes, &mut list, &mut || false);
        assert!(matches!(result, Err(ExecutionError::Attributes(_))));
    };
    refused(&|attributes| attributes.timestamp = parent.timestamp);
    refused(&|attributes| attributes.extra_data = vec![0; 33].into());
    refused(&|attributes| attributes.withdrawals = None);
    refused(&|attributes| attributes.parent_beacon_block_root = None);
    let old = old_chain(r#""homesteadBlock": 0"#);
    let result = build(&old, &state(&old), &mut List::default());
    assert!(matches!(result, Err(ExecutionError::Attributes(_))));
}

/// Transfers, stores, creations, failures, gaps and lies about gas, in any order.
fn transactions() -> impl Strategy<Value = Vec<RecoveredTransaction>> {
    let one = (0..4_u8, 0..4_u64, 0..6_u8, 0..4_u64, 0..3_u64, 20_000..120_000_u64);
    prop::collection::vec(one, 0..24).prop_map(|list| {
        let make = |(from, nonce, kind, slot, value, gas_limit)| match kind {
            0 | 1 => store(from, nonce, slot, value),
            _ => eip1559(from, |transaction| {
                transaction.nonce = nonce;
                transaction.gas_limit = gas_limit;
                transaction.value = U256::from(value);
                transaction.to = match kind {
                    2 => TxKind::Create,
                    3 => TxKind::Call(STORER),
                    _ => TxKind::Call(Address::with_last_byte(slot as u8)),
                };
                transaction.input = vec![0x5f; value as usize].into();
            }),
        };
        list.into_iter().map(make).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]

    /// What is built is accepted, with the same receipts and the same changes.
    #[test]
    fn whatever_is_built_is_accepted(transactions in transactions()) {
        let spec = dev();
        let db = state(&spec);
        let count = transactions.len();
        let mut list = List::from(transactions);
        let built = build(&spec, &db, &mut list).unwrap();
        prop_assert_eq!(built.body.transactions.len() + list.rejected.len(), count);
        let (block, made) = built.seal(B256::repeat_byte(1));
        let parent = spec.genesis_header();
        crate::validate_header(&spec, &block.sealed_header(), parent).unwrap();
        crate::validate_block(&spec, &block).unwrap();
        let done = execute_block(&spec, &db, &block, &mut |_| Ok(B256::ZERO)).unwrap();
        prop_assert_eq!(&done.receipts, &made.receipts);
        prop_assert_eq!(&done.bundle.state, &made.bundle.state);
        prop_assert_eq!(done.requests, made.requests);
        prop_assert_eq!(done.gas_used, made.gas_used);
        let gas: u64 = block.transactions().iter().map(|transaction| transaction.gas_limit()).sum();
        prop_assert!(done.gas_used <= gas);
        let last = done.receipts.last().map_or(0, |receipt| receipt.cumulative_gas_used());
        prop_assert_eq!(last, done.gas_used);
    }
}
