//! `ots_*` on small histories.

use crate::chain::{INIT_CODE, TestChain, account, dynamic, paying, transfer};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes};
use mfenx_primitives::Transaction;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

/// Sends the ether it gets to the address in the calldata.
const FORWARDER: Bytes = bytes!("600f600c600039600f6000f3" "6000600060006000346000355af100");
/// Creates a contract whose init code is the calldata.
const FACTORY: Bytes = bytes!("600d600c600039600d6000f3" "3660006000373660006000f000");

fn word(address: Address) -> Bytes {
    address.into_word().to_vec().into()
}

fn create(from: u32, nonce: u64, code: Bytes) -> Transaction {
    dynamic(from, nonce, TxKind::Create, code)
}

fn hashes(page: &Value) -> Vec<&Value> {
    page["txs"].as_array().unwrap().iter().map(|transaction| &transaction["hash"]).collect()
}

#[tokio::test]
async fn calls_operations_and_errors_of_a_transaction() {
    let chain = TestChain::new();
    chain.mine(vec![create(0, 0, FORWARDER), create(0, 1, FACTORY), create(0, 2, INIT_CODE)]);
    let [forwarder, factory, contract] = [0, 1, 2].map(|nonce| account(0).create(nonce));
    let target = Address::repeat_byte(0x77);
    let pay = paying(1, 0, forwarder, 5, word(target));
    let make = dynamic(1, 1, factory.into(), INIT_CODE);
    let fail = dynamic(1, 2, contract.into(), bytes!("abcd"));
    chain.mine(vec![pay.clone(), make.clone(), fail.clone()]);

    let calls = chain.ask("ots_traceTransaction", json!([pay.tx_hash()])).await;
    let expected = json!([
        { "type": "CALL", "depth": 0, "from": account(1), "to": forwarder, "value": "0x5",
          "input": word(target), "output": "0x" },
        { "type": "CALL", "depth": 1, "from": forwarder, "to": target, "value": "0x5",
          "input": "0x", "output": "0x" },
    ]);
    assert_eq!(calls, expected);
    let operations = chain.ask("ots_getInternalOperations", json!([pay.tx_hash()])).await;
    let transfer = json!([{ "type": 0, "from": forwarder, "to": target, "value": "0x5" }]);
    assert_eq!(operations, transfer);

    let made = factory.create(1);
    let calls = chain.ask("ots_traceTransaction", json!([make.tx_hash()])).await;
    let inner = &calls[1];
    assert_eq!((&inner["type"], &inner["depth"]), (&json!("CREATE"), &json!(1)));
    assert_eq!((&inner["to"], &inner["input"]), (&json!(made), &json!(INIT_CODE)));
    assert_eq!(inner["output"], chain.ask("eth_getCode", json!([made, "latest"])).await);
    let operations = chain.ask("ots_getInternalOperations", json!([make.tx_hash()])).await;
    assert_eq!(operations, json!([{ "type": 2, "from": factory, "to": made, "value": "0x0" }]));

    let error = |transaction: &Transaction| json!([transaction.tx_hash()]);
    assert_eq!(chain.ask("ots_getTransactionError", error(&fail)).await, "0xabcd");
    assert_eq!(chain.ask("ots_getTransactionError", error(&pay)).await, "0x");
    for method in ["ots_traceTransaction", "ots_getInternalOperations", "ots_getTransactionError"] {
        assert_eq!(chain.refusal(method, json!([B256::repeat_byte(9)])).await.0, -32000);
    }

    // By a transaction, and by a contract inside of one.
    for (contract, hash, creator) in
        [(made, *make.tx_hash(), factory), (factory, B256::ZERO, account(0))]
    {
        let found = chain.ask("ots_getContractCreator", json!([contract])).await;
        assert_eq!(found["creator"], json!(creator));
        assert!(hash.is_zero() || found["hash"] == json!(hash));
    }
    let genesis: Address = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02".parse().unwrap();
    for nobody in [account(0), Address::ZERO, genesis] {
        let found = chain.ask("ots_getContractCreator", json!([nobody])).await;
        assert_eq!(found, Value::Null, "{nobody}");
    }
}

#[tokio::test]
async fn a_history_holds_calls_inside_and_not_mere_looks() {
    let chain = TestChain::new();
    chain.mine(vec![create(0, 0, FORWARDER)]);
    let forwarder = account(0).create(0);
    // PUSH20 target, BALANCE, STOP: it looks at the account and leaves it alone.
    let target = Address::repeat_byte(0x77);
    let looks = [&[0x73][..], target.as_slice(), &[0x31, 0x00]].concat();
    let look = create(2, 0, looks.into());
    let pay = paying(1, 0, forwarder, 5, word(target));
    let direct = transfer(3, 0, target, 1);
    chain.mine(vec![look, pay.clone(), direct.clone()]);
    let page = chain.ask("ots_searchTransactionsBefore", json!([target, 0, 25])).await;
    assert_eq!(hashes(&page), [&json!(direct.tx_hash()), &json!(pay.tx_hash())]);
    assert_eq!((&page["firstPage"], &page["lastPage"]), (&json!(true), &json!(true)));
    let receipt = &page["receipts"][0];
    assert_eq!(receipt["transactionHash"], json!(direct.tx_hash()));
    assert_eq!((&receipt["logs"], &receipt["logsBloom"]), (&Value::Null, &Value::Null));
    assert_eq!((&receipt["gasUsed"], &receipt["status"]), (&json!("0x5208"), &json!("0x1")));
    let header = chain.ask("eth_getHeaderByNumber", json!(["latest"])).await;
    assert_eq!(receipt["timestamp"], header["timestamp"]);
    let same = chain.ask("ots_searchTransactionsAfter", json!([target, 0, 25])).await;
    assert_eq!(same, page);
    let nobody = chain.ask("ots_searchTransactionsBefore", json!([Address::ZERO, 0, 25])).await;
    let empty = json!({ "txs": [], "receipts": [], "firstPage": true, "lastPage": true });
    assert_eq!(nobody, empty);
}

/// Blocks 1 to 4 with two transactions each from the same account, the last with none.
async fn eight() -> (TestChain, Vec<Value>) {
    let (chain, to) = (TestChain::new(), Address::repeat_byte(7));
    let mut hashes = Vec::new();
    for block in 0..4 {
        let pair = [transfer(0, 2 * block, to, 1), transfer(0, 2 * block + 1, to, 1)];
        hashes.extend(pair.iter().map(|transaction| json!(transaction.tx_hash())));
        chain.mine(pair.to_vec());
    }
    chain.mine(vec![]);
    (chain, hashes)
}

#[tokio::test]
async fn pages_hold_whole_blocks_and_know_the_ends() {
    let (chain, hashes_of) = eight().await;
    let latest_first =
        |range: std::ops::Range<usize>| -> Vec<_> { hashes_of[range].iter().rev().collect() };
    // Method, block, size; what comes; whether it is the first and the last page.
    for (method, block, size, range, first, last) in [
        ("ots_searchTransactionsBefore", 0, 3, 4..8, true, false),
        ("ots_searchTransactionsBefore", 3, 3, 0..4, false, true),
        ("ots_searchTransactionsBefore", 3, 1, 2..4, false, false),
        ("ots_searchTransactionsBefore", 99, 100, 0..8, true, true),
        ("ots_searchTransactionsBefore", 1, 3, 0..0, false, true),
        ("ots_searchTransactionsAfter", 0, 3, 0..4, false, true),
        ("ots_searchTransactionsAfter", 2, 3, 4..8, true, false),
        ("ots_searchTransactionsAfter", 2, 1, 4..6, false, false),
        ("ots_searchTransactionsAfter", 5, 3, 0..0, true, false),
        ("ots_searchTransactionsAfter", u64::MAX, 3, 0..0, true, false),
    ] {
        let page = chain.ask(method, json!([account(0), block, size])).await;
        let place = format!("{method} {block} {size}");
        assert_eq!(hashes(&page), latest_first(range), "{place}");
        assert_eq!(
            (&page["firstPage"], &page["lastPage"]),
            (&json!(first), &json!(last)),
            "{place}"
        );
    }
}

#[tokio::test]
async fn pages_and_searches_are_bounded() {
    let limits = RpcLimits { ots_page_size_max: 2, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    for (method, first) in [
        ("ots_searchTransactionsBefore", json!(account(0))),
        ("ots_searchTransactionsAfter", json!(account(0))),
        ("ots_getBlockTransactions", json!(0)),
    ] {
        chain.ask(method, json!([first, 0, 2])).await;
        let (code, words) = chain.refusal(method, json!([first, 0, 3])).await;
        assert_eq!(
            (code, words.as_str()),
            (-32602, "invalid argument 2: max allowed page size: 2")
        );
    }
    let limits = RpcLimits { trace_time_ms_max: 0, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let call = transfer(0, 0, Address::ZERO, 1);
    chain.mine(vec![call.clone()]);
    for (method, params) in [
        ("ots_searchTransactionsBefore", json!([account(0), 0, 2])),
        ("ots_traceTransaction", json!([call.tx_hash()])),
    ] {
        let (code, words) = chain.refusal(method, params).await;
        assert!(![-32603, -32005].contains(&code), "{method}: {words}");
    }
    let limits = RpcLimits { trace_bytes_max: 10, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    chain.mine(vec![call.clone()]);
    assert_eq!(chain.refusal("ots_traceTransaction", json!([call.tx_hash()])).await.0, -32003);
}

#[tokio::test]
async fn details_and_pages_of_a_block() {
    let (chain, hashes) = eight().await;
    let mut block = chain.ask("eth_getBlockByNumber", json!(["0x2", true])).await;
    let details = chain.ask("ots_getBlockDetails", json!([2])).await;
    let by_hash = chain.ask("ots_getBlockDetailsByHash", json!([block["hash"]])).await;
    assert_eq!(details, by_hash);
    let zero = json!({ "blockReward": "0x0", "uncleReward": "0x0", "issuance": "0x0" });
    assert_eq!(details["issuance"], zero);
    let fees = 2_u64 * 21_000 * 5_000_000_000;
    assert_eq!(details["totalFees"], format!("{:#x}", U256::from(fees)));
    let mut slim = details["block"].clone();
    let fields = slim.as_object_mut().unwrap();
    assert_eq!(fields.remove("transactionCount").unwrap(), 2);
    assert_eq!(fields.remove("totalDifficulty").unwrap(), "0x0");
    let transactions = block.as_object_mut().unwrap().remove("transactions").unwrap();
    assert_eq!(slim, block);

    let page = chain.ask("ots_getBlockTransactions", json!([2, 0, 1])).await;
    assert_eq!(page["fullblock"]["transactions"], json!([transactions[1]]));
    assert_eq!(page["fullblock"]["transactionCount"], 2);
    assert_eq!(page["receipts"][0]["transactionHash"], hashes[3]);
    assert_eq!(page["receipts"][0]["cumulativeGasUsed"], "0xa410");
    let earlier = chain.ask("ots_getBlockTransactions", json!(["0x2", 1, 1])).await;
    assert_eq!(earlier["receipts"][0]["transactionHash"], hashes[2]);
    let none = chain.ask("ots_getBlockTransactions", json!([2, 2, 1])).await;
    assert_eq!((&none["receipts"], &none["fullblock"]["transactions"]), (&json!([]), &json!([])));
    for (method, params) in [
        ("ots_getBlockDetails", json!([99])),
        ("ots_getBlockDetailsByHash", json!([B256::repeat_byte(9)])),
        ("ots_getBlockTransactions", json!([99, 0, 1])),
    ] {
        assert_eq!(chain.ask(method, params).await, Value::Null, "{method}");
    }
}

#[tokio::test]
async fn inputs_are_cropped_to_the_selector_and_the_hash_stays() {
    let chain = TestChain::new();
    let call = dynamic(0, 0, Address::repeat_byte(7).into(), bytes!("0102030405060708"));
    chain.mine(vec![call.clone()]);
    let page = chain.ask("ots_getBlockTransactions", json!([1, 0, 5])).await;
    let shown = &page["fullblock"]["transactions"][0];
    assert_eq!((&shown["input"], &shown["hash"]), (&json!("0x01020304"), &json!(call.tx_hash())));
}

#[tokio::test]
async fn nonces_levels_and_code() {
    let (chain, hashes) = eight().await;
    for (nonce, hash) in hashes.iter().enumerate() {
        let params = json!([account(0), nonce]);
        assert_eq!(&chain.ask("ots_getTransactionBySenderAndNonce", params).await, hash);
        let params = json!([account(0), format!("{nonce:#x}")]);
        let found = chain.ask("eth_getTransactionBySenderAndNonce", params).await;
        assert_eq!(&found["hash"], hash);
    }
    for (sender, nonce) in [(account(0), 8), (account(1), 0), (Address::ZERO, 0)] {
        let params = json!([sender, nonce]);
        let found = chain.ask("ots_getTransactionBySenderAndNonce", params).await;
        assert_eq!(found, Value::Null, "{sender} {nonce}");
    }
    assert_eq!(chain.ask("ots_getApiLevel", json!([])).await, 8);
    let contract = "0x000f3df6d732807ef1319fb7b8bb8522d0beac02";
    for block in [json!("latest"), json!("0x1"), json!(1), Value::Null] {
        assert_eq!(chain.ask("ots_hasCode", json!([contract, block])).await, true);
        assert_eq!(chain.ask("ots_hasCode", json!([account(0), block])).await, false);
    }
}
