//! Every bound on what a caller can ask for: what is at it passes, what is over it does not, and
//! whoever asks for much costs the others nothing.
//!
//! Bounds on filters, subscriptions and log ranges are tested where those are; bounds on
//! connections in `mfenx-gateway`.

use crate::chain::{TOPIC, TestChain, account, dynamic, raw, transfer};
use alloy_primitives::{Address, B256, Bytes, U256};
use mfenx_rpc::{RpcLimits, RpcServer};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// JUMPDEST, PUSH1 0, JUMP.
const FOREVER: &str = "0x5b600056";

fn chain(limits: RpcLimits) -> TestChain {
    TestChain::with_limits(limits)
}

fn server(chain: &TestChain, limits: &RpcLimits) -> RpcServer {
    RpcServer::new(chain.methods.clone(), limits)
}

#[tokio::test]
async fn a_call_has_no_more_gas_than_it_may_have() {
    let chain = chain(RpcLimits { call_gas_max: 1_000_000, ..RpcLimits::default() });
    // Returns the gas that is left: GAS, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN.
    let left = async |gas: u64| -> U256 {
        let call = json!([{"data": "0x5a5f5260205ff3", "gas": format!("{gas:#x}")}]);
        let left = chain.ask("eth_call", call).await;
        U256::from_str_radix(&left.as_str().unwrap()[2..], 16).unwrap()
    };
    let at = left(1_000_000).await;
    assert!(at > U256::from(900_000) && at < U256::from(1_000_000), "{at}");
    assert_eq!(left(1_000_001).await, at);
    assert_eq!(left(30_000_000).await, at);
    assert_eq!(left(999_999).await, at - U256::from(1));
}

#[tokio::test]
async fn a_call_has_no_more_memory_than_it_may_have() {
    let limits = RpcLimits { call_memory_bytes_max: 1 << 16, ..RpcLimits::default() };
    let chain = chain(limits);
    // PUSH1 1, PUSH3 offset, MSTORE8.
    let touch = |byte: u32| json!([{"data": format!("0x600162{byte:06x}53")}]);
    assert_eq!(chain.ask("eth_call", touch((1 << 16) - 1)).await, "0x");
    assert_eq!(chain.refusal("eth_call", touch(1 << 16)).await, (-32000, "out of gas".into()));
    assert_eq!(chain.refusal("eth_estimateGas", touch(1 << 16)).await.0, -32000);
}

#[tokio::test]
async fn overrides_are_bounded_in_slots_and_bytes() {
    let to = Address::repeat_byte(1).to_string();
    let slots = |count: u64| {
        let slots: serde_json::Map<_, _> = (0..count)
            .map(|slot| (B256::from(U256::from(slot)).to_string(), json!(B256::ZERO)))
            .collect();
        json!({&to: {"stateDiff": slots}})
    };
    let length = slots(3).to_string().len();
    let limits = RpcLimits { override_slots_max: 3, ..RpcLimits::default() };
    let many = chain(limits);
    let limits = RpcLimits { override_bytes_max: length, ..RpcLimits::default() };
    let long = chain(limits);
    for method in ["eth_call", "eth_estimateGas"] {
        for chain in [&many, &long] {
            chain.ask(method, json!([{}, "latest", slots(3)])).await;
            let (code, words) = chain.refusal(method, json!([{}, "latest", slots(4)])).await;
            assert!(code == -32602 && words.contains("state overrides exceed"), "{words}");
        }
    }
}

#[tokio::test]
async fn filters_of_logs_are_bounded() {
    let limits = RpcLimits {
        logs_addresses_max: 3,
        logs_results_max: 4,
        subscription_topics_max: 4,
        ..RpcLimits::default()
    };
    let chain = chain(limits);
    let contract = chain.deploy();
    chain.mine((1..5).map(|from| dynamic(from, 0, contract.into(), Bytes::new())).collect());
    let all = json!([{"fromBlock": "0x0"}]);
    assert_eq!(chain.ask("eth_getLogs", all.clone()).await.as_array().unwrap().len(), 4);
    chain.mine(vec![dynamic(5, 0, contract.into(), Bytes::new())]);
    let (code, words) = chain.refusal("eth_getLogs", all).await;
    assert!(code == -32602 && words.contains("more than 4 results"), "{words}");
    let addresses = |count: u8| vec![Address::repeat_byte(count); count.into()];
    let topics = |first: u64, count: u64| -> Vec<B256> {
        (first..first + count).map(|topic| U256::from(topic).into()).collect()
    };
    for (filter, is_taken) in [
        (json!({"address": addresses(3)}), true),
        (json!({"address": addresses(4)}), false),
        (json!({"topics": [topics(0, 3)]}), true),
        (json!({"topics": [topics(0, 4)]}), false),
    ] {
        for method in ["eth_getLogs", "eth_newFilter"] {
            let answer = chain.answer(method, json!([filter])).await;
            assert_eq!(answer["error"].is_null(), is_taken, "{method} {filter}: {answer}");
        }
    }
    // A filter that is kept is bounded in all positions together.
    for (count, is_taken) in [(1, true), (2, false)] {
        let filter = json!({"topics": [topics(0, 3), topics(9, count)]});
        let kept = [("eth_newFilter", json!([filter])), ("eth_subscribe", json!(["logs", filter]))];
        for (method, params) in kept {
            let answer = chain.answer(method, params).await;
            assert_eq!(answer["error"].is_null(), is_taken, "{method} {filter}: {answer}");
        }
        assert_eq!(chain.ask("eth_getLogs", json!([filter])).await, json!([]));
    }
    assert!(!topics(0, 3).contains(&TOPIC));
}

#[tokio::test]
async fn subscriptions_wait_for_so_many_transactions() {
    let chain = chain(RpcLimits { subscription_hashes_max: 2, ..RpcLimits::default() });
    for (count, is_taken) in [(2, true), (3, false)] {
        let filter = json!({"transactionHashes": vec![B256::ZERO; count]});
        let answer = chain.answer("eth_subscribe", json!(["transactionReceipts", filter])).await;
        assert_eq!(answer["error"].is_null(), is_taken, "{answer}");
    }
}

#[tokio::test]
async fn a_fee_history_is_bounded() {
    let limits = RpcLimits {
        fee_history_blocks_max: 3,
        fee_history_percentiles_max: 2,
        ..RpcLimits::default()
    };
    let chain = chain(limits);
    for _ in 0..5 {
        chain.mine(vec![]);
    }
    for (asked, given, oldest) in [("0x2", 2, "0x4"), ("0x3", 3, "0x3"), ("0x4", 3, "0x3")] {
        let history = chain.ask("eth_feeHistory", json!([asked, "latest", [1, 2]])).await;
        assert_eq!(history["gasUsedRatio"].as_array().unwrap().len(), given, "{asked}");
        assert_eq!(history["oldestBlock"], oldest, "{asked}");
    }
    let many = json!(["0x1", "latest", [1, 2, 3]]);
    assert_eq!(chain.refusal("eth_feeHistory", many).await.0, -32602);
}

#[tokio::test]
async fn a_transaction_has_no_more_bytes_than_it_may_have() {
    let transaction =
        |bytes: usize| raw(&dynamic(0, 0, Address::ZERO.into(), vec![0; bytes].into()));
    let length = |text: &str| text.len() / 2 - 1;
    let at = transaction(300);
    let limits = RpcLimits { transaction_bytes_max: length(&at), ..RpcLimits::default() };
    let chain = chain(limits);
    let over = transaction(301);
    assert_eq!(length(&over), length(&at) + 1);
    let (code, words) = chain.refusal("eth_sendRawTransaction", json!([over])).await;
    assert!(code == -32000 && words.starts_with("oversized data"), "{words}");
    chain.ask("eth_sendRawTransaction", json!([at])).await;
}

#[tokio::test]
async fn answers_and_batches_are_bounded() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x0",false]}"#;
    let asked = async |limits: RpcLimits, request: &str| -> Value {
        let chain = chain(limits.clone());
        let answer = server(&chain, &limits).answer(request.as_bytes()).await.unwrap();
        serde_json::from_str(answer.get()).unwrap()
    };
    let limits = |bytes| RpcLimits { response_bytes_max: bytes, ..RpcLimits::default() };
    let chain = TestChain::new();
    let all = RpcLimits::default();
    let length = server(&chain, &all).answer(call.as_bytes()).await.unwrap().get().len();
    assert!(asked(limits(length), call).await["error"].is_null());
    assert_eq!(asked(limits(length - 1), call).await["error"]["code"], -32003);
    let two = format!("[{call},{call}]");
    let answers = asked(limits(2 * length), &two).await;
    assert!(answers[0]["error"].is_null() && answers[1]["error"].is_null());
    let answers = asked(limits(2 * length - 1), &two).await;
    assert!(answers[0]["error"].is_null() && answers[1]["error"]["code"] == -32003, "{answers}");
    let limits = |entries| RpcLimits { batch_entries_max: entries, ..RpcLimits::default() };
    assert_eq!(asked(limits(2), &two).await.as_array().unwrap().len(), 2);
    assert_eq!(asked(limits(1), &two).await["error"]["code"], -32600);
}

/// Asks in the background; `ended` counts those that were answered.
fn ask(
    chain: &TestChain,
    ended: &Arc<AtomicUsize>,
    method: &str,
    params: Value,
) -> JoinHandle<Value> {
    let (server, ended) = (chain.server.clone(), Arc::clone(ended));
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    tokio::spawn(async move {
        let answer = server.answer(request.to_string().as_bytes()).await.unwrap();
        ended.fetch_add(1, Ordering::Relaxed);
        serde_json::from_str(answer.get()).unwrap()
    })
}

/// Calls that run until the caller leaves.
fn endless(calls: usize, queue_ms: u64) -> RpcLimits {
    RpcLimits {
        call_gas_max: u64::MAX / 2,
        call_time_ms_max: 3_600_000,
        calls_running_max: calls,
        queue_time_ms_max: queue_ms,
        ..RpcLimits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_stops_the_machine_and_gives_the_place_back() {
    let chain = chain(endless(1, 600_000));
    let ended = Arc::default();
    for method in ["eth_call", "eth_estimateGas"] {
        let left = ask(&chain, &ended, method, json!([{"data": FOREVER}]));
        tokio::time::sleep(Duration::from_millis(50)).await;
        left.abort();
        // It has its turn only because the one before has ended, which would run for an hour.
        let next = ask(&chain, &ended, "eth_call", json!([{"data": "0x"}]));
        let answer = tokio::time::timeout(Duration::from_secs(60), next).await.unwrap().unwrap();
        assert_eq!(answer["result"], "0x");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_too_long_is_told_that_the_node_is_busy() {
    let chain = chain(endless(2, 100));
    let ended = Arc::default();
    let running = [0, 1].map(|_| ask(&chain, &ended, "eth_call", json!([{"data": FOREVER}])));
    // A brief one on the latest state needs no place, one on an older state does.
    let older = json!([{"data": "0x"}, "0x0"]);
    let busy = async {
        loop {
            let error = chain.answer("eth_call", older.clone()).await["error"].take();
            // Until both have begun, there is a place.
            if !error.is_null() {
                return error;
            }
        }
    };
    let busy = tokio::time::timeout(Duration::from_secs(60), busy).await.expect("no place is left");
    assert_eq!(busy["code"], -32005, "{busy}");
    assert!(busy["message"].as_str().unwrap().starts_with("the node is busy"), "{busy}");
    for call in running {
        assert!(!call.is_finished());
        call.abort();
    }
    let free = async { while !chain.answer("eth_call", older.clone()).await["error"].is_null() {} };
    tokio::time::timeout(Duration::from_secs(60), free).await.expect("the places come back");
}

/// What ends first decides, not how long anything takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_kind_leaves_the_others_alone() {
    let chain = chain(endless(2, 3_600_000));
    let contract = chain.deploy();
    chain.mine(vec![dynamic(1, 0, contract.into(), Bytes::new())]);
    let sent = transfer(0, 1, Address::ZERO, 1);
    chain.mine(vec![sent.clone()]);
    let ended = Arc::new(AtomicUsize::new(0));
    let flood: Vec<_> = (0..200)
        .map(|call| {
            let method = ["eth_call", "eth_estimateGas"][call % 2];
            ask(&chain, &ended, method, json!([{"data": FOREVER}]))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let block = chain.ask("eth_newBlockFilter", json!([])).await;
    let logs = chain.ask("eth_newFilter", json!([{}])).await;
    chain.mine(vec![dynamic(1, 1, contract.into(), Bytes::new())]);
    for (method, params) in [
        ("eth_chainId", json!([])),
        ("eth_blockNumber", json!([])),
        ("eth_gasPrice", json!([])),
        ("eth_getBalance", json!([account(0), "latest"])),
        ("eth_getBlockByNumber", json!(["latest", true])),
        ("eth_getBlockReceipts", json!(["latest"])),
        ("eth_getTransactionReceipt", json!([sent.tx_hash()])),
        ("eth_feeHistory", json!(["0x2", "latest", [50]])),
        ("eth_getLogs", json!([{"fromBlock": "0x0"}])),
        ("eth_getFilterChanges", json!([block])),
        ("eth_getFilterChanges", json!([logs])),
        ("eth_getFilterLogs", json!([logs])),
        ("eth_sendRawTransaction", json!([raw(&transfer(0, 2, Address::ZERO, 1))])),
        ("txpool_status", json!([])),
    ] {
        let answer = tokio::time::timeout(Duration::from_secs(60), chain.ask(method, params));
        assert!(!answer.await.expect(method).is_null(), "{method}");
    }
    assert_eq!(ended.load(Ordering::Relaxed), 0, "no call of the flood has ended");
    flood.iter().for_each(JoinHandle::abort);
}

/// What is refused for its length ends what the rest of the batch may cost.
#[tokio::test]
async fn a_batch_runs_nothing_more_once_it_is_full() {
    let chain = TestChain::new();
    let limits = RpcLimits { response_bytes_max: 400, ..RpcLimits::default() };
    let block =
        r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x0",false]}"#;
    let short = r#"{"jsonrpc":"2.0","id":2,"method":"eth_chainId"}"#;
    let batch = format!("[{short},{block},{short}]");
    let answer = server(&chain, &limits).answer(batch.as_bytes()).await.unwrap();
    let answers: Value = serde_json::from_str(answer.get()).unwrap();
    assert!(answers[0]["result"].is_string());
    assert_eq!(answers[1]["error"]["code"], -32003);
    assert_eq!(answers[2]["error"]["code"], -32003, "{answers}");
}
