//! What is counted. Labels are fixed words.

use metrics::{Counter, counter, describe_counter, describe_gauge, gauge};

const CONNECTIONS: &str = "mfenx_gateway_connections";
const CONNECTIONS_TOTAL: &str = "mfenx_gateway_connections_total";
const WEBSOCKETS: &str = "mfenx_gateway_websockets";
const REFUSED: &str = "mfenx_gateway_refused_total";
const REQUESTS: &str = "mfenx_gateway_requests_total";
const STALLED: &str = "mfenx_gateway_stalled_total";

/// Tells the installed recorder what the metrics mean.
pub(crate) fn describe() {
    describe_gauge!(CONNECTIONS, "Open connections, WebSockets included");
    describe_counter!(CONNECTIONS_TOTAL, "Connections let in since the start");
    describe_gauge!(WEBSOCKETS, "Open WebSockets");
    describe_counter!(REFUSED, "Connections turned away, by reason (full or client)");
    describe_counter!(REQUESTS, "HTTP requests, by kind (rpc, websocket, health or other)");
    describe_counter!(STALLED, "Connections ended because the client did not read");
}

/// Counts an open connection as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection;

impl OpenConnection {
    pub(crate) fn new() -> Self {
        counter!(CONNECTIONS_TOTAL).increment(1);
        gauge!(CONNECTIONS).increment(1.0);
        Self
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
}

/// A connection was not let in.
pub(crate) fn refused(reason: &'static str) {
    counter!(REFUSED, "reason" => reason).increment(1);
}

/// Requests that arrived, by what they are for.
pub(crate) struct Requests {
    pub(crate) rpc: Counter,
    pub(crate) websocket: Counter,
    pub(crate) health: Counter,
    pub(crate) other: Counter,
}

impl Requests {
    pub(crate) fn new() -> Self {
        let kind = |kind: &'static str| counter!(REQUESTS, "kind" => kind);
        Self {
            rpc: kind("rpc"),
            websocket: kind("websocket"),
            health: kind("health"),
            other: kind("other"),
        }
    }
}

/// A client did not take what was written to it.
pub(crate) fn stalled() {
    counter!(STALLED).increment(1);
}

/// Counts an open WebSocket as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenWebSocket;

impl OpenWebSocket {
    pub(crate) fn new() -> Self {
        gauge!(WEBSOCKETS).increment(1.0);
        Self
    }
}

impl Drop for OpenWebSocket {
    fn drop(&mut self) {
        gauge!(WEBSOCKETS).decrement(1.0);
    }
}
