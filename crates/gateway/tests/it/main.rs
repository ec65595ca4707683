//! The gateway over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod http;
mod port;
mod shutdown;
mod websocket;
