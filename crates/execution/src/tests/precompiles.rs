//! The chain's own precompiles inside the EVM: called in every way, moved, traced, in blocks.

use super::support::*;
use crate::{
    BlockCalls, CallOptions, CallOutcome, Replay, SimulateOptions, call, create_access_list,
    evm_env, execute_block, simulate,
};
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, hex};
use alloy_rpc_types_eth::{
    TransactionInput, TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use alloy_signer::SignerSync;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::precompile::{
    BEACON, BLAKE3, COMPUTE_VERIFY, ED25519, MATRIX, PRECOMPILES, RecordWord, VRF,
};
use revm::{
    bytecode::opcode::{CALL, CALLCODE, DELEGATECALL, STATICCALL},
    context::{TxEnv, result::HaltReason},
};
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig};

const PLACE: Address = address!("00000000000000000000000000000000000000aa");
const PROXY: Address = address!("00000000000000000000000000000000009047c0");

/// Calls the address in the first word with the rest, hands on ether, and returns whether that
/// succeeded and what it returned.
fn proxy(opcode: u8) -> Vec<u8> {
    let input = hex!("60203603 6020 5f 37 5f 5f 60203603 5f");
    let value: &[u8] = if matches!(opcode, CALL | CALLCODE) { &[0x34] } else { &[] };
    let output = hex!("3d 5f 6020 3e 5f 52 60203d01 5f f3");
    [&input[..], value, &hex!("5f35 5a"), &[opcode], &output].concat()
}

/// The chain before its precompiles, with their code.
fn before_them() -> ChainSpec {
    let mut genesis = serde_json::to_value(dev().genesis()).unwrap();
    genesis["config"]["mfenx"]["computeTime"] = 4_000_000_000_u64.into();
    ChainSpec::from_genesis_json(&genesis.to_string()).unwrap()
}

/// Genesis with a proxy, and a beacon of block 0.
fn state_with(proxy_opcode: u8) -> Db {
    let mut db = state(&dev());
    put_code(&mut db, PROXY, &proxy(proxy_opcode));
    put_record(&mut db, 0, &[&[0][..], &[3; 32], &[5; 64]].concat());
    put_record(&mut db, 1, &[]);
    db
}

fn put_record(db: &mut Db, height: u64, record: &[u8]) {
    for word in (0..RecordWord::COUNT).map(|word| RecordWord { height, word }) {
        let number = U256::from(word.number().unwrap());
        db.cache.block_hashes.insert(number, word.of(record).into());
    }
}

fn request(to: Address, input: Vec<u8>) -> TxEnv {
    TxEnv {
        caller: key(0).address(),
        gas_limit: 1_000_000,
        kind: TxKind::Call(to),
        data: input.into(),
        chain_id: Some(dev().chain_id()),
        ..Default::default()
    }
}

/// The environment of block 1.
fn env(spec: &ChainSpec) -> crate::ChainEnv {
    let parent = spec.genesis_header();
    evm_env(spec, &crate::next_header(spec, parent, &attributes(spec, parent)))
}

fn run(db: &Db, request: TxEnv, options: &CallOptions) -> CallOutcome {
    call(db, env(&dev()), request, options, &mut || false).unwrap()
}

fn output(outcome: CallOutcome) -> Bytes {
    match outcome {
        CallOutcome::Success { output, .. } => output,
        other => panic!("{other:?}"),
    }
}

fn word(value: u64) -> [u8; 32] {
    U256::from(value).to_be_bytes()
}

/// An input of each that it understands, and the beginning of its output.
fn understood() -> [(Address, Vec<u8>, Vec<u8>); 6] {
    let verify = |length: u64| {
        let second = 0x80 + length.div_ceil(32) * 32;
        let head = [&hex!("5bf48e3a")[..], &[1; 32], &word(0x60), &word(second)].concat();
        let proof = vec![0; length.div_ceil(32) as usize * 32];
        [&head[..], &word(length), &proof, &word(0)].concat()
    };
    let product = [
        &hex!("18d40e92")[..],
        &[word(1), word(1), word(1), word(0xa0), word(0xe0)].concat(),
        &word(1),
        &B256::right_padding_from(&[0xfd]).0,
        &word(1),
        &B256::right_padding_from(&[7]).0,
    ]
    .concat();
    let proof_of_compute = [
        &hex!("3c6a1ed0")[..],
        &[word(7), word(1), word(1), word(1), word(1), word(0x120)].concat(),
        &[word(8), word(1), word(0x160), word(1), word(9), word(0)].concat(),
    ]
    .concat();
    let minus_21 = (-21_i32).to_le_bytes();
    [
        (BLAKE3, b"abc".to_vec(), blake3_of_abc().to_vec()),
        (ED25519, verify(64), word(0).to_vec()),
        (VRF, verify(80), [word(0), word(0x40), word(0)].concat()),
        (BEACON, [&hex!("1d21c669")[..], &word(0)].concat(), vec![3; 32]),
        (COMPUTE_VERIFY, proof_of_compute, word(0).to_vec()),
        (MATRIX, product, [&word(0x20)[..], &word(4), &minus_21].concat()),
    ]
}

/// From the test vectors of BLAKE3's authors.
fn blake3_of_abc() -> [u8; 32] {
    hex!("6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85")
}

#[test]
fn every_kind_of_call_answers_the_same() {
    for opcode in [CALL, CALLCODE, DELEGATECALL, STATICCALL] {
        let db = state_with(opcode);
        for (address, input, expected) in understood() {
            let input = [address.into_word().to_vec(), input].concat();
            let answer = output(run(&db, request(PROXY, input), &CallOptions::default()));
            assert_eq!(answer[..32], word(1), "{address} by {opcode:#x}");
            assert_eq!(answer[32..][..expected.len()], expected, "{address} by {opcode:#x}");
        }
    }
}

#[test]
fn malformed_input_reverts_and_too_little_gas_halts() {
    let db = state_with(STATICCALL);
    for (address, input, _) in understood().into_iter().skip(1) {
        let outcome = run(&db, request(address, input[..4].to_vec()), &CallOptions::default());
        let CallOutcome::Revert { output: reason, gas_used } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(reason[..4], hex!("08c379a0"), "{address}");
        assert!(gas_used < 50_000, "{gas_used}");
        // The caller of a failing call goes on, without the gas it gave.
        let proxied = [address.into_word().to_vec(), input[..4].to_vec()].concat();
        let answer = output(run(&db, request(PROXY, proxied), &CallOptions::default()));
        assert_eq!((&answer[..32], &answer[32..]), (&word(0)[..], &reason[..]));
    }
    for (address, input, _) in understood() {
        // The data of the other two costs more than their work (EIP-7623).
        if [BLAKE3, MATRIX].contains(&address) {
            continue;
        }
        let whole = run(&db, request(address, input.clone()), &CallOptions::default());
        let CallOutcome::Success { gas_used, .. } = whole else { panic!("{whole:?}") };
        let short = TxEnv { gas_limit: gas_used - 1, ..request(address, input) };
        let outcome = run(&db, short, &CallOptions::default());
        let CallOutcome::Halt { reason, gas_used: all } = outcome else { panic!("{outcome:?}") };
        assert!(matches!(reason, HaltReason::OutOfGas(_)), "{address}: {reason:?}");
        assert_eq!(all, gas_used - 1);
    }
}

/// EIP-2929, as for the fork's own: a chain without them finds their addresses cold.
#[test]
fn their_addresses_are_warm() {
    // a = gas(); extcodesize(calldata[0]); a - gas()
    let code = hex!("5a5f353b505a90035f5260205ff3");
    let cost = |spec: &ChainSpec, of: Address| {
        let mut db = state(spec);
        put_code(&mut db, PROXY, &code);
        let request = request(PROXY, of.into_word().to_vec());
        let outcome = call(&db, env(spec), request, &CallOptions::default(), &mut || false);
        U256::from_be_slice(&output(outcome.unwrap()))
    };
    let warm = cost(&dev(), Address::with_last_byte(4));
    for address in PRECOMPILES {
        assert_eq!(cost(&dev(), address), warm, "{address}");
        assert_eq!(cost(&before_them(), address), warm + U256::from(2_500), "{address}");
    }
}

#[test]
fn before_their_time_only_the_byte_of_code_is_there() {
    let spec = before_them();
    let db = state(&spec);
    for (address, input, _) in understood() {
        let request = request(address, input);
        let outcome = call(&db, env(&spec), request, &CallOptions::default(), &mut || false);
        let CallOutcome::Halt { reason, .. } = outcome.unwrap() else { panic!("{address}") };
        assert_eq!(reason, HaltReason::InvalidFEOpcode);
    }
}

#[test]
fn overrides_move_and_replace_them() {
    let db = state_with(STATICCALL);
    for (address, input, expected) in understood() {
        let with = |account| CallOptions {
            state_overrides: Some(StateOverride::from_iter([(address, account)])),
            ..Default::default()
        };
        let moved = AccountOverride { move_precompile_to: Some(PLACE), ..Default::default() };
        let answer = output(run(&db, request(PLACE, input.clone()), &with(moved.clone())));
        assert_eq!(answer[..expected.len()], expected, "{address}");
        let left = run(&db, request(address, input.clone()), &with(moved));
        assert!(matches!(left, CallOutcome::Halt { reason: HaltReason::InvalidFEOpcode, .. }));
        // stop
        let replaced = with(AccountOverride::default().with_code(vec![0x00]));
        assert!(output(run(&db, request(address, input), &replaced)).is_empty());
    }
}

/// The last by address gets the place, whichever of the two reads blocks.
#[test]
fn two_that_are_moved_to_one_place() {
    let db = state_with(STATICCALL);
    let both = |first: Address, second: Address| CallOptions {
        state_overrides: Some(StateOverride::from_iter([first, second].map(|address| {
            let account = AccountOverride { move_precompile_to: Some(PLACE), ..Default::default() };
            (address, account)
        }))),
        ..Default::default()
    };
    let [_, _, _, beacon, _, matrix] = understood();
    let answer = output(run(&db, request(PLACE, beacon.1), &both(BLAKE3, BEACON)));
    assert_eq!(answer[..32], beacon.2);
    let answer = output(run(&db, request(PLACE, matrix.1), &both(BEACON, MATRIX)));
    assert_eq!(answer[..68], matrix.2);
}

/// EIP-7702: who delegates to a precompile has no code.
#[test]
fn who_delegates_to_one_has_no_code() {
    for opcode in [CALL, STATICCALL, DELEGATECALL] {
        let mut db = state_with(opcode);
        for (index, address) in PRECOMPILES.into_iter().enumerate() {
            let delegating = Address::repeat_byte(0xd0 + index as u8);
            let code = [&hex!("ef0100")[..], address.as_slice()].concat();
            put_code(&mut db, delegating, &code);
            let direct = run(&db, request(delegating, vec![1, 2, 3]), &CallOptions::default());
            assert!(output(direct).is_empty(), "{address}");
            let input = [delegating.into_word().to_vec(), vec![1, 2, 3]].concat();
            let answer = output(run(&db, request(PROXY, input), &CallOptions::default()));
            assert_eq!(answer[..], word(1), "{address}");
        }
    }
    // Another contract with the same code is still one.
    let mut db = state_with(CALL);
    put_code(&mut db, PLACE, &[0xfe]);
    let outcome = run(&db, request(PLACE, vec![]), &CallOptions::default());
    assert!(matches!(outcome, CallOutcome::Halt { reason: HaltReason::InvalidFEOpcode, .. }));
}

#[test]
fn ether_sent_along_stays_with_them() {
    let db = state_with(CALL);
    let spec = dev();
    let calls = understood().map(|(address, input, _)| (address, input));
    let list = calls.clone().into_iter().enumerate().map(|(from, (address, input))| {
        eip1559(from as u8, |transaction| {
            transaction.gas_limit = 200_000;
            transaction.to = TxKind::Call(address);
            transaction.value = U256::from(7);
            transaction.input = input.into();
        })
    });
    let block = block(&spec, &db, list.collect());
    let executed = execute_block(&spec, &db, &block, &mut |_| Ok(B256::ZERO)).unwrap();
    for (address, _) in calls {
        let account = executed.bundle.account(&address).unwrap().info.clone().unwrap();
        assert_eq!(account.balance, U256::from(7), "{address}");
    }
}

/// What one execution built, another accepts: gas, receipts and state are the same.
#[test]
fn blocks_with_them_are_valid() {
    let spec = dev();
    for opcode in [CALL, STATICCALL, DELEGATECALL] {
        let db = state_with(opcode);
        let mut list = Vec::new();
        for (from, (address, input, _)) in understood().into_iter().enumerate() {
            let proxied = [address.into_word().to_vec(), input.clone()].concat();
            let short = input[..input.len().min(5)].to_vec();
            for (nonce, (to, input)) in
                [(address, input), (PROXY, proxied), (address, short)].into_iter().enumerate()
            {
                list.push(eip1559(from as u8, |transaction| {
                    transaction.nonce = nonce as u64;
                    transaction.gas_limit = 200_000;
                    transaction.to = TxKind::Call(to);
                    transaction.value = U256::ZERO;
                    transaction.input = input.into();
                }));
            }
        }
        let block = block(&spec, &db, list);
        check(&spec, &db, &block).unwrap();
        let executed = execute_block(&spec, &db, &block, &mut |_| Ok(B256::ZERO)).unwrap();
        let succeeded = executed.receipts.iter().map(|receipt| receipt.status());
        let expected = (0..18).map(|index| index % 3 != 2 || index == 2);
        assert!(succeeded.eq(expected), "{:?}", executed.receipts);
        // A node that reads other beacons, or none, does not agree.
        let mut other = db.clone();
        put_record(&mut other, 0, &[]);
        check(&spec, &other, &block).unwrap_err();
    }
}

/// A transaction of type 4 that delegates to a precompile and is called at once.
#[test]
fn blocks_with_delegations_to_them_are_valid() {
    let (spec, db) = (dev(), state_with(CALL));
    let authorization =
        Authorization { chain_id: U256::from(spec.chain_id()), address: MATRIX, nonce: 0 };
    let signature = key(7).sign_hash_sync(&authorization.signature_hash()).unwrap();
    let signed: SignedAuthorization = authorization.into_signed(signature);
    let transaction = alloy_consensus::TxEip7702 {
        chain_id: spec.chain_id(),
        gas_limit: 200_000,
        max_fee_per_gas: 2_000_000_000,
        max_priority_fee_per_gas: 1,
        to: key(7).address(),
        authorization_list: vec![signed],
        input: vec![1, 2, 3].into(),
        ..Default::default()
    };
    let block = block(&spec, &db, vec![sign_any(transaction, 0)]);
    check(&spec, &db, &block).unwrap();
    let executed = execute_block(&spec, &db, &block, &mut |_| Ok(B256::ZERO)).unwrap();
    assert!(executed.receipts[0].status());
    assert!(executed.gas_used < 60_000, "{}", executed.gas_used);
}

#[test]
fn access_lists_leave_them_out() {
    let db = state_with(STATICCALL);
    for (address, input, _) in understood() {
        let input = [address.into_word().to_vec(), input].concat();
        let options = CallOptions::default();
        let list =
            create_access_list(&db, env(&dev()), request(PROXY, input), &options, &mut || false);
        assert!(list.unwrap().access_list.0.is_empty(), "{address}");
    }
}

#[test]
fn tracers_see_calls_of_precompiles() {
    let (spec, db, mut never) = (dev(), state_with(STATICCALL), || false);
    for (address, input, expected) in understood() {
        let input = [address.into_word().to_vec(), input].concat();
        let inspector = TracingInspector::new(TracingInspectorConfig::default_parity());
        let mut replay = Replay::on_state(&spec, &db, env(&spec), inspector, &mut never);
        replay.relax(&CallOptions::default()).unwrap();
        replay.inspect_call(request(PROXY, input)).unwrap();
        let nodes = replay.inspector_mut().traces().nodes();
        assert_eq!(nodes.len(), 2, "{address}");
        assert!(nodes[1].is_precompile(), "{address}");
        assert_eq!(nodes[1].trace.address, address);
        assert_eq!(nodes[1].trace.output[..expected.len()], expected);
    }
}

/// Blocks of a simulation have no beacon, those before it have.
#[test]
fn simulated_blocks_read_the_beacons_before_them() {
    let (spec, db) = (dev(), state_with(STATICCALL));
    let options = SimulateOptions {
        validation: false,
        trace_transfers: false,
        gas_max: 50_000_000,
        memory_bytes_max: 1 << 27,
        output_bytes_max: 1 << 20,
    };
    let ask = |height| TransactionRequest {
        to: Some(BEACON.into()),
        input: TransactionInput::new([&hex!("1d21c669")[..], &word(height)].concat().into()),
        ..Default::default()
    };
    let block = || BlockCalls { calls: vec![ask(0), ask(1), ask(2)], ..Default::default() };
    let base = spec.genesis_header().clone();
    let blocks = vec![block(), block()];
    let mut root = |_: &_| Ok(B256::ZERO);
    let simulated =
        simulate(&spec, &db, &base, blocks, &options, &mut root, &mut || false).unwrap();
    for block in simulated {
        let [first, second, third] = &block.calls[..] else { panic!("{}", block.calls.len()) };
        assert!(matches!(&first.outcome, CallOutcome::Success { .. }));
        assert!(matches!(&second.outcome, CallOutcome::Revert { .. }));
        assert!(matches!(&third.outcome, CallOutcome::Revert { .. }));
    }
}

/// Calls in the place where requests are read stop before what may take long.
#[test]
fn brief_calls_stop_before_the_long_ones() {
    let db = state_with(STATICCALL);
    let options = CallOptions { brief: true, ..Default::default() };
    for (address, input, _) in understood() {
        let proxied = [address.into_word().to_vec(), input.clone()].concat();
        for request in [request(address, input), request(PROXY, proxied)] {
            let outcome = call(&db, env(&dev()), request, &options, &mut || false);
            let is_brief = [BLAKE3, BEACON].contains(&address);
            assert_eq!(outcome.is_ok(), is_brief, "{address}");
        }
    }
}
