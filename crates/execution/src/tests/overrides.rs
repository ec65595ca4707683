//! Overrides, and calls that build on them: access lists and calls in a row.

use super::support::*;
use crate::{
    BlockOverrides, CallBundle, CallError, CallOptions, CallOutcome, OverrideError, call,
    call_many, create_access_list, evm_env,
};
use alloy_eips::eip2930::AccessListItem;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use alloy_rpc_types_eth::state::{AccountOverride, StateOverride};
use revm::context::TxEnv;

const CODE: Address = address!("000000000000000000000000000000000000c0de");
const PLACE: Address = address!("00000000000000000000000000000000000000aa");
const IDENTITY: Address = address!("0000000000000000000000000000000000000004");
const SHA256: Address = address!("0000000000000000000000000000000000000002");

fn request(to: Address, data: &[u8]) -> TxEnv {
    TxEnv {
        caller: key(0).address(),
        gas_limit: 1_000_000,
        kind: TxKind::Call(to),
        data: Bytes::copy_from_slice(data),
        chain_id: Some(dev().chain_id()),
        ..Default::default()
    }
}

fn options(accounts: Vec<(Address, AccountOverride)>) -> CallOptions {
    CallOptions { state_overrides: Some(StateOverride::from_iter(accounts)), ..Default::default() }
}

fn to(place: Address) -> AccountOverride {
    AccountOverride { move_precompile_to: Some(place), ..Default::default() }
}

fn run(request: TxEnv, options: &CallOptions) -> Result<CallOutcome, CallError> {
    let spec = dev();
    let env = evm_env(&spec, spec.genesis_header());
    call(state(&spec), env, request, options, &mut || false)
}

fn output(outcome: Result<CallOutcome, CallError>) -> Bytes {
    match outcome.unwrap() {
        CallOutcome::Success { output, .. } => output,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_precompile_answers_where_it_was_moved_to() {
    let moved = options(vec![(IDENTITY, to(PLACE))]);
    assert_eq!(output(run(request(PLACE, &[7]), &moved)), Bytes::from_static(&[7]));
    assert!(output(run(request(IDENTITY, &[7]), &moved)).is_empty());
    // What is overridden in any way is no precompile any more.
    let replaced = AccountOverride::default().with_code(vec![0x5f, 0x5f, 0xf3]);
    for account in [replaced, AccountOverride::default()] {
        let options = options(vec![(IDENTITY, account)]);
        assert!(output(run(request(IDENTITY, &[7]), &options)).is_empty());
    }
    // The last by address has the place.
    let both = options(vec![(IDENTITY, to(PLACE)), (SHA256, to(PLACE))]);
    assert_eq!(output(run(request(PLACE, &[7]), &both)), Bytes::from_static(&[7]));
}

/// EIP-2929: the fork's precompiles are warm, and the new place is not.
#[test]
fn a_moved_precompile_is_cold_and_its_old_place_warm() {
    // a = gas(); extcodesize(calldata[0]); a - gas()
    let code = [0x5a, 0x5f, 0x35, 0x3b, 0x50, 0x5a, 0x90, 0x03, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let measuring = AccountOverride::default().with_code(code.to_vec());
    let options = options(vec![(CODE, measuring), (IDENTITY, to(PLACE))]);
    let cost = |of: Address| {
        let request = request(CODE, of.into_word().as_slice());
        U256::from_be_slice(&output(run(request, &options)))
    };
    assert_eq!(cost(PLACE) - cost(IDENTITY), U256::from(2_500));
}

#[test]
fn contradictions() {
    let both = AccountOverride {
        state: Some(Default::default()),
        state_diff: Some(Default::default()),
        ..Default::default()
    };
    for (accounts, expected) in [
        (vec![(CODE, to(PLACE))], OverrideError::NotAPrecompile(CODE)),
        (vec![(CODE, to(CODE))], OverrideError::NotAPrecompile(CODE)),
        (vec![(IDENTITY, to(IDENTITY))], OverrideError::SelfReference(IDENTITY)),
        (
            vec![(IDENTITY, to(PLACE)), (PLACE, AccountOverride::default())],
            OverrideError::DestinationOverridden(PLACE),
        ),
        (vec![(CODE, both)], OverrideError::StateAndDiff(CODE)),
    ] {
        let error = run(request(CODE, &[]), &options(accounts)).unwrap_err();
        assert!(matches!(error, CallError::Override(error) if error == expected), "{expected}");
    }
    let beacon_root = Some(B256::ZERO);
    let options = CallOptions {
        block_overrides: Some(BlockOverrides { beacon_root, ..Default::default() }),
        ..Default::default()
    };
    let error = run(request(CODE, &[]), &options).unwrap_err();
    let expected = OverrideError::BlockField("beaconRoot");
    assert!(matches!(error, CallError::Override(error) if error == expected));
}

#[test]
fn an_access_list_grows_until_nothing_new_is_used() {
    // if the slot that slot 0 names is warm, read slot 9 too
    let code = [
        0x5a, 0x5f, 0x54, 0x50, 0x5a, 0x90, 0x03, 0x61, 0x03, 0xe8, 0x10, 0x60, 0x13, 0x57, 0x60,
        0x09, 0x54, 0x50, 0x00, 0x5b, 0x60, 0xbb, 0x31, 0x00,
    ];
    let account = AccountOverride::default().with_code(code.to_vec());
    let spec = dev();
    let env = evm_env(&spec, spec.genesis_header());
    let options = options(vec![(CODE, account)]);
    let found =
        create_access_list(state(&spec), env, request(CODE, &[]), &options, &mut || false).unwrap();
    assert!(matches!(found.outcome, CallOutcome::Success { .. }));
    let slots = |slots: &[u8]| slots.iter().map(|slot| B256::with_last_byte(*slot)).collect();
    let expected = [
        AccessListItem { address: Address::with_last_byte(0xbb), storage_keys: Vec::new() },
        AccessListItem { address: CODE, storage_keys: slots(&[0, 9]) },
    ];
    assert_eq!(found.access_list.0, expected);
}

#[test]
fn many_calls_see_each_other() {
    // returns slot 0 and adds the number of the block to it
    let code = [0x5f, 0x54, 0x80, 0x5f, 0x52, 0x43, 0x01, 0x5f, 0x55, 0x60, 0x20, 0x5f, 0xf3];
    let account = AccountOverride::default().with_code(code.to_vec());
    let options = options(vec![(CODE, account)]);
    let spec = dev();
    let bundle = |number: u64| CallBundle {
        block_overrides: BlockOverrides { number: Some(U256::from(number)), ..Default::default() },
        calls: vec![request(CODE, &[]); 2],
    };
    let run = |bytes_max| {
        let env = evm_env(&spec, spec.genesis_header());
        let bundles = vec![bundle(10), bundle(100)];
        call_many(state(&spec), env, bundles, &options, bytes_max, &mut || false)
    };
    let seen: Vec<_> = run(128)
        .unwrap()
        .into_iter()
        .flatten()
        .map(|outcome| U256::from_be_slice(&output(Ok(outcome))))
        .collect();
    assert_eq!(seen, [0, 10, 20, 120].map(U256::from));
    assert!(matches!(run(127), Err(CallError::OutputTooLarge { bytes_max: 127 })));
}
