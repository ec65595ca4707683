//! Filters that are polled.

use crate::chain::{TOPIC, TestChain, dynamic, raw, transfer};
use alloy_primitives::{Address, B256, Bytes};
use mfenx_rpc::{ClientId, RpcLimits, RpcServer};
use serde_json::{Value, json};
use std::time::Duration;

async fn filter(chain: &TestChain, kind: &str, params: Value) -> Value {
    let id = chain.ask(kind, params).await;
    assert!(id.as_str().unwrap().starts_with("0x") && id.as_str().unwrap().len() > 20, "{id}");
    id
}

async fn changes(chain: &TestChain, id: &Value) -> Vec<Value> {
    match chain.ask("eth_getFilterChanges", json!([id])).await {
        Value::Array(changes) => changes,
        other => panic!("{other}"),
    }
}

async fn is_gone(chain: &TestChain, id: &Value) -> bool {
    let answer = chain.answer("eth_getFilterChanges", json!([id])).await;
    answer["error"] == json!({"code": -32000, "message": "filter not found"})
}

fn send(chain: &TestChain, nonce: u64) -> impl Future<Output = Value> {
    let transaction = raw(&transfer(0, nonce, Address::ZERO, 1));
    chain.ask("eth_sendRawTransaction", json!([transaction]))
}

#[tokio::test]
async fn a_log_filter_has_the_logs_of_blocks_after_it() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let call = |from, nonce| dynamic(from, nonce, contract.into(), Bytes::new());
    chain.mine(vec![call(1, 0)]);
    let all = filter(&chain, "eth_newFilter", json!([{}])).await;
    let wanted = json!([{"address": contract, "topics": [TOPIC]}]);
    let wanted = filter(&chain, "eth_newFilter", wanted).await;
    let others = filter(&chain, "eth_newFilter", json!([{"topics": [B256::ZERO]}])).await;
    assert_eq!(changes(&chain, &all).await, Vec::<Value>::new());
    chain.mine(vec![call(1, 1), call(2, 0)]);
    chain.mine(vec![]);
    chain.mine(vec![call(2, 1)]);
    let logs = json!([{"fromBlock": "0x3"}]);
    let Value::Array(logs) = chain.ask("eth_getLogs", logs).await else { panic!() };
    assert_eq!(logs.len(), 3);
    for id in [&all, &wanted] {
        assert_eq!(changes(&chain, id).await, logs);
        assert_eq!(changes(&chain, id).await, Vec::<Value>::new());
    }
    assert_eq!(changes(&chain, &others).await, Vec::<Value>::new());
    for nonce in 2..40 {
        chain.mine(vec![call(1, nonce)]);
    }
    assert_eq!(changes(&chain, &all).await.len(), 38);
    assert_eq!(changes(&chain, &others).await, Vec::<Value>::new());
    let logs = chain.ask("eth_getFilterLogs", json!([wanted])).await;
    assert_eq!(logs, chain.ask("eth_getLogs", json!([{"address": contract}])).await);
    assert_eq!(chain.ask("eth_uninstallFilter", json!([all])).await, json!(true));
    assert_eq!(chain.ask("eth_uninstallFilter", json!([all])).await, json!(false));
    assert!(is_gone(&chain, &all).await && !is_gone(&chain, &wanted).await);
}

#[tokio::test]
async fn ranges_bound_what_a_log_filter_is_about() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let mine = |nonce| chain.mine(vec![dynamic(1, nonce, contract.into(), Bytes::new())]);
    let known = mine(0).block.hash();
    mine(1);
    let range = |from: &str, to: &str| json!([{"fromBlock": from, "toBlock": to}]);
    // A range that is over, that begins in the past, that ends, and that is in the future.
    let over = filter(&chain, "eth_newFilter", range("earliest", "0x2")).await;
    let open = filter(&chain, "eth_newFilter", range("0x2", "latest")).await;
    let ends = filter(&chain, "eth_newFilter", range("0x0", "0x4")).await;
    let later = filter(&chain, "eth_newFilter", range("0x5", "0x6")).await;
    let one = filter(&chain, "eth_newFilter", json!([{"blockHash": known}])).await;
    let none = filter(&chain, "eth_newFilter", json!([{"blockHash": B256::ZERO}])).await;
    let numbers = async |id: &Value, method: &str| -> Vec<Value> {
        let logs = chain.ask(method, json!([id])).await;
        logs.as_array().unwrap().iter().map(|log| log["blockNumber"].clone()).collect()
    };
    assert_eq!(numbers(&later, "eth_getFilterLogs").await, Vec::<Value>::new());
    for nonce in 2..6 {
        mine(nonce);
    }
    for (id, new, logs) in [
        (&over, vec![], vec!["0x2"]),
        (&open, vec!["0x4", "0x5", "0x6", "0x7"], vec!["0x2", "0x3", "0x4", "0x5", "0x6", "0x7"]),
        (&ends, vec!["0x4"], vec!["0x2", "0x3", "0x4"]),
        (&later, vec!["0x5", "0x6"], vec!["0x5", "0x6"]),
        (&one, vec![], vec!["0x2"]),
    ] {
        assert_eq!(numbers(id, "eth_getFilterChanges").await, new, "{id}");
        assert_eq!(numbers(id, "eth_getFilterChanges").await, Vec::<Value>::new(), "{id}");
        assert_eq!(numbers(id, "eth_getFilterLogs").await, logs, "{id}");
    }
    assert_eq!(changes(&chain, &none).await, Vec::<Value>::new());
    let unknown = chain.refusal("eth_getFilterLogs", json!([none])).await;
    assert_eq!(unknown, (-32000, "header for hash not found".into()));
    for (from, to) in [("0x3", "0x2"), ("latest", "0x9")] {
        let refusal = chain.refusal("eth_newFilter", range(from, to)).await;
        assert_eq!(refusal, (-32602, "invalid block range params".into()));
    }
    for (from, to) in [("pending", "latest"), ("0x1", "pending")] {
        let refusal = chain.refusal("eth_newFilter", range(from, to)).await;
        assert_eq!(refusal, (-32000, "pending logs are not supported".into()));
    }
}

#[tokio::test]
async fn a_block_filter_has_every_hash_once() {
    let limits = RpcLimits { filter_hashes_max: 300, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    chain.mine(vec![]);
    let id = filter(&chain, "eth_newBlockFilter", json!([])).await;
    assert_eq!(changes(&chain, &id).await, Vec::<Value>::new());
    let hash = chain.mine(vec![]).block.hash();
    assert_eq!(changes(&chain, &id).await, [json!(hash)]);
    let hashes: Vec<_> = (0..301).map(|_| json!(chain.mine(vec![]).block.hash())).collect();
    assert_eq!(changes(&chain, &id).await, hashes[..300]);
    assert_eq!(changes(&chain, &id).await, hashes[300..]);
    assert_eq!(changes(&chain, &id).await, Vec::<Value>::new());
    let refusal = chain.refusal("eth_getFilterLogs", json!([id])).await;
    assert_eq!(refusal, (-32000, "filter not found".into()));
}

#[tokio::test]
async fn a_pending_filter_has_hashes_or_all_of_it() {
    let chain = TestChain::new();
    send(&chain, 0).await;
    let hashes = filter(&chain, "eth_newPendingTransactionFilter", json!([])).await;
    let full = filter(&chain, "eth_newPendingTransactionFilter", json!([true])).await;
    assert_eq!(changes(&chain, &hashes).await, Vec::<Value>::new());
    let (first, second) = (send(&chain, 1).await, send(&chain, 2).await);
    let shown = chain.ask("eth_getTransactionByHash", json!([first])).await;
    // Also when it is in a block before it is asked for.
    chain.mine((0..2).map(|nonce| transfer(0, nonce, Address::ZERO, 1)).collect());
    assert_eq!(changes(&chain, &hashes).await, [first, second.clone()]);
    let all = changes(&chain, &full).await;
    assert_eq!((&all[0], &all[1]["hash"]), (&shown, &second));
    assert_eq!(all.len(), 2);
    for id in [&hashes, &full] {
        assert_eq!(changes(&chain, id).await, Vec::<Value>::new());
        assert_eq!(chain.ask("eth_uninstallFilter", json!([id])).await, json!(true));
    }
    // Another one after nobody was interested for a while.
    send(&chain, 3).await;
    let again = filter(&chain, "eth_newPendingTransactionFilter", json!([false])).await;
    let fourth = send(&chain, 4).await;
    assert_eq!(changes(&chain, &again).await, [fourth]);
}

#[tokio::test]
async fn pending_hashes_are_paged_and_the_oldest_are_let_go() {
    let limits =
        RpcLimits { filter_hashes_max: 2, filter_pending_hashes_max: 5, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let id = filter(&chain, "eth_newPendingTransactionFilter", json!([])).await;
    let mut hashes = Vec::new();
    for nonce in 0..5 {
        hashes.push(send(&chain, nonce).await);
    }
    assert_eq!(changes(&chain, &id).await, hashes[..2]);
    for nonce in 5..8 {
        hashes.push(send(&chain, nonce).await);
    }
    // The third was one too many.
    assert_eq!(changes(&chain, &id).await, hashes[3..5]);
    assert_eq!(changes(&chain, &id).await, hashes[5..7]);
    assert_eq!(changes(&chain, &id).await, hashes[7..]);
    assert_eq!(changes(&chain, &id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_poll_over_the_limits_of_a_search_goes_on_where_it_stopped() {
    for limits in [
        RpcLimits { logs_results_max: 3, ..RpcLimits::default() },
        RpcLimits { logs_unfiltered_blocks_max: 2, ..RpcLimits::default() },
        RpcLimits { response_bytes_max: 2_000, ..RpcLimits::default() },
    ] {
        let chain = TestChain::with_limits(limits.clone());
        let contract = chain.deploy();
        let id = filter(&chain, "eth_newFilter", json!([{}])).await;
        let call = |from, nonce| dynamic(from, nonce, contract.into(), Bytes::new());
        for nonce in 0..5 {
            chain.mine(vec![call(1, nonce), call(2, nonce)]);
        }
        let mut places = Vec::new();
        let mut polls = 0;
        while places.len() < 10 && polls < 10 {
            polls += 1;
            let logs = changes(&chain, &id).await;
            assert!(!logs.is_empty(), "{limits:?}");
            places.extend(logs.into_iter().map(|log| {
                format!("{} {}", log["blockNumber"].as_str().unwrap(), log["logIndex"])
            }));
        }
        assert!(polls > 1, "{limits:?}");
        let all = (2..7).flat_map(|n| [0, 1].map(|index| format!("{n:#x} \"{index:#x}\"")));
        assert_eq!(places, all.collect::<Vec<_>>(), "{limits:?}");
        assert_eq!(changes(&chain, &id).await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn polls_at_the_same_time_share_what_is_new() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let id = filter(&chain, "eth_newFilter", json!([{}])).await;
    for nonce in 0..20 {
        chain.mine(vec![dynamic(1, nonce, contract.into(), Bytes::new())]);
    }
    let polls = futures_util::future::join_all((0..8).map(|_| changes(&chain, &id))).await;
    assert_eq!(polls.iter().map(Vec::len).sum::<usize>(), 20);
}

#[tokio::test]
async fn who_does_not_poll_loses_the_filter() {
    let limits = RpcLimits { filter_idle_ms_max: 300, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let [polled, left] = [
        filter(&chain, "eth_newBlockFilter", json!([])).await,
        filter(&chain, "eth_newPendingTransactionFilter", json!([])).await,
    ];
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        changes(&chain, &polled).await;
    }
    assert!(is_gone(&chain, &left).await);
    assert_eq!(chain.ask("eth_uninstallFilter", json!([polled])).await, json!(true));
}

#[tokio::test]
async fn what_is_no_identifier_is_told_so() {
    let chain = TestChain::new();
    for (id, refusal) in [
        (json!("0x1"), (-32000, "filter not found".to_owned())),
        (json!("0x"), (-32000, "filter not found".to_owned())),
        (json!("nonsense"), (-32000, "filter not found".to_owned())),
        (json!(format!("0x{}", "f".repeat(40))), (-32000, "filter not found".to_owned())),
        (json!(7), (-32602, "invalid argument 0: a string is expected here".to_owned())),
        (json!(null), (-32602, "missing value for required argument 0".to_owned())),
    ] {
        for method in ["eth_getFilterChanges", "eth_getFilterLogs"] {
            assert_eq!(chain.refusal(method, json!([id])).await, refusal, "{method} {id}");
        }
    }
    assert_eq!(chain.ask("eth_uninstallFilter", json!(["nonsense"])).await, json!(false));
    assert_eq!(chain.refusal("eth_uninstallFilter", json!([])).await.0, -32602);
    let distinct: Vec<_> =
        (0..501_u64).map(|n| B256::from(alloy_primitives::U256::from(n))).collect();
    let wide = json!([{"topics": [distinct.clone(), distinct]}]);
    let (code, words) = chain.refusal("eth_newFilter", wide).await;
    assert!(code == -32602 && words.contains("at most 1000"), "{words}");
}

#[tokio::test]
async fn filters_are_bounded_for_each_client_and_in_all() {
    let limits = RpcLimits { client_filters_max: 3, filters_max: 5, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits.clone());
    let server = RpcServer::new(chain.methods.clone(), &limits);
    let open = async |server: &RpcServer| -> Value {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"eth_newBlockFilter","params":[]}"#;
        let answer = server.answer(request.as_bytes()).await.unwrap();
        serde_json::from_str(answer.get()).unwrap()
    };
    let alice = server.for_client(ClientId(1));
    for _ in 0..3 {
        assert!(open(&alice).await["result"].is_string());
    }
    // A client that comes back is the same client.
    for server in [&alice, &server.for_client(ClientId(1))] {
        assert_eq!(
            open(server).await["error"],
            json!({"code": -32000, "message": "too many filters: a client may have 3"})
        );
    }
    let bob = server.for_client(ClientId(2));
    let id = open(&bob).await["result"].take();
    assert!(open(&server).await["result"].is_string());
    assert_eq!(open(&bob).await["error"]["code"], -32005);
    assert_eq!(open(&server).await["error"]["code"], -32005);
    // Whoever knows the identifier may use it.
    assert_eq!(chain.ask("eth_uninstallFilter", json!([id])).await, json!(true));
    assert!(open(&bob).await["result"].is_string());
}
