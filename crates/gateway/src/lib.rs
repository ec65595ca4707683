//! The public edge: one port that speaks JSON-RPC over HTTP and WebSocket, and answers health
//! checks; and, on a port of its own, the metrics for operators.
//!
//! Invariants:
//! - every connection has a place from the moment it is accepted until its socket is closed, in a
//!   total and, unless it comes from this machine and is not to be limited, per client (an IPv4
//!   address or an IPv6 /64);
//! - nothing waits for a client for ever: not for a request's head, nor its body, nor for the
//!   client to take what was written, of which it has to take a minimum in every so many seconds;
//! - a request of a WebSocket has its place until its answer is written, and a WebSocket whose
//!   places are taken, or that leaves too much unread, is not read from: a client that sends faster
//!   than it is served, or does not read, is slowed down by TCP and costs a bounded amount of memory;
//! - answers that are made and not yet written are bounded in all and per client, over HTTP and
//!   WebSocket together;
//! - an error of JSON-RPC is sent with HTTP status 200, because wallets throw away the body of
//!   anything else;
//! - after shutdown begins nothing is accepted, what runs may end within the drain time, and then
//!   every socket is closed.
//!
//! Deliberately absent: TLS and HTTP/2 (a proxy in front does both), rate limits, checks of the
//! `Host` header (any name may point here, as with go-ethereum's `--http.vhosts=*`: there are no
//! keys and no private data behind this port), and methods: those are `mfenx_rpc`'s.

mod admin;
mod admission;
mod body_space;
mod bound;
mod config;
mod connection;
mod error;
mod frames;
mod front;
mod health;
mod http;
mod metrics;
mod patience;
mod service;
mod session;
mod stream;
mod websocket;

pub use admin::{AdminServer, RenderMetrics};
pub use bound::{Bound, Gateway};
pub use config::GatewayConfig;
pub use error::GatewayError;
