//! Accounts in one answer, and many slots at once.

use crate::chain::{TestChain, account, dynamic};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use mfenx_rpc::RpcLimits;
use serde_json::{Map, Value, json};

const METHOD: &str = "eth_getStorageValues";

fn word(last: u8) -> B256 {
    B256::with_last_byte(last)
}

#[tokio::test]
async fn slots_of_several_accounts_come_in_the_order_of_the_request() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    chain.mine(vec![dynamic(1, 0, contract.into(), Bytes::new())]);
    let nobody = Address::repeat_byte(9);
    let mut request = Map::new();
    request.insert(contract.to_string(), json!([word(3), word(0)]));
    request.insert(nobody.to_string(), json!([word(1)]));
    let mut expected = Map::new();
    expected.insert(format!("{contract:#x}"), json!([word(0), word(7)]));
    expected.insert(format!("{nobody:#x}"), json!([word(0)]));
    assert_eq!(chain.ask(METHOD, json!([request])).await, Value::Object(expected.clone()));
    assert_eq!(chain.ask(METHOD, json!([request, "latest"])).await, Value::Object(expected));
    let before = chain.ask(METHOD, json!([request, "0x1"])).await;
    assert_eq!(before[format!("{contract:#x}")], json!([word(0), word(0)]));
    assert_eq!(chain.refusal(METHOD, json!([request, "0x9"])).await.0, -32000);
}

#[tokio::test]
async fn requests_without_slots_with_bad_ones_and_with_too_many_are_refused() {
    let limits = RpcLimits { storage_values_slots_max: 3, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let (a, b) = (account(0), account(1));
    let empty = (-32602, "empty request".to_owned());
    assert_eq!(chain.refusal(METHOD, json!([{}])).await, empty);
    assert_eq!(chain.refusal(METHOD, json!([{ a.to_string(): [] }])).await, empty);
    let full = json!([{ a.to_string(): [word(1), word(2)], b.to_string(): [word(1)] }]);
    assert_eq!(chain.ask(METHOD, full).await.as_object().unwrap().len(), 2);
    let over = json!([{ a.to_string(): [word(1), word(2)], b.to_string(): [word(1), word(2)] }]);
    assert_eq!(chain.refusal(METHOD, over).await, (-38026, "too many slots (max 3)".to_owned()));
    let accounts: Map<_, _> = (0..4)
        .map(|at| (account(at).to_string(), json!(if at == 0 { vec![word(1)] } else { vec![] })))
        .collect();
    assert_eq!(chain.refusal(METHOD, json!([accounts])).await.0, -32602);
    for bad in [
        json!([{ a.to_string(): ["0x0"] }]),
        json!([{ a.to_string(): [7] }]),
        json!([{ "0x01": [word(1)] }]),
        json!([[]]),
        json!([]),
    ] {
        assert_eq!(chain.refusal(METHOD, bad.clone()).await.0, -32602, "{bad}");
    }
}

#[tokio::test]
async fn an_account_is_told_whole() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    chain.mine(vec![dynamic(1, 0, contract.into(), Bytes::new())]);
    let code = chain.ask("eth_getCode", json!([contract, "latest"])).await;
    let info = chain.ask("eth_getAccountInfo", json!([contract, "latest"])).await;
    assert_eq!(info, json!({ "balance": "0x0", "nonce": "0x1", "code": code }));
    let leaf = chain.ask("eth_getAccount", json!([contract])).await;
    let bytes = alloy_primitives::hex::decode(code.as_str().unwrap()).unwrap();
    assert_eq!(leaf["codeHash"], json!(keccak256(bytes)));
    let proof = chain.store.reader().unwrap().proof(contract, &[]).unwrap();
    assert_eq!(leaf["storageRoot"], json!(proof.storage_root));
    let before = chain.ask("eth_getAccount", json!([contract, "0x1"])).await;
    assert_eq!(before["storageRoot"], json!(mfenx_primitives::EMPTY_ROOT_HASH));
    let nobody = Address::repeat_byte(9);
    assert_eq!(chain.ask("eth_getAccount", json!([nobody])).await, Value::Null);
    let empty = json!({ "balance": "0x0", "nonce": "0x0", "code": "0x" });
    assert_eq!(chain.ask("eth_getAccountInfo", json!([nobody])).await, empty);
}
