//! JSON-RPC over WebSocket.

use crate::port::{HUGE_BYTES, Port, config, read, write};
use futures_util::{SinkExt, StreamExt};
use mfenx_gateway::GatewayConfig;
use mfenx_rpc::RpcLimits;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

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
    send(&mut socket, "nonsense").await;
    assert_eq!(receive(&mut socket).await.unwrap()["error"]["code"], -32700);
}

#[tokio::test]
async fn errors_are_those_of_http() {
    let limits = RpcLimits { batch_entries_max: 2, ..RpcLimits::default() };
    let port = Port::open_with(config(), limits).await;
    let mut socket = open(&port).await;
    let batch = vec![call(1, "eth_chainId"); 3].join(",");
    for request in [
        format!("[{batch}]"),
        "[]".to_owned(),
        "[1,".to_owned(),
        "7".to_owned(),
        String::new(),
        r#"{"id":"a","foo":1}"#.to_owned(),
        "[1,{}]".to_owned(),
    ] {
        send(&mut socket, request.clone()).await;
        let answer = receive(&mut socket).await.unwrap();
        assert_eq!(answer, port.post(&request).await.json(), "{request}");
    }
    send(&mut socket, format!("[{batch}]")).await;
    let large = receive(&mut socket).await.unwrap();
    assert_eq!(large["error"], json!({"code": -32600, "message": "batch too large"}));
}

#[tokio::test]
async fn a_client_that_does_not_read_has_little_made_for_it_and_loses_nothing_when_it_does() {
    let limits = RpcLimits { connection_unsent_bytes_max: 4 << 20, ..RpcLimits::default() };
    let port = Port::open_with(config(), limits).await;
    let mut socket = open(&port).await;
    for id in 0..100 {
        send(&mut socket, call(id, "huge")).await;
    }
    let started = || port.huge_calls.load(Ordering::Relaxed);
    let mut last = 0;
    // What the buffers of both systems hold is made as well; then nothing more is.
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if started() == last && last > 0 {
            break;
        }
        last = started();
    }
    assert!(last < 20, "{last} answers of {HUGE_BYTES} bytes were made");
    let mut answered = BTreeSet::new();
    while answered.len() < 100 {
        answered.insert(receive(&mut socket).await.unwrap()["id"].as_u64().unwrap());
    }
    assert_eq!(started(), 100);
}

#[tokio::test]
async fn large_requests_are_not_read_ahead() {
    let limits = RpcLimits { connection_unsent_bytes_max: 1 << 20, ..RpcLimits::default() };
    let config = GatewayConfig { websocket_message_bytes_max: 4 << 20, ..config() };
    let port = Port::open_with(config, limits).await;
    let (mut sink, mut stream) = open(&port).await.split();
    let padding = "x".repeat(3 << 20);
    let sending = tokio::spawn(async move {
        for id in 0..30 {
            let request =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"wait","params":["{padding}"]}}"#);
            sink.send(Message::text(request)).await.unwrap();
        }
        sink
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!sending.is_finished(), "90 MB were taken in");
    let mut answered = 0;
    while answered < 30 {
        port.release.notify_one();
        if let Ok(message) = tokio::time::timeout(Duration::from_millis(50), stream.next()).await {
            answered += usize::from(message.unwrap().unwrap().is_text());
        }
    }
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn what_is_unsent_is_bounded_over_all_connections() {
    let limits = RpcLimits { unsent_bytes_max: 30_000_000, ..RpcLimits::default() };
    refuses_when_full(Port::open_with(config(), limits.clone()).await).await;
    // A proxy on this machine is nobody's client, and yet there is an end to it.
    let config = GatewayConfig { limit_loopback: false, ..config() };
    refuses_when_full(Port::open_with(config, limits).await).await;
}

#[tokio::test]
async fn what_is_unsent_is_bounded_for_each_client() {
    let limits = RpcLimits { client_unsent_bytes_max: 30_000_000, ..RpcLimits::default() };
    refuses_when_full(Port::open_with(config(), limits).await).await;
}

/// Two answers of 22 MB each, of which only one has room: more than the buffers of both systems
/// take.
async fn refuses_when_full(port: Port) {
    let batch = format!("[{}]", vec![call(1, "huge"); 11].join(","));
    let failed = |answer: &Value| {
        let entries = answer.as_array().unwrap();
        let codes = entries.iter().filter_map(|entry| entry["error"]["code"].as_i64());
        let codes: Vec<_> = codes.collect();
        assert!(codes.iter().all(|code| *code == -32005), "{codes:?}");
        codes.len()
    };
    let mut idle = port.connect().await;
    write(&mut idle, "POST", "/", "content-type: application/json\r\n", &batch).await;
    while port.huge_calls.load(Ordering::Relaxed) < 11 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let refused = port.post(&batch).await.json();
    assert!((1..11).contains(&failed(&refused)));
    // Short answers are never refused.
    assert_eq!(port.post(&call(1, "eth_chainId")).await.json()["result"], "0x2b403");
    assert_eq!(failed(&read(&mut idle).await.unwrap().json()), 0);
    let again = async {
        while failed(&port.post(&batch).await.json()) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("there is room again");
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
            assert!(subscription.starts_with("0x") && subscription.len() > 20, "{subscription}");
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
async fn a_message_that_is_too_long_is_refused_and_ends_the_connection() {
    let port = Port::open(GatewayConfig { websocket_message_bytes_max: 1_000, ..config() }).await;
    let mut socket = open(&port).await;
    send(&mut socket, " ".repeat(2_000)).await;
    assert_eq!(receive(&mut socket).await.unwrap()["error"]["code"], -32600);
    assert!(receive(&mut socket).await.is_none(), "it is closed");
}

#[tokio::test]
async fn a_client_that_trickles_loses_the_connection() {
    let port = Port::open(GatewayConfig {
        write_stall_ms_max: 500,
        write_stall_bytes_min: 64 << 20,
        ..config()
    })
    .await;
    let mut socket = port.connect().await;
    let batch = vec![call(1, "huge"); 11].join(",");
    write(&mut socket, "POST", "/", "content-type: application/json\r\n", &format!("[{batch}]"))
        .await;
    let mut read = 0;
    let end = async {
        let mut few = vec![0; 16 << 10];
        while let Ok(bytes @ 1..) = socket.read(&mut few).await {
            read += bytes;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), end).await.expect("it ends");
    assert!(read < 11 * HUGE_BYTES, "{read}");
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

/// The code of the frame that ends a WebSocket.
async fn closing_code(socket: &mut Socket) -> Option<u16> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), socket.next());
        match message.await.expect("an end")?.ok()? {
            Message::Close(frame) => return frame.map(|frame| frame.code.into()),
            Message::Text(text) => panic!("{text}"),
            _ => {}
        }
    }
}

fn fragment(opcode: OpCode, bytes: &[u8], is_final: bool) -> Message {
    Message::Frame(Frame::message(bytes.to_vec(), opcode, is_final))
}

const TEXT: OpCode = OpCode::Data(Data::Text);
const CONTINUE: OpCode = OpCode::Data(Data::Continue);

#[tokio::test]
async fn a_message_in_fragments_is_a_message() {
    let port = Port::open(config()).await;
    let mut socket = open(&port).await;
    let request = call(1, "eth_chainId").into_bytes();
    socket.send(fragment(TEXT, &request[..9], false)).await.unwrap();
    socket.send(Message::Ping(b"here?".as_slice().into())).await.unwrap();
    socket.send(fragment(CONTINUE, &request[9..20], false)).await.unwrap();
    socket.send(Message::Pong(b"unasked".as_slice().into())).await.unwrap();
    socket.send(fragment(CONTINUE, &request[20..], true)).await.unwrap();
    let (mut pong, mut result) = (None, None);
    while pong.is_none() || result.is_none() {
        match socket.next().await.unwrap().unwrap() {
            Message::Pong(payload) => pong = Some(payload),
            Message::Text(text) => result = Some(text),
            other => panic!("{other}"),
        }
    }
    assert_eq!(pong.unwrap(), b"here?".as_slice());
    assert!(result.unwrap().contains("0x2b403"));
}

#[tokio::test]
async fn fragments_over_the_limit_are_refused_at_once() {
    let port = Port::open(GatewayConfig { websocket_message_bytes_max: 1_000, ..config() }).await;
    let mut socket = open(&port).await;
    // A request before it is answered as ever.
    send(&mut socket, call(1, "eth_chainId")).await;
    assert_eq!(receive(&mut socket).await.unwrap()["id"], 1);
    socket.send(fragment(TEXT, &[b' '; 600], false)).await.unwrap();
    socket.send(fragment(CONTINUE, &[b' '; 600], false)).await.unwrap();
    assert_eq!(receive(&mut socket).await.unwrap()["error"]["code"], -32600);
    assert_eq!(closing_code(&mut socket).await, Some(1009));
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_why_it_ends() {
    let port = Port::open(config()).await;
    let mut socket = open(&port).await;
    send(&mut socket, call(1, "wait")).await;
    socket.send(fragment(CONTINUE, b"x", true)).await.unwrap();
    // What was asked before is answered first.
    tokio::time::sleep(Duration::from_millis(50)).await;
    port.release.notify_one();
    assert_eq!(receive(&mut socket).await.unwrap()["result"], "done");
    assert_eq!(closing_code(&mut socket).await, Some(1002));
    // Whoever says goodbye is answered.
    let mut socket = open(&port).await;
    socket.send(Message::Close(None)).await.unwrap();
    assert_eq!(closing_code(&mut socket).await, Some(1000));
    // And so is everybody when the node stops.
    let mut socket = open(&port).await;
    send(&mut socket, call(1, "eth_chainId")).await;
    assert!(receive(&mut socket).await.is_some());
    port.shutdown.cancel();
    assert_eq!(closing_code(&mut socket).await, Some(1001));
}
