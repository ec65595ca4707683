//! The store: blocks, receipts, state, its history and its Merkle Patricia tries, in one MDBX
//! environment.
//!
//! # Consistency
//! - One writer, many readers. [`Store::commit`] writes one block in one durable transaction: after
//!   a crash the store is at a block boundary, and a block for which `commit` returned is there.
//! - A [`Reader`] is one snapshot: everything it answers belongs to the same head, however many
//!   blocks are committed meanwhile. It pins the pages of its snapshot, so it should be
//!   short-lived: one request, one import step.
//! - The state root of the head always equals the root of the stored account trie. `commit` refuses
//!   changes whose root was computed on another head or differs from the header's.
//! - The value of an account or slot after block N is the first change recorded after N, else the
//!   current value.
//!
//! # Trie
//! The branch tables hold *every* branch node of the current tries, by path, with the references to
//! all its children. Leaves are the account and storage tables themselves; extension nodes follow
//! from the paths. A new root is computed by descending only where something changed.
//!
//! For the last blocks, the changes of branches are kept as well. A trie of an earlier block is the
//! stored one seen through these changes and those of the leaves; nothing is put together
//! beforehand.
//!
//! # Indices
//! Blocks are found by the addresses and topics of their logs, transactions by the accounts that
//! their execution loaded. Both name a superset of what a caller wants, who looks at each again.
//!
//! # Deliberately absent
//! Pruning and snapshots: they are later work.
//! Cursors and MDBX types never leave this crate, and there is no trait for other backends.

mod code_cache;
mod codec;
mod commit;
mod directory;
mod error;
mod genesis;
mod idle;
mod index;
mod latest;
mod metrics;
mod options;
mod reader;
mod state;
mod store;
mod tables;
mod trie;
mod txn;
mod verify;

pub use commit::BlockCommit;
pub use error::StoreError;
pub use index::{LogBlocks, LogKey, Order};
pub use metrics::describe_metrics;
pub use options::{Durability, StoreOptions};
pub use reader::{FORMAT, Head, Reader, StoredReceipt, TransactionLocation};
pub use state::{StateChanges, StateView};
pub use store::{Store, TableStats};
pub use trie::{AccountProof, SlotProof, TrieUpdates, Witness};
pub use verify::VerifyReport;
