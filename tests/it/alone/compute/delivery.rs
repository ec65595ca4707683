//! Owners run the program, and a buyer gets what was ordered.

use super::{Program, REWARD, books_balance, chain, contract, done, order, post, until, url};
use crate::{
    node::{Node, mfenx, run},
    rpc::quantity,
    wallet::account,
};
use alloy_primitives::{Address, Bytes, U256};
use mfenx_worker::{Contract, ICompute};
use std::{ffi::OsStr, path::Path, time::Instant};

/// Results of the large order, and workers that share them.
const RESULTS: u32 = 1_000;
const WORKERS: u32 = 10;

/// Ten owners start the program as the documentation says; a buyer gets a thousand results, each of
/// which is what the reference computes; the tenth has a key of its own, which somebody funds.
#[test]
fn ten_workers_deliver_a_thousand_verified_results() {
    let directory = tempfile::tempdir().unwrap();
    let (node, _observer) = chain(directory.path());
    let buyer = contract(&node, 0);
    let _workers: Vec<Program> = (1..=WORKERS)
        .map(|index| {
            let mut command = mfenx(&["worker", "--backend", "cpu", "--threads", "1"]);
            command.args(["--capacity", "64", "--poll", "200", "--rpc", &url(&node)]);
            let own = directory.path().join(format!("worker-{index}"));
            command.arg("--dir").arg(&own);
            if index < WORKERS {
                command.args(["--dev-account", &index.to_string()]);
            } else {
                fund(&node, &buyer, &own);
            }
            Program::start(command)
        })
        .collect();
    let pool = || buyer.view(&ICompute::countsCall {}).unwrap().pool;
    until("all are measured", || pool() == U256::from(WORKERS));
    let start = Instant::now();
    let id = post(&buyer, order([20, 64, 17], RESULTS, 16, 120));
    let due = || buyer.view(&ICompute::totalsCall {}).unwrap();
    let all = U256::from(REWARD) * U256::from(RESULTS);
    until("everything is paid", || due().dues == all);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(done(&buyer, id, RESULTS, true), RESULTS);
    assert_eq!(due().burned, U256::ZERO, "nobody honest was slashed");
    books_balance(&node.rpc(), &buyer);
    println!(
        "{RESULTS} results by {WORKERS} workers in {seconds:.1} s, all as the reference has them"
    );
}

/// Sends what a worker with a key of its own needs to the account that it made for itself, and that it
/// names when it cannot register.
fn fund(node: &Node, buyer: &Contract, directory: &Path) {
    let rpc_url = url(node);
    let arguments: [&OsStr; 7] = [
        "worker".as_ref(),
        "--backend".as_ref(),
        "cpu".as_ref(),
        "--rpc".as_ref(),
        rpc_url.as_ref(),
        "--dir".as_ref(),
        directory.as_os_str(),
    ];
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let file = std::fs::read_to_string(directory.join("operator.key")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let operator: Address = file["public"].as_str().unwrap().parse().unwrap();
    for words in [&*operator.to_string(), "has 0.0", "takes up to 10.0", "JULIAN"] {
        assert!(ended.stderr.contains(words), "{words:?} is not in {ended:?}");
    }
    let rpc = node.rpc();
    let params = serde_json::json!([buyer.account(), "pending"]);
    let nonce = quantity(&rpc.get("eth_getTransactionCount", params));
    let mut transaction = crate::wallet::transfer(nonce, operator);
    transaction.value = U256::from(20) * U256::from(10).pow(U256::from(18));
    let raw: Bytes = crate::wallet::sign(&account(0), transaction);
    let hash = rpc.get("eth_sendRawTransaction", serde_json::json!([raw]));
    until("the worker's account is funded", || {
        !rpc.get("eth_getTransactionReceipt", serde_json::json!([hash])).is_null()
    });
}
