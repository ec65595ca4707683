//! Raw encodings, headers and ommers.

use crate::chain::{TestChain, account, dynamic, raw, transfer};
use alloy_consensus::Header;
use alloy_eips::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, hex, keccak256};
use alloy_rlp::Decodable;
use mfenx_primitives::{Block, Receipt};
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn raw_encodings_decode_to_what_is_there() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let (legacy, typed) =
        (transfer(0, 1, Address::repeat_byte(7), 5), dynamic(1, 0, contract.into(), Bytes::new()));
    let committed = chain.mine(vec![legacy.clone(), typed.clone()]);
    for id in [json!("0x2"), json!("latest"), json!(committed.block.hash())] {
        let header = bytes(&chain.ask("debug_getRawHeader", json!([id])).await);
        assert_eq!(Header::decode(&mut &header[..]).unwrap(), *committed.block.header());
        let block = bytes(&chain.ask("debug_getRawBlock", json!([id])).await);
        assert_eq!(Block::decode(&mut &block[..]).unwrap(), *committed.block.block());
        let receipts = chain.ask("debug_getRawReceipts", json!([id])).await;
        let decoded: Vec<_> = receipts.as_array().unwrap().iter().map(bytes).collect();
        assert_eq!(decoded.len(), 2);
        assert_eq!(decoded[1][0], 2, "the type stands before the receipt");
        for (raw, receipt) in decoded.iter().zip(committed.receipts.iter()) {
            assert_eq!(&Receipt::decode_2718_exact(raw).unwrap(), receipt);
            assert_eq!(*raw, receipt.encoded_2718());
        }
    }
    for (index, transaction) in [&legacy, &typed].into_iter().enumerate() {
        let (hash, place) = (transaction.tx_hash(), format!("{index:#x}"));
        for (method, params) in [
            ("debug_getRawTransaction", json!([hash])),
            ("eth_getRawTransactionByHash", json!([hash])),
            ("eth_getRawTransactionByBlockNumberAndIndex", json!(["0x2", place])),
            ("eth_getRawTransactionByBlockHashAndIndex", json!([committed.block.hash(), place])),
        ] {
            assert_eq!(chain.ask(method, params).await, raw(transaction), "{method}");
        }
    }
    assert_eq!(chain.ask("debug_getBadBlocks", json!([])).await, json!([]));
}

#[tokio::test]
async fn what_waits_in_the_pool_has_bytes_too() {
    let chain = TestChain::new();
    let waiting = transfer(0, 0, Address::ZERO, 1);
    chain.ask("eth_sendRawTransaction", json!([raw(&waiting)])).await;
    for method in ["debug_getRawTransaction", "eth_getRawTransactionByHash"] {
        assert_eq!(chain.ask(method, json!([waiting.tx_hash()])).await, raw(&waiting));
    }
    let by_nonce = "eth_getTransactionBySenderAndNonce";
    let found = chain.ask(by_nonce, json!([account(0), "0x0"])).await;
    assert_eq!((&found["hash"], &found["blockHash"]), (&json!(waiting.tx_hash()), &Value::Null));
    assert_eq!(chain.ask(by_nonce, json!([account(0), "0x1"])).await, Value::Null);
    chain.mine(vec![waiting]);
    let found = chain.ask(by_nonce, json!([account(0), "0x0"])).await;
    assert_eq!(found["blockNumber"], "0x1");
}

#[tokio::test]
async fn unknown_blocks_are_errors_and_unknown_transactions_are_nothing() {
    let chain = TestChain::new();
    let hash = B256::repeat_byte(9);
    for method in ["debug_getRawHeader", "debug_getRawBlock", "debug_getRawReceipts"] {
        for id in [json!("0x9"), json!(hash), json!("pending")] {
            assert_eq!(chain.refusal(method, json!([id])).await.0, -32000, "{method} {id}");
        }
        let (code, words) = chain.refusal(method, json!(["2"])).await;
        assert_eq!(code, -32602);
        assert_eq!(words, "invalid argument 0: hex string without 0x prefix");
    }
    for (method, params) in [
        ("debug_getRawTransaction", json!([hash])),
        ("eth_getRawTransactionByHash", json!([hash])),
        ("eth_getRawTransactionByBlockHashAndIndex", json!([hash, "0x0"])),
        ("eth_getRawTransactionByBlockNumberAndIndex", json!(["0x0", "0x0"])),
        ("eth_getRawTransactionByBlockNumberAndIndex", json!(["pending", "0x0"])),
        ("eth_getHeaderByNumber", json!(["0x9"])),
        ("eth_getHeaderByHash", json!([hash])),
        ("erigon_getHeaderByNumber", json!([9])),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x0", "0x0"])),
        ("eth_getUncleByBlockNumberAndIndex", json!(["pending", "0x0"])),
        ("eth_getUncleByBlockHashAndIndex", json!([hash, "0x0"])),
    ] {
        let nothing = if method.contains("Raw") { json!("0x") } else { Value::Null };
        assert_eq!(chain.ask(method, params.clone()).await, nothing, "{method} {params}");
    }
    assert_eq!(chain.refusal("debug_getRawTransaction", json!(["0x1"])).await.0, -32602);
}

#[tokio::test]
async fn a_header_is_a_block_without_its_body() {
    let chain = TestChain::new();
    chain.deploy();
    let mut block = chain.ask("eth_getBlockByNumber", json!(["0x1", false])).await;
    for field in ["size", "transactions", "uncles", "withdrawals"] {
        block.as_object_mut().unwrap().remove(field).unwrap();
    }
    assert_eq!(chain.ask("eth_getHeaderByNumber", json!(["latest"])).await, block);
    assert_eq!(chain.ask("eth_getHeaderByHash", json!([block["hash"]])).await, block);
    for number in [json!(1), json!("0x1"), json!("latest")] {
        assert_eq!(chain.ask("erigon_getHeaderByNumber", json!([number])).await, block);
    }
}

/// SSTORE of calldata[32..64] at calldata[0..32].
const STORER: Bytes = alloy_primitives::bytes!("6008600c60003960086000f3" "6020356000355500");

#[tokio::test]
async fn storage_ranges_are_those_before_a_transaction() {
    let limits = RpcLimits { storage_range_slots_max: 3, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    chain.mine(vec![dynamic(0, 0, alloy_primitives::TxKind::Create, STORER)]);
    let contract = account(0).create(0);
    let store = |nonce, slot: u8, value: u8| {
        let input = [B256::with_last_byte(slot), B256::with_last_byte(value)].concat();
        dynamic(1, nonce, contract.into(), input.into())
    };
    chain.mine((0..4).map(|slot| store(slot.into(), slot, slot + 1)).collect());
    chain.mine(vec![store(4, 0, 0), store(5, 1, 9), store(6, 9, 9)]);
    let method = "debug_storageRangeAt";
    let ask = |block: &str, index: u64, from: String, most: u64| {
        chain.ask(method, json!([block, index, contract, from, most]))
    };
    let hash = |slot: u8| keccak256(B256::with_last_byte(slot));
    let mut hashes: Vec<_> = (0..4).map(hash).collect();
    hashes.sort_unstable();

    let before = ask("0x3", 0, "0x".into(), 9).await;
    assert_eq!(before["storage"].as_object().unwrap().len(), 3, "the limit");
    assert_eq!(before["nextKey"], json!(hashes[3]));
    let entry = |value: u8| json!({ "key": null, "value": B256::with_last_byte(value) });
    let rest = ask("0x3", 0, hashes[3].to_string(), 9).await;
    let last = (0..4).find(|slot| hash(*slot) == hashes[3]).unwrap();
    assert_eq!(
        rest,
        json!({ "storage": { hashes[3].to_string(): entry(last + 1) }, "nextKey": null })
    );
    assert_eq!(
        ask("0x3", 0, hashes[3].to_string()[..4].into(), 1).await["storage"],
        rest["storage"]
    );
    assert_eq!(ask("0x3", 0, "0x".into(), 0).await["nextKey"], json!(hashes[0]));

    // After two transactions slot 0 is gone and slot 1 has another value and its name.
    let later = ask("0x3", 2, "0x".into(), 9).await;
    let slots = later["storage"].as_object().unwrap();
    assert_eq!((slots.len(), &later["nextKey"]), (3, &Value::Null));
    assert!(!slots.contains_key(&hash(0).to_string()));
    let named = json!({ "key": B256::with_last_byte(1), "value": B256::with_last_byte(9) });
    assert_eq!(slots[&hash(1).to_string()], named);
    assert_eq!(slots[&hash(2).to_string()], entry(3));
    let empty = json!({ "storage": {}, "nextKey": null });
    let nobody = json!(["0x3", 1, Address::repeat_byte(9), "0x", 5]);
    assert_eq!(chain.ask(method, nobody).await, empty);

    for (params, code) in [
        (json!(["0x3", 3, contract, "0x", 5]), -32602),
        (json!(["0x3", 0, contract, format!("0x{}", "00".repeat(33)), 5]), -32602),
        (json!(["0x0", 0, contract, "0x", 5]), -32000),
        (json!(["0x9", 0, contract, "0x", 5]), -32000),
        (json!(["pending", 0, contract, "0x", 5]), -32000),
    ] {
        assert_eq!(chain.refusal(method, params.clone()).await.0, code, "{params}");
    }
}
