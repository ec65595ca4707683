//! The incremental trie against alloy's hash builder, over keys made to share prefixes.

use super::{
    proof::nodes_toward,
    source::TrieSource,
    update::{BranchUpdate, LeafChange, update_trie},
    witness::{Nodes, top_node},
};
use crate::{codec::Branch, error::StoreError};
use alloy_primitives::{B256, keccak256};
use alloy_trie::{HashBuilder, Nibbles};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A trie in memory, with every branch stored as the tables do.
#[derive(Debug, Default)]
struct Memory {
    leaves: BTreeMap<B256, Vec<u8>>,
    branches: BTreeMap<Nibbles, Branch>,
}

impl TrieSource for Memory {
    fn branch_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        let first = self.branches.range(*prefix..).next();
        Ok(first.filter(|(path, _)| path.starts_with(prefix)).map(|(p, b)| (*p, b.clone())))
    }

    fn leaf_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError> {
        let mut leaves = self.leaves.iter().map(|(key, value)| (Nibbles::unpack(key), value));
        let first = leaves.find(|(key, _)| key >= prefix);
        Ok(first.filter(|(key, _)| key.starts_with(prefix)).map(|(k, v)| (k, v.clone())))
    }
}

impl Memory {
    fn apply(&mut self, changes: BTreeMap<B256, Option<Vec<u8>>>) -> B256 {
        let leaves: Vec<_> =
            changes.iter().map(|(key, value)| LeafChange::new(key, value.clone())).collect();
        let (root, updates) = update_trie(self, &leaves).unwrap();
        for BranchUpdate { path, before, after } in updates {
            assert_ne!(before, after, "what does not change is not written");
            let stored = match after {
                Some(after) => self.branches.insert(path, after),
                None => self.branches.remove(&path),
            };
            assert_eq!(stored, before, "what was at {path:?}");
        }
        for (key, value) in changes {
            match value {
                Some(value) => drop(self.leaves.insert(key, value)),
                None => drop(self.leaves.remove(&key)),
            }
        }
        root
    }

    fn expected_root(&self) -> B256 {
        let mut builder = HashBuilder::default();
        for (key, value) in &self.leaves {
            builder.add_leaf(Nibbles::unpack(key), value);
        }
        builder.root()
    }

    /// The branches that the same leaves give when they are all inserted at once.
    fn expected_branches(&self) -> BTreeMap<Nibbles, Branch> {
        let mut fresh = Self::default();
        fresh.apply(self.leaves.iter().map(|(k, v)| (*k, Some(v.clone()))).collect());
        fresh.branches
    }
}

/// Keys that meet in long prefixes and part at few places, so that branches appear, collapse and
/// turn into extensions, and nodes become short enough to be inlined.
fn key() -> impl Strategy<Value = B256> {
    let nibble = prop_oneof![Just(0u8), Just(1), Just(15)];
    let parting =
        prop_oneof![Just(0usize), Just(1), Just(2), Just(5), Just(60), Just(62), Just(63)];
    (prop::collection::vec((parting, nibble), 0..4), 0u8..2).prop_map(|(partings, rest)| {
        let mut nibbles = [rest; 64];
        for (at, nibble) in partings {
            nibbles[at] = nibble;
        }
        B256::from_slice(&Nibbles::from_nibbles(nibbles).pack())
    })
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        2 => Just(None),
        2 => prop::collection::vec(1u8..128, 1..3).prop_map(Some),
        1 => prop::collection::vec(any::<u8>(), 33..40).prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_history_gives_the_root_and_the_branches_of_its_leaves(
        history in prop::collection::vec(prop::collection::btree_map(key(), value(), 0..12), 1..10)
    ) {
        let mut trie = Memory::default();
        for changes in history {
            let root = trie.apply(changes);
            prop_assert_eq!(root, trie.expected_root());
            prop_assert_eq!(&trie.branches, &trie.expected_branches());
        }
    }
}

/// A trie, and below which paths it was asked for nodes.
struct Watched<'t> {
    trie: &'t mut Memory,
    asked: Vec<Nibbles>,
}

impl TrieSource for Watched<'_> {
    fn branch_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Branch)>, StoreError> {
        self.asked.push(*prefix);
        self.trie.branch_below(prefix)
    }

    fn leaf_below(&mut self, prefix: &Nibbles) -> Result<Option<(Nibbles, Vec<u8>)>, StoreError> {
        self.asked.push(*prefix);
        self.trie.leaf_below(prefix)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_witness_has_every_node_that_an_update_looks_at(
        leaves in prop::collection::btree_map(key(), value(), 0..24),
        changes in prop::collection::btree_map(key(), value(), 0..12),
    ) {
        let mut trie = Memory::default();
        trie.apply(leaves);
        let mut nodes = Nodes::default();
        nodes.extend(top_node(&mut trie, &Nibbles::new()).unwrap());
        for key in changes.keys() {
            nodes.extend(nodes_toward(&mut trie, key).unwrap());
        }
        let changes: Vec<_> =
            changes.iter().map(|(key, value)| LeafChange::new(key, value.clone())).collect();
        let removed = changes.iter().filter(|change| change.value.is_none());
        let removed: Vec<_> = removed.cloned().collect();
        nodes.collapse(&mut trie, &Nibbles::new(), &removed).unwrap();
        let mut watched = Watched { trie: &mut trie, asked: Vec::new() };
        update_trie(&mut watched, &changes).unwrap();
        let asked = watched.asked;
        for prefix in asked {
            let Some(node) = top_node(&mut trie, &prefix).unwrap() else { continue };
            let inlined = node.len() < B256::len_bytes() && !prefix.is_empty();
            prop_assert!(inlined || nodes.hashes.contains(&keccak256(&node)), "{prefix:?}");
        }
    }
}

#[test]
fn removing_everything_leaves_nothing() {
    let keys: Vec<_> = (0u8..=255).map(B256::repeat_byte).collect();
    let mut trie = Memory::default();
    trie.apply(keys.iter().map(|key| (*key, Some(vec![1; 40]))).collect());
    assert_eq!(trie.branches.len(), 17);
    let root = trie.apply(keys.iter().map(|key| (*key, None)).collect());
    assert_eq!(root, alloy_trie::EMPTY_ROOT_HASH);
    assert!(trie.branches.is_empty());
}
