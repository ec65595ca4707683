//! A node that is stopped and started again answers as before.

use crate::{
    node::{Node, listening, verify},
    rpc::{Rpc, quantity},
    wallet::{STRANGER, account, sign, transfer},
};
use alloy_consensus::TxEip1559;
use alloy_primitives::{TxKind, hex};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Far more than it takes, and less than for ever.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

/// Stores 42 in slot 0, logs nothing under no topic, and leaves one byte of code.
const INIT_CODE: [u8; 15] = hex!("602a60005560006000a060016000f3");

/// Waits for the receipt of a transaction.
pub(crate) fn receipt(rpc: &Rpc, hash: &Value) -> Value {
    let start = Instant::now();
    loop {
        let receipt = rpc.get("eth_getTransactionReceipt", json!([hash]));
        if !receipt.is_null() {
            return receipt;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "no receipt for {hash}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends three transfers and a contract creation, from account `index`; the contract's address.
fn use_chain(rpc: &Rpc, index: u32) -> Value {
    let signer = account(index);
    let count = json!([signer.address(), "latest"]);
    let nonce = rpc.quantity("eth_getTransactionCount", count);
    for offset in 0..3 {
        let raw = sign(&signer, transfer(nonce + offset, STRANGER));
        let sent = receipt(rpc, &rpc.get("eth_sendRawTransaction", json!([raw])));
        assert_eq!(sent["status"], "0x1");
    }
    let creation = TxEip1559 {
        gas_limit: 200_000,
        to: TxKind::Create,
        input: INIT_CODE.into(),
        ..transfer(nonce + 3, STRANGER)
    };
    let raw = sign(&signer, creation);
    let created = receipt(rpc, &rpc.get("eth_sendRawTransaction", json!([raw])));
    assert_eq!(created["status"], "0x1");
    assert_eq!(created["logs"].as_array().map(Vec::len), Some(1));
    created["contractAddress"].clone()
}

/// Everything a caller can read of the chain, at every height.
fn everything(rpc: &Rpc, contract: &Value) -> Vec<Value> {
    let head = rpc.quantity("eth_blockNumber", json!([]));
    let mut answers = vec![json!(head), rpc.get("eth_chainId", json!([]))];
    for number in (0..=head).map(|number| format!("{number:#x}")) {
        let block = rpc.get("eth_getBlockByNumber", json!([number, true]));
        for transaction in block["transactions"].as_array().expect("a list") {
            let hash = &transaction["hash"];
            answers.push(rpc.get("eth_getTransactionByHash", json!([hash])));
            answers.push(rpc.get("eth_getTransactionReceipt", json!([hash])));
        }
        assert_eq!(rpc.get("eth_getBlockByHash", json!([block["hash"], true])), block);
        answers.push(block);
        answers.push(rpc.get("eth_getBlockReceipts", json!([number])));
        for address in [account(0).address(), account(1).address(), STRANGER] {
            answers.push(rpc.get("eth_getBalance", json!([address, number])));
            answers.push(rpc.get("eth_getTransactionCount", json!([address, number])));
        }
        answers.push(rpc.get("eth_getCode", json!([contract, number])));
        answers.push(rpc.get("eth_getStorageAt", json!([contract, "0x0", number])));
    }
    answers.push(rpc.get("eth_getLogs", json!([{"fromBlock": "earliest", "address": contract}])));
    answers.push(rpc.get("eth_feeHistory", json!(["0x10", "latest", [50]])));
    answers
}

#[test]
fn stopped_by_either_signal_and_started_again_nothing_is_different() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::dev(Some(dir.path()));
    let rpc = node.rpc();
    let contract = use_chain(&rpc, 0);
    assert_eq!(rpc.get("eth_getCode", json!([contract, "latest"])), "0x00");
    let word = format!("0x{:064x}", 42);
    assert_eq!(rpc.get("eth_getStorageAt", json!([contract, "0x0", "latest"])), word);
    let before = everything(&rpc, &contract);
    // `rpc` keeps its connection open: an idle client must not hold a node up.
    let taken = node.stop("TERM");
    assert!(taken < STOP_TIME_MAX, "SIGTERM took {taken:?}");
    verify(dir.path());

    let node = Node::dev(Some(dir.path()));
    let rpc = node.rpc();
    assert_eq!(everything(&rpc, &contract), before);
    use_chain(&rpc, 1);
    let before = everything(&rpc, &contract);
    let taken = node.stop("INT");
    assert!(taken < STOP_TIME_MAX, "SIGINT took {taken:?}");

    // The same store without a producer answers the same, and takes part in nothing else.
    let node = Node::serve(dir.path());
    assert_eq!(everything(&node.rpc(), &contract), before);
    node.stop("TERM");
}

#[test]
fn without_a_datadir_nothing_is_left_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = listening(&["dev"]);
    command.env("TMPDIR", scratch.path());
    let node = Node::from_command(command);
    use_chain(&node.rpc(), 0);
    node.stop("TERM");
    let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn on_an_interval_blocks_come_also_when_there_is_nothing_to_put_into_them() {
    let node = Node::from_command(listening(&["dev", "--block-time", "1s"]));
    let rpc = node.rpc();
    let start = Instant::now();
    while rpc.quantity("eth_blockNumber", json!([])) < 3 {
        assert!(start.elapsed() < Duration::from_secs(120), "no three blocks");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(start.elapsed() > Duration::from_millis(1_500), "{:?}", start.elapsed());
    let timestamp = |number: &str| {
        let block = rpc.get("eth_getBlockByNumber", json!([number, false]));
        quantity(&block["timestamp"])
    };
    let timestamps = ["0x1", "0x2", "0x3"].map(timestamp);
    assert!(timestamps.is_sorted_by(|earlier, later| earlier < later), "{timestamps:?}");
    use_chain(&rpc, 0);
    node.stop("TERM");
}

#[test]
fn a_node_that_says_it_is_ready_can_be_stopped() {
    let scratch = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let mut command = listening(&["dev"]);
        command.env("TMPDIR", scratch.path());
        Node::from_command(command).stop("TERM");
    }
    let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
