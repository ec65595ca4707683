//! `eth_subscribe`.

use crate::chain::{TOPIC, TestChain, dynamic, raw, tipped, transfer};
use alloy_primitives::{Address, B256, Bytes, U256};
use mfenx_primitives::{CommittedBlock, Receipt};
use mfenx_rpc::{RpcLimits, RpcServer};
use serde_json::{Value, json, value::RawValue};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc::Receiver;

struct Subscription {
    id: Value,
    messages: Receiver<Box<RawValue>>,
}

impl Subscription {
    async fn new(chain: &TestChain, params: Value, buffer: usize) -> Self {
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": params});
        let (answer, messages) =
            chain.methods.module().raw_json_request(&request.to_string(), buffer).await.unwrap();
        let mut answer: Value = serde_json::from_str(answer.get()).unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
        Self { id: answer["result"].take(), messages }
    }

    async fn next(&mut self) -> Value {
        let message = tokio::time::timeout(Duration::from_secs(10), self.messages.recv());
        let message: Value = serde_json::from_str(message.await.unwrap().unwrap().get()).unwrap();
        assert_eq!(message["method"], "eth_subscription");
        assert_eq!(message["params"]["subscription"], self.id);
        message["params"].clone()
    }
}

#[tokio::test]
async fn heads_are_announced_when_every_method_sees_them() {
    let chain = TestChain::new();
    let mut heads = Subscription::new(&chain, json!(["newHeads"]), 8).await;
    for number in 1..=3 {
        let hash = chain.mine(vec![]).block.hash();
        let head = heads.next().await["result"].take();
        assert_eq!(
            (&head["number"], &head["hash"]),
            (&json!(format!("{number:#x}")), &json!(hash))
        );
        let mut block = chain.ask("eth_getBlockByHash", json!([hash, false])).await;
        for field in ["size", "transactions", "uncles", "withdrawals"] {
            block.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(head, block);
        assert_eq!(chain.ask("eth_blockNumber", json!([])).await, head["number"]);
    }
}

#[tokio::test]
async fn logs_are_those_of_the_filter() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let mut all = Subscription::new(&chain, json!(["logs", {}]), 8).await;
    let mut wanted =
        Subscription::new(&chain, json!(["logs", {"address": contract, "topics": [TOPIC]}]), 8)
            .await;
    let mut others = Subscription::new(&chain, json!(["logs", {"topics": [B256::ZERO]}]), 8).await;
    let call = |nonce| dynamic(1, nonce, contract.into(), Bytes::new());
    chain.mine(vec![call(0), call(1)]);
    let found = chain.ask("eth_getLogs", json!([{}])).await;
    for index in 0..2 {
        assert_eq!(all.next().await["result"], found[index]);
        assert_eq!(wanted.next().await["result"], found[index]);
    }
    assert!(others.messages.try_recv().is_err());
}

#[tokio::test]
async fn a_block_with_more_logs_than_may_wait_reaches_whoever_reads() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let mined = chain.mine(vec![dynamic(1, 0, contract.into(), Bytes::new())]);
    let mut logs = Subscription::new(&chain, json!(["logs", {"address": contract}]), 4).await;
    let one = mined.receipts[0].logs()[0].clone();
    let receipt = alloy_consensus::Receipt {
        status: true.into(),
        cumulative_gas_used: 21_000,
        logs: vec![one; 500],
    };
    let receipt = Receipt::Eip1559(receipt.with_bloom());
    let block = Arc::clone(&mined.block);
    chain.announce(CommittedBlock { block, receipts: Arc::new(vec![receipt]) });
    for index in 0..500 {
        if index == 250 {
            // Reading may pause for a moment.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(logs.next().await["result"]["logIndex"], format!("{index:#x}"));
    }
}

#[tokio::test]
async fn messages_count_as_unsent_until_they_are_written() {
    let chain = TestChain::new();
    let limits = RpcLimits::default();
    let server = RpcServer::new(chain.methods.clone(), &limits);
    let (sender, mut messages) = tokio::sync::mpsc::channel(8);
    let (server, backlog) = server.for_connection(sender, 1);
    let subscribe = |kind: &str, id: u8| {
        json!({"jsonrpc": "2.0", "id": id, "method": "eth_subscribe", "params": [kind]}).to_string()
    };
    let request = subscribe("newHeads", 1);
    assert!(server.answer(request.as_bytes()).await.is_none(), "a message says it");
    let refused = server.answer(subscribe("newHeads", 2).as_bytes()).await.unwrap();
    assert!(refused.get().contains("too many subscriptions"), "{}", refused.get());
    drop(refused);
    for count in 0..4 {
        if count > 0 {
            chain.mine(vec![]);
        }
        let message = messages.recv().await.unwrap();
        let bytes = message.get().len();
        tokio::time::sleep(Duration::from_millis(20)).await;
        backlog.at_most(bytes).await;
        let less = tokio::time::timeout(Duration::from_millis(20), backlog.at_most(bytes - 1));
        assert!(less.await.is_err(), "{}", message.get());
        backlog.written(bytes);
        backlog.at_most(0).await;
    }
}

#[tokio::test]
async fn pending_transactions_are_hashes_or_full() {
    let chain = TestChain::new();
    let mut hashes = Subscription::new(&chain, json!(["newPendingTransactions"]), 8).await;
    let mut full = Subscription::new(&chain, json!(["newPendingTransactions", true]), 8).await;
    let transaction = transfer(0, 0, Address::ZERO, 1);
    chain.ask("eth_sendRawTransaction", json!([raw(&transaction)])).await;
    assert_eq!(hashes.next().await["result"], json!(transaction.tx_hash()));
    let shown = full.next().await["result"].take();
    let asked = chain.ask("eth_getTransactionByHash", json!([transaction.tx_hash()])).await;
    assert_eq!(shown, asked);
}

#[tokio::test]
async fn who_does_not_keep_up_is_told_and_gets_nothing_more() {
    let limits = RpcLimits { subscriber_time_ms_max: 50, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let mut heads = Subscription::new(&chain, json!(["newHeads"]), 1).await;
    for _ in 0..4 {
        chain.mine(vec![]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(heads.next().await["result"]["number"], "0x1");
    let last = heads.next().await;
    assert!(last["error"].as_str().unwrap().contains("too slow"), "{last}");
    chain.mine(vec![]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(heads.messages.try_recv().is_err());
}

#[tokio::test]
async fn the_message_that_ends_a_subscription_counts_like_any_other() {
    let limits = RpcLimits { subscriber_time_ms_max: 50, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits.clone());
    let server = RpcServer::new(chain.methods.clone(), &limits);
    let (sender, mut messages) = tokio::sync::mpsc::channel(2);
    let (server, backlog) = server.for_connection(sender, 1);
    let request = br#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#;
    assert!(server.answer(request).await.is_none());
    for _ in 0..4 {
        chain.mine(vec![]);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut last = String::new();
    let mut unwritten = Vec::new();
    while !last.contains("too slow") {
        last = messages.recv().await.unwrap().get().to_owned();
        unwritten.push(last.len());
    }
    for bytes in unwritten.iter().skip(1) {
        backlog.written(*bytes);
    }
    let left = unwritten[0];
    backlog.at_most(left).await;
    let less = tokio::time::timeout(Duration::from_millis(20), backlog.at_most(left - 1));
    assert!(less.await.is_err());
}

#[tokio::test]
async fn unknown_kinds_and_broken_filters_are_refused() {
    let chain = TestChain::new();
    let unknown = chain.refusal("eth_subscribe", json!(["blocks"])).await;
    assert_eq!(unknown, (-32601, "no \"blocks\" subscription in eth namespace".into()));
    let (code, words) = chain.refusal("eth_subscribe", json!(["logs", {"topics": 7}])).await;
    assert!(code == -32602 && words.starts_with("invalid argument 1"), "{words}");
    let many = [vec![TOPIC; 600], vec![B256::ZERO; 600]];
    let distinct: Vec<_> = (0..1_001).map(|n| B256::from(U256::from(n))).collect();
    let (left, right) = distinct.split_at(500);
    chain.ask("eth_getLogs", json!([{"topics": [left, right]}])).await;
    let wide = json!(["logs", {"topics": [left, right]}]);
    let (code, words) = chain.refusal("eth_subscribe", wide).await;
    assert!(code == -32602 && words.contains("at most 1000"), "{words}");
    // The same value many times is one value.
    Subscription::new(&chain, json!(["logs", {"topics": many}]), 1).await;
    let name = (-32602, "expected subscription name as first argument".to_owned());
    for params in [json!([]), json!([7]), json!([null]), json!([["newHeads"]])] {
        assert_eq!(chain.refusal("eth_subscribe", params).await, name);
    }
    for (params, most) in [
        (json!(["newHeads", {}]), 1),
        (json!(["syncing", true]), 1),
        (json!(["logs", {}, 1]), 2),
        (json!(["newPendingTransactions", true, 1]), 2),
    ] {
        let (code, words) = chain.refusal("eth_subscribe", params).await;
        assert_eq!((code, words), (-32602, format!("too many arguments, want at most {most}")));
    }
    let full = json!(["newPendingTransactions", "yes"]);
    let (code, words) = chain.refusal("eth_subscribe", full).await;
    assert!(code == -32602 && words.starts_with("invalid argument 1"), "{words}");
}

#[tokio::test]
async fn receipts_come_a_block_at_a_time_and_only_those_that_are_wanted() {
    let limits = RpcLimits { subscription_hashes_max: 3, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let contract = chain.deploy();
    let call = |from, nonce| dynamic(from, nonce, contract.into(), Bytes::new());
    let transactions = [call(1, 0), call(2, 0), call(3, 0)];
    let hashes = transactions.each_ref().map(|transaction| *transaction.tx_hash());
    let subscribe = async |filter: Value| {
        Subscription::new(&chain, json!(["transactionReceipts", filter]), 8).await
    };
    let mut all = [
        Subscription::new(&chain, json!(["transactionReceipts"]), 8).await,
        subscribe(json!(null)).await,
        subscribe(json!({})).await,
        subscribe(json!({"transactionHashes": []})).await,
        subscribe(json!({"transactionHashes": null})).await,
    ];
    let mut some =
        subscribe(json!({"transactionHashes": [hashes[2], hashes[0], B256::ZERO]})).await;
    let mut none = subscribe(json!({"transactionHashes": [B256::ZERO]})).await;
    chain.mine(vec![]);
    chain.mine(transactions.to_vec());
    let receipts = chain.ask("eth_getBlockReceipts", json!(["latest"])).await;
    assert_eq!(receipts.as_array().unwrap().len(), 3);
    for subscription in &mut all {
        // Nothing is said of a block without transactions.
        assert_eq!(subscription.next().await["result"], receipts);
    }
    assert_eq!(some.next().await["result"], json!([receipts[0], receipts[2]]));
    assert!(none.messages.try_recv().is_err());
    let many = json!(["transactionReceipts", {"transactionHashes": vec![B256::ZERO; 4]}]);
    let (code, words) = chain.refusal("eth_subscribe", many).await;
    assert!(code == -32602 && words.contains("exceed max number of transaction hashes"), "{words}");
    for broken in [json!([]), json!({"transactionHashes": ["0x1"]}), json!("0x1")] {
        let (code, words) =
            chain.refusal("eth_subscribe", json!(["transactionReceipts", broken])).await;
        assert!(code == -32602 && words.starts_with("invalid argument 1"), "{words}");
    }
}

#[tokio::test]
async fn syncing_is_told_when_it_begins_and_ends() {
    let chain = TestChain::new();
    let mut syncing = Subscription::new(&chain, json!(["syncing"]), 8).await;
    assert_eq!(syncing.next().await["result"], json!(false));
    let progress = |current_block| mfenx_rpc::SyncProgress {
        starting_block: 1,
        current_block,
        highest_block: 300,
    };
    chain.status.set_sync(Some(progress(2)));
    assert_eq!(
        syncing.next().await["result"],
        json!({
            "syncing": true,
            "status": {"startingBlock": "0x1", "currentBlock": "0x2", "highestBlock": "0x12c"}
        })
    );
    // Progress is told now and then, not at every block.
    for block in 3..200 {
        chain.status.set_sync(Some(progress(block)));
        tokio::task::yield_now().await;
    }
    assert_eq!(syncing.next().await["result"]["status"]["currentBlock"], "0xc7");
    chain.status.set_sync(None);
    chain.status.set_sync(None);
    assert_eq!(syncing.next().await["result"], json!(false));
    assert!(syncing.messages.try_recv().is_err());
}

#[tokio::test]
async fn a_subscription_in_a_batch_is_refused_once() {
    let chain = TestChain::new();
    let mut connection = Connection::open(&chain, 8);
    let answer = connection
        .server
        .answer(
            br#"[{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]},
                 {"jsonrpc":"2.0","id":2,"method":"eth_chainId"}]"#,
        )
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(answer.get()).unwrap();
    assert_eq!(
        answer[0],
        json!({"jsonrpc": "2.0", "id": 1, "error": {
            "code": -32600, "message": "subscribe in a request of its own, not in a batch"
        }})
    );
    assert_eq!(answer[1]["id"], 2);
    chain.mine(vec![]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(connection.messages.try_recv().is_err());
}

/// A connection without a socket.
struct Connection {
    server: RpcServer,
    messages: Receiver<Box<RawValue>>,
}

impl Connection {
    fn open(chain: &TestChain, subscriptions_max: u32) -> Self {
        let limits = RpcLimits::default();
        let server = RpcServer::new(chain.methods.clone(), &limits);
        let (sender, messages) = tokio::sync::mpsc::channel(8);
        let (server, _) = server.for_connection(sender, subscriptions_max);
        Self { server, messages }
    }

    async fn unsubscribe(&self, id: &Value) -> Value {
        let request =
            json!({"jsonrpc": "2.0", "id": 2, "method": "eth_unsubscribe", "params": [id]});
        let answer = self.server.answer(request.to_string().as_bytes()).await.unwrap();
        let mut answer: Value = serde_json::from_str(answer.get()).unwrap();
        answer["result"].take()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_one_connection_a_block_is_over_before_the_next_one_begins() {
    const BLOCKS: u64 = 8;
    let chain = TestChain::new();
    let contract = chain.deploy();
    let kinds = [
        json!(["logs", {}]),
        json!(["transactionReceipts"]),
        json!(["newHeads"]),
        json!(["logs", {"topics": [B256::ZERO]}]),
        json!(["logs", {"address": contract}]),
    ];
    for round in 0..5 {
        let mut connection = Connection::open(&chain, 8);
        let mut ids = Vec::new();
        for kind in &kinds {
            let request =
                json!({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": kind});
            assert!(connection.server.answer(request.to_string().as_bytes()).await.is_none());
            let answer: Value =
                serde_json::from_str(connection.messages.recv().await.unwrap().get()).unwrap();
            ids.push(answer["result"].clone());
        }
        for block in 0..BLOCKS {
            let nonce = round * BLOCKS + block;
            let call = |from| dynamic(from, nonce, contract.into(), Bytes::new());
            chain.mine(vec![call(1), call(2)]);
        }
        for block in 0..BLOCKS {
            let number = json!(format!("{:#x}", 2 + round * BLOCKS + block));
            for kind in [0, 0, 1, 2, 4, 4] {
                let message =
                    tokio::time::timeout(Duration::from_secs(10), connection.messages.recv());
                let message = message.await.unwrap().unwrap();
                let message: Value = serde_json::from_str(message.get()).unwrap();
                let (id, result) =
                    (&message["params"]["subscription"], &message["params"]["result"]);
                assert_eq!(ids.iter().position(|of| of == id), Some(kind), "{message}");
                let of = [&result["blockNumber"], &result["number"], &result[0]["blockNumber"]];
                assert!(of.contains(&&number), "{number}: {message}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_unsubscribes_right_after_the_answer_is_unsubscribed() {
    let chain = TestChain::new();
    let mut connection = Connection::open(&chain, 300);
    for round in 0..300 {
        let server = connection.server.clone();
        let subscribing = tokio::spawn(async move {
            let request =
                br#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#;
            server.answer(request).await.map(|answer| answer.get().to_owned())
        });
        let message = connection.messages.recv().await.unwrap();
        let message: Value = serde_json::from_str(message.get()).unwrap();
        let id = &message["result"];
        assert!(id.is_string(), "round {round}: {message}");
        assert_eq!(connection.unsubscribe(id).await, json!(true), "round {round}");
        assert_eq!(connection.unsubscribe(id).await, json!(false), "round {round}");
        assert_eq!(subscribing.await.unwrap(), None);
    }
}

#[tokio::test]
async fn dropped_transactions_are_told_with_the_reason() {
    let chain = TestChain::new();
    let mut dropped = Subscription::new(&chain, json!(["droppedTransactions"]), 8).await;
    let first = transfer(0, 0, Address::ZERO, 1);
    let dearer = tipped(0, 0, 20_000_000_000);
    for transaction in [&first, &dearer] {
        chain.ask("eth_sendRawTransaction", json!([raw(transaction)])).await;
    }
    let (old, new) = (first.tx_hash(), dearer.tx_hash());
    let replaced = json!({"hash": old, "reason": "replaced", "replacedBy": new});
    assert_eq!(dropped.next().await["result"], replaced);
    // What is mined is not dropped; what a block makes impossible is.
    let other = transfer(0, 0, Address::ZERO, 2);
    chain.mine(vec![other]);
    let stale = json!({"hash": new, "reason": "nonce too low", "replacedBy": null});
    assert_eq!(dropped.next().await["result"], stale);
    assert!(dropped.messages.try_recv().is_err());
}

/// A block of which the receipts are long, which a subscriber hears of and nobody stored.
fn long_block(chain: &TestChain) -> CommittedBlock {
    let contract = chain.deploy();
    let mined = chain.mine(vec![dynamic(1, 0, contract.into(), Bytes::new())]);
    let one = mined.receipts[0].logs()[0].clone();
    let receipt = alloy_consensus::Receipt {
        status: true.into(),
        cumulative_gas_used: 21_000,
        logs: vec![one; 500],
    };
    let receipt = Receipt::Eip1559(receipt.with_bloom());
    let block = Arc::clone(&mined.block);
    CommittedBlock { block, receipts: Arc::new(vec![receipt]) }
}

/// What a message tells. The message itself is longer or shorter by its identifier, which is a
/// random number without leading zeros.
fn content(message: &RawValue) -> &str {
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        result: &'a RawValue,
    }
    serde_json::from_str::<Message<'_>>(message.get()).unwrap().params.result.get()
}

#[tokio::test]
async fn long_messages_of_all_subscribers_together_are_bounded() {
    let limits = RpcLimits { subscriber_time_ms_max: 1_000, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let block = long_block(&chain);
    let request =
        br#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["transactionReceipts"]}"#;
    let mut first = Connection::open(&chain, 1);
    assert!(first.server.answer(request).await.is_none());
    first.messages.recv().await.unwrap();
    chain.announce(block.clone());
    let bytes = content(&first.messages.recv().await.unwrap()).len();
    assert!(bytes > 100_000, "{bytes}");
    drop(first);

    let limits = RpcLimits { unsent_bytes_max: 2 * bytes + bytes / 2, ..RpcLimits::default() };
    let all = RpcServer::new(chain.methods.clone(), &limits);
    let mut connections = Vec::new();
    for _ in 0..6 {
        let (sender, mut messages) = tokio::sync::mpsc::channel(8);
        let (server, backlog) = all.for_connection(sender, 1);
        assert!(server.answer(request).await.is_none());
        backlog.written(messages.recv().await.unwrap().get().len());
        connections.push((server, backlog, messages));
    }
    chain.announce(block);
    // Nothing that is sent is written, so whoever finds no room waits for as long as it may.
    let (mut sent, mut ended) = (0, 0);
    for (.., messages) in &mut connections {
        let message = tokio::time::timeout(Duration::from_secs(60), messages.recv());
        let message = message.await.unwrap().unwrap();
        if message.get().contains("too slow") {
            ended += 1;
        } else {
            assert_eq!(content(&message).len(), bytes);
            sent += 1;
        }
    }
    assert_eq!((sent, ended), (2, 4));
}

#[tokio::test]
async fn a_message_longer_than_a_response_ends_the_subscription() {
    let limits = RpcLimits { response_bytes_max: 50_000, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let block = long_block(&chain);
    let mut receipts = Subscription::new(&chain, json!(["transactionReceipts"]), 8).await;
    chain.announce(block);
    let last = receipts.next().await;
    assert!(last["error"].as_str().unwrap().contains("longer than a response"), "{last}");
}
