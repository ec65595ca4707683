//! Prices and fee history.

use crate::chain::{TestChain, dynamic, tipped, transfer};
use alloy_primitives::{Address, Bytes};
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

fn number(value: &Value) -> u128 {
    u128::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap()
}

#[tokio::test]
async fn suggestions_follow_the_tips_of_recent_blocks() {
    let chain = TestChain::new();
    let tip = chain.ask("eth_maxPriorityFeePerGas", json!([])).await;
    assert_eq!(tip, "0xf4240", "nobody has tipped yet");
    let to = Address::repeat_byte(7);
    chain.mine(vec![dynamic(0, 0, to.into(), Bytes::new())]);
    let tip = chain.ask("eth_maxPriorityFeePerGas", json!([])).await;
    assert_eq!(number(&tip), 1_000_000_000);
    // The second time from memory.
    assert_eq!(chain.ask("eth_maxPriorityFeePerGas", json!([])).await, tip);
    let price = number(&chain.ask("eth_gasPrice", json!([])).await);
    let block = chain.ask("eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(price, number(&block["baseFeePerGas"]) + 1_000_000_000);
    assert!(number(&chain.ask("eth_baseFee", json!([])).await) < number(&block["baseFeePerGas"]));
    assert_eq!(chain.ask("eth_blobBaseFee", json!([])).await, "0x1");
}

#[tokio::test]
async fn fee_history_covers_the_range_and_the_block_after_it() {
    let chain = TestChain::new();
    let to = Address::repeat_byte(7);
    chain.mine(vec![transfer(0, 0, to, 1), dynamic(1, 0, to.into(), Bytes::new())]);
    chain.mine(vec![]);
    let history = chain.ask("eth_feeHistory", json!(["0x2", "latest", [0, 50, 100]])).await;
    assert_eq!(history["oldestBlock"], "0x1");
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
    assert_eq!(history["baseFeePerGas"][2], chain.ask("eth_baseFee", json!([])).await);
    assert_eq!(history["baseFeePerBlobGas"], json!(["0x1", "0x1", "0x1"]));
    let used = history["gasUsedRatio"].as_array().unwrap();
    assert_eq!(used.len(), 2);
    assert!((used[0].as_f64().unwrap() - 42_000.0 / 120_000_000.0).abs() < 1e-12);
    assert_eq!(history["blobGasUsedRatio"], json!([0.0, 0.0]));
    let rewards = history["reward"][0].as_array().unwrap();
    assert_eq!(number(&rewards[0]), 1_000_000_000);
    assert!(number(&rewards[2]) > 4_000_000_000, "the legacy price above the base fee");
    assert_eq!(history["reward"][1], json!(["0x0", "0x0", "0x0"]));
    let short = chain.ask("eth_feeHistory", json!([9, "0x1"])).await;
    assert_eq!((&short["oldestBlock"], short.get("reward")), (&json!("0x0"), None));
    let none = chain.ask("eth_feeHistory", json!(["0x0", "latest", []])).await;
    assert_eq!(none["gasUsedRatio"], json!([]));
}

#[tokio::test]
async fn no_suggestion_is_higher_than_500_gwei() {
    let chain = TestChain::new();
    let transaction = tipped(0, 0, 2_000_000_000_000);
    chain.mine(vec![transaction]);
    let tip = chain.ask("eth_maxPriorityFeePerGas", json!([])).await;
    assert_eq!(number(&tip), 500_000_000_000);
}

#[tokio::test]
async fn fee_history_ends_in_time() {
    let limits = RpcLimits { fee_history_time_ms_max: 0, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let refusal = chain.refusal("eth_feeHistory", json!(["0x1", "latest", [50]])).await;
    assert_eq!(refusal, (-32002, "request timed out".into()));
}

#[tokio::test]
async fn nonsense_is_refused() {
    let chain = TestChain::new();
    for params in [
        json!(["0x1", "0x9"]),
        json!(["0x1", "latest", [50, 20]]),
        json!(["0x1", "latest", [101]]),
        json!(["0x1", "latest", vec![1; 101]]),
        json!(["many", "latest"]),
        json!(["0x1"]),
    ] {
        assert_eq!(chain.refusal("eth_feeHistory", params.clone()).await.0, -32602, "{params}");
    }
}
