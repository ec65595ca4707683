//! `eth_getLogs`.

use crate::chain::{TOPIC, TestChain, dynamic};
use alloy_primitives::{Address, B256, Bytes, U256};
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

/// Blocks 2 and 4 have two logs each.
fn chain_with_logs(limits: RpcLimits) -> (TestChain, Address) {
    let chain = TestChain::with_limits(limits);
    let contract = chain.deploy();
    for nonce in 0..2 {
        let call = |from| dynamic(from, nonce, contract.into(), Bytes::new());
        chain.mine(vec![call(1), call(2)]);
        chain.mine(vec![]);
    }
    (chain, contract)
}

fn places(logs: &Value) -> Vec<(&str, &str)> {
    let logs = logs.as_array().unwrap().iter();
    logs.map(|log| (log["blockNumber"].as_str().unwrap(), log["logIndex"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn logs_are_found_by_range_hash_address_and_topic() {
    let (chain, contract) = chain_with_logs(RpcLimits::default());
    let all = chain.ask("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "latest"}])).await;
    assert_eq!(places(&all), [("0x2", "0x0"), ("0x2", "0x1"), ("0x4", "0x0"), ("0x4", "0x1")]);
    let block = chain.ask("eth_getBlockByNumber", json!(["0x4", false])).await;
    assert_eq!(
        all[3],
        json!({
            "address": contract, "topics": [TOPIC], "data": B256::from(U256::from(0x2a)),
            "blockNumber": "0x4", "transactionHash": block["transactions"][1],
            "transactionIndex": "0x1", "blockHash": block["hash"],
            "blockTimestamp": block["timestamp"], "logIndex": "0x1", "removed": false,
        })
    );
    let by_hash = chain.ask("eth_getLogs", json!([{"blockHash": block["hash"]}])).await;
    assert_eq!(places(&by_hash), [("0x4", "0x0"), ("0x4", "0x1")]);
    let range = |filter: Value| {
        let mut filter = filter;
        filter["fromBlock"] = json!("earliest");
        json!([filter])
    };
    for (filter, count) in [
        (json!({"address": contract}), 4),
        (json!({"address": [contract, Address::ZERO], "topics": [TOPIC]}), 4),
        (json!({"topics": [[B256::ZERO, TOPIC]]}), 4),
        (json!({"topics": [null]}), 4),
        (json!({"topics": [null, null]}), 0),
        (json!({"topics": [B256::ZERO]}), 0),
        (json!({"address": Address::ZERO}), 0),
        (json!({"address": []}), 4),
    ] {
        let found = chain.ask("eth_getLogs", range(filter.clone())).await;
        assert_eq!(found.as_array().unwrap().len(), count, "{filter}");
    }
    // Without blocks it is about the latest.
    assert_eq!(chain.ask("eth_getLogs", json!([{}])).await, json!([]));
}

/// The index and the blooms, which short ranges are looked up by, say the same.
#[tokio::test]
async fn a_long_range_finds_what_its_short_parts_find() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    for nonce in 0..12 {
        chain.mine(vec![dynamic(1, nonce, contract.into(), Bytes::new())]);
        for _ in 0..nonce % 3 {
            chain.mine(vec![]);
        }
    }
    let other = Address::repeat_byte(7);
    for filter in [
        json!({"address": contract}),
        json!({"address": [other, contract], "topics": [[TOPIC, B256::ZERO]]}),
        json!({"address": other}),
        json!({"topics": [null, TOPIC]}),
        json!({"topics": [TOPIC]}),
        json!({"topics": [TOPIC, null]}),
    ] {
        let range = |from: u64, to: u64| {
            let mut filter = filter.clone();
            filter["fromBlock"] = json!(format!("{from:#x}"));
            filter["toBlock"] = json!(format!("{to:#x}"));
            json!([filter])
        };
        let mut parts = Vec::new();
        for from in (0..24).step_by(8) {
            let found = chain.ask("eth_getLogs", range(from, from + 7)).await;
            parts.extend(found.as_array().unwrap().clone());
        }
        assert_eq!(chain.ask("eth_getLogs", range(0, 23)).await, Value::Array(parts), "{filter}");
    }
    let of_contract = json!([{"fromBlock": "0x0", "toBlock": "0x17", "address": contract}]);
    let found = chain.ask("eth_getLogs", of_contract.clone()).await;
    assert_eq!(found.as_array().unwrap().len(), 12);

    let limits = RpcLimits { logs_results_max: 3, ..RpcLimits::default() };
    let (chain, contract) = chain_with_logs(limits);
    for _ in 0..20 {
        chain.mine(vec![]);
    }
    let mut filter = of_contract;
    filter[0]["address"] = json!(contract);
    let (code, words) = chain.refusal("eth_getLogs", filter).await;
    assert_eq!(
        (code, words.as_str()),
        (-32602, "query returned more than 3 results. Try with this block range [0x0, 0x3].")
    );
}

#[tokio::test]
async fn ranges_that_make_no_sense_are_refused() {
    let (chain, _) = chain_with_logs(RpcLimits::default());
    let invalid = (-32602, "invalid block range params".to_owned());
    let beyond = (-32602, "block range extends beyond current head block".to_owned());
    for (from, to, refusal) in [
        ("0x3", "0x2", &invalid),
        ("0x9", "latest", &invalid),
        ("0x3", "0x9", &beyond),
        ("0x8", "0x9", &beyond),
    ] {
        let filter = json!([{"fromBlock": from, "toBlock": to}]);
        assert_eq!(&chain.refusal("eth_getLogs", filter).await, refusal, "{from} {to}");
    }
    let unknown = json!([{"blockHash": B256::repeat_byte(1)}]);
    assert_eq!(chain.refusal("eth_getLogs", unknown).await.0, -32000);
    let both = json!([{"blockHash": B256::ZERO, "fromBlock": "0x1"}]);
    let (code, words) = chain.refusal("eth_getLogs", both).await;
    assert!(code == -32602 && words.contains("cannot specify both"), "{words}");
}

#[tokio::test]
async fn a_search_that_finds_nothing_ends_in_time() {
    let limits = RpcLimits { logs_time_ms_max: 0, ..RpcLimits::default() };
    let (chain, _) = chain_with_logs(limits);
    let nothing = json!([{"fromBlock": "0x0", "toBlock": "0x5", "address": Address::ZERO}]);
    assert_eq!(
        chain.refusal("eth_getLogs", nothing).await,
        (-32602, "query took longer than 0 ms. Try with this block range [0x0, 0x0].".into())
    );
}

#[tokio::test]
async fn over_a_limit_the_range_to_try_is_named() {
    let limits = RpcLimits { logs_unfiltered_blocks_max: 3, ..RpcLimits::default() };
    let (chain, contract) = chain_with_logs(limits);
    let wide = json!([{"fromBlock": "0x0", "toBlock": "0x5"}]);
    let (code, words) = chain.refusal("eth_getLogs", wide).await;
    assert_eq!(code, -32602);
    assert!(words.ends_with("Try with this block range [0x0, 0x2]."), "{words}");
    chain.ask("eth_getLogs", json!([{"fromBlock": "0x0", "toBlock": "0x2"}])).await;
    let filtered = json!([{"fromBlock": "0x0", "toBlock": "0x5", "address": contract}]);
    assert_eq!(chain.ask("eth_getLogs", filtered.clone()).await.as_array().unwrap().len(), 4);

    let limits = RpcLimits { logs_results_max: 3, ..RpcLimits::default() };
    let (chain, _) = chain_with_logs(limits);
    let (code, words) = chain.refusal("eth_getLogs", filtered.clone()).await;
    assert_eq!(
        (code, words.as_str()),
        (-32602, "query returned more than 3 results. Try with this block range [0x0, 0x3].")
    );
    // A single block may have more: nobody could ask for less.
    let limits = RpcLimits { logs_results_max: 1, ..RpcLimits::default() };
    let (chain, _) = chain_with_logs(limits);
    let one = json!([{"fromBlock": "0x2", "toBlock": "0x2"}]);
    assert_eq!(chain.ask("eth_getLogs", one).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn there_are_no_logs_of_the_pending_block() {
    let chain = TestChain::new();
    let refusal = (-32000, "pending logs are not supported".to_owned());
    for filter in [
        json!({"fromBlock": "pending"}),
        json!({"toBlock": "pending"}),
        json!({"fromBlock": "pending", "toBlock": "pending"}),
    ] {
        assert_eq!(chain.refusal("eth_getLogs", json!([filter])).await, refusal, "{filter}");
    }
}
