//! Calls one after the other in the same room do what each does alone.

use super::support::*;
use crate::{CallError, CallOptions, CallOutcome, CallScratch, ChainEnv, call, call_in, evm_env};
use alloy_consensus::Header;
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use alloy_rpc_types_eth::state::StateOverride;
use mfenx_chainspec::ChainSpec;
use proptest::{prelude::*, sample::Index};
use revm::context::TxEnv;

const SENDER: Address = address!("0000000000000000000000000000000000005e4d");
/// What a call runs, deposits included, is at 0xc0de01, 0xc0de02 and so on.
const CODES: &[&[u8]] = &[
    // return(sload(1) + gas(), msize())
    &[0x60, 0x01, 0x54, 0x5a, 0x01, 0x5f, 0x52, 0x59, 0x60, 0x20, 0x52, 0x60, 0x40, 0x5f, 0xf3],
    // sstore(1, 7), log0(0, 32), stop
    &[0x60, 0x07, 0x60, 0x01, 0x55, 0x60, 0x20, 0x5f, 0xa0, 0x00],
    // let old := tload(1)  tstore(1, 9)  return(old)
    &[0x60, 0x01, 0x5c, 0x5f, 0x52, 0x60, 0x09, 0x60, 0x01, 0x5d, 0x60, 0x20, 0x5f, 0xf3],
    // mstore(0x300, not(0)), sstore(2, 1), revert(0, 0x320)
    &[
        0x5f, 0x19, 0x61, 0x03, 0x00, 0x52, 0x60, 0x01, 0x60, 0x02, 0x55, 0x61, 0x03, 0x20, 0x5f,
        0xfd,
    ],
    // sstore(3, 1), invalid
    &[0x60, 0x01, 0x60, 0x03, 0x55, 0xfe],
    // loop without end
    &[0x5b, 0x5f, 0x56],
    // balance(coinbase()) + balance(0xc0de01), return(gas())
    &[0x41, 0x31, 0x62, 0xc0, 0xde, 0x01, 0x31, 0x01, 0x5a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3],
    // selfdestruct(caller())
    &[0x33, 0xff],
    // create(0, 0, 0), return(extcodesize of it + selfbalance(), returndatasize())
    &[
        0x5f, 0x5f, 0x5f, 0xf0, 0x3b, 0x47, 0x01, 0x5f, 0x52, 0x3d, 0x60, 0x20, 0x52, 0x60, 0x40,
        0x5f, 0xf3,
    ],
    // call(gas(), 0xc0de01 ...) with 64 bytes of answer, return(0, 96)
    &[
        0x60, 0x40, 0x5f, 0x5f, 0x5f, 0x5f, 0x62, 0xc0, 0xde, 0x01, 0x5a, 0xf1, 0x60, 0x40, 0x52,
        0x60, 0x60, 0x5f, 0xf3,
    ],
    // staticcall(gas(), 2, 0, 32, 0, 32), return(0, 32): SHA-256 of zeros
    &[0x60, 0x20, 0x5f, 0x60, 0x20, 0x5f, 0x60, 0x02, 0x5a, 0xfa, 0x60, 0x20, 0x5f, 0xf3],
    // calls itself until no frame is left, or no gas
    &[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x30, 0x5a, 0xf1, 0x5a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3],
    // extcodesize(0x2b4030001), which is warm where that is a precompile, return(gas())
    &[0x64, 0x02, 0xb4, 0x03, 0x00, 0x01, 0x3b, 0x50, 0x5a, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3],
    // extcodecopy(caller(), 0, 0, 64), return(0, 64)
    &[0x60, 0x40, 0x5f, 0x5f, 0x33, 0x3c, 0x60, 0x40, 0x5f, 0xf3],
];

fn code_address(index: usize) -> Address {
    Address::left_padding_from(&(0x00c0_de01 + index as u64).to_be_bytes())
}

fn database(spec: &ChainSpec) -> Db {
    let mut db = state(spec);
    for (index, code) in CODES.iter().enumerate() {
        put_code(&mut db, code_address(index), code);
    }
    db.insert_account_storage(code_address(0), U256::ONE, U256::from(11)).unwrap();
    db
}

#[derive(Debug, Clone)]
struct Asked {
    request: TxEnv,
    /// Before Cancun, Shanghai and the chain's own precompiles, or after.
    is_old: bool,
    brief: bool,
    overrides: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let kind = (any::<Index>(), 0..10_u8);
    let fields = (kind, any::<[bool; 6]>(), 21_000..3_000_000_u64, 0..200_usize);
    fields.prop_map(|((code, rare), flags, gas_limit, data)| {
        let [is_old, brief, overrides, rich, paid, listed] = flags;
        let to = code_address(code.index(CODES.len()));
        let listed = listed.then(|| AccessListItem {
            address: code_address(0),
            storage_keys: vec![B256::with_last_byte(1)],
        });
        let kind = if rare == 0 { TxKind::Create } else { TxKind::Call(to) };
        let request = TxEnv {
            tx_type: u8::from(listed.is_some()),
            caller: if rich { key(0).address() } else { SENDER },
            gas_limit,
            gas_price: if paid { 3_000_000_000 } else { 0 },
            kind,
            value: U256::from(u8::from(rare == 1)),
            data: Bytes::from(vec![0x5b; data * usize::from(rare)]),
            chain_id: Some(dev().chain_id()),
            access_list: AccessList(listed.into_iter().collect()),
            ..TxEnv::default()
        };
        Asked { request, is_old, brief, overrides }
    })
}

/// What can be compared of how a call ended.
fn shown(result: Result<CallOutcome, CallError>) -> String {
    format!("{result:?}")
}

fn env(spec: &ChainSpec, is_old: bool) -> ChainEnv {
    let genesis = spec.genesis_header();
    let mut env = evm_env(spec, &Header { beneficiary: SENDER, ..genesis.inner().clone() });
    if is_old {
        let berlin = revm::primitives::hardfork::SpecId::BERLIN;
        env.evm.cfg_env.set_spec_and_mainnet_gas_params(berlin);
        env.precompiles = false;
    }
    env
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_call_sees_the_ones_before(all in proptest::collection::vec(asked(), 1..24)) {
        let spec = dev();
        let db = database(&spec);
        let mut scratch = CallScratch::default();
        for Asked { request, is_old, brief, overrides } in all {
            let plain = CallOptions { brief, ..CallOptions::default() };
            let state_overrides = overrides.then(StateOverride::default);
            let options = CallOptions { state_overrides, ..plain.clone() };
            let interrupt = || {
                let mut polls = 0;
                move || { polls += 1; polls > 300 }
            };
            let ask = || (env(&spec, is_old), request.clone());
            let (env, tx) = ask();
            let kept = shown(call_in(&mut scratch, &db, env, tx, &options, &mut interrupt()));
            let (env, tx) = ask();
            let alone = shown(call(&db, env, tx, &plain, &mut interrupt()));
            prop_assert_eq!(&kept, &alone);
            // Through the database in memory that overrides need.
            let empty = Some(StateOverride::default());
            let options = CallOptions { state_overrides: empty, ..plain };
            let (env, tx) = ask();
            prop_assert_eq!(&kept, &shown(call(&db, env, tx, &options, &mut interrupt())));
        }
    }
}

/// Room is kept after a short call, and not after one that used much of it.
#[test]
fn much_room_is_given_up() {
    let spec = dev();
    let db = database(&spec);
    let kept = |request: TxEnv| {
        let mut scratch = CallScratch::default();
        let options = CallOptions { gas_cap: 0, ..CallOptions::default() };
        let mut polls = 0;
        let mut interrupt = || {
            polls += 1;
            polls > 1_000
        };
        let _ = call_in(&mut scratch, &db, env(&spec, false), request, &options, &mut interrupt);
        scratch.is_kept()
    };
    let request = |index, gas_limit| TxEnv {
        gas_limit,
        kind: TxKind::Call(code_address(index)),
        chain_id: Some(spec.chain_id()),
        ..TxEnv::default()
    };
    for index in [0, 1, 2, 3, 6, 9, 10] {
        assert!(kept(request(index, 1_000_000)), "{index}");
    }
    // It calls itself more often than there are frames in the room.
    assert!(!kept(request(11, 400_000)));
    // All gas, in vain; an endless loop, stopped; a transaction that cannot be.
    assert!(!kept(request(4, 1_000_000)));
    assert!(!kept(request(5, 1_000_000_000)));
    assert!(!kept(TxEnv { value: U256::ONE, ..request(0, 1_000_000) }));
    let long = TxEnv { data: vec![0; 70_000].into(), ..request(0, 10_000_000) };
    assert!(!kept(long));
}
