//! Blocks, transactions and receipts.

use crate::chain::{INIT_CODE, TestChain, account, dynamic, transfer};
use alloy_primitives::{Address, B256, Bytes, TxKind};
use serde_json::{Value, json};

#[tokio::test]
async fn a_block_has_the_fields_of_its_fork_and_its_transactions() {
    let chain = TestChain::new();
    let (to, create) = (Address::repeat_byte(7), dynamic(1, 0, TxKind::Create, INIT_CODE));
    let committed = chain.mine(vec![transfer(0, 0, to, 5), create]);
    let (block, header) = (&committed.block, committed.block.header());
    let full = chain.ask("eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(full, chain.ask("eth_getBlockByHash", json!([block.hash(), true])).await);
    let mut fields: Vec<_> = full.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "baseFeePerGas",
            "blobGasUsed",
            "difficulty",
            "excessBlobGas",
            "extraData",
            "gasLimit",
            "gasUsed",
            "hash",
            "logsBloom",
            "miner",
            "mixHash",
            "nonce",
            "number",
            "parentBeaconBlockRoot",
            "parentHash",
            "receiptsRoot",
            "requestsHash",
            "sha3Uncles",
            "size",
            "stateRoot",
            "timestamp",
            "transactions",
            "transactionsRoot",
            "uncles",
            "withdrawals",
            "withdrawalsRoot",
        ]
    );
    assert_eq!(full["hash"], json!(block.hash()));
    assert_eq!(full["size"], format!("{:#x}", alloy_rlp::encode(block.block()).len()));
    assert_eq!(full["nonce"], "0x0000000000000000");
    assert_eq!((&full["uncles"], &full["withdrawals"]), (&json!([]), &json!([])));
    let second = &full["transactions"][1];
    assert_eq!(second["from"], json!(account(1)));
    assert_eq!(second["blockTimestamp"], format!("{:#x}", header.timestamp));
    let paid = u128::from(header.base_fee_per_gas.unwrap()) + 1_000_000_000;
    assert_eq!(second["gasPrice"], format!("{paid:#x}"));
    let hashes = chain.ask("eth_getBlockByNumber", json!(["0x1", false])).await;
    assert_eq!(hashes["transactions"][1], second["hash"]);
    assert_eq!(chain.ask("eth_getBlockByNumber", json!(["0x1"])).await, hashes);
}

#[tokio::test]
async fn what_is_not_there_is_null() {
    let chain = TestChain::new();
    let hash = B256::repeat_byte(9);
    for (method, params) in [
        ("eth_getBlockByNumber", json!(["0x9", true])),
        ("eth_getBlockByHash", json!([hash, true])),
        ("eth_getBlockReceipts", json!(["0x9"])),
        ("eth_getBlockReceipts", json!([hash])),
        ("eth_getBlockTransactionCountByNumber", json!(["0x9"])),
        ("eth_getBlockTransactionCountByHash", json!([hash])),
        ("eth_getUncleCountByBlockNumber", json!(["0x9"])),
        ("eth_getUncleCountByBlockHash", json!([hash])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getTransactionReceipt", json!([hash])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x0", "0x0"])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x9", "0x0"])),
        ("eth_getTransactionByBlockHashAndIndex", json!([hash, "0x0"])),
    ] {
        assert_eq!(chain.ask(method, params.clone()).await, Value::Null, "{method} {params}");
    }
}

#[tokio::test]
async fn transactions_and_receipts_are_the_same_by_every_way() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let calls = vec![
        transfer(0, 1, Address::repeat_byte(7), 5),
        dynamic(1, 0, contract.into(), Bytes::new()),
        dynamic(2, 0, contract.into(), Bytes::from_static(&[1])),
    ];
    let hashes: Vec<B256> = calls.iter().map(|call| *call.tx_hash()).collect();
    let block = chain.mine(calls).block.hash();
    let all = chain.ask("eth_getBlockReceipts", json!(["latest"])).await;
    assert_eq!(chain.ask("eth_getBlockReceipts", json!([block])).await, all);
    let full = chain.ask("eth_getBlockByHash", json!([block, true])).await;
    for (index, hash) in hashes.iter().enumerate() {
        let place = format!("{index:#x}");
        let transaction = &full["transactions"][index];
        assert_eq!(&chain.ask("eth_getTransactionByHash", json!([hash])).await, transaction);
        let by_number =
            chain.ask("eth_getTransactionByBlockNumberAndIndex", json!(["0x2", place])).await;
        assert_eq!(&by_number, transaction);
        let by_hash =
            chain.ask("eth_getTransactionByBlockHashAndIndex", json!([block, place])).await;
        assert_eq!(&by_hash, transaction);
        let receipt = chain.ask("eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!(receipt, all[index]);
        assert_eq!(receipt["transactionIndex"], place);
    }
    assert_eq!((&all[0]["status"], &all[0]["gasUsed"]), (&json!("0x1"), &json!("0x5208")));
    assert_eq!(all[1]["logs"][0]["logIndex"], "0x0");
    assert_eq!(all[1]["logs"][0]["transactionHash"], json!(hashes[1]));
    assert_eq!((&all[2]["status"], &all[2]["logs"]), (&json!("0x0"), &json!([])));
    let count = chain.ask("eth_getBlockTransactionCountByNumber", json!(["latest"])).await;
    assert_eq!(count, "0x3");
    let count = chain.ask("eth_getBlockTransactionCountByHash", json!([block])).await;
    assert_eq!(count, "0x3");
    assert_eq!(chain.ask("eth_getUncleCountByBlockHash", json!([block])).await, "0x0");
    let create = chain.ask("eth_getBlockReceipts", json!(["0x1"])).await;
    assert_eq!((&create[0]["contractAddress"], &create[0]["to"]), (&json!(contract), &Value::Null));
}

#[tokio::test]
async fn the_pending_block_of_an_empty_pool_is_empty_and_follows_the_head() {
    let chain = TestChain::new();
    let head = chain.mine(vec![]);
    let pending = chain.ask("eth_getBlockByNumber", json!(["pending", true])).await;
    assert_eq!(pending["number"], "0x2");
    assert_eq!(pending["parentHash"], json!(head.block.hash()));
    for field in ["hash", "nonce", "miner"] {
        assert_eq!(pending[field], Value::Null, "{field}");
    }
    let base_fee = chain.ask("eth_baseFee", json!([])).await;
    assert_eq!((&pending["baseFeePerGas"], &pending["transactions"]), (&base_fee, &json!([])));
    assert_eq!(chain.ask("eth_getBlockReceipts", json!(["pending"])).await, json!([]));
    let count = chain.ask("eth_getBlockTransactionCountByNumber", json!(["pending"])).await;
    assert_eq!(count, "0x0");
}
