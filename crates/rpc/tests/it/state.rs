//! Accounts at the head and before, and how blocks are named.

use crate::chain::{RUNTIME, TestChain, account, dynamic, transfer};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::json;

#[tokio::test]
async fn history_is_answered_by_number_hash_and_tag() {
    let chain = TestChain::new();
    let to = Address::repeat_byte(7);
    let first = chain.mine(vec![transfer(0, 0, to, 5)]);
    chain.mine(vec![transfer(0, 1, to, 6)]);
    for (block, balance) in [
        (json!("latest"), "0xb"),
        (json!("safe"), "0xb"),
        (json!("finalized"), "0xb"),
        (json!("pending"), "0xb"),
        (json!("earliest"), "0x0"),
        (json!("0x0"), "0x0"),
        (json!("0x1"), "0x5"),
        (json!(first.block.hash()), "0x5"),
        (json!({"blockHash": first.block.hash(), "requireCanonical": true}), "0x5"),
        (json!({"blockNumber": "0x2"}), "0xb"),
        (json!(null), "0xb"),
    ] {
        assert_eq!(chain.ask("eth_getBalance", json!([to, block])).await, balance, "{block}");
    }
    assert_eq!(chain.ask("eth_getBalance", json!([to])).await, "0xb");
    let nonce = chain.ask("eth_getTransactionCount", json!([account(0), "0x1"])).await;
    assert_eq!(nonce, "0x1");
}

#[tokio::test]
async fn code_and_storage_of_a_contract() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    assert_eq!(chain.ask("eth_getCode", json!([contract, "latest"])).await, json!(RUNTIME));
    assert_eq!(chain.ask("eth_getCode", json!([contract, "0x0"])).await, "0x");
    let slot = |value: u64| json!(B256::from(U256::from(value)));
    assert_eq!(chain.ask("eth_getStorageAt", json!([contract, "0x0", "latest"])).await, slot(0));
    let call = dynamic(1, 0, contract.into(), Bytes::new());
    chain.mine(vec![call]);
    let long_key = B256::ZERO;
    for key in [json!("0x0"), json!(long_key), json!("0x00")] {
        assert_eq!(chain.ask("eth_getStorageAt", json!([contract, key, "latest"])).await, slot(7));
    }
    assert_eq!(chain.ask("eth_getStorageAt", json!([contract, "0x0", "0x1"])).await, slot(0));
    assert_eq!(chain.ask("eth_getStorageAt", json!([account(9), "0x0"])).await, slot(0));
}

#[tokio::test]
async fn blocks_that_are_not_there_have_go_ethereums_words() {
    let chain = TestChain::new();
    let to = Address::ZERO;
    let beyond = chain.refusal("eth_getBalance", json!([to, "0x9"])).await;
    assert_eq!(beyond, (-32000, "header not found".into()));
    let unknown = chain.refusal("eth_getBalance", json!([to, B256::repeat_byte(3)])).await;
    assert_eq!(unknown, (-32000, "header for hash not found".into()));
    let call = chain.refusal("eth_call", json!([{"to": to}, "0x9"])).await;
    assert_eq!(call, (-32000, "header not found".into()));
}

#[tokio::test]
async fn parameters_are_strict() {
    let chain = TestChain::new();
    let to = Address::ZERO;
    for (method, params, words) in [
        ("eth_getBalance", json!([]), "missing value for required argument 0"),
        ("eth_getBalance", json!({}), "non-array args"),
        ("eth_getBalance", json!([to, "latest", 1]), "too many arguments, want at most 2"),
        ("eth_getBalance", json!([to, "2"]), "invalid argument 1: hex string without 0x prefix"),
        ("eth_getBalance", json!([to, "0x01"]), "invalid argument 1: hex number with leading"),
        ("eth_getBalance", json!(["0x12"]), "invalid argument 0: hex string has length 2"),
        ("eth_getBalance", json!([7]), "invalid argument 0"),
        ("eth_getStorageAt", json!([to, "0xasdf"]), "invalid argument 1: unable to decode storage"),
        ("eth_getBlockByNumber", json!([B256::ZERO, true]), "invalid argument 0"),
        ("eth_getBlockByNumber", json!(["0x0", "yes"]), "invalid argument 1"),
        ("eth_call", json!([{"gas": "many"}]), "invalid argument 0"),
        ("eth_chainId", json!([1]), "too many arguments, want at most 0"),
    ] {
        let (code, message) = chain.refusal(method, params.clone()).await;
        assert_eq!(code, -32602, "{method} {params}: {message}");
        assert!(message.starts_with(words), "{method} {params}: {message}");
    }
}

#[tokio::test]
async fn the_node_says_what_it_is() {
    let chain = TestChain::new();
    assert_eq!(chain.ask("eth_chainId", json!([])).await, "0x2b403");
    assert_eq!(chain.ask("net_version", json!([])).await, "177155");
    assert_eq!(chain.ask("eth_blockNumber", json!([])).await, "0x0");
    chain.mine(vec![]);
    assert_eq!(chain.ask("eth_blockNumber", json!([])).await, "0x1");
    assert_eq!(chain.ask("eth_syncing", json!([])).await, false);
    assert_eq!(chain.ask("eth_accounts", json!([])).await, json!([]));
    assert_eq!(chain.ask("net_listening", json!([])).await, false);
    chain.status.set_peers(16);
    assert_eq!(chain.ask("net_peerCount", json!([])).await, "0x10");
    assert_eq!(chain.ask("web3_clientVersion", json!([])).await, "mfenx/test");
    assert_eq!(
        chain.ask("web3_sha3", json!(["0x68656c6c6f20776f726c64"])).await,
        "0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad"
    );
    assert_eq!(
        chain.ask("rpc_modules", json!([])).await,
        json!({
            "debug": "1.0", "erigon": "1.0", "eth": "1.0", "mfenx": "1.0", "net": "1.0",
            "ots": "1.0", "rpc": "1.0", "testing": "1.0", "trace": "1.0", "txpool": "1.0",
            "web3": "1.0"
        })
    );
    let status = chain.ask("mfenx_nodeStatus", json!([])).await;
    assert_eq!((&status["head"]["number"], &status["ready"]), (&json!("0x1"), &json!(false)));
    chain.status.set_sync(Some(mfenx_rpc::SyncProgress {
        starting_block: 1,
        current_block: 2,
        highest_block: 300,
    }));
    assert_eq!(
        chain.ask("eth_syncing", json!([])).await,
        json!({"startingBlock": "0x1", "currentBlock": "0x2", "highestBlock": "0x12c"})
    );
}
