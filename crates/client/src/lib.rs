//! A caller of a node: JSON-RPC over HTTP or HTTPS, views of contracts, and transactions that are
//! signed here. For the programs beside the node: operators' commands and workers.
//!
//! Invariants: every wait has an end and every answer a longest length; a secret never leaves the
//! process; a transaction goes out only after the same call was tried on the latest state, so that
//! what would revert costs nothing.
//!
//! Deliberately absent: subscriptions, batches and retries. Who asks knows how often to ask again.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod error;
mod http;
mod sender;

pub use error::ClientError;
pub use http::{Client, Fault};
pub use sender::{Receipt, ReceiptLog, Sender, Sent};
