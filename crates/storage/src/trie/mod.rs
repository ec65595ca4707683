//! The Merkle Patricia tries (Yellow Paper, appendix D) of accounts and storage.
//!
//! [`source`] finds stored branches and leaves, [`update`] computes a new root from changed leaves,
//! [`state_root`] puts the account trie and the storage tries together, [`parallel`] spreads the
//! work, [`proof`] collects the nodes toward keys and [`witness`] those that a whole block needs,
//! [`past`] finds tries of earlier blocks.

mod node;
mod parallel;
mod past;
mod proof;
mod source;
mod state_root;
mod update;
mod witness;

pub(crate) use node::{Node, reference_in_parent, root_hash};
pub(crate) use parallel::Snapshots;
pub(crate) use past::PastTrie;
pub(crate) use proof::prove;
pub use proof::{AccountProof, SlotProof};
pub(crate) use source::{StoredTrie, TrieId, TrieSource};
pub use state_root::TrieUpdates;
pub(crate) use state_root::{
    StorageUpdate, new_record, past_state_root, state_root, stored_root, trie_root,
};
pub(crate) use update::BranchUpdate;
pub use witness::Witness;

#[cfg(test)]
mod tests;
