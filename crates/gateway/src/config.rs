//! Where the gateway listens, and how much it lets in.

use std::net::{Ipv4Addr, SocketAddr};

/// The address and the bounds of the port. Sizes are in bytes, times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Where to listen. Port 0 lets the system choose.
    pub http: SocketAddr,
    /// Connections in all.
    pub connections_max: usize,
    /// Connections of one client: an IPv4 address, or an IPv6 network of 64 bits.
    pub connections_per_client_max: usize,
    /// Whether clients on this machine are limited like others. A proxy on the same machine is one
    /// client with everybody's connections.
    pub limit_loopback: bool,
    /// Body of an HTTP request.
    pub request_bytes_max: u32,
    /// Message of a WebSocket. Long ones share the room of long bodies, until they are answered.
    pub websocket_message_bytes_max: u32,
    /// Long bodies of HTTP requests (over 256 KiB) and long messages of WebSockets (over 64 KiB) that
    /// are on their way or in work at the same time.
    pub bodies_bytes_max: usize,
    /// Time for the head of a request to arrive, counted from the end of the last one: also how
    /// long an idle connection is kept.
    pub idle_time_ms_max: u64,
    /// Time for the body of a request to arrive.
    pub body_time_ms_max: u64,
    /// Time to answer an HTTP request, with everything in its batch.
    pub request_time_ms_max: u64,
    /// Time a client may leave what was written to it unread, in which it has to take
    /// `write_stall_bytes_min`.
    pub write_stall_ms_max: u64,
    /// What a client has to take, while something waits for it, so that its time begins anew.
    pub write_stall_bytes_min: usize,
    /// Subscriptions of one WebSocket.
    pub subscriptions_max: u32,
    /// Messages of subscriptions that wait to be written to one WebSocket.
    pub websocket_buffer: u32,
    /// Time between pings to a WebSocket.
    pub ping_interval_ms: u64,
    /// Time after the beginning of shutdown until open connections are closed.
    pub drain_time_ms_max: u64,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 8545)),
            connections_max: 4_096,
            connections_per_client_max: 256,
            limit_loopback: false,
            request_bytes_max: 10_000_000,
            websocket_message_bytes_max: 1 << 20,
            bodies_bytes_max: 128 << 20,
            // Longer than the minute for which nginx keeps its side open: the proxy closes first,
            // and no request is sent into a connection that is just being closed here.
            idle_time_ms_max: 75_000,
            body_time_ms_max: 30_000,
            request_time_ms_max: 60_000,
            write_stall_ms_max: 30_000,
            // 140 kbit/s, below which an answer of a few megabytes takes minutes.
            write_stall_bytes_min: 512 << 10,
            subscriptions_max: 32,
            websocket_buffer: 128,
            ping_interval_ms: 30_000,
            drain_time_ms_max: 5_000,
        }
    }
}
