//! Nodes that talk over real sockets of this machine. Every wait polls with a deadline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows test functions, not what they call"
)]

mod bounds;
mod discovery;
mod gossip;
mod handshake;
mod hostile;
mod parts;
mod requests;
mod support;
