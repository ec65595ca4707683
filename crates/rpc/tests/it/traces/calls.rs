//! The tracers that show calls, against each other and against what happened.

use super::*;
use std::collections::BTreeMap;

fn of<'v>(frame: &'v Value, fields: &[&str]) -> Vec<&'v Value> {
    fields.iter().map(|field| &frame[*field]).collect()
}

#[tokio::test]
async fn the_call_tracer_shows_every_kind_of_call_as_go_ethereum_does() {
    let zoo = Zoo::new();
    let config = json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}});
    let root = zoo.trace(1, config).await;
    let receipt = zoo.chain.ask("eth_getTransactionReceipt", json!([zoo.hashes[1]])).await;
    assert_eq!(
        of(&root, &["type", "from", "to", "value", "gas", "gasUsed", "input", "error"]),
        [
            &json!("CALL"),
            &json!(account(0)),
            &json!(zoo.parent),
            &json!("0x7"),
            &json!("0x1e8480"),
            &receipt["gasUsed"],
            &json!("0x"),
            &Value::Null
        ]
    );
    let calls = root["calls"].as_array().unwrap();
    let shown: Vec<_> =
        calls.iter().map(|call| of(call, &["type", "to", "value", "error"])).collect();
    let (parent, worker) = (json!(zoo.parent), json!(zoo.worker));
    let (none, poor) = (Value::Null, json!(Address::repeat_byte(0xee)));
    let (broken, created) = (json!(zoo.broken), json!(zoo.parent.create(1)));
    let word = |text: &str| json!(text);
    let expected = [
        [word("CALL"), worker.clone(), word("0x0"), word("execution reverted")],
        [word("DELEGATECALL"), worker.clone(), word("0x7"), none.clone()],
        [word("STATICCALL"), json!(IDENTITY), none.clone(), none.clone()],
        [word("CALL"), poor, word("0xff"), word("insufficient balance for transfer")],
        [word("CALL"), broken, word("0x0"), word("invalid opcode: INVALID")],
        [word("CALLCODE"), worker, word("0x0"), none.clone()],
        [word("CREATE"), created.clone(), word("0x3"), none.clone()],
    ];
    for (shown, expected) in shown.iter().zip(&expected) {
        assert_eq!(shown, &expected.iter().collect::<Vec<_>>());
    }
    assert_eq!(shown.len(), expected.len());
    assert!(calls.iter().all(|call| call["from"] == parent));
    assert_eq!((&calls[0]["revertReason"], &calls[0]["output"]), (&word("no"), &calls[0]["input"]));
    assert_eq!(calls[2]["output"], calls[2]["input"]);
    assert_eq!(calls[3]["gasUsed"], "0x0", "refused before it began");
    assert_eq!(calls[4]["gasUsed"], calls[4]["gas"], "a halt takes all");
    let destroyed = json!([{
        "type": "SELFDESTRUCT", "from": created, "to": parent, "value": "0x3",
        "gas": "0x0", "gasUsed": "0x0", "input": "0x",
    }]);
    assert_eq!(calls[6]["calls"], destroyed);
    let logs = [&calls[1]["logs"][0], &calls[5]["logs"][0], &root["logs"][0]];
    for (index, (log, recorded)) in logs.iter().zip(receipt["logs"].as_array().unwrap()).enumerate()
    {
        assert_eq!(
            of(log, &["address", "topics", "data"]),
            of(recorded, &["address", "topics", "data"])
        );
        assert_eq!((quantity(&log["index"]), &log["index"]), (index as u64, &recorded["logIndex"]));
    }
    assert_eq!((&logs[0]["position"], &logs[2]["position"]), (&json!("0x0"), &json!("0x7")));
}

#[tokio::test]
async fn logs_are_counted_in_the_block_and_only_the_top_call_is_shown_where_that_is_wanted() {
    let zoo = Zoo::new();
    let config = |only: bool| json!({"tracer": "callTracer", "tracerConfig": {"withLog": true, "onlyTopCall": only}});
    let (all, top) = (zoo.trace(2, config(false)).await, zoo.trace(2, config(true)).await);
    assert_eq!(all["logs"][0]["index"], "0x5");
    assert!(top["calls"].is_null() && all["calls"].is_array());
    assert_eq!(of(&top, &["gasUsed", "to", "input"]), of(&all, &["gasUsed", "to", "input"]));
    assert_eq!(top["logs"].as_array().unwrap().len(), 1, "its own");
}

#[tokio::test]
async fn logs_that_were_taken_back_are_not_shown_and_not_counted() {
    let chain = TestChain::new();
    // log0(0, 0), then revert; and a contract that calls that, then logs itself.
    let loser = create(&chain, 0, &[0x5f, 0x5f, 0xa0, 0x5f, 0x5f, 0xfd]);
    let code = [call(CALL, loser, Some(0), 0), vec![0x5f, 0x5f, 0xa0, 0x00]].concat();
    let keeper = create(&chain, 1, &code);
    let transaction = calling(0, 0, keeper, 0);
    let hash = *transaction.tx_hash();
    chain.mine(vec![transaction]);
    let config = json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}});
    let root = chain.ask("debug_traceTransaction", json!([hash, config])).await;
    assert!(root["calls"][0]["logs"].is_null());
    assert_eq!(
        (&root["logs"][0]["index"], &root["logs"][0]["position"]),
        (&json!("0x0"), &json!("0x1"))
    );
}

/// `callTracer`, `flatCallTracer`, `trace_transaction` and `trace_replayTransaction` tell the same.
#[tokio::test]
async fn trees_and_lists_of_calls_agree() {
    let zoo = Zoo::new();
    let hash = zoo.hashes[1];
    let tree = zoo.trace(1, json!({"tracer": "callTracer"})).await;
    let list = zoo.chain.ask("trace_transaction", json!([hash])).await;
    let mut expected = vec![(Vec::new(), "call", tree.clone())];
    // Calls of precompiles are not in the lists.
    let calls =
        tree["calls"].as_array().unwrap().iter().filter(|call| call["to"] != json!(IDENTITY));
    for (index, call) in calls.enumerate() {
        let kind = if call["type"] == "CREATE" { "create" } else { "call" };
        expected.push((vec![index], kind, call.clone()));
        for (inner, call) in call["calls"].as_array().into_iter().flatten().enumerate() {
            expected.push((vec![index, inner], "suicide", call.clone()));
        }
    }
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), expected.len());
    for (trace, (path, kind, call)) in list.iter().zip(&expected) {
        assert_eq!((&trace["traceAddress"], &trace["type"]), (&json!(path), &json!(kind)));
        let action = &trace["action"];
        match *kind {
            "create" => {
                assert_eq!((&action["from"], &action["init"]), (&call["from"], &call["input"]));
                assert_eq!(trace["result"]["address"], call["to"]);
            }
            "suicide" => {
                assert_eq!(
                    of(action, &["address", "refundAddress", "balance"]),
                    of(call, &["from", "to", "value"])
                );
            }
            _ => {
                assert_eq!(
                    of(action, &["from", "to", "input"]),
                    of(call, &["from", "to", "input"])
                );
                let kind = action["callType"].as_str().unwrap().to_uppercase();
                assert_eq!(json!(kind), call["type"]);
            }
        }
        assert_eq!(trace["error"].is_null(), call["error"].is_null(), "{trace}");
        assert_eq!(trace["transactionHash"], json!(hash));
        assert_eq!(trace["transactionPosition"], 1);
    }
    assert_eq!(list[1]["error"], "Reverted");
    let flat = zoo.trace(1, json!({"tracer": "flatCallTracer"})).await;
    assert_eq!(flat[1]["error"], "execution reverted");
    let convert =
        json!({"tracer": "flatCallTracer", "tracerConfig": {"convertParityErrors": true}});
    let converted = zoo.trace(1, convert).await;
    let without_root_gas = |traces: &Value| {
        let mut traces = traces.as_array().unwrap().clone();
        traces[0]["action"]["gas"] = Value::Null;
        traces[0]["result"]["gasUsed"] = Value::Null;
        traces
    };
    assert_eq!(without_root_gas(&converted), without_root_gas(&json!(list)));
    let replayed = zoo.chain.ask("trace_replayTransaction", json!([hash, ["trace"]])).await;
    for (short, long) in replayed["trace"].as_array().unwrap().iter().zip(list) {
        for (field, value) in short.as_object().unwrap() {
            assert_eq!(value, &long[field], "{field}");
        }
    }
    for trace in list {
        let path: Vec<_> = trace["traceAddress"]
            .as_array()
            .unwrap()
            .iter()
            .map(|index| format!("{:#x}", index.as_u64().unwrap()))
            .collect();
        assert_eq!(&zoo.chain.ask("trace_get", json!([hash, path])).await, trace);
    }
    assert!(zoo.chain.ask("trace_get", json!([hash, ["0x63"]])).await.is_null());
}

#[tokio::test]
async fn four_byte_noop_and_several_at_once() {
    let zoo = Zoo::new();
    // The broken contract got 4 bytes, the worker 100; the precompile does not count.
    let selectors = json!({"0x08c379a0-96": 1, "0x08c379a0-0": 1});
    assert_eq!(zoo.trace(1, json!({"tracer": "4byteTracer"})).await, selectors);
    assert_eq!(zoo.trace(1, json!({"tracer": "noopTracer"})).await, json!({}));
    let tracers = json!({"4byteTracer": null, "callTracer": {"withLog": true}, "prestateTracer": {"diffMode": true}});
    let several = zoo.trace(1, json!({"tracer": "muxTracer", "tracerConfig": tracers})).await;
    assert_eq!(several["4byteTracer"], selectors);
    for (name, config) in tracers.as_object().unwrap() {
        let alone = zoo.trace(1, json!({"tracer": name, "tracerConfig": config})).await;
        assert_eq!(several[name], alone, "{name}");
    }
    for tracer in ["{fault: function() {}}", "evmdisTracer"] {
        let refused =
            zoo.chain.refusal("debug_traceTransaction", json!([zoo.hashes[1], {"tracer": tracer}]));
        let (code, words) = refused.await;
        assert!(code == -32000 && words.contains("callTracer, prestateTracer"), "{words}");
    }
    let nested = json!({"tracer": "muxTracer", "tracerConfig": {"muxTracer": {}}});
    zoo.chain.refusal("debug_traceTransaction", json!([zoo.hashes[1], nested])).await;
}

/// What `prestateTracer` and `stateDiff` say of each transaction of a block leads from the state before
/// the block to the one after it.
#[tokio::test]
async fn the_states_of_a_block_are_a_chain() {
    let zoo = Zoo::new();
    let mut state: BTreeMap<String, Value> = BTreeMap::new();
    for index in 0..zoo.hashes.len() {
        let before = zoo.trace(index, json!({"tracer": "prestateTracer"})).await;
        let diff = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
        let diff = zoo.trace(index, diff).await;
        let replayed = json!([zoo.hashes[index], ["stateDiff"]]);
        let parity = zoo.chain.ask("trace_replayTransaction", replayed).await;
        for (address, account) in before.as_object().unwrap() {
            let known = state.get(address);
            let balance = match known {
                Some(known) => known.clone(),
                None => {
                    let at = format!("{:#x}", zoo.block - 1);
                    zoo.chain.ask("eth_getBalance", json!([address, at])).await
                }
            };
            assert_eq!(account["balance"], balance, "{address} before {index}");
        }
        for (address, account) in diff["post"].as_object().unwrap() {
            let changes = &parity["stateDiff"][address];
            if let Some(balance) = account.get("balance") {
                state.insert(address.clone(), balance.clone());
                let to = &changes["balance"];
                assert!(
                    to["*"]["to"] == *balance || to["+"] == *balance,
                    "{address} {to} {balance}"
                );
            } else {
                assert_eq!(changes["balance"], "=");
            }
            for (slot, value) in account["storage"].as_object().into_iter().flatten() {
                assert_eq!(&changes["storage"][slot]["*"]["to"], value);
            }
        }
    }
    for (address, balance) in &state {
        assert_eq!(&zoo.chain.ask("eth_getBalance", json!([address, "latest"])).await, balance);
    }
    let first = zoo.trace(1, json!({"tracer": "prestateTracer"})).await;
    let parent = &first[zoo.parent.to_string().to_lowercase()];
    assert!(parent["code"].as_str().unwrap().len() > 400 && parent["nonce"] == 1);
    let bare = json!({"tracer": "prestateTracer", "tracerConfig": {"disableCode": true, "disableStorage": true}});
    let bare = zoo.trace(1, bare).await;
    let parent = &bare[zoo.parent.to_string().to_lowercase()];
    assert!(parent["code"].is_null() && parent["storage"].is_null());
}

#[tokio::test]
async fn calls_are_traced_on_a_block_amid_its_transactions_and_with_overrides() {
    let zoo = Zoo::new();
    let at = format!("{:#x}", zoo.block);
    let call = json!({"from": account(3), "to": zoo.parent});
    let ask =
        async |config: Value| zoo.chain.ask("debug_traceCall", json!([call, at, config])).await;
    let created = |trace: &Value| trace["calls"][6]["to"].clone();
    // The address of what it creates tells how often it did so before.
    for (index, nonce) in [(json!("0x0"), 1), (json!("0x2"), 2), (Value::Null, 3)] {
        let trace = ask(json!({"tracer": "callTracer", "txIndex": index})).await;
        assert_eq!(created(&trace).is_null(), nonce == 1, "without ether nothing is created");
        if nonce > 1 {
            assert_eq!(created(&trace), json!(zoo.parent.create(nonce)));
        }
    }
    let late = json!([call, at, {"txIndex": "0x4"}]);
    let (code, words) = zoo.chain.refusal("debug_traceCall", late).await;
    assert!(code == -32000 && words.contains("out of range"), "{words}");
    let overrides = json!({
        "tracer": "callTracer",
        "stateOverrides": {zoo.parent.to_string(): {"code": "0x435f5260205ff3"}},
        "blockOverrides": {"number": "0x99"},
    });
    assert_eq!(ask(overrides).await["output"], json!(B256::with_last_byte(0x99)));
    let steps = zoo.chain.ask("debug_traceCall", json!([{"to": zoo.broken}, "latest"])).await;
    assert_eq!(of(&steps, &["failed", "returnValue"]), [&json!(true), &json!("0x")]);
}

#[tokio::test]
async fn calls_in_a_row_build_on_each_other() {
    let zoo = Zoo::new();
    let chain = &zoo.chain;
    let call = json!({"from": account(3), "to": zoo.worker});
    let one = chain.ask("trace_call", json!([call, ["trace", "stateDiff"]])).await;
    assert_eq!(one["trace"][0]["action"]["to"], json!(zoo.worker));
    assert!(one["stateDiff"][zoo.worker.to_string().to_lowercase()]["storage"].is_object());
    let many = json!([[[call, ["trace", "stateDiff"]], [call, ["stateDiff"]], [call, []]]]);
    let many = chain.ask("trace_callMany", many).await;
    assert_eq!(many[0], one);
    // The slot has its value already, so the second changes only the nonce of the caller.
    let worker = zoo.worker.to_string().to_lowercase();
    assert!(many[1]["stateDiff"].get(&worker).is_none(), "{}", many[1]);
    assert_eq!(many[2]["trace"], json!([]));
    assert!(many[2]["stateDiff"].is_null() && many[2]["vmTrace"].is_null());
    let raw = crate::chain::raw(&calling(4, 7, zoo.worker, 0));
    let raw = chain.ask("trace_rawTransaction", json!([raw, ["trace", "vmTrace"]])).await;
    assert_eq!(raw["trace"][0]["action"]["from"], json!(account(4)));
    assert_eq!(raw["vmTrace"]["code"], json!(crate::chain::RUNTIME));
    assert_eq!(raw["output"], json!(B256::with_last_byte(0x2a)));
}
