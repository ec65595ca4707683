use super::*;
use alloy_consensus::{Receipt as PlainReceipt, ReceiptWithBloom, Signed, TxEip4844, TxLegacy};
use alloy_primitives::{Bytes, Signature, TxKind, U256, address};
use mfenx_primitives::{Block, BlockBody, Header};
use serde_json::{Value, json};

const FROM: Address = address!("0x7435ed30a8b4aeb0877cef0c6e8cffe834eb865f");
const TO: Address = address!("0x00000000000000000000000000000000000000aa");

fn signature() -> Signature {
    Signature::new(U256::from(5), U256::from(6), false)
}

fn create(nonce: u64) -> Transaction {
    let tx = TxLegacy { nonce, gas_price: 1, to: TxKind::Create, ..Default::default() };
    Transaction::Legacy(Signed::new_unchecked(tx, signature(), B256::repeat_byte(1)))
}

fn blob() -> Transaction {
    let tx = TxEip4844 {
        to: TO,
        max_fee_per_gas: 100,
        max_priority_fee_per_gas: 1,
        blob_versioned_hashes: vec![B256::repeat_byte(9)],
        ..Default::default()
    };
    Transaction::Eip4844(Signed::new_unchecked(tx, signature(), B256::repeat_byte(2)))
}

fn receipt(status: Eip658Value, cumulative_gas_used: u64, logs: Vec<Log>) -> ReceiptWithBloom {
    PlainReceipt { status, cumulative_gas_used, logs }.into()
}

fn block(transactions: Vec<Transaction>) -> RecoveredBlock {
    let header =
        Header { number: 3, timestamp: 30, base_fee_per_gas: Some(7), ..Default::default() };
    let senders = vec![FROM; transactions.len()];
    let block = Block { header, body: BlockBody { transactions, ..Default::default() } };
    RecoveredBlock::from_parts(block, B256::repeat_byte(3), senders).unwrap()
}

fn shown(block: &RecoveredBlock, receipts: &[Receipt]) -> Vec<Value> {
    receipts_of(block, receipts, Some(4))
        .map(|receipt| serde_json::to_value(receipt).unwrap())
        .collect()
}

#[test]
fn before_byzantium_there_is_a_root_and_no_status() {
    let root = B256::repeat_byte(8);
    let block = block(vec![create(0)]);
    let receipts = [Receipt::Legacy(receipt(Eip658Value::PostState(root), 66_259, vec![]))];
    assert_eq!(
        shown(&block, &receipts)[0],
        json!({
            "blockHash": B256::repeat_byte(3), "blockNumber": "0x3",
            "contractAddress": FROM.create(0), "cumulativeGasUsed": "0x102d3",
            "effectiveGasPrice": "0x1", "from": FROM, "gasUsed": "0x102d3", "logs": [],
            "logsBloom": Bloom::ZERO, "root": root, "to": null,
            "transactionHash": B256::repeat_byte(1), "transactionIndex": "0x0", "type": "0x0",
        })
    );
}

#[test]
fn gas_and_log_indices_go_on_through_the_block() {
    let log = |topic: u8| {
        Log::new_unchecked(TO, vec![B256::repeat_byte(topic)], Bytes::from_static(&[1]))
    };
    let block = block(vec![create(0), blob()]);
    let ok = Eip658Value::Eip658(true);
    let receipts = [
        Receipt::Legacy(receipt(ok, 100, vec![log(1), log(2)])),
        Receipt::Eip4844(receipt(Eip658Value::Eip658(false), 150, vec![log(3)])),
    ];
    let shown = shown(&block, &receipts);
    assert_eq!(shown[0]["status"], "0x1");
    assert!(shown[0].get("blobGasPrice").is_none());
    let second = &shown[1];
    assert_eq!((&second["status"], &second["gasUsed"]), (&json!("0x0"), &json!("0x32")));
    assert_eq!(second["effectiveGasPrice"], "0x8");
    assert_eq!(
        (&second["blobGasPrice"], &second["blobGasUsed"]),
        (&json!("0x4"), &json!("0x20000"))
    );
    assert_eq!(second["contractAddress"], Value::Null);
    assert_eq!(
        second["logs"],
        json!([{
            "address": TO, "topics": [B256::repeat_byte(3)], "data": "0x01",
            "blockNumber": "0x3", "transactionHash": B256::repeat_byte(2),
            "transactionIndex": "0x1", "blockHash": B256::repeat_byte(3),
            "blockTimestamp": "0x1e", "logIndex": "0x2", "removed": false,
        }])
    );
}
