//! JSON-RPC over HTTP, and everything else that comes to the port.

use crate::port::{Port, closed, config, read, write};
use mfenx_gateway::{Gateway, GatewayConfig};
use mfenx_rpc::RpcLimits;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const CHAIN_ID: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn requests_and_batches_are_answered_on_one_connection() {
    let port = Port::open(config()).await;
    let mut socket = port.connect().await;
    for heads in [JSON, "content-type: application/json; charset=utf-8\r\n"] {
        write(&mut socket, "POST", "/", heads, CHAIN_ID).await;
        let answer = read(&mut socket).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json(), json!({"jsonrpc": "2.0", "id": 1, "result": "0x2b403"}));
    }
    let batch = format!("[{CHAIN_ID},{}]", CHAIN_ID.replace("eth_chainId", "eth_nothing"));
    write(&mut socket, "POST", "/", JSON, &batch).await;
    let answer = read(&mut socket).await.unwrap().json();
    assert_eq!(answer[0]["result"], "0x2b403");
    assert_eq!(
        answer[1]["error"],
        json!({"code": -32601, "message": "the method eth_nothing does not exist/is not available"})
    );
}

#[tokio::test]
async fn errors_of_json_rpc_are_http_200() {
    let port = Port::open(config()).await;
    for (body, code) in [
        ("{\"jsonrpc\":", -32700),
        ("[]", -32600),
        ("7", -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no"}"#, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#, -32601),
    ] {
        let answer = port.post(body).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (200, &json!(code)), "{body}");
    }
    let notification = port.post(r#"{"jsonrpc":"2.0","method":"eth_chainId"}"#).await;
    assert_eq!((notification.status, notification.text()), (200, ""));
}

#[tokio::test]
async fn bodies_are_bounded_announced_or_not() {
    let limits = GatewayConfig { request_bytes_max: 1_000, ..config() };
    let port = Port::open(limits).await;
    let long = format!("{CHAIN_ID}{}", " ".repeat(1_000));
    let answer = port.post(&long).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (413, &json!(-32600)));
    let mut socket = port.connect().await;
    let head = format!("POST / HTTP/1.1\r\nhost: node\r\n{JSON}transfer-encoding: chunked\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600));
    socket.write_all(format!("{chunk}{chunk}").as_bytes()).await.unwrap();
    assert_eq!(read(&mut socket).await.unwrap().status, 413);
    assert_eq!(port.post(CHAIN_ID).await.status, 200);
}

#[tokio::test]
async fn slow_bodies_of_unknown_length_keep_nobody_waiting() {
    let port = Port::open(GatewayConfig { bodies_bytes_max: 1 << 20, ..config() }).await;
    let head = format!("POST / HTTP/1.1\r\nhost: node\r\n{JSON}transfer-encoding: chunked\r\n\r\n");
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut socket = port.connect().await;
        socket.write_all(format!("{head}1\r\n \r\n").as_bytes()).await.unwrap();
        slow.push(socket);
    }
    let long = format!("{CHAIN_ID}{}", " ".repeat(400 * 1_024));
    let answer = tokio::time::timeout(Duration::from_secs(60), port.post(&long)).await;
    assert_eq!(answer.expect("it does not wait for the slow ones").status, 200);
    // One that turns out to be long is refused.
    let chunk = format!("{:x}\r\n{}\r\n", 300 * 1_024, " ".repeat(300 * 1_024));
    slow[0].write_all(chunk.as_bytes()).await.unwrap();
    assert_eq!(read(&mut slow[0]).await.unwrap().status, 413);
}

#[tokio::test]
async fn a_batch_is_bounded() {
    let limits = RpcLimits { batch_entries_max: 2, ..RpcLimits::default() };
    let port = Port::open_with(config(), limits).await;
    let answer = port.post(&format!("[{CHAIN_ID},{CHAIN_ID},{CHAIN_ID}]")).await;
    assert_eq!(answer.json()["error"]["message"], "batch too large");
    assert_eq!(
        port.post(&format!("[{CHAIN_ID},{CHAIN_ID}]")).await.json().as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn browsers_may_ask_from_anywhere() {
    let port = Port::open(config()).await;
    let heads = "origin: https://dapp.example\r\naccess-control-request-method: POST\r\n\
                 access-control-request-headers: content-type\r\n";
    let preflight = port.send("OPTIONS", "/", heads, "").await;
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("*"));
    let heads = format!("{JSON}origin: https://dapp.example\r\n");
    let answer = port.send("POST", "/", &heads, CHAIN_ID).await;
    assert_eq!(answer.head.matches("access-control-allow-origin").count(), 1);
}

#[tokio::test]
async fn whoever_comes_with_something_else_is_told_what_to_do() {
    let port = Port::open(config()).await;
    let greeting = port.send("GET", "/", "", "").await;
    assert!(greeting.status == 200 && greeting.text().contains("POST JSON-RPC"));
    assert_eq!(port.send("GET", "/nothing", "", "").await.status, 404);
    let put = port.send("PUT", "/", JSON, CHAIN_ID).await;
    assert_eq!((put.status, put.header("allow").is_some()), (405, true));
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let form = port.send("POST", "/", form, CHAIN_ID).await;
    assert_eq!(form.status, 415);
    assert!(form.text().contains("application/json"));
}

#[tokio::test]
async fn health_follows_the_node() {
    let port = Port::open(config()).await;
    assert_eq!(port.send("GET", "/health/live", "", "").await.status, 200);
    let ready = port.send("GET", "/health/ready", "", "").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
    port.status.set_ready(true);
    for path in ["/health/ready", "/readyz", "/healthz"] {
        assert_eq!(port.send("GET", path, "", "").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_ask() {
    let port = Port::open(config()).await;
    let big = r#"{"jsonrpc":"2.0","id":1,"method":"big"}"#;
    for encoding in ["gzip", "br", "zstd"] {
        let heads = format!("{JSON}accept-encoding: {encoding}\r\n");
        let answer = port.send("POST", "/", &heads, big).await;
        assert_eq!(answer.header("content-encoding"), Some(encoding));
        assert!(answer.body.len() < 10_000, "{encoding}: {}", answer.body.len());
        let short = port.send("POST", "/", &heads, CHAIN_ID).await;
        assert_eq!(short.header("content-encoding"), None);
    }
    assert_eq!(
        port.post(big).await.body.len(),
        100_000 + r#"{"jsonrpc":"2.0","id":1,"result":""}"#.len()
    );
}

#[tokio::test]
async fn clients_have_so_many_connections_and_get_them_back() {
    let port = Port::open(GatewayConfig { connections_per_client_max: 2, ..config() }).await;
    let mut first = port.connect().await;
    write(&mut first, "POST", "/", JSON, CHAIN_ID).await;
    assert_eq!(read(&mut first).await.unwrap().status, 200);
    let mut second = port.connect().await;
    write(&mut second, "POST", "/", JSON, CHAIN_ID).await;
    assert_eq!(read(&mut second).await.unwrap().status, 200);
    let mut third = port.connect().await;
    let refused = read(&mut third).await.unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    closed(&mut third).await;
    drop(first);
    let served = async {
        while port.post(CHAIN_ID).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("the place comes back");
}

#[tokio::test]
async fn the_port_has_so_many_connections() {
    let port = Port::open(GatewayConfig { connections_max: 1, ..config() }).await;
    let mut first = port.connect().await;
    write(&mut first, "POST", "/", JSON, CHAIN_ID).await;
    assert_eq!(read(&mut first).await.unwrap().status, 200);
    let mut second = port.connect().await;
    assert_eq!(read(&mut second).await.unwrap().status, 503);
}

#[tokio::test]
async fn nobody_waits_for_a_silent_client() {
    let port =
        Port::open(GatewayConfig { idle_time_ms_max: 100, body_time_ms_max: 100, ..config() })
            .await;
    let mut silent = port.connect().await;
    closed(&mut silent).await;
    let mut slow = port.connect().await;
    let head = format!("POST / HTTP/1.1\r\nhost: node\r\n{JSON}content-length: 10\r\n\r\n{{");
    slow.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read(&mut slow).await.unwrap().status, 408);
    closed(&mut slow).await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_so() {
    let port = Port::open(GatewayConfig { request_time_ms_max: 50, ..config() }).await;
    let answer = port.post(r#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#).await;
    assert_eq!(answer.status, 200);
    let error = json!({"code": -32002, "message": "request timed out"});
    assert_eq!(answer.json(), json!({"jsonrpc": "2.0", "id": 1, "error": error}));
    // Each entry of a batch is told by its identifier, and what asks for no answer has none.
    let batch = r#"[{"jsonrpc":"2.0","id":"a","method":"wait"},{"jsonrpc":"2.0","method":"wait"},
                    {"jsonrpc":"2.0","id":7,"method":"eth_chainId"}]"#;
    let told = |id| json!({"jsonrpc": "2.0", "id": id, "error": error});
    assert_eq!(port.post(batch).await.json(), json!([told(json!("a")), told(json!(7))]));
}

#[tokio::test]
async fn a_taken_port_is_named_with_advice() {
    let port = Port::open(config()).await;
    let taken = GatewayConfig { http: port.address, ..config() };
    let error = Gateway::bind(taken).await.unwrap_err().to_string();
    assert!(error.contains(&port.address.to_string()) && error.contains("another"), "{error}");
}

#[tokio::test]
async fn whoever_hangs_up_has_its_work_given_up() {
    let port = Port::open(config()).await;
    let mut socket = port.connect().await;
    write(&mut socket, "POST", "/", JSON, r#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(socket);
    let given_up = tokio::time::timeout(Duration::from_secs(10), port.given_up.notified());
    given_up.await.expect("the work is given up");
}
