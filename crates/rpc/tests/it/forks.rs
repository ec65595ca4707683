//! What a node says of its rules and of what it keeps.

use crate::chain::TestChain;
use serde_json::{Value, json};

#[tokio::test]
async fn the_rules_in_force_are_told() {
    let chain = TestChain::new();
    let config = chain.ask("eth_config", json!([])).await;
    assert_eq!((&config["next"], &config["last"]), (&Value::Null, &Value::Null));
    let current = &config["current"];
    assert_eq!(current["activationTime"], 0, "every fork is in force since genesis");
    assert_eq!(current["chainId"], format!("{:#x}", chain.spec.chain_id()));
    let fork_id = chain.spec.fork_hash_at(u64::MAX);
    assert_eq!(current["forkId"], alloy_primitives::hex::encode_prefixed(fork_id));
    assert_eq!(current["precompiles"].as_object().unwrap().len(), 24);
    assert_eq!(current["systemContracts"].as_object().unwrap().len(), 5);
    let blobs = chain.spec.blob_params_at(u64::MAX).unwrap();
    assert_eq!(current["blobSchedule"]["max"], blobs.max_blob_count);
}

#[tokio::test]
async fn what_is_kept_is_told() {
    let chain = TestChain::new();
    chain.mine(vec![]);
    let head = chain.mine(vec![]);
    let kept = chain.ask("eth_capabilities", json!([])).await;
    assert_eq!(kept["head"], json!({ "number": "0x2", "hash": head.block.hash() }));
    let for_good = json!({ "disabled": false, "oldestBlock": "0x0" });
    for resource in ["state", "tx", "logs", "receipts", "blocks"] {
        assert_eq!(kept[resource], for_good, "{resource}");
    }
    let proofs = &kept["stateproofs"];
    assert_eq!(proofs["oldestBlock"], "0x0");
    assert_eq!(proofs["deleteStrategy"]["type"], "window");
    assert_eq!(kept.as_object().unwrap().len(), 7);
}
