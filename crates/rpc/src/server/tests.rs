use super::*;
use jsonrpsee::RpcModule;
use serde_json::{Value, json};

fn server(limits: &RpcLimits) -> RpcServer {
    let mut module = RpcModule::new(());
    module.register_method("echo", |params, _, _| params.as_str().map(str::to_owned)).unwrap();
    module.register_method("big", |_, _, _| "x".repeat(600)).unwrap();
    module
        .register_subscription("eth_subscribe", "eth_subscription", "eth_unsubscribe", {
            |_, _, _, _| async {}
        })
        .unwrap();
    RpcServer::new(module, limits)
}

async fn ask(server: &RpcServer, request: &str) -> Option<Value> {
    let answer = server.answer(request.as_bytes()).await?;
    Some(serde_json::from_str(answer.get()).unwrap())
}

fn error(answer: &Value) -> (i64, &str) {
    (answer["error"]["code"].as_i64().unwrap(), answer["error"]["message"].as_str().unwrap())
}

#[tokio::test]
async fn requests_notifications_and_nonsense() {
    let server = server(&RpcLimits::default());
    let ok = ask(&server, r#" {"jsonrpc":"2.0","id":7,"method":"echo","params":[1]}"#).await;
    assert_eq!(ok.unwrap(), json!({"jsonrpc": "2.0", "id": 7, "result": "[1]"}));
    let none = ask(&server, r#"{"jsonrpc":"2.0","method":"echo"}"#).await;
    assert!(none.is_none());
    let broken = ask(&server, r#"{"jsonrpc":"2.0","id":1,"#).await.unwrap();
    assert_eq!((error(&broken).0, &broken["id"]), (-32700, &Value::Null));
    let empty = ask(&server, "").await.unwrap();
    assert_eq!(error(&empty).0, -32700);
    let odd = ask(&server, r#"{"id":"a","foo":1}"#).await.unwrap();
    assert_eq!((error(&odd).0, &odd["id"]), (-32600, &json!("a")));
    let number = ask(&server, "7").await.unwrap();
    assert_eq!(error(&number).0, -32600);
}

#[tokio::test]
async fn identifiers_come_back_as_they_were_unless_they_are_none() {
    let server = server(&RpcLimits::default());
    for id in ["-1", "1.5", "99999999999999999999999", "null", "\"\\u0061\""] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"nothing"}}"#);
        let answer = server.answer(request.as_bytes()).await.unwrap();
        assert!(answer.get().contains(&format!("\"id\":{id},")), "{}", answer.get());
    }
    for id in ["{}", "[]", "true", "1,\"id\":2"] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"echo"}}"#);
        let alone = ask(&server, &request).await.unwrap();
        assert_eq!((error(&alone).0, &alone["id"]), (-32600, &Value::Null), "{id}");
        let batch = ask(&server, &format!("[{request}]")).await.unwrap();
        assert_eq!(error(&batch[0]).0, -32600, "{id}");
    }
}

#[tokio::test]
async fn unknown_methods_have_the_words_that_ethers_looks_for_also_in_batches() {
    let server = server(&RpcLimits::default());
    let words = "the method eth_foo does not exist/is not available";
    let alone = ask(&server, r#"{"jsonrpc":"2.0","id":1,"method":"eth_foo"}"#).await.unwrap();
    assert_eq!(error(&alone), (-32601, words));
    let batch =
        r#"[{"jsonrpc":"2.0","id":1,"method":"eth_foo"},{"jsonrpc":"2.0","id":2,"method":"echo"}]"#;
    let batch = ask(&server, batch).await.unwrap();
    assert_eq!(error(&batch[0]), (-32601, words));
    assert_eq!(batch[1]["result"], Value::Null);
    let subscribe = ask(&server, r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe"}"#).await;
    assert_eq!(error(&subscribe.unwrap()), (-32601, "notifications not supported"));
}

#[tokio::test]
async fn batches_are_answered_entry_by_entry() {
    let limits = RpcLimits { batch_entries_max: 4, ..RpcLimits::default() };
    let server = server(&limits);
    assert_eq!(error(&ask(&server, "[]").await.unwrap()), (-32600, "empty batch"));
    assert_eq!(error(&ask(&server, "[1,").await.unwrap()).0, -32700);
    let large = format!("[{}]", ["1"; 5].join(","));
    assert_eq!(error(&ask(&server, &large).await.unwrap()), (-32600, "batch too large"));
    let call = r#"{"jsonrpc":"2.0","id":3,"method":"echo","params":[]}"#;
    let mixed = format!(r#"[1,{{"jsonrpc":"2.0","method":"echo"}},{call}]"#);
    let mixed = ask(&server, &mixed).await.unwrap();
    assert_eq!(mixed.as_array().unwrap().len(), 2);
    assert_eq!(error(&mixed[0]).0, -32600);
    assert_eq!(mixed[1], json!({"jsonrpc": "2.0", "id": 3, "result": "[]"}));
    let silent = r#"[{"jsonrpc":"2.0","method":"echo"}]"#;
    assert!(ask(&server, silent).await.is_none());
}

#[tokio::test]
async fn a_response_that_is_too_large_leaves_the_others_of_the_batch_alone() {
    let limits = RpcLimits { response_bytes_max: 1_000, ..RpcLimits::default() };
    let server = server(&limits);
    let big = |id: u8| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"big"}}"#);
    let answers = ask(&server, &format!("[{},{},{}]", big(1), big(2), big(3))).await.unwrap();
    assert!(answers[0]["result"].is_string());
    assert_eq!((error(&answers[1]).0, &answers[1]["id"]), (-32003, &json!(2)));
    assert_eq!((error(&answers[2]).0, &answers[2]["id"]), (-32003, &json!(3)));
    let limits = RpcLimits { response_bytes_max: 100, ..RpcLimits::default() };
    let alone = ask(&self::server(&limits), &big(1)).await.unwrap();
    assert_eq!(error(&alone).0, -32003);
}
