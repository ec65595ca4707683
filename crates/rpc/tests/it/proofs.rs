//! `eth_getProof`.

use crate::chain::{TestChain, account, dynamic};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

fn nodes(json: &Value) -> Vec<Bytes> {
    serde_json::from_value(json.clone()).unwrap()
}

fn of<T: serde::de::DeserializeOwned>(json: &Value) -> T {
    serde_json::from_value(json.clone()).unwrap()
}

fn verify(root: B256, key: impl AsRef<[u8]>, value: Option<&dyn Encodable>, proof: &Value) {
    let value = value.map(|value| {
        let mut rlp = Vec::new();
        value.encode(&mut rlp);
        rlp
    });
    verify_proof(root, Nibbles::unpack(keccak256(key)), value, &nodes(proof)).unwrap();
}

/// Checks all of an answer against the header of its block.
async fn check(chain: &TestChain, block: &str, address: Address, keys: Value) -> Value {
    let header = chain.ask("eth_getBlockByNumber", json!([block, false])).await;
    let proof = chain.ask("eth_getProof", json!([address, keys, block])).await;
    let (nonce, balance): (U256, U256) = (of(&proof["nonce"]), of(&proof["balance"]));
    let storage_root = of(&proof["storageHash"]);
    let leaf =
        TrieAccount { nonce: nonce.to(), balance, storage_root, code_hash: of(&proof["codeHash"]) };
    let exists = leaf.code_hash != B256::ZERO;
    let leaf: Option<&dyn Encodable> = exists.then_some(&leaf);
    verify(of(&header["stateRoot"]), address, leaf, &proof["accountProof"]);
    for slot in proof["storageProof"].as_array().unwrap() {
        let (key, value): (U256, U256) = (of(&slot["key"]), of(&slot["value"]));
        let value: Option<&dyn Encodable> =
            if value.is_zero() { None } else { Some(&value.clone()) };
        if exists {
            verify(storage_root, key.to_be_bytes::<32>(), value, &slot["proof"]);
        } else {
            assert_eq!(slot["proof"], json!([]));
        }
    }
    proof
}

#[tokio::test]
async fn accounts_and_slots_are_proved_in_every_block() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    for nonce in 0..6 {
        chain.mine(vec![dynamic(1, nonce, TxKind::Call(contract), Bytes::new())]);
    }
    let keys = json!(["0x0", "0x00", B256::ZERO, "0x7f"]);
    for block in ["0x0", "0x1", "0x2", "0x5", "0x7", "latest", "earliest"] {
        for address in [contract, account(0), account(1), account(7), Address::repeat_byte(0xbe)] {
            check(&chain, block, address, keys.clone()).await;
        }
    }
    let before = check(&chain, "0x1", contract, keys.clone()).await;
    let after = check(&chain, "0x2", contract, keys.clone()).await;
    let values = |proof: &Value| proof["storageProof"][0]["value"].clone();
    assert_eq!((values(&before), values(&after)), (json!("0x0"), json!("0x7")));
    let echoed = [json!("0x0"), json!("0x0"), json!(B256::ZERO), json!("0x7f")];
    for (slot, key) in after["storageProof"].as_array().unwrap().iter().zip(echoed) {
        assert_eq!(slot["key"], key);
    }
    // The block may be left out; nobody has this address.
    let latest = chain.ask("eth_getProof", json!([contract, []])).await;
    assert_eq!(latest, chain.ask("eth_getProof", json!([contract, [], "pending"])).await);
    let nobody = chain.ask("eth_getProof", json!([Address::repeat_byte(3), ["0x1"]])).await;
    assert_eq!(
        (&nobody["codeHash"], &nobody["storageHash"]),
        (&json!(B256::ZERO), &json!(B256::ZERO))
    );
    assert_eq!(nobody["storageProof"], json!([{"key": "0x1", "value": "0x0", "proof": []}]));
}

#[tokio::test]
async fn what_cannot_be_proved_is_refused() {
    let limits = RpcLimits { proof_slots_max: 3, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let address = account(0);
    chain.ask("eth_getProof", json!([address, ["0x1", "0x2", "0x3"]])).await;
    for (params, code, words) in [
        (json!([address]), -32602, "missing value for required argument 1"),
        (json!([address, null]), -32602, "missing value for required argument 1"),
        (json!([address, "0x1"]), -32602, "list of storage keys"),
        (json!([address, [7]]), -32602, "storage key 0"),
        (json!([address, ["0x0", "0xg"]]), -32602, "storage key 1: hex string invalid"),
        (json!([address, [format!("0x{}", "0".repeat(65))]]), -32602, "at most 32 bytes"),
        (json!([address, ["0x1", "0x2", "0x3", "0x4"]]), -32602, "too many slots (max 3)"),
        (json!([address, [], "0x9"]), -32000, "header not found"),
    ] {
        let (found, text) = chain.refusal("eth_getProof", params.clone()).await;
        assert!(found == code && text.contains(words), "{params}: {found} {text}");
    }
}

#[tokio::test]
async fn proofs_reach_back_as_far_as_the_tries_and_no_further() {
    let chain = TestChain::new();
    for _ in 0..330 {
        chain.mine(vec![]);
    }
    for block in ["0x4a", "0x14a", "0xa"] {
        check(&chain, block, account(0), json!(["0x0"])).await;
    }
    let (code, words) = chain.refusal("eth_getProof", json!([account(0), [], "0x9"])).await;
    assert_eq!(code, 4444);
    assert!(words.ends_with("reach back to block 10"), "{words}");
}

#[tokio::test]
async fn a_proof_of_many_slots_ends_in_time() {
    let limits = RpcLimits { proof_time_ms_max: 0, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let keys = |count: u64| (0..count).map(|key| format!("{key:#x}")).collect::<Vec<_>>();
    chain.ask("eth_getProof", json!([account(0), keys(64)])).await;
    let (code, words) = chain.refusal("eth_getProof", json!([account(0), keys(65)])).await;
    assert_eq!((code, words.as_str()), (-32000, "execution aborted (timeout = 0s)"));
}
