//! The gateway over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod http;
mod port;
mod shutdown;
mod websocket;
