//! `testing_buildBlockV1`.

use crate::chain::{TestChain, account, raw, transfer};
use alloy_primitives::{Address, B256};
use mfenx_primitives::CommittedBlock;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

const METHOD: &str = "testing_buildBlockV1";

/// The attributes with which a test chain made a block.
fn attributes_of(chain: &TestChain, block: &CommittedBlock) -> Value {
    let header = block.block.header();
    let reader = chain.store.reader().unwrap();
    let parent = reader.header(header.number - 1).unwrap().unwrap();
    json!({
        "timestamp": format!("{:#x}", header.timestamp),
        "prevRandao": header.mix_hash,
        "suggestedFeeRecipient": header.beneficiary,
        "withdrawals": [],
        "parentBeaconBlockRoot": B256::ZERO,
        "targetGasLimit": format!("{:#x}", parent.gas_limit),
    })
}

fn attributes(timestamp: u64) -> Value {
    json!({
        "timestamp": format!("{timestamp:#x}"),
        "prevRandao": B256::ZERO,
        "suggestedFeeRecipient": Address::ZERO,
        "withdrawals": [],
        "parentBeaconBlockRoot": B256::ZERO,
    })
}

#[tokio::test]
async fn a_block_of_the_chain_is_built_again_on_its_parent() {
    let chain = TestChain::new();
    let to = Address::repeat_byte(7);
    let calls = [transfer(0, 0, to, 5), transfer(1, 0, to, 6)];
    let block = chain.mine(calls.to_vec());
    let later = chain.mine(vec![transfer(0, 1, to, 7)]);
    let (header, attributes) = (block.block.header(), attributes_of(&chain, &block));
    let params = json!([header.parent_hash, attributes, [raw(&calls[0]), raw(&calls[1])], "0x"]);
    let built = chain.ask(METHOD, params).await;
    let payload = &built["executionPayload"];
    assert_eq!(payload["blockHash"], json!(block.block.hash()));
    assert_eq!(payload["stateRoot"], json!(header.state_root));
    assert_eq!(payload["transactions"], json!([raw(&calls[0]), raw(&calls[1])]));
    assert_eq!(built["blobsBundle"], json!({ "commitments": [], "proofs": [], "blobs": [] }));
    assert_eq!(
        (&built["executionRequests"], &built["shouldOverrideBuilder"]),
        (&json!([]), &json!(false))
    );
    let tip = 5_000_000_000 - u128::from(header.base_fee_per_gas.unwrap());
    assert_eq!(built["blockValue"], format!("{:#x}", 2 * 21_000 * tip));
    let head = chain.ask("eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(head["hash"], json!(later.block.hash()), "nothing was committed");
}

#[tokio::test]
async fn null_takes_from_the_pool_and_an_empty_list_takes_nothing() {
    let chain = TestChain::new();
    let parent = chain.spec.genesis_header();
    let waiting = [transfer(0, 0, Address::ZERO, 1), transfer(1, 0, Address::ZERO, 1)];
    for transaction in &waiting {
        chain.ask("eth_sendRawTransaction", json!([raw(transaction)])).await;
    }
    let attributes = attributes(parent.timestamp + 9);
    let built = chain.ask(METHOD, json!([parent.hash(), attributes, null, "0x6d66"])).await;
    let payload = &built["executionPayload"];
    assert_eq!(payload["transactions"].as_array().unwrap().len(), 2);
    assert_eq!((&payload["extraData"], &payload["gasUsed"]), (&json!("0x6d66"), &json!("0xa410")));
    let built = chain.ask(METHOD, json!([parent.hash(), attributes, []])).await;
    assert_eq!(built["executionPayload"]["transactions"], json!([]));
    assert_eq!(built["executionPayload"]["extraData"], "0x");
    assert_eq!(built["blockValue"], "0x0");
    assert_eq!(chain.pool.status().pending, 2, "they still wait");
}

#[tokio::test]
async fn every_transaction_of_a_list_must_fit() {
    let chain = TestChain::new();
    let parent = chain.spec.genesis_header();
    let attributes = attributes(parent.timestamp + 9);
    let good = raw(&transfer(0, 0, Address::ZERO, 1));
    for (bad, part) in [
        (raw(&transfer(0, 5, Address::ZERO, 1)), "nonce"),
        ("0x".to_owned(), "invalid transaction 1"),
        ("0x02c0".to_owned(), "invalid transaction 1"),
        (format!("{good}00"), "invalid transaction 1"),
    ] {
        let params = json!([parent.hash(), attributes, [good, bad]]);
        let (code, words) = chain.refusal(METHOD, params).await;
        assert_eq!(code, -32000, "{words}");
        assert!(words.contains(part), "{words}");
    }
    let unknown = json!([B256::repeat_byte(9), attributes, []]);
    assert_eq!(chain.refusal(METHOD, unknown).await.0, -32000);
}

#[tokio::test]
async fn attributes_that_contradict_the_rules_are_bad_parameters() {
    let chain = TestChain::new();
    let parent = chain.spec.genesis_header();
    let good = attributes(parent.timestamp + 9);
    let without = |field: &str| {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(field);
        bad
    };
    for bad in [
        attributes(parent.timestamp),
        without("timestamp"),
        without("prevRandao"),
        without("suggestedFeeRecipient"),
        without("withdrawals"),
        without("parentBeaconBlockRoot"),
    ] {
        let (code, words) = chain.refusal(METHOD, json!([parent.hash(), bad, []])).await;
        assert_eq!(code, -32602, "{bad}");
        assert!(words.starts_with("invalid argument 1: "), "{words}");
    }
    let long = format!("0x{}", "11".repeat(33));
    let (code, _) = chain.refusal(METHOD, json!([parent.hash(), good, [], long])).await;
    assert_eq!(code, -32602, "extra data of 33 bytes");
}

#[tokio::test]
async fn building_ends_with_its_time() {
    let limits = RpcLimits { build_time_ms_max: 0, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let parent = chain.spec.genesis_header();
    let transaction = raw(&transfer(0, 0, account(1), 1));
    let params = json!([parent.hash(), attributes(parent.timestamp + 9), [transaction]]);
    let (code, _) = chain.refusal(METHOD, params).await;
    assert_eq!(code, -32002);
}
