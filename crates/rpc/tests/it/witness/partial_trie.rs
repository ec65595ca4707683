//! A Merkle Patricia trie of which only some nodes are known. To need another one is a panic.

use alloy_primitives::{B256, Bytes, keccak256, map::HashMap};
use alloy_rlp::{Decodable, Encodable};
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles, TrieMask,
    nodes::{BranchNode, ExtensionNode, LeafNode, RlpNode, TrieNode},
};
use std::mem;

/// Nodes by their hashes.
pub(super) type Nodes = HashMap<B256, Bytes>;

pub(super) struct PartialTrie<'n> {
    nodes: &'n Nodes,
    root: Node,
}

#[derive(Clone, Default)]
enum Node {
    #[default]
    Empty,
    /// Not looked at.
    Unread(RlpNode),
    Leaf(Nibbles, Vec<u8>),
    Extension(Nibbles, Box<Node>),
    Branch(Box<[Node; 16]>),
}

impl<'n> PartialTrie<'n> {
    pub(super) fn new(nodes: &'n Nodes, root: B256) -> Self {
        let empty = root == EMPTY_ROOT_HASH;
        let root = if empty { Node::Empty } else { Node::Unread(RlpNode::word_rlp(&root)) };
        Self { nodes, root }
    }

    pub(super) fn get(&self, key: B256) -> Option<Vec<u8>> {
        let mut path = Nibbles::unpack(key);
        let mut node = self.root.clone();
        loop {
            match self.read(node) {
                Node::Empty => return None,
                Node::Leaf(rest, value) => return (rest == path).then_some(value),
                Node::Extension(shared, child) => {
                    if !path.starts_with(&shared) {
                        return None;
                    }
                    path = path.slice(shared.len()..);
                    node = *child;
                }
                Node::Branch(mut children) => {
                    node = mem::take(&mut children[usize::from(path.get_unchecked(0))]);
                    path = path.slice(1..);
                }
                Node::Unread(_) => unreachable!("it was just read"),
            }
        }
    }

    pub(super) fn insert(&mut self, key: B256, value: Vec<u8>) {
        let root = mem::take(&mut self.root);
        self.root = self.inserted(root, Nibbles::unpack(key), value);
    }

    pub(super) fn remove(&mut self, key: B256) {
        let root = mem::take(&mut self.root);
        self.root = self.removed(root, &Nibbles::unpack(key));
    }

    pub(super) fn root(&self) -> B256 {
        match &self.root {
            Node::Empty => EMPTY_ROOT_HASH,
            Node::Unread(reference) => reference.as_hash().unwrap(),
            known => keccak256(rlp(known)),
        }
    }

    fn read(&self, node: Node) -> Node {
        let Node::Unread(reference) = node else { return node };
        let bytes = match reference.as_hash() {
            Some(hash) => self.nodes.get(&hash).unwrap_or_else(|| panic!("no node {hash}")),
            None => reference.as_slice(),
        };
        match TrieNode::decode(&mut &bytes[..]).unwrap() {
            TrieNode::EmptyRoot => Node::Empty,
            TrieNode::Leaf(leaf) => Node::Leaf(leaf.key, leaf.value),
            TrieNode::Extension(node) => {
                Node::Extension(node.key, Box::new(Node::Unread(node.child)))
            }
            TrieNode::Branch(branch) => {
                let mut children = Box::<[Node; 16]>::default();
                for (nibble, child) in branch.as_ref().children() {
                    if let Some(child) = child {
                        children[usize::from(nibble)] = Node::Unread(child.clone());
                    }
                }
                Node::Branch(children)
            }
        }
    }

    fn inserted(&self, node: Node, path: Nibbles, value: Vec<u8>) -> Node {
        match self.read(node) {
            Node::Empty => Node::Leaf(path, value),
            Node::Leaf(other, _) if other == path => Node::Leaf(path, value),
            Node::Leaf(other, old) => {
                let shared = path.common_prefix_length(&other);
                let mut children = Box::<[Node; 16]>::default();
                let leaf = Node::Leaf(other.slice(shared + 1..), old);
                children[usize::from(other.get_unchecked(shared))] = leaf;
                let leaf = Node::Leaf(path.slice(shared + 1..), value);
                children[usize::from(path.get_unchecked(shared))] = leaf;
                extended(path.slice(..shared), Node::Branch(children))
            }
            Node::Extension(other, child) => {
                let shared = path.common_prefix_length(&other);
                if shared == other.len() {
                    let child = self.inserted(*child, path.slice(shared..), value);
                    return Node::Extension(other, Box::new(child));
                }
                let mut children = Box::<[Node; 16]>::default();
                children[usize::from(other.get_unchecked(shared))] =
                    extended(other.slice(shared + 1..), *child);
                let leaf = Node::Leaf(path.slice(shared + 1..), value);
                children[usize::from(path.get_unchecked(shared))] = leaf;
                extended(path.slice(..shared), Node::Branch(children))
            }
            Node::Branch(mut children) => {
                let child = &mut children[usize::from(path.get_unchecked(0))];
                *child = self.inserted(mem::take(child), path.slice(1..), value);
                Node::Branch(children)
            }
            Node::Unread(_) => unreachable!("it was just read"),
        }
    }

    fn removed(&self, node: Node, path: &Nibbles) -> Node {
        match self.read(node) {
            Node::Leaf(other, _) if other == *path => Node::Empty,
            Node::Extension(shared, child) if path.starts_with(&shared) => {
                let child = self.removed(*child, &path.slice(shared.len()..));
                self.joined(shared, child)
            }
            Node::Branch(mut children) => {
                let child = &mut children[usize::from(path.get_unchecked(0))];
                *child = self.removed(mem::take(child), &path.slice(1..));
                let left = children.iter().filter(|child| !matches!(child, Node::Empty));
                if left.count() > 1 {
                    return Node::Branch(children);
                }
                let last = children.iter().position(|child| !matches!(child, Node::Empty));
                let last = last.unwrap();
                let nibble = Nibbles::from_nibbles([last as u8]);
                self.joined(nibble, mem::take(&mut children[last]))
            }
            same => same,
        }
    }

    /// `node` with `path` above it, which no branch ends any more.
    fn joined(&self, mut path: Nibbles, node: Node) -> Node {
        match self.read(node) {
            Node::Leaf(rest, value) => {
                path.extend(&rest);
                Node::Leaf(path, value)
            }
            Node::Extension(rest, child) => {
                path.extend(&rest);
                Node::Extension(path, child)
            }
            Node::Empty => Node::Empty,
            branch => Node::Extension(path, Box::new(branch)),
        }
    }
}

/// An extension node, unless it had nothing to say.
fn extended(path: Nibbles, child: Node) -> Node {
    if path.is_empty() { child } else { Node::Extension(path, Box::new(child)) }
}

fn reference(node: &Node) -> RlpNode {
    match node {
        Node::Unread(reference) => reference.clone(),
        known => RlpNode::from_rlp(&rlp(known)),
    }
}

fn rlp(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    match node {
        Node::Empty | Node::Unread(_) => unreachable!("it has no encoding of its own"),
        Node::Leaf(path, value) => LeafNode::new(*path, value.clone()).encode(&mut out),
        Node::Extension(path, child) => {
            ExtensionNode::new(*path, reference(child)).encode(&mut out);
        }
        Node::Branch(children) => {
            let (mut stack, mut mask) = (Vec::new(), TrieMask::default());
            for (nibble, child) in (0..).zip(children.iter()) {
                if !matches!(child, Node::Empty) {
                    stack.push(reference(child));
                    mask.set_bit(nibble);
                }
            }
            BranchNode::new(stack, mask).encode(&mut out);
        }
    }
    out
}

#[test]
fn a_partial_trie_has_the_root_of_its_leaves() {
    let nodes = Nodes::default();
    let mut trie = PartialTrie::new(&nodes, EMPTY_ROOT_HASH);
    let key = |index: u8| keccak256([index]);
    let expected = |from: u8| {
        let leaves = (from..64).map(|index| (B256::with_last_byte(index), B256::from(key(index))));
        alloy_trie::root::storage_root_unhashed(leaves.map(|(slot, value)| (slot, value.into())))
    };
    for index in 0..64 {
        let value = alloy_primitives::U256::from_be_bytes(key(index).0);
        trie.insert(keccak256(B256::with_last_byte(index)), alloy_rlp::encode(value));
    }
    for index in 0..64 {
        assert_eq!(trie.root(), expected(index));
        assert!(trie.get(keccak256(B256::with_last_byte(index))).is_some());
        trie.remove(keccak256(B256::with_last_byte(index)));
        assert_eq!(trie.get(keccak256(B256::with_last_byte(index))), None);
    }
    assert_eq!(trie.root(), EMPTY_ROOT_HASH);
}
