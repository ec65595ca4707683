//! Merkle proofs (EIP-1186).

use super::{
    node::{Node, reference_in_parent},
    source::TrieSource,
};
use crate::{error::StoreError, state::StateView};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles};
use mfenx_primitives::AccountState;
use std::borrow::Cow;

/// An account with the nodes on the way to it, from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountProof {
    /// The account; `None` when it does not exist.
    pub state: Option<AccountState>,
    /// Root of its storage trie.
    pub storage_root: B256,
    /// RLP of the nodes of the account trie; a proof of absence when the account does not exist.
    pub nodes: Vec<Bytes>,
    /// One for each slot asked for, in that order.
    pub slots: Vec<SlotProof>,
}

/// A slot with the nodes on the way to it, from the root of the account's storage trie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotProof {
    /// The slot.
    pub slot: B256,
    /// Its value.
    pub value: U256,
    /// RLP of the nodes; a proof of absence when the value is zero.
    pub nodes: Vec<Bytes>,
}

/// Proofs in the account trie and the account's storage trie of one state, with what `view` says of
/// the same state.
pub(crate) fn prove<S: TrieSource>(
    accounts: &mut S,
    storage: &mut S,
    view: StateView<'_>,
    address: Address,
    slots: &[B256],
) -> Result<AccountProof, StoreError> {
    let key = keccak256(address);
    let nodes = nodes_toward(accounts, &key)?;
    let record = view.record(key)?;
    let slots = slots.iter().map(|slot| {
        let nodes = nodes_toward(storage, &keccak256(slot))?;
        let value = view.storage(address, U256::from_be_bytes(slot.0))?;
        Ok(SlotProof { slot: *slot, value, nodes })
    });
    let slots = slots.collect::<Result<_, StoreError>>()?;
    Ok(AccountProof {
        state: record.map(|record| record.state),
        storage_root: record.map_or(EMPTY_ROOT_HASH, |record| record.storage_root),
        nodes,
        slots,
    })
}

/// The nodes from the root toward `key`, as far as they go. A node shorter than 32 bytes is part of
/// its parent, unless it is the root.
pub(super) fn nodes_toward<S: TrieSource + ?Sized>(
    source: &mut S,
    key: &B256,
) -> Result<Vec<Bytes>, StoreError> {
    let key = Nibbles::unpack_array(&key.0);
    let mut nodes = Vec::new();
    let mut buffer = Vec::new();
    let mut prefix = Nibbles::new();
    loop {
        let mut retain = |rlp: &[u8]| {
            if rlp.len() >= B256::len_bytes() || nodes.is_empty() {
                nodes.push(Bytes::copy_from_slice(rlp));
            }
        };
        let Some((path, branch)) = source.branch_below(&prefix)? else {
            if let Some((key, value)) = source.leaf_below(&prefix)? {
                let leaf = Node::Leaf { key, value: Cow::Owned(value) };
                reference_in_parent(&leaf, prefix.len(), &mut buffer);
                retain(&buffer);
            }
            return Ok(nodes);
        };
        let mut rlp = Vec::new();
        let node = Node::branch(path, &branch, &mut rlp);
        if path.len() > prefix.len() {
            reference_in_parent(&node, prefix.len(), &mut buffer);
            retain(&buffer);
        }
        if !key.starts_with(&path) {
            return Ok(nodes);
        }
        retain(&rlp);
        let Some(nibble) = key.get(path.len()).filter(|nibble| branch.has(*nibble)) else {
            return Ok(nodes);
        };
        prefix = path;
        prefix.push(nibble);
    }
}
