//! `simulate`: the order of blocks, the rules of calls, and what a block says of itself.

use super::support::*;
use crate::{
    BlockCalls, BlockOverrides, CallOutcome, SimulateError, SimulateOptions, SimulatedBlock,
    simulate,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, Bytes, U256, address, map::B256HashMap};
use alloy_rpc_types_eth::{
    TransactionInput, TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use mfenx_chainspec::ChainSpec;
use revm::{
    context::result::{HaltReason, InvalidTransaction},
    database::BundleState,
};

const CODE: Address = address!("000000000000000000000000000000000000c0de");
const POOR: Address = address!("0000000000000000000000000000000000009009");
const OTHER: Address = address!("00000000000000000000000000000000000000aa");

const OPTIONS: SimulateOptions = SimulateOptions {
    validation: false,
    trace_transfers: false,
    gas_max: 50_000_000,
    memory_bytes_max: 1 << 27,
    output_bytes_max: 1 << 20,
};

fn run(
    options: SimulateOptions,
    blocks: Vec<BlockCalls>,
) -> Result<Vec<SimulatedBlock>, SimulateError> {
    with_bundles(options, blocks, &mut |_| {})
}

/// `seen` is shown the changes after each block.
fn with_bundles(
    options: SimulateOptions,
    blocks: Vec<BlockCalls>,
    seen: &mut dyn FnMut(&BundleState),
) -> Result<Vec<SimulatedBlock>, SimulateError> {
    let spec = dev();
    let mut root = |bundle: &BundleState| {
        seen(bundle);
        Ok(B256::ZERO)
    };
    let base = spec.genesis_header().clone();
    simulate(&spec, state(&spec), &base, blocks, &options, &mut root, &mut || false)
}

fn code_at(address: Address, code: &[u8]) -> StateOverride {
    let account = AccountOverride::default().with_code(Bytes::copy_from_slice(code));
    StateOverride::from_iter([(address, account)])
}

fn call_to(to: Address) -> TransactionRequest {
    TransactionRequest { from: Some(POOR), to: Some(to.into()), ..Default::default() }
}

fn block(calls: Vec<TransactionRequest>) -> BlockCalls {
    BlockCalls { calls, ..Default::default() }
}

fn numbered(number: Option<u64>, time: Option<u64>) -> BlockCalls {
    let number = number.map(U256::from);
    let block_overrides = BlockOverrides { number, time, ..Default::default() };
    BlockCalls { block_overrides, ..Default::default() }
}

fn refused(result: Result<Vec<SimulatedBlock>, SimulateError>) -> InvalidTransaction {
    match result {
        Err(SimulateError::Refused { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn gaps_are_filled_and_order_is_kept() {
    let time = dev().genesis_header().timestamp;
    let blocks = run(OPTIONS, vec![numbered(Some(3), None), numbered(None, Some(time + 100))]);
    let blocks = blocks.unwrap();
    let places: Vec<_> =
        blocks.iter().map(|block| (block.header.number, block.header.timestamp - time)).collect();
    assert_eq!(places, [(1, 12), (2, 24), (3, 36), (4, 100)]);
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].header.parent_hash, pair[0].header.hash());
    }
    let order = |first, second| run(OPTIONS, vec![first, second]).unwrap_err();
    let error = order(numbered(Some(2), None), numbered(Some(2), None));
    assert!(matches!(error, SimulateError::BlockOrder { number: 2, previous: 2 }));
    let error = order(numbered(None, Some(time + 5)), numbered(None, Some(time + 5)));
    assert!(matches!(error, SimulateError::TimeOrder { .. }));
    // A gap takes time, too.
    let error = run(OPTIONS, vec![numbered(Some(3), Some(time + 24))]).unwrap_err();
    assert!(matches!(error, SimulateError::TimeOrder { .. }));
    let error = run(OPTIONS, vec![numbered(None, Some(u64::MAX)), numbered(None, None)]);
    assert!(matches!(error.unwrap_err(), SimulateError::TimeOrder { .. }));
}

#[test]
fn blocks_are_at_most_256_from_the_base() {
    assert_eq!(run(OPTIONS, vec![numbered(Some(256), None)]).unwrap().len(), 256);
    let beyond = run(OPTIONS, vec![numbered(Some(257), None)]).unwrap_err();
    assert!(matches!(beyond, SimulateError::TooManyBlocks));
    let mut far = numbered(None, None);
    far.block_overrides.number = Some(U256::MAX);
    assert!(matches!(run(OPTIONS, vec![far]).unwrap_err(), SimulateError::TooManyBlocks));
}

#[test]
fn calls_without_a_limit_have_what_is_left() {
    // gas()
    let all = BlockCalls {
        state_overrides: code_at(CODE, &[0x5a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]),
        calls: vec![call_to(CODE), call_to(CODE)],
        ..numbered(None, None)
    };
    let limits = |block: &SimulatedBlock| -> Vec<u64> {
        block.transactions.iter().map(|unsigned| unsigned.transaction.gas_limit()).collect()
    };
    let mut small = all.clone();
    small.block_overrides.gas_limit = Some(100_000);
    let blocks = run(OPTIONS, vec![small.clone()]).unwrap();
    let used = blocks[0].header.gas_used;
    assert_eq!(limits(&blocks[0]), [100_000, 100_000 - used / 2]);
    // The cap is for all blocks together.
    let options = SimulateOptions { gas_max: 90_000, ..OPTIONS };
    let blocks = run(options, vec![small.clone(), all]).unwrap();
    assert_eq!(limits(&blocks[0]), [90_000, 90_000 - used / 2]);
    assert_eq!(limits(&blocks[1])[0], 90_000 - used);
    small.calls[1].gas = Some(100_000);
    let error = run(OPTIONS, vec![small]).unwrap_err();
    assert!(matches!(error, SimulateError::BlockGas { gas: 100_000, .. }));
}

#[test]
fn without_validation_neither_nonces_nor_fees_count() {
    let strange = TransactionRequest { nonce: Some(77), ..call_to(OTHER) };
    run(OPTIONS, vec![block(vec![strange.clone()])]).unwrap();
    let validation = SimulateOptions { validation: true, ..OPTIONS };
    let mut free = block(vec![strange]);
    free.block_overrides.base_fee_per_gas = Some(0);
    let reason = refused(run(validation, vec![free.clone()]));
    assert_eq!(reason, InvalidTransaction::NonceTooHigh { tx: 77, state: 0 });
    let sender = AccountOverride { nonce: Some(99), ..Default::default() };
    free.state_overrides = StateOverride::from_iter([(POOR, sender)]);
    let reason = refused(run(validation, vec![free]));
    assert_eq!(reason, InvalidTransaction::NonceTooLow { tx: 77, state: 99 });
    let reason = refused(run(validation, vec![block(vec![call_to(OTHER)])]));
    assert_eq!(reason, InvalidTransaction::GasPriceLessThanBasefee);
    // Who offers something must offer enough, validation or not.
    let offer = TransactionRequest { max_fee_per_gas: Some(4), ..call_to(OTHER) };
    let mut priced = block(vec![offer]);
    priced.block_overrides.base_fee_per_gas = Some(5);
    let reason = refused(run(OPTIONS, vec![priced]));
    assert_eq!(reason, InvalidTransaction::GasPriceLessThanBasefee);
    let tip = TransactionRequest { max_priority_fee_per_gas: Some(4), ..call_to(OTHER) };
    let reason = refused(run(OPTIONS, vec![block(vec![tip])]));
    assert_eq!(reason, InvalidTransaction::PriorityFeeGreaterThanMaxFee);
    let value = TransactionRequest { value: Some(U256::ONE), ..call_to(OTHER) };
    let reason = refused(run(OPTIONS, vec![block(vec![value])]));
    assert!(matches!(reason, InvalidTransaction::LackOfFundForMaxFee { .. }));
}

#[test]
fn the_largest_nonce_is_followed_by_zero_and_creates_nothing() {
    let sender = AccountOverride { nonce: Some(u64::MAX), ..Default::default() };
    let state_overrides = StateOverride::from_iter([(POOR, sender)]);
    let creation = TransactionRequest { from: Some(POOR), ..Default::default() };
    let calls = vec![creation, call_to(OTHER), call_to(OTHER)];
    let blocks = vec![BlockCalls { state_overrides, calls, ..Default::default() }];
    let validation = SimulateOptions { validation: true, ..OPTIONS };
    let mut free = blocks.clone();
    free[0].block_overrides.base_fee_per_gas = Some(0);
    assert_eq!(refused(run(validation, free)), InvalidTransaction::NonceOverflowInTransaction);
    let mut nonce = None;
    let mut seen = |bundle: &BundleState| {
        nonce = bundle.account(&POOR).and_then(|account| Some(account.info.as_ref()?.nonce));
    };
    let simulated = with_bundles(OPTIONS, blocks, &mut seen).unwrap();
    let halt = HaltReason::NonceOverflow;
    let outcome = &simulated[0].calls[0].outcome;
    assert!(matches!(outcome, CallOutcome::Halt { reason, .. } if *reason == halt));
    assert_eq!(nonce, Some(1));
}

#[test]
fn moved_ether_shows_as_logs_only_where_it_stays_moved() {
    // call(gas, OTHER, 1) and revert if calldata, else log0 and selfdestruct(OTHER)
    let mut code = vec![0x5f, 0x5f, 0x5f, 0x5f, 0x60, 0x01, 0x60, 0xaa, 0x5a, 0xf1, 0x36, 0x60];
    code.extend([0x14, 0x57, 0x5f, 0x5f, 0xa0, 0x60, 0xaa, 0xff, 0x5b, 0x5f, 0x5f, 0xfd]);
    let mut state_overrides = code_at(CODE, &code);
    state_overrides.entry(CODE).or_default().balance = Some(U256::from(5));
    let reverting =
        TransactionRequest { input: TransactionInput::new(vec![1].into()), ..call_to(CODE) };
    let calls = vec![reverting, call_to(CODE)];
    let blocks = vec![BlockCalls { state_overrides, calls, ..Default::default() }];
    let traced = SimulateOptions { trace_transfers: true, ..OPTIONS };
    let simulated = run(traced, blocks.clone()).unwrap();
    let [reverted, moved] = &simulated[0].calls[..] else { panic!() };
    assert!(matches!(reverted.outcome, CallOutcome::Revert { .. }) && reverted.logs.is_empty());
    let shown: Vec<_> = moved.logs.iter().map(|log| (log.index, log.log.address)).collect();
    let ether = Address::repeat_byte(0xee);
    assert_eq!(shown, [(0, ether), (1, CODE), (2, ether)]);
    assert_eq!(moved.logs[2].log.data.data[..], B256::with_last_byte(4)[..]);
    assert_eq!(moved.logs[2].log.topics()[1..], [CODE.into_word(), OTHER.into_word()]);
    // Receipts know of logs only.
    let plain = run(OPTIONS, blocks).unwrap();
    assert_eq!(plain[0].calls[1].logs.len(), 1);
    assert_eq!(plain[0].header, simulated[0].header);
}

#[test]
fn a_selfdestruct_to_itself_shows_what_it_would_move() {
    let mut state_overrides = code_at(CODE, &[0x30, 0xff]);
    state_overrides.entry(CODE).or_default().balance = Some(U256::from(5));
    let blocks =
        vec![BlockCalls { state_overrides, calls: vec![call_to(CODE)], ..Default::default() }];
    let traced = SimulateOptions { trace_transfers: true, ..OPTIONS };
    let simulated = run(traced, blocks.clone()).unwrap();
    let [log] = &simulated[0].calls[0].logs[..] else { panic!() };
    assert_eq!(log.log.topics()[1..], [CODE.into_word(), CODE.into_word()]);
    assert_eq!(log.log.data.data[..], B256::with_last_byte(5)[..]);
    assert!(run(OPTIONS, blocks).unwrap()[0].calls[0].logs.is_empty());
}

#[test]
fn blobs_without_an_offer_pay_the_price_all_the_same() {
    // mstore(0, blobbasefee()), return(0, 32)
    let mut state_overrides = code_at(CODE, &[0x4a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
    let rich = AccountOverride { balance: Some(U256::from(10_000_000)), ..Default::default() };
    state_overrides.insert(POOR, rich);
    let mut hash = B256::with_last_byte(1);
    hash.0[0] = 1;
    let blob = TransactionRequest { blob_versioned_hashes: Some(vec![hash]), ..call_to(CODE) };
    let mut asked = BlockCalls { state_overrides, calls: vec![blob], ..Default::default() };
    asked.block_overrides.blob_base_fee = Some(16);
    let mut balance = None;
    let mut seen = |bundle: &BundleState| {
        balance = bundle.account(&POOR).and_then(|account| Some(account.info.as_ref()?.balance));
    };
    let simulated = with_bundles(OPTIONS, vec![asked.clone()], &mut seen).unwrap();
    let outcome = &simulated[0].calls[0].outcome;
    let price = B256::with_last_byte(16);
    assert!(matches!(outcome, CallOutcome::Success { output, .. } if output[..] == price[..]));
    assert_eq!(balance, Some(U256::from(10_000_000 - 131_072 * 16)));
    // Whoever offers something must offer enough.
    asked.calls[0].max_fee_per_blob_gas = Some(15);
    let reason = refused(run(OPTIONS, vec![asked]));
    assert!(matches!(reason, InvalidTransaction::BlobGasPriceGreaterThanMax { .. }));
}

#[test]
fn replaced_storage_is_all_there_is() {
    // sload(0) + sload(1)
    let code = [0x5f, 0x54, 0x60, 0x01, 0x54, 0x01, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let slots = |pairs: &[(u8, u8)]| -> B256HashMap<B256> {
        let pairs = pairs.iter();
        pairs
            .map(|(slot, value)| (B256::with_last_byte(*slot), B256::with_last_byte(*value)))
            .collect()
    };
    let mut first = code_at(CODE, &code);
    first.entry(CODE).or_default().state = Some(slots(&[(0, 3), (1, 4)]));
    let mut second = StateOverride::default();
    second.entry(CODE).or_default().state_diff = Some(slots(&[(1, 5)]));
    let mut third = StateOverride::default();
    third.entry(CODE).or_default().state = Some(slots(&[(1, 6)]));
    let blocks = [first, second, third].map(|state_overrides| BlockCalls {
        state_overrides,
        calls: vec![call_to(CODE)],
        ..Default::default()
    });
    let simulated = run(OPTIONS, blocks.into()).unwrap();
    let sums = simulated.iter().map(|block| match &block.calls[0].outcome {
        CallOutcome::Success { output, .. } => U256::from_be_slice(output),
        other => panic!("{other:?}"),
    });
    assert_eq!(sums.collect::<Vec<_>>(), [7, 8, 6].map(U256::from));
}

/// As in go-ethereum, until a transaction touches it (EIP-161).
#[test]
fn an_overridden_account_is_there_even_when_it_is_empty() {
    let nothing = AccountOverride { balance: Some(U256::ZERO), ..Default::default() };
    let state_overrides = StateOverride::from_iter([(OTHER, nothing)]);
    let mut there = Vec::new();
    let mut seen = |bundle: &BundleState| {
        there.push(bundle.account(&OTHER).is_some_and(|account| account.info.is_some()));
    };
    let first = BlockCalls { state_overrides, ..Default::default() };
    with_bundles(OPTIONS, vec![first, block(vec![call_to(OTHER)])], &mut seen).unwrap();
    assert_eq!(there, [true, false]);
}

#[test]
fn precompiles_move_for_one_block() {
    let identity = Address::with_last_byte(4);
    let moved = AccountOverride { move_precompile_to: Some(OTHER), ..Default::default() };
    let mut call = call_to(OTHER);
    call.input = TransactionInput::new(vec![7].into());
    let mut at_home = call_to(identity);
    at_home.input = call.input.clone();
    let calls = vec![call, at_home];
    let first = BlockCalls {
        state_overrides: StateOverride::from_iter([(identity, moved)]),
        calls: calls.clone(),
        ..Default::default()
    };
    let simulated = run(OPTIONS, vec![first, block(calls)]).unwrap();
    let outputs = simulated.iter().flat_map(|block| &block.calls).map(|call| match &call.outcome {
        CallOutcome::Success { output, .. } => output.to_vec(),
        other => panic!("{other:?}"),
    });
    assert_eq!(outputs.collect::<Vec<_>>(), [vec![7], vec![], vec![], vec![7]]);
}

#[test]
fn withdrawals_are_credited_and_hashed() {
    let withdrawal =
        alloy_eips::eip4895::Withdrawal { index: 1, validator_index: 2, address: OTHER, amount: 3 };
    let mut paid = numbered(None, None);
    paid.block_overrides.withdrawals = Some(vec![withdrawal]);
    let mut balance = U256::ZERO;
    let mut seen = |bundle: &BundleState| {
        let info = bundle.account(&OTHER).and_then(|account| account.info.clone());
        balance = info.unwrap().balance;
    };
    let simulated = with_bundles(OPTIONS, vec![paid.clone()], &mut seen).unwrap();
    assert_eq!(balance, U256::from(3_000_000_000_u64));
    let root = alloy_consensus::proofs::calculate_withdrawals_root(&[withdrawal]);
    assert_eq!(simulated[0].header.withdrawals_root, Some(root));
}

#[test]
fn outputs_are_bounded_and_interrupts_obeyed() {
    // return(0, 100)
    let first = BlockCalls {
        state_overrides: code_at(CODE, &[0x60, 0x64, 0x5f, 0xf3]),
        calls: vec![call_to(CODE); 2],
        ..Default::default()
    };
    let enough = SimulateOptions { output_bytes_max: 200, ..OPTIONS };
    run(enough, vec![first.clone()]).unwrap();
    let less = SimulateOptions { output_bytes_max: 199, ..OPTIONS };
    let error = run(less, vec![first.clone()]).unwrap_err();
    assert!(matches!(error, SimulateError::OutputTooLarge { bytes_max: 199 }));
    let spec: ChainSpec = dev();
    let base = spec.genesis_header().clone();
    let endless = BlockCalls { state_overrides: code_at(CODE, &[0x5b, 0x5f, 0x56]), ..first };
    for polls in [1, 5] {
        let mut asked = 0;
        let mut interrupt = || {
            asked += 1;
            asked > polls
        };
        let mut root = |_: &BundleState| Ok(B256::ZERO);
        let blocks = vec![endless.clone()];
        let result =
            simulate(&spec, state(&spec), &base, blocks, &OPTIONS, &mut root, &mut interrupt);
        assert!(matches!(result, Err(SimulateError::Interrupted)), "{result:?}");
    }
}
