//! `call`: go-ethereum's leniency, overrides, bounds.

use super::support::*;
use crate::{BlockOverrides, CallError, CallOptions, CallOutcome, call, evm_env};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
use revm::context::{
    TxEnv,
    result::{HaltReason, InvalidTransaction, OutOfGasError},
};

const CODE: Address = address!("000000000000000000000000000000000000c0de");
const POOR: Address = address!("0000000000000000000000000000000000009009");

fn request(to: Address) -> TxEnv {
    TxEnv {
        caller: POOR,
        gas_limit: 1_000_000,
        kind: TxKind::Call(to),
        chain_id: Some(dev().chain_id()),
        ..Default::default()
    }
}

fn run(code: &[u8], request: TxEnv, options: &CallOptions) -> Result<CallOutcome, CallError> {
    let spec = dev();
    let mut db = state(&spec);
    put_code(&mut db, CODE, code);
    call(&db, evm_env(&spec, spec.genesis_header()), request, options, &mut || false)
}

/// `return(mload(0), 32)` of what the opcodes leave on the stack.
fn returning(opcodes: &[u8]) -> Vec<u8> {
    [opcodes, &[0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]].concat()
}

fn word(outcome: CallOutcome) -> U256 {
    match outcome {
        CallOutcome::Success { output, .. } => U256::from_be_slice(&output),
        other => panic!("{other:?}"),
    }
}

#[test]
fn outcomes() {
    let options = CallOptions::default();
    let base_fee = returning(&[0x48]);
    assert_eq!(word(run(&base_fee, request(CODE), &options).unwrap()), U256::ZERO);
    let reverted = run(&[0x60, 0x2a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xfd], request(CODE), &options);
    let CallOutcome::Revert { output, gas_used } = reverted.unwrap() else { panic!() };
    assert_eq!((U256::from_be_slice(&output), gas_used > 21_000), (U256::from(42), true));
    let halted = run(&[0xfe], request(CODE), &options).unwrap();
    let reason = HaltReason::InvalidFEOpcode;
    assert_eq!(halted, CallOutcome::Halt { reason, gas_used: 1_000_000 });
    let CallOutcome::Success { logs, output, .. } = run(&[], request(STORER), &options).unwrap()
    else {
        panic!()
    };
    assert_eq!((logs.len(), output), (1, Bytes::new()));
}

#[test]
fn a_price_brings_the_base_fee_and_the_balance_check_back() {
    let options = CallOptions::default();
    let base_fee = returning(&[0x48]);
    let rich = |gas_price| TxEnv { caller: key(0).address(), gas_price, ..request(CODE) };
    let paid = run(&base_fee, rich(2_000_000_000), &options).unwrap();
    assert_eq!(word(paid), U256::from(1_000_000_000));
    let cheap = run(&base_fee, rich(1), &options).unwrap_err();
    let reason = InvalidTransaction::GasPriceLessThanBasefee;
    assert!(matches!(cheap, CallError::Transaction(error) if error == reason));
    let poor = run(&base_fee, TxEnv { gas_price: 2_000_000_000, ..request(CODE) }, &options);
    let error = poor.unwrap_err();
    assert!(matches!(error, CallError::InsufficientFunds { .. }));
    let error = run(&base_fee, TxEnv { value: U256::ONE, ..request(CODE) }, &options).unwrap_err();
    assert!(matches!(error, CallError::InsufficientFunds { .. }));
}

#[test]
fn nonce_sender_code_and_gas_limits_are_not_looked_at() {
    let options = CallOptions { gas_cap: 0, ..Default::default() };
    let odd = TxEnv { caller: STORER, nonce: 77, gas_limit: 1 << 40, ..request(CODE) };
    let gas_left = word(run(&returning(&[0x5a]), odd.clone(), &options).unwrap());
    assert!(gas_left > U256::from(1_u64 << 39));
    let capped = CallOptions { gas_cap: 100_000, ..Default::default() };
    let gas_left = word(run(&returning(&[0x5a]), odd, &capped).unwrap());
    assert!(gas_left < U256::from(100_000));
}

#[test]
fn overrides() {
    let slot = B256::with_last_byte(3);
    let account = AccountOverride {
        balance: Some(U256::from(5)),
        code: Some(returning(&[0x60, 0x03, 0x54, 0x47, 0x01]).into()),
        state_diff: Some([(slot, B256::with_last_byte(40))].into_iter().collect()),
        ..Default::default()
    };
    let options = |account: AccountOverride| CallOptions {
        state_overrides: Some(StateOverride::from_iter([(CODE, account)])),
        ..Default::default()
    };
    let outcome = run(&[], request(CODE), &options(account.clone())).unwrap();
    assert_eq!(word(outcome), U256::from(45));
    let both = AccountOverride { state: Some(Default::default()), ..account.clone() };
    let moved = AccountOverride { move_precompile_to: Some(POOR), ..account };
    for account in [both, moved] {
        let error = run(&[], request(CODE), &options(account)).unwrap_err();
        assert!(matches!(error, CallError::Override(_)));
    }
    let options = CallOptions {
        block_overrides: Some(BlockOverrides {
            number: Some(U256::from(99)),
            time: Some(1),
            ..Default::default()
        }),
        ..Default::default()
    };
    let sum = returning(&[0x43, 0x42, 0x01]);
    assert_eq!(word(run(&sum, request(CODE), &options).unwrap()), U256::from(100));
}

#[test]
fn memory_is_bounded() {
    let options = CallOptions { gas_cap: 0, memory_bytes_max: 1 << 20, ..Default::default() };
    let request = TxEnv { gas_limit: u64::MAX / 2, ..request(CODE) };
    // mstore(2^20, 0)
    let outcome = run(&[0x5f, 0x62, 0x10, 0x00, 0x00, 0x52, 0x00], request.clone(), &options);
    let reason = HaltReason::OutOfGas(OutOfGasError::MemoryLimit);
    assert!(matches!(outcome, Ok(CallOutcome::Halt { reason: halt, .. }) if halt == reason));
    // mstore(2^20 - 64, 0)
    let outcome = run(&[0x5f, 0x62, 0x0f, 0xff, 0xc0, 0x52, 0x00], request, &options);
    assert!(matches!(outcome, Ok(CallOutcome::Success { .. })));
}

/// for { } 1 {} { pop(keccak256(0, 2^20)) }
const HASHES: &[u8] = &[0x5b, 0x62, 0x10, 0x00, 0x00, 0x5f, 0x20, 0x50, 0x5f, 0x56];

/// Loops by jumps, by conditional jumps, by calling itself and through much memory, and long code
/// without any: each is stopped, at any depth.
#[test]
fn endless_code_is_interrupted() {
    let spec = dev();
    let jump: &[u8] = &[0x5b, 0x5f, 0x56];
    let jumpi: &[u8] = &[0x5b, 0x60, 0x01, 0x5f, 0x57];
    // call(gas(), address(), 0, 0, 0, 0, 0) twice: a tree of calls
    let one_call: &[u8] = &[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x30, 0x5a, 0xf1];
    let calls = [one_call, one_call].concat();
    // A creation whose code loops: mstore8s would be long, so the code is copied from this one.
    let create: &[u8] =
        &[0x60, 0x03, 0x60, 0x0a, 0x5f, 0x39, 0x60, 0x03, 0x5f, 0x5f, 0xf0, 0x00, 0x5b, 0x5f, 0x56];
    let mut create = create.to_vec();
    create[3] = 0x0c;
    // pop(exp(255, 255))
    let powers = [0x60, 0xff, 0x80, 0x0a, 0x50].repeat(500);
    for code in [jump, jumpi, &calls, &create, HASHES, &powers] {
        let mut db = state(&spec);
        put_code(&mut db, CODE, code);
        let mut polls = 0_u32;
        let mut interrupt = || {
            polls += 1;
            polls > 50
        };
        let request = TxEnv { gas_limit: u64::MAX / 2, ..request(CODE) };
        let options = CallOptions { gas_cap: 0, ..Default::default() };
        let env = evm_env(&spec, spec.genesis_header());
        let result = call(&db, env, request, &options, &mut interrupt);
        assert!(matches!(result, Err(CallError::Interrupted)), "{code:?}: {result:?}");
        assert_eq!(polls, 51);
    }
}

/// What is not brief is not begun, whatever the clock says.
#[test]
fn long_memory_and_long_precompiles_are_not_brief() {
    // Above the addresses that are kept for precompiles.
    const FAR: Address = Address::repeat_byte(0xc0);
    let run = |code: &[u8], options: &CallOptions| {
        let spec = dev();
        let mut db = state(&spec);
        put_code(&mut db, FAR, code);
        let request = TxEnv { gas_limit: 10_000_000, ..request(FAR) };
        call(&db, evm_env(&spec, spec.genesis_header()), request, options, &mut || false)
    };
    let brief = CallOptions { brief: true, gas_cap: 0, ..Default::default() };
    let hash = &HASHES[..7];
    // staticcall(gas(), 5, 0, 0, 0, 0): MODEXP
    let power: &[u8] = &[0x5f, 0x5f, 0x5f, 0x5f, 0x60, 0x05, 0x5a, 0xfa];
    for code in [hash, power] {
        let result = run(code, &brief);
        assert!(matches!(result, Err(CallError::Interrupted)), "{code:?}: {result:?}");
        let patient = CallOptions { brief: false, ..brief.clone() };
        let result = run(code, &patient);
        assert!(matches!(result, Ok(CallOutcome::Success { .. })), "{code:?}: {result:?}");
    }
    // keccak256(0, 2^15) is.
    let result = run(&[0x61, 0x80, 0x00, 0x5f, 0x20], &brief);
    assert!(matches!(result, Ok(CallOutcome::Success { .. })), "{result:?}");
}

/// The same code costs the same gas and does the same whether or not it can be interrupted.
#[test]
fn interruption_costs_no_gas() {
    // for { let i := 200 } i {} { i := sub(i, 1) }, with calls to an empty account in between
    let calls: &[u8] = &[
        0x60, 0xc8, 0x5b, 0x60, 0x01, 0x90, 0x03, 0x5f, 0x5f, 0x5f, 0x5f, 0x60, 0xee, 0x5a, 0xfa,
        0x50, 0x80, 0x60, 0x02, 0x57, 0x00,
    ];
    // Each of the instructions that take longer than most, once.
    let longer: &[&[u8]] = &[
        &[0x60, 0x03, 0x60, 0x02, 0x0a, 0x50],
        &[0x60, 0x40, 0x5f, 0x20, 0x50],
        &[0x60, 0x20, 0x5f, 0x5f, 0x37],
        &[0x60, 0x20, 0x5f, 0x5f, 0x39],
        &[0x5f, 0x5f, 0x5f, 0x3e],
        &[0x60, 0x20, 0x60, 0x20, 0x5f, 0x5e],
        &[0x30, 0x31, 0x50, 0x30, 0x3b, 0x50, 0x30, 0x3f, 0x50],
        &[0x60, 0x20, 0x5f, 0x5f, 0x30, 0x3c],
        &[0x5f, 0x40, 0x50, 0x60, 0x01, 0x54, 0x50, 0x60, 0x07, 0x60, 0x01, 0x55],
        &[0x60, 0x20, 0x5f, 0xa0],
        &[0x5f, 0x60, 0x20, 0x5f, 0xa1],
        &[0x5f, 0x5f, 0x60, 0x20, 0x5f, 0xa2],
        &[0x5f, 0x5f, 0x5f, 0x60, 0x20, 0x5f, 0xa3],
        &[0x5f, 0x5f, 0x5f, 0x5f, 0x60, 0x20, 0x5f, 0xa4],
    ];
    for code in [calls, &longer.concat()] {
        costs_the_same(code);
    }
}

fn costs_the_same(code: &[u8]) {
    let spec = dev();
    let mut db = state(&spec);
    put_code(&mut db, CODE, code);
    let called = run(code, request(CODE), &CallOptions::default()).unwrap();
    let CallOutcome::Success { gas_used: called, logs, .. } = called else { panic!("{called:?}") };
    let transaction = eip1559(0, |transaction| {
        transaction.gas_limit = 1_000_000;
        transaction.to = TxKind::Call(CODE);
        transaction.value = U256::ZERO;
    });
    let built = build(&spec, &db, &mut List::from(vec![transaction])).unwrap();
    assert_eq!(built.executed.gas_used, called);
    assert_eq!(built.executed.receipts[0].logs(), logs);
}
