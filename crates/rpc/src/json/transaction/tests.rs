use super::*;
use alloy_consensus::{Signed, TxEip1559, TxEip2930, TxEip7702, TxLegacy, transaction::Recovered};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Signature, TxKind, address};
use serde_json::{Value, json};

const TO: Address = address!("0x00000000000000000000000000000000000000aa");
const FROM: Address = address!("0x00000000000000000000000000000000000000bb");

fn signature(parity: bool) -> Signature {
    Signature::new(U256::from(5), U256::from(6), parity)
}

fn mined() -> Mined {
    Mined {
        block_hash: B256::repeat_byte(1),
        block_number: 16,
        block_timestamp: 160,
        index: 2,
        base_fee: Some(7),
    }
}

fn shown(transaction: &Transaction, mined: Option<Mined>) -> Value {
    serde_json::to_value(TransactionJson { transaction, sender: FROM, mined, signed: true })
        .unwrap()
}

fn legacy(chain_id: Option<u64>, to: TxKind) -> Transaction {
    let tx =
        TxLegacy { chain_id, nonce: 1, gas_price: 9, gas_limit: 21_000, to, ..Default::default() };
    Transaction::Legacy(Signed::new_unchecked(tx, signature(true), B256::repeat_byte(2)))
}

#[test]
fn a_legacy_transaction_names_its_chain_only_when_protected() {
    let shown_plain = shown(&legacy(None, TxKind::Create), Some(mined()));
    assert_eq!(
        shown_plain,
        json!({
            "blockHash": B256::repeat_byte(1), "blockNumber": "0x10", "blockTimestamp": "0xa0",
            "from": FROM, "gas": "0x5208", "gasPrice": "0x9", "hash": B256::repeat_byte(2),
            "input": "0x", "nonce": "0x1", "to": null, "transactionIndex": "0x2",
            "value": "0x0", "type": "0x0", "v": "0x1c", "r": "0x5", "s": "0x6",
        })
    );
    let protected = shown(&legacy(Some(177_155), TxKind::Call(TO)), Some(mined()));
    assert_eq!(protected["chainId"], "0x2b403");
    assert_eq!(protected["v"], format!("{:#x}", 177_155 * 2 + 36));
    assert_eq!(protected["to"], json!(TO));
    assert!(protected.get("yParity").is_none());
}

#[test]
fn a_dynamic_fee_is_the_paid_price_in_a_block_and_the_cap_in_the_pool() {
    let tx = TxEip1559 {
        chain_id: 1,
        max_fee_per_gas: 100,
        max_priority_fee_per_gas: 3,
        to: TxKind::Call(TO),
        ..Default::default()
    };
    let tx = Transaction::Eip1559(Signed::new_unchecked(tx, signature(false), B256::ZERO));
    let in_block = shown(&tx, Some(mined()));
    assert_eq!(in_block["gasPrice"], "0xa");
    assert_eq!(in_block["maxFeePerGas"], "0x64");
    assert_eq!(in_block["maxPriorityFeePerGas"], "0x3");
    assert_eq!((&in_block["v"], &in_block["yParity"]), (&json!("0x0"), &json!("0x0")));
    assert_eq!(in_block["accessList"], json!([]));
    let pooled = Recovered::new_unchecked(tx, FROM);
    let pooled = serde_json::to_value(TransactionJson::pooled(&pooled)).unwrap();
    assert_eq!(pooled["gasPrice"], "0x64");
    for field in ["blockHash", "blockNumber", "blockTimestamp", "transactionIndex"] {
        assert_eq!(pooled[field], Value::Null, "{field}");
    }
}

#[test]
fn typed_fields_stand_only_where_the_type_has_them() {
    let tx = TxEip2930 { chain_id: 1, gas_price: 8, ..Default::default() };
    let tx = Transaction::Eip2930(Signed::new_unchecked(tx, signature(true), B256::ZERO));
    let shown_2930 = shown(&tx, Some(mined()));
    assert_eq!((&shown_2930["type"], &shown_2930["v"]), (&json!("0x1"), &json!("0x1")));
    assert!(shown_2930.get("maxFeePerGas").is_none());
    let authorization = Authorization { chain_id: U256::from(1), address: TO, nonce: 4 };
    let tx = TxEip7702 {
        chain_id: 1,
        authorization_list: vec![authorization.into_signed(signature(true))],
        ..Default::default()
    };
    let tx = Transaction::Eip7702(Signed::new_unchecked(tx, signature(false), B256::ZERO));
    assert_eq!(
        shown(&tx, None)["authorizationList"],
        json!([{
            "chainId": "0x1", "address": TO, "nonce": "0x4", "yParity": "0x1",
            "r": "0x5", "s": "0x6",
        }])
    );
}
