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
    assert_eq!(chain.refusal("eth_subscribe", json!([])).await.0, -32602);
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
