//! `rpc_discover`, its examples, and the page that is made of it.
//!
//! Every method is asked its example, and must answer what is recorded in
//! `src/discovery/examples.json`. With `MFENX_RECORD=1` the answers and the page are written anew.

use crate::{
    chain::{TestChain, account},
    example_chain::{example_chain, token, token_transfer},
    page,
};
use serde_json::{Map, Value, json};
use std::{fs, path::Path, time::Duration};
use tokio::sync::mpsc;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/discovery/examples.json");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rpc.md");

/// What stands in the examples for identifiers that the node chooses.
const IDENTIFIER: &str = "0x1";

/// Methods that change what others see, in the order in which they are asked after all others.
const LAST: [&str; 8] = [
    "eth_newFilter",
    "eth_newBlockFilter",
    "eth_newPendingTransactionFilter",
    "eth_uninstallFilter",
    "eth_sendRawTransaction",
    "eth_getFilterLogs",
    "eth_getFilterChanges",
    "eth_sendRawTransactionSync",
];

/// Methods whose first parameter is an identifier that another method has answered.
const OF_A_FILTER: [&str; 3] = ["eth_uninstallFilter", "eth_getFilterLogs", "eth_getFilterChanges"];

fn recording() -> bool {
    std::env::var_os("MFENX_RECORD").is_some_and(|value| value == "1")
}

/// The whole answer to the example of a method.
async fn ask(chain: &TestChain, method: &str, params: &[Value]) -> Value {
    if OF_A_FILTER.contains(&method) {
        let filter = json!({"address": token(), "fromBlock": "0x2"});
        let id = chain.ask("eth_newFilter", json!([filter])).await;
        if method == "eth_getFilterChanges" {
            chain.mine(vec![token_transfer(0, 3, account(1), 1)]);
        }
        return chain.answer(method, json!([id])).await;
    }
    match method {
        "eth_subscribe" => on_a_connection(chain).await.0,
        "eth_unsubscribe" => on_a_connection(chain).await.1,
        "eth_sendRawTransactionSync" => {
            // The method waits for a block, which is made of what it has put into the pool.
            let mined = async {
                let pooled = loop {
                    let pooled = chain.pool.content_from(account(8)).pending;
                    if !pooled.is_empty() {
                        break pooled;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                };
                chain.mine(pooled.into_values().map(|tx| tx.inner().clone()).collect());
            };
            tokio::join!(chain.answer(method, json!(params)), mined).0
        }
        _ => chain.answer(method, json!(params)).await,
    }
}

/// Opens and closes a subscription where one can be had; both answers.
async fn on_a_connection(chain: &TestChain) -> (Value, Value) {
    let (messages, mut sent) = mpsc::channel(8);
    let (server, _) = chain.server.for_connection(messages, 8);
    let subscribe =
        json!({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]});
    assert!(server.answer(subscribe.to_string().as_bytes()).await.is_none());
    let opened: Value = serde_json::from_str(sent.recv().await.unwrap().get()).unwrap();
    let id = &opened["result"];
    let request = json!({"jsonrpc": "2.0", "id": 2, "method": "eth_unsubscribe", "params": [id]});
    let closed = server.answer(request.to_string().as_bytes()).await.unwrap();
    let closed = serde_json::from_str(closed.get()).unwrap();
    (opened, closed)
}

/// What is recorded of a result: all of it, but for identifiers, and the whole description.
fn recorded(method: &str, result: Value) -> Value {
    match method {
        "eth_newFilter"
        | "eth_newBlockFilter"
        | "eth_newPendingTransactionFilter"
        | "eth_subscribe" => {
            assert!(result.as_str().is_some_and(|id| id.starts_with("0x")), "{method}: {result}");
            json!(IDENTIFIER)
        }
        "rpc_discover" => json!({"openrpc": result["openrpc"], "info": result["info"]}),
        _ => result,
    }
}

/// The methods of a document by name, with what each is asked and what it is said to answer.
fn examples(document: &Value) -> Vec<(String, Vec<Value>, Option<Value>)> {
    let methods = document["methods"].as_array().unwrap();
    let one = |method: &Value| {
        let example = &method["examples"][0];
        let params = example["params"].as_array().unwrap();
        let params = params.iter().map(|param| param["value"].clone()).collect();
        let result = example.get("result").map(|result| result["value"].clone());
        (method["name"].as_str().unwrap().to_owned(), params, result)
    };
    let mut examples: Vec<_> = methods.iter().map(one).collect();
    let place =
        |name: &str| LAST.iter().position(|last| *last == name).map_or(0, |index| index + 1);
    examples.sort_by_key(|(name, ..)| place(name));
    examples
}

#[tokio::test]
async fn every_method_answers_its_example_as_recorded_and_the_page_shows_it() {
    let chain = example_chain().await;
    let mut document = chain.ask("rpc_discover", json!([])).await;
    let mut answers = Map::new();
    let (mut failed, mut wrong) = (Vec::new(), Vec::new());
    for (method, params, expected) in examples(&document) {
        let mut answer = ask(&chain, &method, &params).await;
        if answer.get("error").is_some() {
            failed.push(format!("{method}{}: {answer}", json!(params)));
            continue;
        }
        let answer = recorded(&method, answer["result"].take());
        if expected.as_ref() != Some(&answer) {
            let expected = expected.map_or("nothing".into(), |value| value.to_string());
            wrong.push(format!("{method}: recorded is {expected:.400}, answered {answer:.400}"));
        }
        answers.insert(method, answer);
    }
    for method in document["methods"].as_array_mut().unwrap() {
        let name = method["name"].as_str().unwrap();
        let value = answers.get(name).cloned().unwrap_or_default();
        method["examples"][0]["result"] = json!({"name": "result", "value": value});
    }
    let page = page::render(&document);
    if recording() {
        let text = serde_json::to_string_pretty(&answers).unwrap();
        fs::write(EXAMPLES, text + "\n").unwrap();
        fs::write(PAGE, &page).unwrap();
        wrong.clear();
    }
    assert!(failed.is_empty(), "examples have to succeed:\n{}", failed.join("\n"));
    let how = "MFENX_RECORD=1 cargo test -p mfenx-rpc --test it discovery";
    assert!(wrong.is_empty(), "examples have changed ({how}):\n{}", wrong.join("\n"));
    let held = fs::read_to_string(Path::new(PAGE)).unwrap();
    assert!(held == page, "docs/rpc.md is not what would be written ({how})");
}

#[tokio::test]
async fn the_recorded_examples_are_of_methods_that_are_there() {
    let document = TestChain::new().ask("rpc_discover", json!([])).await;
    let text = fs::read_to_string(EXAMPLES).unwrap();
    let held: Map<String, Value> = serde_json::from_str(&text).unwrap();
    let names: Vec<_> = examples(&document).into_iter().map(|(name, ..)| name).collect();
    for name in held.keys() {
        assert!(names.contains(name), "{name} is recorded and not served; record anew");
    }
}

/// The schema at the end of a `$ref`.
fn is_there(document: &Value, path: &str) -> bool {
    path.strip_prefix('#').is_some_and(|pointer| document.pointer(pointer).is_some())
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().filter(|_| key == "$ref") {
                    Some(path) => found.push(path.to_owned()),
                    None => references(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_name_of_a_type_and_of_an_error_resolves() {
    let document = TestChain::new().ask("rpc_discover", json!([])).await;
    assert_eq!(document["openrpc"], "1.3.2");
    for method in document["methods"].as_array().unwrap() {
        let mut found = Vec::new();
        references(method, &mut found);
        for path in found {
            assert!(is_there(&document, &path), "{}: {path} is not described", method["name"]);
        }
        let example = &method["examples"][0];
        let params = method["params"].as_array().unwrap();
        let required = params.iter().filter(|param| param["required"] == true).count();
        let asked = example["params"].as_array().unwrap().len();
        assert!((required..=params.len()).contains(&asked), "{}: {example}", method["name"]);
        let summary = method["summary"].as_str().unwrap();
        assert!(summary.len() > 8 && summary.ends_with('.'), "{}: {summary}", method["name"]);
    }
}

#[tokio::test]
async fn subscriptions_are_described_as_they_are() {
    let chain = TestChain::new();
    let document = chain.ask("rpc_discover", json!([])).await;
    let methods = document["methods"].as_array().unwrap();
    let subscribe = methods.iter().find(|method| method["name"] == "eth_subscribe").unwrap();
    let kinds = subscribe["x-subscriptions"].as_array().unwrap();
    let names: Vec<_> = kinds.iter().map(|kind| kind["kind"].as_str().unwrap()).collect();
    let all = ["newHeads", "logs", "newPendingTransactions", "transactionReceipts", "syncing"];
    assert_eq!(names, all);
    for kind in kinds {
        chain.ask("eth_subscribe", json!([kind["kind"]])).await;
        for path in [&kind["message"], &kind["options"]["schema"]] {
            let mut found = Vec::new();
            references(path, &mut found);
            assert!(found.iter().all(|path| is_there(&document, path)), "{kind}");
        }
    }
    let (code, _) = chain.refusal("eth_subscribe", json!(["newDreams"])).await;
    assert_eq!(code, -32601);
}

#[tokio::test]
async fn what_is_not_supported_is_refused_in_the_usual_words() {
    let chain = TestChain::new();
    let document = chain.ask("rpc_discover", json!([])).await;
    let served: Vec<_> = examples(&document).into_iter().map(|(name, ..)| name).collect();
    let mut asked = 0;
    for group in document["x-unsupported"].as_array().unwrap() {
        assert!(group["reason"].as_str().unwrap().ends_with('.'), "{group}");
        for name in group["methods"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let prefix = name.trim_end_matches('*');
            let here = |method: &String| {
                if prefix == name { method == name } else { method.starts_with(prefix) }
            };
            assert!(!served.iter().any(here), "{name} is served");
            let refusal = chain.refusal(name, json!([])).await;
            let words = format!("the method {name} does not exist/is not available");
            assert_eq!(refusal, (-32601, words));
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
}

#[tokio::test]
async fn only_exposed_namespaces_are_described() {
    let chain = TestChain::with_namespaces("net,web3");
    let document = chain.ask("rpc_discover", json!([])).await;
    let served: Vec<_> = examples(&document).into_iter().map(|(name, ..)| name).collect();
    let namespace = |name: &String| name.split('_').next().unwrap().to_owned();
    let mut namespaces: Vec<_> = served.iter().map(namespace).collect();
    namespaces.dedup();
    assert_eq!(namespaces, ["net", "rpc", "web3"]);
    let modules = chain.ask("rpc_modules", json!([])).await;
    assert_eq!(modules, json!({"net": "1.0", "rpc": "1.0", "web3": "1.0"}));
}
