//! `eth_simulateV1`, `eth_createAccessList`, `eth_callMany`, `eth_fillTransaction`.

use crate::chain::{INIT_CODE, TOPIC, TestChain, account, dynamic, transfer};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};

fn quantity(number: u128) -> Value {
    json!(format!("{number:#x}"))
}

/// What can be said of a transaction in a call.
fn call(from: u32, transaction: &mfenx_primitives::Transaction) -> Value {
    let mut call = json!({
        "from": account(from), "to": transaction.to(), "input": transaction.input(),
        "gas": quantity(transaction.gas_limit().into()),
        "value": quantity(transaction.value().to()),
        "nonce": quantity(transaction.nonce().into()),
    });
    match transaction.max_priority_fee_per_gas() {
        Some(tip) => {
            call["maxFeePerGas"] = quantity(transaction.max_fee_per_gas());
            call["maxPriorityFeePerGas"] = quantity(tip);
        }
        None => call["gasPrice"] = quantity(transaction.max_fee_per_gas()),
    }
    call
}

/// The strongest thing one can ask of it: what it says of a block is what the block becomes. Only
/// what hangs on signatures differs.
#[tokio::test]
async fn a_simulated_block_is_the_block_that_comes() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let transactions = vec![
        transfer(1, 0, Address::repeat_byte(0x77), 5),
        dynamic(0, 1, TxKind::Call(contract), Bytes::new()),
        dynamic(0, 2, TxKind::Create, INIT_CODE),
    ];
    let calls = [call(1, &transactions[0]), call(0, &transactions[1]), call(0, &transactions[2])];
    let head = chain.ask("eth_getBlockByNumber", json!(["latest", false])).await;
    let time = u128::from_str_radix(&head["timestamp"].as_str().unwrap()[2..], 16).unwrap();
    let overrides = json!({
        "time": quantity(time + 1), "feeRecipient": Address::repeat_byte(0xbe),
        "prevRandao": B256::repeat_byte(1),
    });
    let blocks = json!([{"blockOverrides": overrides, "calls": calls}]);
    let payload = json!({
        "blockStateCalls": blocks, "validation": true, "returnFullTransactions": true,
    });
    let simulated = chain.ask("eth_simulateV1", json!([payload, "latest"])).await[0].clone();
    chain.mine(transactions);
    let mined = chain.ask("eth_getBlockByNumber", json!(["latest", true])).await;
    for (field, value) in mined.as_object().unwrap() {
        match field.as_str() {
            "hash" | "transactionsRoot" | "size" | "transactions" => {}
            _ => assert_eq!(&simulated[field], value, "{field}"),
        }
    }
    for (index, transaction) in mined["transactions"].as_array().unwrap().iter().enumerate() {
        let shown = &simulated["transactions"][index];
        for (field, value) in transaction.as_object().unwrap() {
            match field.as_str() {
                "hash" | "blockHash" | "chainId" | "r" | "s" | "v" | "yParity" => {}
                _ => assert_eq!(&shown[field], value, "{field}"),
            }
        }
        assert_eq!((&shown["v"], &shown["r"]), (&json!("0x0"), &json!("0x0")));
    }
    let log = &simulated["calls"][1]["logs"][0];
    assert_eq!((&log["topics"], &log["logIndex"]), (&json!([TOPIC]), &json!("0x0")));
    assert_eq!(log["blockHash"], simulated["hash"]);
    // The same on top of the block before, now that it is an older one.
    let parent = json!([payload, head["number"]]);
    assert_eq!(chain.ask("eth_simulateV1", parent).await[0], simulated);
}

#[tokio::test]
async fn results_and_refusals_have_their_codes() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let calls = json!([{"to": contract, "input": "0x01"}, {"input": "0xfe"}]);
    let blocks = json!([{"calls": calls}]);
    let blocks = chain.ask("eth_simulateV1", json!([{"blockStateCalls": blocks}])).await;
    let [reverted, halted] = &blocks[0]["calls"].as_array().unwrap()[..] else { panic!() };
    assert_eq!(
        reverted["error"],
        json!({"code": 3, "message": "execution reverted", "data": "0x01"})
    );
    assert_eq!(halted["error"], json!({"code": -32015, "message": "invalid opcode: INVALID"}));
    assert_eq!((&reverted["returnData"], &reverted["status"]), (&json!("0x"), &json!("0x0")));
    let poor = Address::repeat_byte(0x99);
    let precompile = Address::with_last_byte(1).to_string();
    for (code, block, validation) in [
        (-38010, json!({"calls": [{"from": account(0), "nonce": "0x0"}]}), true),
        (-38011, json!({"calls": [{"from": account(0), "nonce": "0x7"}]}), true),
        (-38012, json!({"calls": [{"from": poor}]}), true),
        (-38013, json!({"calls": [{"gas": "0x1"}]}), false),
        (-38014, json!({"calls": [{"from": poor, "value": "0x1"}]}), false),
        (-38015, json!({"calls": [{"gas": "0xffffffffffff"}]}), false),
        (-38020, json!({"blockOverrides": {"number": "0x1"}}), false),
        (-38021, json!({"blockOverrides": {"time": "0x1"}}), false),
        (
            -38022,
            json!({"stateOverrides": {precompile.clone():
            {"movePrecompileToAddress": precompile}}}),
            false,
        ),
        (-38025, json!({"calls": [{"input": format!("0x{}", "00".repeat(49_153))}]}), false),
        (-38026, json!({"blockOverrides": {"number": "0x1000"}}), false),
        (
            -32000,
            json!({"stateOverrides": {poor.to_string():
            {"movePrecompileToAddress": account(0)}}}),
            false,
        ),
        (-32000, json!({"calls": [{"chainId": "0x1"}]}), false),
        (-32602, json!({"calls": [{"maxPriorityFeePerGas": "0x1"}]}), false),
        (-32602, json!({"calls": [{"from": "0x1"}]}), false),
        (-32602, json!({"blockOverrides": {"number": "1"}, "calls": {}}), false),
    ] {
        let payload = json!({"blockStateCalls": [block], "validation": validation});
        let (got, words) = chain.refusal("eth_simulateV1", json!([payload])).await;
        assert_eq!(got, code, "{block}: {words}");
    }
    for payload in [json!({}), json!({"blockStateCalls": []}), json!([])] {
        let (code, _) = chain.refusal("eth_simulateV1", json!([payload])).await;
        assert_eq!(code, -32602);
    }
}

#[tokio::test]
async fn everything_about_a_simulation_is_bounded() {
    let simulate = |limits: RpcLimits, blocks: Value| async move {
        let chain = TestChain::with_limits(limits);
        chain.answer("eth_simulateV1", json!([{"blockStateCalls": blocks}])).await
    };
    let code = |answer: &Value| answer["error"]["code"].as_i64();
    let calls = |count: usize| json!([{"calls": vec![json!({"to": account(0)}); count]}]);
    let limits = RpcLimits { simulate_calls_max: 2, ..RpcLimits::default() };
    assert!(simulate(limits.clone(), calls(2)).await["error"].is_null());
    assert_eq!(code(&simulate(limits, calls(3)).await), Some(-38026));
    // Overrides of all blocks count together.
    let slots = |count: u8| {
        let slot = |slot| json!({B256::with_last_byte(slot).to_string(): B256::ZERO});
        let blocks = (0..count).map(|index| {
            json!({"stateOverrides": {Address::ZERO.to_string(): {"stateDiff": slot(index)}}})
        });
        json!(blocks.collect::<Vec<_>>())
    };
    let limits = RpcLimits { override_slots_max: 2, ..RpcLimits::default() };
    assert!(simulate(limits.clone(), slots(2)).await["error"].is_null());
    assert_eq!(code(&simulate(limits, slots(3)).await), Some(-38026));
    let bytes = slots(1)[0]["stateOverrides"].to_string().len();
    let limits = RpcLimits { override_bytes_max: 2 * bytes, ..RpcLimits::default() };
    assert!(simulate(limits.clone(), slots(2)).await["error"].is_null());
    assert_eq!(code(&simulate(limits, slots(3)).await), Some(-38026));
    // Gas is what all calls have together: none is left for the second.
    let limits = RpcLimits { call_gas_max: 30_000, ..RpcLimits::default() };
    assert!(simulate(limits.clone(), calls(1)).await["error"].is_null());
    assert_eq!(code(&simulate(limits, calls(2)).await), Some(-38013));
    let forever = json!([{"calls": [{"input": "0x5b600056"}],
        "blockOverrides": {"gasLimit": "0xffffffffffffffff"}}]);
    let limits =
        RpcLimits { call_time_ms_max: 20, call_gas_max: u64::MAX / 2, ..RpcLimits::default() };
    let answer = simulate(limits, forever).await;
    assert_eq!(answer["error"]["message"], "execution aborted (timeout = 1s)");
}

#[tokio::test]
async fn an_access_list_names_what_is_used() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let call = json!({"from": account(0), "to": contract});
    let found = chain.ask("eth_createAccessList", json!([call])).await;
    let expected = json!([{"address": contract, "storageKeys": [B256::ZERO]}]);
    assert_eq!(found["accessList"], expected);
    assert!(found.get("error").is_none());
    let gas = json!([{"from": account(0), "to": contract, "accessList": expected,
        "gas": found["gasUsed"]}]);
    chain.ask("eth_call", gas).await;
    let failing = json!([{"to": contract, "data": "0x01"}, "latest"]);
    let failing = chain.ask("eth_createAccessList", failing).await;
    assert_eq!(
        (&failing["accessList"], &failing["error"]),
        (&json!([]), &json!("execution reverted"))
    );
    // Overrides count, and are bounded as they are for calls. BALANCE of 0xbb.
    let code = json!({account(1).to_string(): {"code": "0x60bb3100"}});
    let overridden = json!([{"to": account(1)}, "latest", code]);
    let overridden = chain.ask("eth_createAccessList", overridden).await;
    let other = Address::with_last_byte(0xbb);
    assert_eq!(overridden["accessList"], json!([{"address": other, "storageKeys": []}]));
    let chain =
        TestChain::with_limits(RpcLimits { override_bytes_max: 10, ..RpcLimits::default() });
    let long = json!([{"to": account(1)}, "latest", {account(1).to_string(): {"code": "0x00"}}]);
    assert_eq!(chain.refusal("eth_createAccessList", long).await.0, -32602);
}

#[tokio::test]
async fn many_calls_see_what_the_ones_before_did() {
    let limits = RpcLimits { simulate_calls_max: 4, ..RpcLimits::default() };
    let chain = TestChain::with_limits(limits);
    let contract = chain.deploy();
    let poor = Address::repeat_byte(0x99);
    let give = json!({"from": account(0), "to": poor, "value": "0x5"});
    let spend = json!({"from": poor, "to": account(0), "value": "0x5"});
    let revert = json!({"to": contract, "data": "0x"});
    // NUMBER
    let number = json!({"data": "0x4360005260206000f3"});
    let bundles = json!([
        {"transactions": [give, spend]},
        {"transactions": [number, revert], "blockOverride": {"number": "0x64"}},
    ]);
    let context = json!({"blockNumber": "latest", "transactionIndex": -1});
    let results = chain.ask("eth_callMany", json!([bundles, context])).await;
    let word = |number: u64| json!({"value": B256::from(U256::from(number))});
    assert_eq!(results, json!([[{"value": "0x"}, {"value": "0x"}], [word(100), word(42)]]));
    let failing = json!([{"transactions": [{"to": contract, "data": "0x01"}, {"data": "0xfe"}]}]);
    let results = chain.ask("eth_callMany", json!([failing])).await;
    let error = |text: &str| json!({"error": text});
    assert_eq!(results, json!([[error("execution reverted"), error("invalid opcode: INVALID")]]));
    let broke = json!([[{"transactions": [{"from": poor, "value": "0x1"}]}]]);
    assert_eq!(chain.refusal("eth_callMany", broke).await.0, -32000);
    let five = json!([[{"transactions": vec![json!({}); 5]}]]);
    assert_eq!(chain.refusal("eth_callMany", five).await.0, -32602);
}

#[tokio::test]
async fn many_calls_can_stand_in_the_middle_of_a_block() {
    let chain = TestChain::new();
    let poor = Address::repeat_byte(0x99);
    chain.mine(vec![transfer(0, 0, poor, 5), transfer(0, 1, poor, 6)]);
    // BALANCE of the poor.
    let code = format!("0x73{}315f5260205ff3", hex::encode(poor));
    for (index, balance) in [(0, 0_u64), (1, 5), (2, 11), (-1, 11)] {
        let bundles = json!([{"transactions": [{"data": code}]}]);
        let context = json!({"blockNumber": "0x1", "transactionIndex": index});
        let results = chain.ask("eth_callMany", json!([bundles, context])).await;
        let expected = B256::from(U256::from(balance));
        assert_eq!(results, json!([[{"value": expected}]]), "after {index}");
    }
    for (block, index) in [("0x1", 3), ("0x1", -2), ("0x0", 0)] {
        let beyond = json!([[], {"blockNumber": block, "transactionIndex": index}]);
        assert_eq!(chain.refusal("eth_callMany", beyond).await.0, -32602);
    }
}

#[tokio::test]
async fn a_transaction_is_filled_so_that_it_can_be_signed() {
    let chain = TestChain::new();
    let contract = chain.deploy();
    let lacking = json!([{"from": account(0), "to": contract}]);
    let filled = chain.ask("eth_fillTransaction", lacking.clone()).await;
    let tx = &filled["tx"];
    assert_eq!(
        (&tx["nonce"], &tx["type"], &tx["gasPrice"]),
        (&json!("0x1"), &json!("0x2"), &Value::Null)
    );
    let estimate = chain.ask("eth_estimateGas", lacking).await;
    assert_eq!(tx["gas"], estimate);
    assert_eq!(tx["maxPriorityFeePerGas"], chain.ask("eth_maxPriorityFeePerGas", json!([])).await);
    assert!(filled["raw"].as_str().unwrap().starts_with("0x02"));
    let legacy = json!([{"from": account(0), "to": contract, "gasPrice": "0x77359400"}]);
    let legacy = chain.ask("eth_fillTransaction", legacy).await;
    assert_eq!(
        (&legacy["tx"]["type"], &legacy["tx"]["gasPrice"]),
        (&json!("0x0"), &json!("0x77359400"))
    );
    for (request, words) in [
        (json!({"to": contract, "gasPrice": "0x0"}), "gasPrice must be non-zero"),
        (json!({"to": contract, "maxFeePerGas": "0x1"}), "maxFeePerGas (1) <"),
        (json!({"to": contract, "gasPrice": "0x1", "maxFeePerGas": "0x1"}), "both gasPrice"),
        (json!({}), "contract creation without any data"),
        (json!({"to": contract, "maxFeePerBlobGas": "0x0"}), "maxFeePerBlobGas"),
        (json!({"to": contract, "blobVersionedHashes": []}), "need at least 1 blob"),
        (json!({"data": "0x00", "authorizationList": []}), "missing \"to\""),
    ] {
        let (code, got) = chain.refusal("eth_fillTransaction", json!([request])).await;
        assert!(code == -32000 && got.starts_with(words), "{got}");
    }
}
