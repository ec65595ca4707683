//! Which accounts a block says its transactions touched.

use super::support::*;
use crate::execute_block;
use alloy_primitives::{Address, B256, TxKind, U256};
use revm::bytecode::opcode;

const CALLER: Address = Address::repeat_byte(0xca);
const OTHER: Address = Address::repeat_byte(0x07);

/// Code that calls `target` without value or data, by `call`.
fn calls(call: u8, target: Address) -> Vec<u8> {
    let has_value = matches!(call, opcode::CALL | opcode::CALLCODE);
    let zeros = if has_value { 5 } else { 4 };
    let mut code = vec![opcode::PUSH0; zeros];
    code.push(opcode::PUSH20);
    code.extend_from_slice(target.as_slice());
    code.extend_from_slice(&[opcode::GAS, call, opcode::STOP]);
    code
}

fn to(code: Vec<u8>) -> (Vec<(Address, u32)>, Address) {
    let spec = dev();
    let mut db = state(&spec);
    put_code(&mut db, CALLER, &code);
    let transactions = vec![
        eip1559(0, |transaction| transaction.value = U256::from(1)),
        eip1559(1, |transaction| {
            transaction.to = TxKind::Call(CALLER);
            transaction.gas_limit = 100_000;
        }),
    ];
    let built = build(&spec, &db, &mut List::from(transactions)).unwrap();
    let (block, executed) = built.seal(B256::ZERO);
    let mut touched = executed.touched;
    touched.sort_unstable();
    let mut imported = execute_block(&spec, &db, &block, &mut |_| Ok(B256::ZERO)).unwrap().touched;
    imported.sort_unstable();
    assert_eq!(imported, touched, "building and importing say the same");
    for (index, (transaction, sender)) in (0u32..).zip(block.transactions_with_sender()) {
        use alloy_consensus::Transaction as _;
        assert!(touched.contains(&(sender, index)));
        assert!(touched.contains(&(transaction.to().unwrap(), index)));
    }
    (touched, CALLER)
}

#[test]
fn whoever_is_called_is_touched() {
    for call in [opcode::CALL, opcode::CALLCODE, opcode::DELEGATECALL, opcode::STATICCALL] {
        let (touched, _) = to(calls(call, OTHER));
        assert!(touched.contains(&(OTHER, 1)), "{call:#x}");
        assert!(!touched.contains(&(OTHER, 0)));
    }
}

#[test]
fn the_beneficiary_is_touched_by_more_than_a_tip() {
    let is_touched = |code| {
        let (touched, _) = to(code);
        assert!(!touched.contains(&(BENEFICIARY, 0)), "the first only pays a tip");
        touched.contains(&(BENEFICIARY, 1))
    };
    for call in [opcode::CALL, opcode::CALLCODE, opcode::DELEGATECALL, opcode::STATICCALL] {
        assert!(is_touched(calls(call, BENEFICIARY)), "{call:#x}");
        assert!(!is_touched(calls(call, OTHER)), "{call:#x}");
    }
    let mut destroy = vec![opcode::PUSH20];
    destroy.extend_from_slice(BENEFICIARY.as_slice());
    destroy.push(opcode::SELFDESTRUCT);
    assert!(is_touched(destroy));
    assert!(!is_touched(vec![opcode::COINBASE, opcode::BALANCE, opcode::STOP]));
    assert!(!is_touched(vec![opcode::CALL]), "nothing to call");
}

#[test]
fn the_beneficiary_counts_as_sender_and_receiver() {
    let spec = dev();
    let db = state(&spec);
    let parent = spec.genesis_header();
    let beneficiary = key(3).address();
    let attributes = crate::BuildAttributes { beneficiary, ..attributes(&spec, parent) };
    let mut list = List::from(vec![
        eip1559(0, |_| {}),
        eip1559(1, |transaction| transaction.to = TxKind::Call(beneficiary)),
        eip1559(3, |_| {}),
    ]);
    let built =
        crate::build_block(&spec, &db, parent, &attributes, &mut list, &mut || false).unwrap();
    let of_beneficiary = built.executed.touched.iter().filter(|(who, _)| *who == beneficiary);
    let mut places: Vec<u32> = of_beneficiary.map(|(_, index)| *index).collect();
    places.sort_unstable();
    assert_eq!(places, [1, 2]);
}
