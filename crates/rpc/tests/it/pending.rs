//! The block that is being made, and the state after it.

use crate::chain::{INIT_CODE, RUNTIME, TOPIC, TestChain, account, dynamic, raw, transfer};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use mfenx_primitives::Transaction;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

const TO: Address = Address::repeat_byte(7);

/// Built anew for every request.
fn eager() -> RpcLimits {
    RpcLimits { pending_interval_ms_min: 0, ..RpcLimits::default() }
}

async fn send(chain: &TestChain, transaction: &Transaction) {
    chain.ask("eth_sendRawTransaction", json!([raw(transaction)])).await;
}

async fn pending(chain: &TestChain, full: bool) -> Value {
    chain.ask("eth_getBlockByNumber", json!(["pending", full])).await
}

#[tokio::test]
async fn blocks_are_simulated_on_the_pending_one() {
    let chain = TestChain::with_limits(eager());
    chain.mine(vec![]);
    send(&chain, &transfer(0, 0, TO, 5)).await;
    let payload = json!({"blockStateCalls": [{"calls": [{"from": TO, "value": "0x5", "to": TO}]}]});
    let simulated = chain.ask("eth_simulateV1", json!([payload, "pending"])).await;
    assert_eq!(simulated[0]["number"], "0x3");
    assert_eq!(simulated[0]["calls"][0]["status"], "0x1");
    // On the head nobody has sent anything yet.
    assert_eq!(chain.refusal("eth_simulateV1", json!([payload, "latest"])).await.0, -38014);
}

#[tokio::test]
async fn the_pending_block_holds_what_can_be_executed() {
    let chain = TestChain::with_limits(eager());
    chain.mine(vec![]);
    let (first, second) = (transfer(0, 0, TO, 5), transfer(0, 1, TO, 6));
    let gapped = transfer(1, 1, TO, 7);
    for transaction in [&second, &gapped, &first] {
        send(&chain, transaction).await;
    }
    let block = pending(&chain, true).await;
    assert_eq!((&block["number"], &block["gasUsed"]), (&json!("0x2"), &json!("0xa410")));
    let hashes = json!([first.tx_hash(), second.tx_hash()]);
    assert_eq!(pending(&chain, false).await["transactions"], hashes);
    for (index, transaction) in [&first, &second].into_iter().enumerate() {
        let shown = &block["transactions"][index];
        assert_eq!(shown["hash"], json!(transaction.tx_hash()));
        assert_eq!((&shown["blockNumber"], &shown["from"]), (&json!("0x2"), &json!(account(0))));
        let place = json!(["pending", format!("{index:#x}")]);
        let asked = chain.ask("eth_getTransactionByBlockNumberAndIndex", place).await;
        assert_eq!(&asked, shown);
    }
    let beyond = json!(["pending", "0x2"]);
    let beyond = chain.ask("eth_getTransactionByBlockNumberAndIndex", beyond).await;
    assert_eq!(beyond, Value::Null);
    let count = chain.ask("eth_getBlockTransactionCountByNumber", json!(["pending"])).await;
    assert_eq!(count, "0x2");
    let place = json!(["pending", "0x1"]);
    let bytes = chain.ask("eth_getRawTransactionByBlockNumberAndIndex", place).await;
    assert_eq!(bytes, raw(&second));
    let header = chain.ask("eth_getHeaderByNumber", json!(["pending"])).await;
    assert_eq!(header, Value::Null);
    let receipts = chain.ask("eth_getBlockReceipts", json!(["pending"])).await;
    assert_eq!(receipts[1]["transactionHash"], json!(second.tx_hash()));
    assert_eq!(receipts[1]["cumulativeGasUsed"], block["gasUsed"]);
    // Without a receipt of its own, and the head is where it was.
    let receipt = chain.ask("eth_getTransactionReceipt", json!([first.tx_hash()])).await;
    assert_eq!(receipt, Value::Null);
    assert_eq!(chain.ask("eth_blockNumber", json!([])).await, "0x1");
    let waiting = chain.ask("eth_pendingTransactions", json!([])).await;
    assert_eq!(
        (waiting[0]["nonce"].as_str(), waiting[1]["nonce"].as_str()),
        (Some("0x0"), Some("0x1"))
    );
    assert_eq!((&waiting[0]["blockHash"], &waiting[2]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_block_that_follows_is_the_pending_one() {
    let chain = TestChain::with_limits(eager());
    chain.mine(vec![]);
    let transaction = transfer(0, 0, TO, 5);
    send(&chain, &transaction).await;
    let guess = pending(&chain, false).await;
    chain.mine(vec![transaction]);
    let block = chain.ask("eth_getBlockByNumber", json!(["latest", false])).await;
    for field in ["number", "parentHash", "baseFeePerGas", "gasUsed", "transactions", "logsBloom"] {
        assert_eq!(guess[field], block[field], "{field}");
    }
    for field in ["receiptsRoot", "transactionsRoot", "withdrawalsRoot", "requestsHash"] {
        assert_eq!(guess[field], block[field], "{field}");
    }
    // Everything but what is particular to a pending block is there, in the same form.
    for field in ["hash", "nonce", "miner"] {
        assert_eq!(guess[field], Value::Null, "{field}");
    }
    let fields = |block: &Value| block.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&guess), fields(&block));
    // With the transaction mined, the next one is empty again.
    let next = pending(&chain, true).await;
    assert_eq!((&next["number"], &next["transactions"]), (&json!("0x3"), &json!([])));
}

#[tokio::test]
async fn state_methods_see_the_pending_state() {
    let chain = TestChain::with_limits(eager());
    chain.mine(vec![]);
    let contract = account(0).create(0);
    send(&chain, &dynamic(0, 0, TxKind::Create, INIT_CODE)).await;
    send(&chain, &dynamic(0, 1, contract.into(), Bytes::new())).await;
    send(&chain, &transfer(1, 0, TO, 5)).await;
    let (in_slot, zero) = (json!(B256::from(U256::from(7))), json!(B256::ZERO));
    for (block, balance, code, slot) in
        [("pending", "0x5", json!(RUNTIME), in_slot), ("latest", "0x0", json!("0x"), zero)]
    {
        assert_eq!(chain.ask("eth_getBalance", json!([TO, block])).await, balance);
        assert_eq!(chain.ask("eth_getCode", json!([contract, block])).await, code);
        assert_eq!(chain.ask("eth_getStorageAt", json!([contract, "0x0", block])).await, slot);
        let slots = json!([{ contract.to_string(): [B256::ZERO] }, block]);
        let slots = chain.ask("eth_getStorageValues", slots).await;
        assert_eq!(slots[contract.to_string().to_lowercase()], json!([slot]));
        let nobody = chain.ask("eth_getBalance", json!([Address::repeat_byte(9), block])).await;
        assert_eq!(nobody, "0x0");
    }
    // With calldata the contract reverts with it; where there is none, nothing happens.
    let call = json!({"to": contract, "input": "0x01"});
    assert_eq!(chain.refusal("eth_call", json!([call, "pending"])).await.0, 3);
    assert_eq!(chain.ask("eth_call", json!([call, "latest"])).await, "0x");
    let store = json!({"from": account(2), "to": contract});
    let gas = |gas: Value| u64::from_str_radix(&gas.as_str().unwrap()[2..], 16).unwrap();
    let there = gas(chain.ask("eth_estimateGas", json!([store, "pending"])).await);
    assert!(there > 22_000, "{there}");
    assert_eq!(gas(chain.ask("eth_estimateGas", json!([store, "latest"])).await), 21_000);
    let receipts = chain.ask("eth_getBlockReceipts", json!(["pending"])).await;
    let logs = receipts.as_array().unwrap().iter().find(|receipt| receipt["to"] == json!(contract));
    assert_eq!(logs.unwrap()["logs"][0]["topics"], json!([TOPIC]));
}

#[tokio::test]
async fn what_cannot_stand_in_the_block_is_left_in_the_pool() {
    let limits = RpcLimits { pending_gas_max: 50_000, ..eager() };
    let chain = TestChain::with_limits(limits);
    for nonce in 0..3 {
        send(&chain, &transfer(0, nonce, TO, 5)).await;
    }
    // Two fit into 50,000 gas.
    assert_eq!(pending(&chain, false).await["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(chain.pool.status().pending, 3);
    let count = chain.ask("eth_getTransactionCount", json!([account(0), "pending"])).await;
    assert_eq!(count, "0x3", "the nonce counts what waits, not what fits");
}

#[tokio::test]
async fn no_time_gives_an_empty_block() {
    let chain = TestChain::with_limits(RpcLimits { pending_time_ms_max: 0, ..eager() });
    send(&chain, &transfer(0, 0, TO, 5)).await;
    assert_eq!(pending(&chain, false).await["transactions"], json!([]));
}

#[tokio::test]
async fn it_is_built_anew_after_a_while_at_the_earliest() {
    let limits = RpcLimits { pending_interval_ms_min: 60_000, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let transactions = |block: Value| block["transactions"].as_array().unwrap().len();
    assert_eq!(transactions(pending(&chain, false).await), 0);
    send(&chain, &transfer(0, 0, TO, 5)).await;
    assert_eq!(transactions(pending(&chain, false).await), 0, "the one that was built");
    // A new head has a block of its own.
    chain.mine(vec![]);
    assert_eq!(transactions(pending(&chain, false).await), 1);
}
