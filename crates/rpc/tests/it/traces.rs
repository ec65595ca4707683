//! `debug_trace*` and `trace_*`: what they show of transactions with calls of every kind.

mod blocks;
mod bounds;
mod calls;
mod filter;
mod steps;

use crate::chain::{TestChain, account, dynamic, signed};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use mfenx_primitives::Transaction;
use serde_json::{Value, json};

/// A piece of code that pushes the arguments of a call: the code, the callee, the value and how
/// much of memory to hand on.
pub(super) fn call(op: u8, to: Address, value: Option<u8>, input: u8) -> Vec<u8> {
    // Output nowhere; input from the beginning of memory.
    let mut code = vec![0x5f, 0x5f, 0x60, input, 0x5f];
    if let Some(value) = value {
        code.extend([0x60, value]);
    }
    code.push(0x73);
    code.extend(to.as_slice());
    // 65,535 gas, the call, its result dropped
    code.extend([0x61, 0xff, 0xff, op, 0x50]);
    code
}

/// Init code that leaves `runtime`.
pub(crate) fn init(runtime: &[u8]) -> Bytes {
    let length = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    let copy = [0x61, length[0], length[1], 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3];
    [&copy, runtime].concat().into()
}

/// Creates a contract from account 9 and returns its address.
pub(super) fn create(chain: &TestChain, nonce: u64, runtime: &[u8]) -> Address {
    chain.mine(vec![dynamic(9, nonce, TxKind::Create, init(runtime))]);
    account(9).create(nonce)
}

/// A call with a good deal of gas.
pub(super) fn calling(from: u32, nonce: u64, to: Address, value: u64) -> Transaction {
    let transaction = TxEip1559 {
        nonce,
        to: TxKind::Call(to),
        value: U256::from(value),
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        gas_limit: 2_000_000,
        ..TxEip1559::default()
    };
    signed(from, transaction)
}

pub(super) const CALL: u8 = 0xf1;
pub(super) const CALLCODE: u8 = 0xf2;
pub(super) const DELEGATECALL: u8 = 0xf4;
pub(super) const STATICCALL: u8 = 0xfa;
pub(super) const IDENTITY: Address = Address::with_last_byte(4);

/// A chain with a contract that makes calls of every kind, in this order: one that reverts with a
/// reason, a delegated one that stores and logs, one to a precompile, one it cannot pay for, one that
/// halts, one in other code, and the creation of a contract that destroys itself. Then it logs.
pub(super) struct Zoo {
    pub(super) chain: TestChain,
    pub(super) parent: Address,
    pub(super) worker: Address,
    pub(super) broken: Address,
    pub(super) block: u64,
    pub(super) hashes: Vec<B256>,
}

impl Zoo {
    pub(super) fn new() -> Self {
        Self::on(TestChain::new())
    }

    pub(super) fn on(chain: TestChain) -> Self {
        // `crate::chain::RUNTIME`: with calldata it reverts with it, without it stores and logs.
        let worker = create(&chain, 0, &crate::chain::RUNTIME);
        let broken = create(&chain, 1, &[0xfe]);
        // Error("no") in memory, 100 bytes.
        let mut code = Vec::new();
        let words = [
            (0x00_u8, "08c379a000000000000000000000000000000000000000000000000000000000"),
            (0x04, "0000000000000000000000000000000000000000000000000000000000000020"),
            (0x24, "0000000000000000000000000000000000000000000000000000000000000002"),
            (0x44, "6e6f000000000000000000000000000000000000000000000000000000000000"),
        ];
        for (place, word) in words {
            code.push(0x7f);
            code.extend(hex::decode(word).unwrap());
            code.extend([0x60, place, 0x52]);
        }
        code.extend(call(CALL, worker, Some(0), 100));
        code.extend(call(DELEGATECALL, worker, None, 0));
        code.extend(call(STATICCALL, IDENTITY, None, 100));
        code.extend(call(CALL, Address::repeat_byte(0xee), Some(0xff), 0));
        code.extend(call(CALL, broken, Some(0), 4));
        code.extend(call(CALLCODE, worker, Some(0), 0));
        // mstore(0, 33ff << 240), create(3, 0, 2): a contract that destroys itself and
        // gives its 3 wei back
        code.extend([0x61, 0x33, 0xff, 0x60, 0xf0, 0x1b, 0x5f, 0x52]);
        code.extend([0x60, 0x02, 0x5f, 0x60, 0x03, 0xf0, 0x50]);
        // log0(0, 2)
        code.extend([0x60, 0x02, 0x5f, 0xa0, 0x00]);
        let parent = create(&chain, 2, &code);
        let transactions = vec![
            calling(1, 0, Address::repeat_byte(0xaa), 5),
            calling(0, 0, parent, 7),
            calling(0, 1, parent, 0),
        ];
        let hashes = transactions.iter().map(|transaction| *transaction.tx_hash()).collect();
        let block = chain.mine(transactions).block.number();
        Self { chain, parent, worker, broken, block, hashes }
    }

    /// `debug_traceTransaction` of transaction `index` with this configuration.
    pub(super) async fn trace(&self, index: usize, config: Value) -> Value {
        self.chain.ask("debug_traceTransaction", json!([self.hashes[index], config])).await
    }
}

pub(super) fn quantity(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}
