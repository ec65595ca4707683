//! `eth_sendRawTransactionSync` (EIP-7966).

use crate::chain::{TestChain, raw, transfer};
use alloy_primitives::Address;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const METHOD: &str = "eth_sendRawTransactionSync";
const TO: Address = Address::repeat_byte(7);

#[tokio::test]
async fn the_answer_is_the_receipt() {
    let chain = Arc::new(TestChain::new());
    let transaction = transfer(0, 0, TO, 5);
    let request = json!([raw(&transaction), 20_000]);
    let asking = Arc::clone(&chain);
    let asked = tokio::spawn(async move { asking.ask(METHOD, request).await });
    while !chain.pool.contains(transaction.tx_hash()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Another block first: it waits for its own.
    chain.mine(vec![]);
    let hash = *transaction.tx_hash();
    chain.mine(vec![transfer(1, 0, TO, 1), transaction]);
    let receipt = asked.await.unwrap();
    assert_eq!((&receipt["blockNumber"], &receipt["status"]), (&json!("0x2"), &json!("0x1")));
    assert_eq!(receipt, chain.ask("eth_getTransactionReceipt", json!([hash])).await);
}

#[tokio::test]
async fn a_timeout_names_the_hash() {
    let chain = TestChain::new();
    for (nonce, timeout) in [(0, json!(20)), (1, json!("0x14"))] {
        let transaction = transfer(0, nonce, TO, 5);
        let answer = chain.answer(METHOD, json!([raw(&transaction), timeout])).await;
        let words = "The transaction was added to the mempool but wasn't processed in 20ms.";
        let error = json!({"code": 4, "message": words, "data": transaction.tx_hash()});
        assert_eq!(answer["error"], error);
        assert!(chain.pool.contains(transaction.tx_hash()));
    }
    let limits = RpcLimits { sync_time_ms_max: 30, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    for (nonce, timeout) in [(0, json!(1_000_000)), (1, Value::Null), (2, json!(0))] {
        let request = json!([raw(&transfer(0, nonce, TO, 5)), timeout]);
        let (code, words) = chain.refusal(METHOD, request).await;
        assert!(code == 4 && words.ends_with("in 30ms."), "{words}");
    }
    for timeout in [json!("5"), json!(-1), json!(1.5), json!(true)] {
        let request = json!([raw(&transfer(0, 3, TO, 5)), timeout]);
        assert_eq!(chain.refusal(METHOD, request).await.0, -32602, "{timeout}");
    }
    assert_eq!(chain.pool.status().pending, 3, "what is asked wrongly is not sent");
}

#[tokio::test]
async fn what_cannot_run_is_said_at_once() {
    let chain = TestChain::new();
    let gapped = transfer(0, 1, TO, 5);
    let answer = chain.answer(METHOD, json!([raw(&gapped), 20_000])).await;
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["data"]),
        (&json!(5), &json!(gapped.tx_hash()))
    );
    assert_eq!(chain.refusal(METHOD, json!(["0x00"])).await.0, -32000);
    let again = chain.refusal(METHOD, json!([raw(&gapped)])).await;
    assert_eq!(again, (-32000, "already known".into()));
}

#[tokio::test]
async fn waiters_are_bounded() {
    let limits = RpcLimits { sync_waiters_max: 1, ..RpcLimits::default() };
    let chain = Arc::new(TestChain::with_limits(limits));
    let first = transfer(0, 0, TO, 5);
    let asking = Arc::clone(&chain);
    let request = json!([raw(&first), 20_000]);
    let asked = tokio::spawn(async move { asking.ask(METHOD, request).await });
    while !chain.pool.contains(first.tx_hash()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = transfer(0, 1, TO, 5);
    assert_eq!(chain.refusal(METHOD, json!([raw(&second)])).await.0, -32005);
    assert!(!chain.pool.contains(second.tx_hash()), "it was not sent");
    // Whoever hangs up makes room.
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    assert_eq!(chain.refusal(METHOD, json!([raw(&second), 20])).await.0, 4);
}
