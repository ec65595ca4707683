//! `estimate_gas`: enough, hardly more, and go-ethereum's errors.

use super::support::*;
use crate::{CallError, CallOptions, CallOutcome, EstimateError, call, estimate_gas, evm_env};
use alloy_primitives::{Address, B256, TxKind, U256, address};
use proptest::prelude::*;
use revm::context::{TxEnv, result::HaltReason};

const CODE: Address = address!("000000000000000000000000000000000000c0de");

fn request(to: Address) -> TxEnv {
    TxEnv {
        caller: key(0).address(),
        gas_limit: 0,
        kind: TxKind::Call(to),
        chain_id: Some(dev().chain_id()),
        ..Default::default()
    }
}

fn estimate(code: &[u8], request: TxEnv) -> Result<u64, EstimateError> {
    let spec = dev();
    let mut db = state(&spec);
    put_code(&mut db, CODE, code);
    let env = evm_env(&spec, spec.genesis_header());
    estimate_gas(&db, env, request, &CallOptions::default(), &mut || false)
}

#[test]
fn a_plain_transfer_is_21000() {
    let to_nobody = request(Address::repeat_byte(0xee));
    assert_eq!(estimate(&[], TxEnv { value: U256::ONE, ..to_nobody.clone() }).unwrap(), 21_000);
    // An upper bound below 21,000 is none.
    assert_eq!(estimate(&[], TxEnv { gas_limit: 5, ..to_nobody.clone() }).unwrap(), 21_000);
    // Paid or not.
    let paid = TxEnv { gas_price: 2_000_000_000, ..to_nobody };
    assert_eq!(estimate(&[], paid).unwrap(), 21_000);
}

/// go-ethereum's search from the floor of 61,000 gas: 64,304, then the middles towards it.
#[test]
fn the_price_of_the_data_counts_in_the_guess() {
    let data = vec![0x11; 1_000].into();
    let to_nobody = TxEnv { data, ..request(Address::repeat_byte(0x99)) };
    assert_eq!(estimate(&[], to_nobody).unwrap(), 0xf181);
}

#[test]
fn failures() {
    let revert = estimate(&[0x60, 0x07, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xfd], request(CODE));
    assert!(matches!(revert, Err(EstimateError::Reverted { output }) if output[..] == [7]));
    let invalid = estimate(&[0xfe], request(CODE));
    assert!(matches!(invalid, Err(EstimateError::Halted(HaltReason::InvalidFEOpcode))));
    let endless = estimate(&[0x5b, 0x5f, 0x56], request(CODE));
    assert!(matches!(endless, Err(EstimateError::ExceedsAllowance(16_777_216))));
    let little = estimate(&[0x5f, 0x5f, 0x55], TxEnv { gas_limit: 21_500, ..request(CODE) });
    assert!(matches!(little, Err(EstimateError::ExceedsAllowance(21_500))));
    let poor = TxEnv { caller: CODE, gas_price: 2_000_000_000, ..request(STORER) };
    assert!(matches!(estimate(&[0], poor.clone()), Err(EstimateError::ExceedsAllowance(0))));
    let poor = TxEnv { value: U256::ONE, ..poor };
    assert!(matches!(estimate(&[0], poor), Err(EstimateError::InsufficientFundsForTransfer)));
    let blobs = TxEnv {
        tx_type: 3,
        gas_price: 2_000_000_000,
        blob_hashes: vec![B256::with_last_byte(1)],
        max_fee_per_blob_gas: u128::MAX,
        ..request(STORER)
    };
    assert!(matches!(estimate(&[], blobs), Err(EstimateError::InsufficientFunds)));
    let foreign = TxEnv { chain_id: Some(1), ..request(STORER) };
    let foreign = estimate(&[], foreign);
    assert!(matches!(foreign, Err(EstimateError::Call(CallError::Transaction(_)))));
}

#[test]
fn an_interrupt_ends_the_search() {
    let spec = dev();
    let mut db = state(&spec);
    put_code(&mut db, CODE, &[0x5b, 0x5f, 0x56]);
    let env = evm_env(&spec, spec.genesis_header());
    let options = CallOptions::default();
    let result = estimate_gas(&db, env, request(CODE), &options, &mut || true);
    assert!(matches!(result, Err(EstimateError::Call(CallError::Interrupted))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..Default::default() })]

    /// Code that burns gas, keeps 1/64 behind in a call to itself, and needs `keep` gas at the end:
    /// the estimate is enough, and at most 1.5 % too much.
    #[test]
    fn the_estimate_is_enough_and_hardly_more(slots in 0..20_u8, keep in 0..60_000_u32) {
        // if lt(gas(), keep) { revert(0, 0) }; sstore `slots` times
        let [_, a, b, c] = keep.to_be_bytes();
        let mut code = vec![0x62, a, b, c, 0x5a, 0x11, 0x60, 0x0b, 0x57, 0x5f, 0xfd, 0x5b];
        code[7] = 0x0b;
        for slot in 0..slots {
            code.extend([0x60, 0x01, 0x60, slot, 0x55]);
        }
        code.push(0x00);
        let estimated = estimate(&code, request(CODE)).unwrap();
        let spec = dev();
        let mut db = state(&spec);
        put_code(&mut db, CODE, &code);
        let succeeds = |gas_limit| {
            let env = evm_env(&spec, spec.genesis_header());
            let request = TxEnv { gas_limit, ..request(CODE) };
            let outcome = call(&db, env, request, &CallOptions::default(), &mut || false);
            matches!(outcome, Ok(CallOutcome::Success { .. }))
        };
        prop_assert!(succeeds(estimated));
        prop_assert!(!succeeds(estimated - estimated * 2 / 100));
    }
}
