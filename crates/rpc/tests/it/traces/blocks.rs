//! Whole blocks.

use super::*;
use alloy_rlp::Encodable;

#[tokio::test]
async fn a_block_is_traced_by_number_hash_and_encoding_like_its_transactions_one_by_one() {
    let zoo = Zoo::new();
    let chain = &zoo.chain;
    let config = json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}});
    let number = format!("{:#x}", zoo.block);
    let reader = chain.store.reader().unwrap();
    let block = reader.block(zoo.block).unwrap().unwrap();
    let (hash, mut encoded) = (block.hash(), Vec::new());
    block.block().encode(&mut encoded);
    let traces = chain.ask("debug_traceBlockByNumber", json!([number, config])).await;
    let by_hash = chain.ask("debug_traceBlockByHash", json!([hash, config])).await;
    let by_encoding =
        chain.ask("debug_traceBlock", json!([hex::encode_prefixed(&encoded), config]));
    assert_eq!((&by_hash, &by_encoding.await), (&traces, &traces));
    let traces = traces.as_array().unwrap();
    assert_eq!(traces.len(), zoo.hashes.len());
    for (index, trace) in traces.iter().enumerate() {
        assert_eq!(trace["txHash"], json!(zoo.hashes[index]));
        assert_eq!(trace["result"], zoo.trace(index, config.clone()).await);
    }
}

#[tokio::test]
async fn blocks_that_cannot_be_traced() {
    let zoo = Zoo::new();
    let chain = &zoo.chain;
    let genesis = chain.spec.genesis_header().hash();
    let nowhere = B256::repeat_byte(9);
    for (method, params, expected) in [
        ("debug_traceBlockByNumber", json!(["0x0"]), (-32000, "genesis is not traceable".into())),
        ("debug_traceBlockByHash", json!([genesis]), (-32000, "genesis is not traceable".into())),
        (
            "debug_traceBlockByHash",
            json!([nowhere]),
            (-32000, format!("block {nowhere} not found")),
        ),
        ("debug_traceBlockByNumber", json!(["0xff"]), (-32000, "block #255 not found".into())),
        ("debug_traceTransaction", json!([nowhere]), (-32000, "transaction not found".into())),
    ] {
        assert_eq!(chain.refusal(method, params).await, expected);
    }
    let reader = chain.store.reader().unwrap();
    let mut block = reader.block(zoo.block).unwrap().unwrap().into_block();
    let encoded = |block: &mfenx_primitives::Block| {
        let mut bytes = Vec::new();
        block.encode(&mut bytes);
        json!([hex::encode_prefixed(bytes)])
    };
    block.body.transactions.remove(1);
    // The nonces no longer follow.
    let (code, words) = chain.refusal("debug_traceBlock", encoded(&block)).await;
    assert!(code == -32000 && words.starts_with("nonce too high"), "{words}");
    // Nobody brings more gas than a block of this chain could have, or a call.
    let most = 2 * chain.spec.genesis_header().gas_limit;
    block.header.gas_limit = most;
    let (code, _) = chain.refusal("debug_traceBlock", encoded(&block)).await;
    assert_eq!(code, -32000, "the nonces again");
    block.header.gas_limit = most + 1;
    let (code, words) = chain.refusal("debug_traceBlock", encoded(&block)).await;
    assert!(code == -32602 && words.contains("gas limit exceeds"), "{words}");
    block.header.parent_hash = nowhere;
    let (code, words) = chain.refusal("debug_traceBlock", encoded(&block)).await;
    assert!(code == -32000 && words.starts_with("block parent 0x"), "{words}");
    let (code, _) = chain.refusal("debug_traceBlock", json!(["0xc0"])).await;
    assert_eq!(code, -32602);
    for method in ["trace_block", "trace_transaction"] {
        assert!(chain.ask(method, json!([nowhere])).await.is_null(), "{method}");
    }
    assert_eq!(chain.ask("trace_block", json!(["0x0"])).await, json!([]));
    let (_, words) = chain.refusal("trace_replayTransaction", json!([nowhere, ["trace"]])).await;
    assert_eq!(words, "transaction not found");
    let unknown = json!([zoo.hashes[0], ["gas"]]);
    assert_eq!(chain.refusal("trace_replayTransaction", unknown).await.0, -32602);
}

#[tokio::test]
async fn all_views_of_a_block_are_those_of_its_transactions() {
    let zoo = Zoo::new();
    let (number, types) = (format!("{:#x}", zoo.block), json!(["trace", "vmTrace", "stateDiff"]));
    let all = zoo.chain.ask("trace_replayBlockTransactions", json!([number, types])).await;
    let mut listed = Vec::new();
    for (index, hash) in zoo.hashes.iter().enumerate() {
        let mut one = zoo.chain.ask("trace_replayTransaction", json!([hash, types])).await;
        assert!(one["vmTrace"]["ops"].is_array());
        one["transactionHash"] = json!(hash);
        assert_eq!(all[index], one);
        let calls = zoo.chain.ask("trace_transaction", json!([hash])).await;
        listed.extend(calls.as_array().unwrap().clone());
    }
    assert_eq!(zoo.chain.ask("trace_block", json!([number])).await, json!(listed));
}
