//! JSON-RPC over WebSocket.

use crate::port::{Port, config};
use futures_util::{SinkExt, StreamExt};
use mfenx_gateway::GatewayConfig;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn open(port: &Port) -> Socket {
    connect_async(format!("ws://{}", port.address)).await.unwrap().0
}

pub(crate) async fn send(socket: &mut Socket, text: impl Into<String>) {
    socket.send(Message::text(text.into())).await.unwrap();
}

pub(crate) async fn receive(socket: &mut Socket) -> Option<Value> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next());
        match message.await.expect("a message")?.ok()? {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

fn call(id: u64, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":[]}}"#)
}

#[tokio::test]
async fn the_same_port_speaks_websocket_with_batches_and_the_same_words() {
    let port = Port::open(config()).await;
    let mut socket = open(&port).await;
    send(&mut socket, call(1, "eth_chainId")).await;
    assert_eq!(receive(&mut socket).await.unwrap()["result"], "0x2b403");
    send(&mut socket, format!("[{},{}]", call(2, "eth_chainId"), call(3, "eth_nothing"))).await;
    let batch = receive(&mut socket).await.unwrap();
    assert_eq!(batch[0]["result"], "0x2b403");
    assert_eq!(
        batch[1]["error"]["message"],
        "the method eth_nothing does not exist/is not available"
    );
    send(&mut socket, "[]").await;
    assert_eq!(receive(&mut socket).await.unwrap()["error"]["message"], "empty batch");
    send(&mut socket, "{").await;
    assert_eq!(receive(&mut socket).await.unwrap()["error"]["code"], -32700);
}

#[tokio::test]
async fn subscriptions_have_string_identifiers_and_a_limit() {
    let port = Port::open(GatewayConfig { subscriptions_max: 2, ..config() }).await;
    let mut socket = open(&port).await;
    let mut ids = BTreeSet::new();
    for id in 1..=3 {
        send(&mut socket, call(id, "eth_subscribe")).await;
        let answer = loop {
            let message = receive(&mut socket).await.unwrap();
            if message["id"] == json!(id) {
                break message;
            }
            assert_eq!(message["method"], "eth_subscription");
        };
        if id == 3 {
            assert_eq!(answer["error"]["code"], -32000, "{answer}");
        } else {
            let subscription = answer["result"].as_str().unwrap().to_owned();
            assert!(subscription.starts_with("0x") && subscription.len() == 34, "{subscription}");
            ids.insert(subscription);
        }
    }
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_full_connection_is_slowed_down_and_loses_nothing() {
    let limits = RpcLimits { connection_requests_max: 2, ..RpcLimits::default() };
    let port = Port::open_with(config(), limits).await;
    let mut socket = open(&port).await;
    for id in 0..40 {
        send(&mut socket, call(id, "wait")).await;
    }
    // Another connection is not slowed down by this one.
    let mut other = open(&port).await;
    send(&mut other, call(100, "eth_chainId")).await;
    assert_eq!(receive(&mut other).await.unwrap()["id"], 100);
    let mut answered = BTreeSet::new();
    while answered.len() < 40 {
        port.release.notify_one();
        let answer = receive(&mut socket).await.unwrap();
        assert_eq!(answer["result"], "done");
        answered.insert(answer["id"].as_u64().unwrap());
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_and_the_connection_lives() {
    let port = Port::open(GatewayConfig { request_bytes_max: 1_000, ..config() }).await;
    let mut socket = open(&port).await;
    send(&mut socket, " ".repeat(2_000)).await;
    assert!(receive(&mut socket).await.unwrap()["error"]["code"].is_i64());
    send(&mut socket, call(1, "eth_chainId")).await;
    assert_eq!(receive(&mut socket).await.unwrap()["result"], "0x2b403");
}

#[tokio::test]
async fn whoever_does_not_read_loses_the_connection_and_its_place() {
    let port = Port::open(GatewayConfig {
        write_stall_ms_max: 200,
        connections_per_client_max: 1,
        ..config()
    })
    .await;
    let mut socket = open(&port).await;
    send(&mut socket, call(1, "eth_subscribe")).await;
    // Asks for more than the buffers of both systems hold, and reads none of it.
    for id in 0..400 {
        let sent = socket.send(Message::text(call(id, "big")));
        if tokio::time::timeout(Duration::from_millis(300), sent).await.is_err() {
            break;
        }
    }
    let served = async {
        while port.post(&call(1, "eth_chainId")).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), served).await.expect("the place comes back");
}

#[tokio::test]
async fn whoever_hangs_up_has_its_work_given_up() {
    let port = Port::open(config()).await;
    let mut socket = open(&port).await;
    send(&mut socket, call(1, "wait")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(socket);
    let given_up = tokio::time::timeout(Duration::from_secs(10), port.given_up.notified());
    given_up.await.expect("the work is given up");
}

#[tokio::test]
async fn a_broken_handshake_is_answered_in_http() {
    let port = Port::open(config()).await;
    let heads = "connection: upgrade\r\nupgrade: websocket\r\n";
    assert_eq!(port.send("GET", "/", heads, "").await.status, 400);
}
