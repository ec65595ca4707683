//! Every JSON-RPC method of the node, from decoding the parameters to the last quote of the answer.
//!
//! Invariants:
//! - a request opens its storage reader inside synchronous code and takes the head from it: one
//!   answer never mixes two heads, and nothing is held across an await. A lookup that finds nothing
//!   inline may be repeated as work, with a reader of its own;
//! - after `newHeads` announces a block every method sees it, for blocks are announced after they
//!   are committed;
//! - everything a caller can make large is bounded by [`RpcLimits`], answers that nobody takes
//!   included, and every refusal passes
//!   through the one table in [`RpcError`];
//! - parameters and results are those of Ethereum's execution-apis. `latest`, `safe` and
//!   `finalized` are the same block, for a committed block is decided for good; `pending` is a block
//!   of the pool's best transactions on top of it (`pending`), which nobody has promised.
//!
//! Layout: one file per group of methods (`eth/*`, `net`, `web3`, `txpool`, `mfenx`, `discovery`),
//! each with a `register` that is its table of contents; the shapes of results in `json`.
//!
//! Deliberately absent: HTTP, sockets, rate limits (they belong to the gateway), anything that
//! writes to the store, tracers in JavaScript (a machine of its own that cannot be bounded like the
//! EVM), and accounts with keys.

mod block_cache;
mod block_id;
mod client;
mod consensus;
mod context;
mod debug;
mod discovery;
mod dispatch;
mod erigon;
mod error;
mod eth;
mod fee_oracle;
mod head_env;
mod input;
mod json;
mod limits;
mod method;
mod methods;
mod metrics;
mod mfenx;
mod namespace;
mod net;
mod ots;
mod output;
mod params;
mod pending;
mod recording;
mod registry;
mod request;
mod revert;
mod server;
mod status;
mod subscription_id;
mod testing;
mod trace;
mod turns;
mod txpool;
mod unsent;
mod web3;
mod work;

pub use client::ClientId;
pub use consensus::{
    ConsensusRecords, ConsensusStatus, DecisionRecord, EvidenceRecord, SignedMessage, Validators,
};
pub use context::RpcContext;
pub use error::RpcError;
pub use limits::RpcLimits;
pub use methods::RpcMethods;
pub use namespace::{Namespace, UnknownNamespace};
pub use registry::methods;
pub use server::{Answer, RpcServer};
pub use status::{Health, HealthLimits, NodeStatus, SyncProgress};
pub use subscription_id::SubscriptionIds;
pub use unsent::{Backlog, Received};
