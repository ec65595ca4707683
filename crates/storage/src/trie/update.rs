//! The root of a trie after changes, by descending only where something changes.
//!
//! Every branch of the old trie is stored, so the topmost stored branch below a path is the topmost
//! branch of that subtrie, and a path below which nothing is stored has at most one leaf. A branch
//! ceases to exist only when it is visited and is left with fewer than two children: visiting the
//! changed paths is enough to find every branch to write or to remove.

use super::{
    node::{Node, reference_in_parent, root_hash},
    source::TrieSource,
};
use crate::{codec::Branch, error::StoreError};
use alloy_primitives::B256;
use alloy_trie::{Nibbles, nodes::RlpNode};
use std::borrow::Cow;

/// The new value (RLP) of a leaf, or `None` to remove it.
#[derive(Debug, Clone)]
pub(crate) struct LeafChange {
    pub(crate) key: Nibbles,
    pub(crate) value: Option<Vec<u8>>,
}

impl LeafChange {
    pub(crate) const fn new(key: &B256, value: Option<Vec<u8>>) -> Self {
        Self { key: Nibbles::unpack_array(&key.0), value }
    }
}

/// A branch that changes.
#[derive(Debug, Clone)]
pub(crate) struct BranchUpdate {
    pub(crate) path: Nibbles,
    /// What it was; none where there was none.
    pub(crate) before: Option<Branch>,
    /// What it becomes; none to remove it.
    pub(crate) after: Option<Branch>,
}

/// The root after `changes`, which are sorted by key without repetition, and the branches to write.
pub(crate) fn update_trie<S: TrieSource>(
    source: &mut S,
    changes: &[LeafChange],
) -> Result<(B256, Vec<BranchUpdate>), StoreError> {
    let mut walk = Walk { source, updates: Vec::new(), buffer: Vec::with_capacity(640) };
    let top = walk.subtrie(&Nibbles::new(), changes)?;
    let root = root_hash(&top, &mut walk.buffer);
    Ok((root, walk.updates))
}

/// The subtrie below the child `nibble` of a root branch, as [`update_trie`] would visit it.
pub(crate) fn update_child<'c, S: TrieSource>(
    source: &mut S,
    nibble: u8,
    changes: &'c [LeafChange],
) -> Result<UpdatedChild<'c>, StoreError> {
    let mut walk = Walk { source, updates: Vec::new(), buffer: Vec::with_capacity(640) };
    let prefix = child_path(&Nibbles::new(), nibble);
    let node = walk.subtrie(&prefix, below(changes, &prefix))?;
    Ok(UpdatedChild { nibble, node, updates: walk.updates })
}

/// Whether [`update_child`] has anything to do for `nibble`.
pub(crate) fn any_below(changes: &[LeafChange], nibble: u8) -> bool {
    !below(changes, &child_path(&Nibbles::new(), nibble)).is_empty()
}

/// What [`update_child`] found.
#[derive(Debug)]
pub(crate) struct UpdatedChild<'c> {
    nibble: u8,
    node: Node<'c>,
    updates: Vec<BranchUpdate>,
}

/// The root, and the branches to write, of a trie whose root branch `root` has these children anew
/// and keeps the others.
pub(crate) fn join_children<S: TrieSource>(
    source: &mut S,
    root: &Branch,
    visited: Vec<UpdatedChild<'_>>,
) -> Result<(B256, Vec<BranchUpdate>), StoreError> {
    let kept = |(nibble, reference): (u8, &RlpNode)| (nibble, Child::Kept(reference.clone()));
    let is_visited = |nibble| visited.iter().any(|child| child.nibble == nibble);
    let mut children: Vec<_> =
        root.children().filter(|(nibble, _)| !is_visited(*nibble)).map(kept).collect();
    let mut updates = Vec::new();
    for child in visited {
        updates.extend(child.updates);
        children.push((child.nibble, Child::Visited(child.node)));
    }
    children.sort_unstable_by_key(|(nibble, _)| *nibble);
    let mut walk = Walk { source, updates, buffer: Vec::with_capacity(640) };
    let top = walk.assemble(&Nibbles::new(), children, Some(root))?;
    let root = root_hash(&top, &mut walk.buffer);
    Ok((root, walk.updates))
}

/// A child of a branch that is being put together.
enum Child<'c> {
    /// Not visited, referred to as before.
    Kept(RlpNode),
    /// Visited or new.
    Visited(Node<'c>),
}

struct Walk<'s, S> {
    source: &'s mut S,
    updates: Vec<BranchUpdate>,
    buffer: Vec<u8>,
}

type LeafOf<'c> = (Nibbles, Cow<'c, [u8]>);

impl<S: TrieSource> Walk<'_, S> {
    /// The subtrie below `prefix`, where all of `changes` are.
    fn subtrie<'c>(
        &mut self,
        prefix: &Nibbles,
        changes: &'c [LeafChange],
    ) -> Result<Node<'c>, StoreError> {
        if let Some((path, branch)) = self.source.branch_below(prefix)? {
            return self.around(&path, &branch, changes);
        }
        let mut leaves = inserted(changes);
        if let Some((key, value)) = self.source.leaf_below(prefix)?
            && changes.binary_search_by(|change| change.key.cmp(&key)).is_err()
        {
            let place = leaves.partition_point(|leaf| leaf.0 < key);
            leaves.insert(place, (key, Cow::Owned(value)));
        }
        self.build(&leaves)
    }

    /// A subtrie whose topmost branch was `branch` at `path`: new leaves beside it make a new
    /// branch above it.
    fn around<'c>(
        &mut self,
        path: &Nibbles,
        branch: &Branch,
        changes: &'c [LeafChange],
    ) -> Result<Node<'c>, StoreError> {
        let shared = changes
            .iter()
            .filter(|change| change.value.is_some())
            .map(|change| change.key.common_prefix_length(path))
            .min()
            .unwrap_or(path.len());
        if shared >= path.len() {
            return self.inside(path, branch, changes);
        }
        let fork = path.slice(..shared);
        let toward = path.get(shared);
        let mut children = Vec::with_capacity(16);
        for nibble in 0..16 {
            let below = below(changes, &child_path(&fork, nibble));
            let child = if toward == Some(nibble) {
                self.around(path, branch, below)?
            } else {
                self.build(&inserted(below))?
            };
            children.push((nibble, Child::Visited(child)));
        }
        self.assemble(&fork, children, None)
    }

    /// The branch that was at `path`, with the changes below it. Changes beside it can only be
    /// removals of what is not there.
    fn inside<'c>(
        &mut self,
        path: &Nibbles,
        branch: &Branch,
        changes: &'c [LeafChange],
    ) -> Result<Node<'c>, StoreError> {
        let changes = below(changes, path);
        let mut old = branch.children().peekable();
        let mut children = Vec::with_capacity(16);
        for nibble in 0..16 {
            let kept = old.next_if(|(of, _)| *of == nibble).map(|(_, reference)| reference);
            let child_path = child_path(path, nibble);
            let below = below(changes, &child_path);
            let child = match kept {
                Some(reference) if below.is_empty() => Child::Kept(reference.clone()),
                Some(_) => Child::Visited(self.subtrie(&child_path, below)?),
                None if below.is_empty() => continue,
                None => Child::Visited(self.build(&inserted(below))?),
            };
            children.push((nibble, child));
        }
        self.assemble(path, children, Some(branch))
    }

    /// The node at `path` with these children, which was `old`.
    fn assemble<'c>(
        &mut self,
        path: &Nibbles,
        mut children: Vec<(u8, Child<'c>)>,
        old: Option<&Branch>,
    ) -> Result<Node<'c>, StoreError> {
        children.retain(|(_, child)| !matches!(child, Child::Visited(Node::Empty)));
        if children.len() < 2 {
            if let Some(old) = old {
                let before = Some(old.clone());
                self.updates.push(BranchUpdate { path: *path, before, after: None });
            }
            return match children.pop() {
                None => Ok(Node::Empty),
                Some((_, Child::Visited(node))) => Ok(node),
                Some((nibble, Child::Kept(_))) => self.resolve(&child_path(path, nibble)),
            };
        }
        let mut branch = Branch::default();
        for (nibble, child) in children {
            let reference = match child {
                Child::Kept(reference) => Some(reference),
                Child::Visited(node) => {
                    reference_in_parent(&node, path.len() + 1, &mut self.buffer)
                }
            };
            if let Some(reference) = reference {
                branch.push(nibble, reference);
            }
        }
        let node = Node::branch(*path, &branch, &mut self.buffer);
        if old != Some(&branch) {
            let before = old.cloned();
            self.updates.push(BranchUpdate { path: *path, before, after: Some(branch) });
        }
        Ok(node)
    }

    /// The topmost node of the unchanged subtrie below `prefix`, which has leaves.
    fn resolve<'c>(&mut self, prefix: &Nibbles) -> Result<Node<'c>, StoreError> {
        if let Some((path, branch)) = self.source.branch_below(prefix)? {
            return Ok(Node::branch(path, &branch, &mut self.buffer));
        }
        let leaf = self.source.leaf_below(prefix)?;
        let (key, value) = leaf.ok_or(StoreError::Corrupt {
            table: "AccountTrie or StorageTrie",
            reason: "a branch refers to a leaf that does not exist",
        })?;
        Ok(Node::Leaf { key, value: Cow::Owned(value) })
    }

    /// A subtrie of new leaves, sorted by key.
    fn build<'c>(&mut self, leaves: &[LeafOf<'c>]) -> Result<Node<'c>, StoreError> {
        let (first, last) = match leaves {
            [] => return Ok(Node::Empty),
            [(key, value)] => return Ok(Node::Leaf { key: *key, value: value.clone() }),
            [first, .., last] => (first, last),
        };
        let fork = first.0.common_prefix_length(&last.0);
        let mut children = Vec::with_capacity(16);
        for group in leaves.chunk_by(|a, b| a.0.get(fork) == b.0.get(fork)) {
            if let Some(nibble) = group.first().and_then(|leaf| leaf.0.get(fork)) {
                children.push((nibble, Child::Visited(self.build(group)?)));
            }
        }
        self.assemble(&first.0.slice(..fork), children, None)
    }
}

fn child_path(path: &Nibbles, nibble: u8) -> Nibbles {
    let mut child = *path;
    child.push(nibble);
    child
}

/// The changes whose key starts with `prefix`.
pub(super) fn below<'c>(changes: &'c [LeafChange], prefix: &Nibbles) -> &'c [LeafChange] {
    let start = changes.partition_point(|change| change.key < *prefix);
    let changes = changes.get(start..).unwrap_or_default();
    let end = changes.partition_point(|change| change.key.starts_with(prefix));
    changes.get(..end).unwrap_or_default()
}

fn inserted(changes: &[LeafChange]) -> Vec<LeafOf<'_>> {
    changes
        .iter()
        .filter_map(|change| Some((change.key, Cow::Borrowed(change.value.as_deref()?))))
        .collect()
}
