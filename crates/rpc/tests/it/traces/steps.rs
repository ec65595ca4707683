//! The opcode logger.

use super::*;

fn at(trace: &Value, op: &str) -> Vec<Value> {
    let steps = trace["structLogs"].as_array().unwrap();
    steps.iter().filter(|step| step["op"] == op).cloned().collect()
}

#[tokio::test]
async fn steps_have_what_is_asked_for_and_nothing_else() {
    let zoo = Zoo::new();
    let plain = zoo.trace(1, json!({})).await;
    assert_eq!(plain, zoo.trace(1, json!({"tracer": ""})).await);
    let receipt = zoo.chain.ask("eth_getTransactionReceipt", json!([zoo.hashes[1]])).await;
    assert_eq!(plain["gas"], quantity(&receipt["gasUsed"]));
    assert_eq!((&plain["failed"], &plain["returnValue"]), (&json!(false), &json!("0x")));
    let first =
        json!({"pc": 0, "op": "PUSH32", "gas": 1_979_000, "gasCost": 3, "depth": 1, "stack": []});
    assert_eq!(plain["structLogs"][0], first);
    // Stored by delegated code: the slot is the caller's, with the value as it is afterwards.
    let stores = at(&plain, "SSTORE");
    let seven = json!({B256::ZERO.to_string(): B256::with_last_byte(7)});
    assert_eq!((stores.len(), &stores[0]["storage"], &stores[0]["depth"]), (2, &seven, &json!(2)));
    let everything = json!({
        "enableMemory": true, "enableReturnData": true, "disableStack": true, "disableStorage": true,
    });
    let other = zoo.trace(1, everything).await;
    let steps = other["structLogs"].as_array().unwrap();
    assert_eq!(steps.len(), plain["structLogs"].as_array().unwrap().len());
    assert!(steps.iter().all(|step| step["stack"].is_null() && step["storage"].is_null()));
    assert!(steps[0]["memory"].is_null(), "there is none yet");
    let log = &at(&other, "LOG0")[0];
    assert_eq!(log["memory"][0].as_str().unwrap().len(), 66);
    let delegate = at(&other, "DELEGATECALL");
    assert!(delegate[0]["returnData"].as_str().unwrap().starts_with("0x08c379a0"));
    let limited = zoo.trace(1, json!({"limit": 3})).await;
    assert_eq!(limited["structLogs"].as_array().unwrap().len(), 3);
    assert_eq!(limited["gas"], plain["gas"], "the rest ran, too");
}

/// The refund counter belongs to the transaction; it grows in calls and shrinks with those that fail.
#[tokio::test]
async fn refunds_are_counted_over_all_calls() {
    let chain = TestChain::new();
    // sstore(0, calldatasize) clears the slot when there is no calldata.
    let cleaner = create(&chain, 0, &[0x36, 0x5f, 0x55, 0x00]);
    // The same, but reverts.
    let loser = create(&chain, 1, &[0x36, 0x5f, 0x55, 0x5f, 0x5f, 0xfd]);
    let fill = |nonce: u64, to: Address| {
        signed(1, TxEip1559 { nonce, to: to.into(), input: Bytes::from_static(&[1]), ..fees() })
    };
    // The loser's slot is never filled, for it reverts always; delegated, it clears the caller's.
    let code = [
        call(CALL, cleaner, Some(0), 0),
        call(CALL, loser, Some(0), 0),
        call(DELEGATECALL, loser, None, 0),
        vec![0x00],
    ];
    let caller = create(&chain, 2, &code.concat());
    chain.mine(vec![fill(0, cleaner)]);
    let transaction = calling(0, 0, caller, 0);
    let hash = *transaction.tx_hash();
    chain.mine(vec![transaction]);
    let trace = chain.ask("debug_traceTransaction", json!([hash])).await;
    let steps = trace["structLogs"].as_array().unwrap();
    let store = steps.iter().position(|step| step["op"] == "SSTORE").unwrap();
    assert!(steps[..store].iter().all(|step| step["refund"].is_null()));
    assert!(steps[store..].iter().all(|step| step["refund"] == 4_800), "{trace}");
}

fn fees() -> TxEip1559 {
    TxEip1559 {
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        ..TxEip1559::default()
    }
}

#[tokio::test]
async fn a_step_that_cannot_happen_says_why() {
    let chain = TestChain::new();
    let ask = async |code: &str| {
        let call = json!([{"data": code, "gas": "0xffff"}, "latest"]);
        let trace = chain.ask("debug_traceCall", call).await;
        assert_eq!(trace["failed"], true);
        trace["structLogs"].as_array().unwrap().last().unwrap()["error"].clone()
    };
    assert_eq!(ask("0x5f01").await, "stack underflow (1 <=> 2)");
    assert_eq!(ask("0x62ffffff5f20").await, "out of gas");
    // These fail while they run, which go-ethereum does not note at the step.
    for code in ["0xfe", "0x0c", "0x5f56", "0x5f5ffd"] {
        assert_eq!(ask(code).await, Value::Null, "{code}");
    }
}

/// As deep as gas allows: nothing on the way recurses with the calls.
#[tokio::test]
async fn deep_calls_are_shown_by_every_tracer() {
    let chain = TestChain::new();
    // call(gas, address, 0, 0, 0, 0, 0)
    let code = "0x5f5f5f5f5f305af100";
    let to = Address::repeat_byte(0x77);
    let call = json!({"to": to, "gas": "0x2faf080"});
    for tracer in ["callTracer", "flatCallTracer", "4byteTracer", "prestateTracer", ""] {
        let config = json!({
            "tracer": tracer, "disableStack": true, "stateOverrides": {to.to_string(): {"code": code}},
        });
        let params = json!([call, "latest", config]);
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": "debug_traceCall", "params": params});
        let answer = chain.text(&request).await;
        assert!(answer.contains("\"result\""), "{tracer}: {answer:.200}");
        if tracer == "callTracer" {
            let depth = answer.matches("\"calls\":[").count();
            assert!(depth > 500, "{depth}");
        }
    }
    let deep = create(&chain, 0, &alloy_primitives::hex::decode(code).unwrap());
    let params = json!([{"to": deep, "gas": "0x2faf080"}, ["trace", "vmTrace", "stateDiff"]]);
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "trace_call", "params": params});
    let answer = chain.text(&request).await;
    assert!(answer.contains("\"vmTrace\":{"), "{answer:.200}");
}
