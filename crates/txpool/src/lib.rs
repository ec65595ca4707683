//! The bounded pool of transactions that wait for a block.
//!
//! A transaction is checked against the head block's rules and its sender's account, then stands
//! in its sender's queue. The front of a queue that is contiguous from the account's nonce and
//! that the account can pay for, all together, is *executable* ("pending" in `txpool_status`);
//! what lies behind a gap or a shortage of funds is *queued*. Rules and words of refusal are those
//! of go-ethereum, because wallets and libraries read the words.
//!
//! Invariants:
//! - no bound of [`PoolConfig`] is ever exceeded; a full pool admits a newcomer only in place of
//!   something strictly worse;
//! - a sender's executable transactions are contiguous from its nonce, and their maximal cost
//!   together is within its balance, as of the last account state the pool was told;
//! - what leaves the pool is announced with the reason ([`PoolEvent`]), in the order it happened;
//! - [`PoolHandle::best`] is an owned snapshot: nobody executes under the pool's lock.
//!
//! Blob transactions are taken with their sidecars where the chain allows them at all
//! ([`mfenx_chainspec::ChainSpec::accepts_blobs`]); a sidecar is kept as long as its transaction.
//!
//! Deliberately absent: a clock (nothing expires by age), reading state and recovering senders
//! (the caller brings both), a journal on disk, special treatment of local transactions, and the
//! conversion of sidecars from one fork's proofs to the next.

mod best;
mod blobs;
mod config;
mod error;
mod event;
mod handle;
mod metrics;
mod pool;
mod rank;
mod rules;
mod sender;
mod transaction;

pub use best::BestTransactions;
pub use blobs::{Sidecar, load_trusted_setup};
pub use config::PoolConfig;
pub use error::PoolError;
pub use event::{DropReason, PoolEvent};
pub use handle::PoolHandle;
pub use pool::{PoolContent, PoolStatus, SenderContent, SenderState};

#[cfg(test)]
mod tests;
