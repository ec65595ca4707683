//! `eth_call` and `eth_estimateGas`.

use crate::chain::{TestChain, account};
use alloy_primitives::{Address, B256, U256};
use mfenx_rpc::RpcLimits;
use serde_json::json;

/// `Error("no")`.
const ERROR_NO: &str = "0x08c379a0\
    0000000000000000000000000000000000000000000000000000000000000020\
    0000000000000000000000000000000000000000000000000000000000000002\
    6e6f000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn a_call_returns_reverts_or_fails_in_known_words() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let returned = chain.ask("eth_call", json!([{"to": contract}])).await;
    assert_eq!(returned, json!(B256::from(U256::from(0x2a))));
    for (data, message) in [("0x01", "execution reverted"), (ERROR_NO, "execution reverted: no")] {
        let call = json!([{"to": contract, "data": data}, "latest"]);
        let answer = chain.answer("eth_call", call).await;
        assert_eq!(
            answer["error"],
            json!({"code": 3, "message": message, "data": data}),
            "the data is there as it was"
        );
        let estimate = chain.answer("eth_estimateGas", json!([{"to": contract, "data": data}]));
        assert_eq!(estimate.await["error"], answer["error"]);
    }
    let before = chain.ask("eth_call", json!([{"to": contract}, "0x0"])).await;
    assert_eq!(before, "0x");
    let invalid = json!([{"data": "0xfe"}]);
    assert_eq!(
        chain.refusal("eth_call", invalid).await,
        (-32000, "invalid opcode: INVALID".into())
    );
    let little = json!([{"to": contract, "gas": "0x5209"}]);
    assert_eq!(chain.refusal("eth_call", little).await, (-32000, "out of gas".into()));
    let (code, words) = chain.refusal("eth_call", json!([{"to": contract, "gas": "0x1"}])).await;
    assert!(code == -32000 && words.starts_with("intrinsic gas too low"), "{words}");
    // Somebody without a balance may ask, but not spend.
    let poor = Address::repeat_byte(0x99);
    chain.ask("eth_call", json!([{"from": poor, "to": contract}])).await;
    let value = json!([{"from": poor, "to": account(0), "value": "0x1"}]);
    let (code, words) = chain.refusal("eth_call", value).await;
    assert!(code == -32000 && words.starts_with("insufficient funds"), "{words}");
}

#[tokio::test]
async fn overrides_change_what_the_call_sees_and_nothing_else() {
    let chain = TestChain::new();
    let to = Address::repeat_byte(0x44);
    // Returns slot 0.
    let code = "0x60005460005260206000f3";
    let slot = B256::repeat_byte(5);
    let overrides =
        json!({to.to_string(): {"code": code, "stateDiff": {B256::ZERO.to_string(): slot}}});
    let seen = chain.ask("eth_call", json!([{"to": to}, "latest", overrides])).await;
    assert_eq!(seen, json!(slot));
    assert_eq!(chain.ask("eth_getCode", json!([to])).await, "0x");
    // Returns the number of the block.
    let code = "0x4360005260206000f3";
    let call = json!([{"to": to}, "latest", {to.to_string(): {"code": code}}, {"number": "0x64"}]);
    assert_eq!(chain.ask("eth_call", call).await, json!(B256::from(U256::from(100))));
    let both = json!({to.to_string(): {"state": {}, "stateDiff": {}}});
    let (code, words) = chain.refusal("eth_call", json!([{"to": to}, "latest", both])).await;
    assert!(code == -32000 && words.ends_with("has both 'state' and 'stateDiff'"), "{words}");
}

#[tokio::test]
async fn overrides_are_bounded() {
    let limits =
        RpcLimits { override_slots_max: 1, override_bytes_max: 400, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let to = Address::ZERO.to_string();
    let (zero, one) = (B256::ZERO.to_string(), B256::with_last_byte(1).to_string());
    let slots = json!({&to: {"state": {zero: B256::ZERO, one: B256::ZERO}}});
    let (code, words) = chain.refusal("eth_call", json!([{}, "latest", slots])).await;
    assert_eq!(
        (code, words.as_str()),
        (-32602, "invalid argument 2: state overrides exceed 1 slots")
    );
    let long = json!({&to: {"code": format!("0x{}", "00".repeat(400))}});
    let (code, words) = chain.refusal("eth_estimateGas", json!([{}, "latest", long])).await;
    assert_eq!(
        (code, words.as_str()),
        (-32602, "invalid argument 2: state overrides exceed 400 bytes")
    );
}

#[tokio::test]
async fn gas_and_time_are_bounded() {
    // JUMPDEST, PUSH1 0, JUMP.
    let forever = json!([{"data": "0x5b600056"}]);
    let chain = TestChain::with_limits(RpcLimits { call_gas_max: 100_000, ..RpcLimits::default() });
    assert_eq!(chain.refusal("eth_call", forever.clone()).await, (-32000, "out of gas".into()));
    let limits =
        RpcLimits { call_time_ms_max: 20, call_gas_max: u64::MAX / 2, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let (code, words) = chain.refusal("eth_call", forever).await;
    assert_eq!((code, words.as_str()), (-32000, "execution aborted (timeout = 1s)"));
}

#[tokio::test]
async fn estimates_suffice_and_are_go_ethereums() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let transfer = json!([{"from": account(0), "to": account(1), "value": "0x1"}]);
    assert_eq!(chain.ask("eth_estimateGas", transfer).await, "0x5208");
    let estimate =
        chain.ask("eth_estimateGas", json!([{"from": account(0), "to": contract}])).await;
    let estimate = U256::from_str_radix(&estimate.as_str().unwrap()[2..], 16).unwrap();
    let gas = format!("{estimate:#x}");
    chain.ask("eth_call", json!([{"from": account(0), "to": contract, "gas": gas}])).await;
    assert!(estimate < U256::from(50_000), "{estimate}");
    let poor = Address::repeat_byte(0x99);
    let broke = json!([{"from": poor, "to": account(0), "value": "0x1"}]);
    let (code, words) = chain.refusal("eth_estimateGas", broke).await;
    assert!(code == -32000 && words.starts_with("insufficient funds"), "{words}");
}
