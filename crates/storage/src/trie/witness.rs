//! The nodes that a stateless client needs: to read what a block reads, and to compute the state
//! root that the block leaves.
//!
//! To read or to change a key takes the nodes from the root toward it. To remove keys takes more
//! where a branch is left with a single child: the branch gives way to that child, and how the two
//! are joined depends on what the child is. A child below which a key was read or changed is there
//! already; another one is added. Whether a branch is left with one child is decided for all
//! removals together and as if nothing was inserted, so the nodes suffice in whatever order a
//! client applies the changes.

use super::{
    PastTrie, StoredTrie, TrieId, TrieSource,
    node::{Node, reference_in_parent},
    proof::nodes_toward,
    update::{LeafChange, below},
};
use crate::{
    error::StoreError,
    reader::Reader,
    state::{AccountChange, StateChanges},
};
use alloy_primitives::{Address, B256, Bytes, keccak256, map::HashSet};
use alloy_trie::Nibbles;
use std::{borrow::Cow, fmt, ops::RangeInclusive};

/// Collects nodes of the account trie and of storage tries of one state, each once.
pub struct Witness<'r> {
    reader: &'r Reader,
    /// The blocks after the state; none where it is the head's.
    since: Option<RangeInclusive<u64>>,
    accounts: Box<dyn TrieSource + 'r>,
    nodes: Nodes,
    /// Told how many bytes the nodes have; says whether to give up.
    stop: &'r dyn Fn(usize) -> bool,
}

/// Nodes in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    nodes: Vec<Bytes>,
    pub(super) hashes: HashSet<B256>,
    bytes: usize,
}

impl fmt::Debug for Witness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl<'r> Witness<'r> {
    /// Begins with the root of the account trie before the first block of `since`.
    pub(crate) fn open(
        reader: &'r Reader,
        since: Option<RangeInclusive<u64>>,
        stop: &'r dyn Fn(usize) -> bool,
    ) -> Result<Self, StoreError> {
        let mut accounts = open(reader, since.as_ref(), TrieId::Accounts)?;
        let mut nodes = Nodes::default();
        nodes.extend(top_node(&mut *accounts, &Nibbles::new())?);
        Ok(Self { reader, since, accounts, nodes, stop })
    }

    /// Adds what leads to an account and to slots of it, or shows that they do not exist. `false`
    /// when it was told to give up.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn touch(
        &mut self,
        address: Address,
        slots: impl IntoIterator<Item = B256>,
    ) -> Result<bool, StoreError> {
        let key = keccak256(address);
        self.nodes.extend(nodes_toward(&mut *self.accounts, &key)?);
        let mut slots = slots.into_iter().peekable();
        if slots.peek().is_some() {
            let mut storage = open(self.reader, self.since.as_ref(), TrieId::Storage(key))?;
            for slot in slots {
                if (self.stop)(self.nodes.bytes) {
                    return Ok(false);
                }
                self.nodes.extend(nodes_toward(&mut *storage, &keccak256(slot))?);
            }
        }
        Ok(!(self.stop)(self.nodes.bytes))
    }

    /// Adds what it takes to remove the accounts and slots that `changes` removes, besides what
    /// leads to them. `false` when it was told to give up.
    ///
    /// # Errors
    /// The database fails or is corrupt.
    pub fn remove(&mut self, changes: &StateChanges) -> Result<bool, StoreError> {
        let accounts = changes.accounts().iter().filter(|account| account.state.is_none());
        let accounts: Vec<_> =
            accounts.map(|account| LeafChange::new(&account.key, None)).collect();
        self.nodes.collapse(&mut *self.accounts, &Nibbles::new(), &accounts)?;
        for account in changes.accounts() {
            if (self.stop)(self.nodes.bytes) {
                return Ok(false);
            }
            let slots = removed_slots(account);
            if !slots.is_empty() {
                let id = TrieId::Storage(account.key);
                let mut storage = open(self.reader, self.since.as_ref(), id)?;
                self.nodes.collapse(&mut *storage, &Nibbles::new(), &slots)?;
            }
        }
        Ok(!(self.stop)(self.nodes.bytes))
    }

    /// The RLP of the nodes.
    pub fn into_nodes(self) -> Vec<Bytes> {
        self.nodes.nodes
    }
}

/// The trie before the first block of `since`.
fn open<'r>(
    reader: &'r Reader,
    since: Option<&RangeInclusive<u64>>,
    id: TrieId,
) -> Result<Box<dyn TrieSource + 'r>, StoreError> {
    Ok(match since {
        Some(since) => Box::new(PastTrie::open(reader.txn(), id, since.clone())?),
        None => Box::new(StoredTrie::open(reader.txn(), id)?),
    })
}

/// The slots that must be taken out of a storage trie; none where all of it is dropped.
fn removed_slots(account: &AccountChange) -> Vec<LeafChange> {
    if account.wipes_storage() {
        return Vec::new();
    }
    let removed = account.slots.iter().filter(|(_, value)| value.is_zero());
    removed.map(|(slot, _)| LeafChange::new(slot, None)).collect()
}

impl Nodes {
    pub(super) fn extend(&mut self, nodes: impl IntoIterator<Item = Bytes>) {
        for node in nodes {
            if self.hashes.insert(keccak256(&node)) {
                self.bytes = self.bytes.saturating_add(node.len());
                self.nodes.push(node);
            }
        }
    }

    /// Adds the children that are left alone below `prefix` when `removed` is. A node shorter than
    /// 32 bytes is part of its parent and not added. Says whether nothing is left there at all.
    pub(super) fn collapse(
        &mut self,
        source: &mut dyn TrieSource,
        prefix: &Nibbles,
        removed: &[LeafChange],
    ) -> Result<bool, StoreError> {
        if removed.is_empty() {
            return Ok(false);
        }
        let Some((path, branch)) = source.branch_below(prefix)? else {
            let leaf = source.leaf_below(prefix)?;
            return Ok(leaf.is_none_or(|(key, _)| removed.iter().any(|leaf| leaf.key == key)));
        };
        let (mut left, mut untouched) = (0, None);
        for (nibble, _) in branch.children() {
            let mut child = path;
            child.push(nibble);
            let removed = below(removed, &child);
            if removed.is_empty() {
                untouched = Some(child);
                left += 1;
            } else if !self.collapse(source, &child, removed)? {
                left += 1;
            }
        }
        if left == 1
            && let Some(child) = untouched
        {
            self.extend(top_node(source, &child)?.filter(|node| node.len() >= B256::len_bytes()));
        }
        Ok(left == 0)
    }
}

/// The RLP of the topmost node below `prefix`, where a parent or nothing ends.
pub(super) fn top_node(
    source: &mut dyn TrieSource,
    prefix: &Nibbles,
) -> Result<Option<Bytes>, StoreError> {
    let mut buffer = Vec::new();
    if let Some((path, branch)) = source.branch_below(prefix)? {
        let mut rlp = Vec::new();
        let node = Node::branch(path, &branch, &mut rlp);
        if path.len() == prefix.len() {
            return Ok(Some(rlp.into()));
        }
        reference_in_parent(&node, prefix.len(), &mut buffer);
    } else if let Some((key, value)) = source.leaf_below(prefix)? {
        let leaf = Node::Leaf { key, value: Cow::Owned(value) };
        reference_in_parent(&leaf, prefix.len(), &mut buffer);
    } else {
        return Ok(None);
    }
    Ok(Some(buffer.into()))
}
