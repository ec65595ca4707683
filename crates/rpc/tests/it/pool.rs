//! Sending transactions, and looking at the pool.

use crate::chain::{TestChain, account, raw, transfer, transfer_on};
use alloy_primitives::Address;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

const TO: Address = Address::repeat_byte(7);

#[tokio::test]
async fn a_sent_transaction_is_pending_then_mined() {
    let chain = TestChain::new();
    let first = transfer(0, 0, TO, 5);
    let hash = chain.ask("eth_sendRawTransaction", json!([raw(&first)])).await;
    assert_eq!(hash, json!(first.tx_hash()));
    let pending = chain.ask("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!((&pending["blockHash"], &pending["nonce"]), (&Value::Null, &json!("0x0")));
    assert_eq!(chain.ask("eth_getTransactionReceipt", json!([hash])).await, Value::Null);
    let count = |tag: &str| chain.ask("eth_getTransactionCount", json!([account(0), tag]));
    assert_eq!((count("pending").await, count("latest").await), (json!("0x1"), json!("0x0")));
    chain.mine(vec![first]);
    assert_eq!((count("pending").await, count("latest").await), (json!("0x1"), json!("0x1")));
    let mined = chain.ask("eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(mined["blockNumber"], "0x1");
    assert_eq!(
        chain.ask("txpool_status", json!([])).await,
        json!({"pending": "0x0", "queued": "0x0"})
    );
}

#[tokio::test]
async fn refusals_have_go_ethereums_words() {
    let chain = TestChain::new();
    chain.mine(vec![transfer(0, 0, TO, 1)]);
    let send = |transaction: String| chain.refusal("eth_sendRawTransaction", json!([transaction]));
    let known = raw(&transfer(0, 1, TO, 1));
    chain.ask("eth_sendRawTransaction", json!([known])).await;
    assert_eq!(send(known).await, (-32000, "already known".into()));
    let dearer = transfer(0, 1, TO, 2);
    assert_eq!(send(raw(&dearer)).await, (-32000, "replacement transaction underpriced".into()));
    let low = send(raw(&transfer(0, 0, TO, 9))).await;
    assert_eq!(low, (-32000, "nonce too low: next nonce 1, tx nonce 0".into()));
    let (code, words) = send(raw(&transfer_on(1, 0, 2, TO, 1))).await;
    assert!(code == -32000 && words.contains("invalid chain id for signer"), "{words}");
    let (code, words) = send(raw(&transfer(0, 2, TO, 1)) + "00").await;
    assert_eq!((code, words.as_str()), (-32000, "rlp: input contains more than one value"));
    let (code, words) = send("0x03f0".into()).await;
    assert!(code == -32000 && words.starts_with("transaction type not supported"), "{words}");
    assert_eq!(send("0x".into()).await.0, -32000);
    assert_eq!(send("0x0".into()).await.0, -32602);
    assert_eq!(send("00".into()).await.0, -32602);
}

#[tokio::test]
async fn the_length_is_looked_at_before_anything_is_decoded() {
    let limits = RpcLimits { transaction_bytes_max: 100, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    // Not even hexadecimal.
    let long = format!("0x{}", "zz".repeat(101));
    let refusal = chain.refusal("eth_sendRawTransaction", json!([long])).await;
    assert_eq!(refusal, (-32000, "oversized data: transaction size 101, limit 100".into()));
}

#[tokio::test]
async fn the_pool_is_shown_by_sender_and_nonce() {
    let chain = TestChain::new();
    for (from, nonce) in [(0, 0), (0, 1), (1, 3)] {
        let transaction = raw(&transfer(from, nonce, TO, 5));
        chain.ask("eth_sendRawTransaction", json!([transaction])).await;
    }
    let status = chain.ask("txpool_status", json!([])).await;
    assert_eq!(status, json!({"pending": "0x2", "queued": "0x1"}));
    let content = chain.ask("txpool_content", json!([])).await;
    let (first, second) = (account(0).to_checksum(None), account(1).to_checksum(None));
    assert_eq!(content["pending"][&first]["1"]["nonce"], "0x1");
    assert_eq!(content["queued"][&second]["3"]["from"], json!(account(1)));
    assert_eq!(content["queued"][&second]["3"]["blockTimestamp"], Value::Null);
    let from = chain.ask("txpool_contentFrom", json!([account(0)])).await;
    assert_eq!(from, json!({"pending": content["pending"][&first], "queued": {}}));
    let nobody = chain.ask("txpool_contentFrom", json!([Address::ZERO])).await;
    assert_eq!(nobody, json!({"pending": {}, "queued": {}}));
    let lines = chain.ask("txpool_inspect", json!([])).await;
    let line = format!("{}: 5 wei + 21000 gas × 5000000000 wei", TO.to_checksum(None));
    assert_eq!(lines["pending"][&first]["0"], line);
    assert_eq!(chain.pool.status().pending, 2);
}
