//! Stopping without losing what runs, and without waiting for ever.

use crate::{
    port::{Port, closed, config, read, write},
    websocket,
};
use mfenx_gateway::GatewayConfig;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const WAIT: &str = r#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#;
const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn what_runs_is_answered_and_nothing_new_is_let_in() {
    let port = Port::open(config()).await;
    let mut busy = port.connect().await;
    write(&mut busy, "POST", "/", JSON, WAIT).await;
    let mut idle = port.connect().await;
    let mut socket = websocket::open(&port).await;
    websocket::send(&mut socket, WAIT).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    port.shutdown.cancel();
    closed(&mut idle).await;
    assert!(TcpStream::connect(port.address).await.is_err(), "the port is closed");
    port.release.notify_waiters();
    assert_eq!(read(&mut busy).await.unwrap().status, 200);
    assert_eq!(websocket::receive(&mut socket).await.unwrap()["result"], "done");
    assert!(websocket::receive(&mut socket).await.is_none(), "it is closed");
    port.served.await.unwrap();
}

#[tokio::test]
async fn the_drain_time_ends_what_does_not_end_by_itself() {
    let port = Port::open(GatewayConfig { drain_time_ms_max: 200, ..config() }).await;
    let mut busy = port.connect().await;
    write(&mut busy, "POST", "/", JSON, WAIT).await;
    let mut socket = websocket::open(&port).await;
    websocket::send(&mut socket, WAIT).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    port.shutdown.cancel();
    port.served.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    closed(&mut busy).await;
    assert!(websocket::receive(&mut socket).await.is_none());
}
