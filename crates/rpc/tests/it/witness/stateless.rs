//! A client without a state: it has a block and its witness.

use super::partial_trie::{Nodes, PartialTrie};
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256, map::HashMap};
use alloy_rlp::Decodable;
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use mfenx_chainspec::ChainSpec;
use mfenx_execution::execute_block;
use mfenx_primitives::RecoveredBlock;
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    database::{BundleAccount, BundleState},
    state::AccountInfo,
};
use serde::Deserialize;
use std::{cell::RefCell, collections::BTreeSet, convert::Infallible};

/// The answer of `debug_executionWitness`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Witness {
    pub(super) state: Vec<Bytes>,
    pub(super) codes: Vec<Bytes>,
    pub(super) keys: Vec<Bytes>,
    pub(super) headers: Vec<Bytes>,
}

/// What a witness tells.
struct Stateless {
    nodes: Nodes,
    codes: HashMap<B256, Bytes>,
    hashes: HashMap<u64, B256>,
    root: B256,
    /// Addresses, and slots with the address before them.
    read: RefCell<BTreeSet<Vec<u8>>>,
}

/// In which order the changes of a block are applied to the trie.
#[derive(Debug, Clone, Copy)]
enum First {
    Removals,
    Updates,
}

/// Executes the block with nothing but the witness, and compares the state root and all that the
/// witness says to be needed.
pub(super) fn verify(spec: &ChainSpec, block: &RecoveredBlock, witness: &Witness) {
    let client = Stateless::new(block, witness);
    let mut intermediate = |bundle: &BundleState| Ok(client.root_after(bundle, First::Removals));
    let executed = execute_block(spec, &client, block, &mut intermediate).unwrap();
    for first in [First::Removals, First::Updates] {
        let root = client.root_after(&executed.bundle, first);
        assert_eq!(root, block.header().state_root, "block {}, {first:?}", block.number());
    }
    client.check_keys(witness);
}

impl Stateless {
    fn new(block: &RecoveredBlock, witness: &Witness) -> Self {
        let by_hash = |list: &[Bytes]| {
            let map: HashMap<_, _> =
                list.iter().map(|bytes| (keccak256(bytes), bytes.clone())).collect();
            assert_eq!(map.len(), list.len(), "something is there twice");
            map
        };
        let (mut hashes, mut root, mut expected) = (HashMap::default(), None, None);
        for bytes in &witness.headers {
            let header = Header::decode(&mut bytes.as_ref()).unwrap();
            assert_eq!(header.parent_hash, expected.unwrap_or(header.parent_hash));
            let hash = keccak256(bytes);
            hashes.insert(header.number, hash);
            (root, expected) = (Some(header.state_root), Some(hash));
        }
        assert_eq!(expected, Some(block.header().parent_hash));
        Self {
            nodes: by_hash(&witness.state),
            codes: by_hash(&witness.codes),
            hashes,
            root: root.unwrap(),
            read: RefCell::default(),
        }
    }

    fn account(&self, address: Address) -> Option<TrieAccount> {
        let leaf = PartialTrie::new(&self.nodes, self.root).get(keccak256(address))?;
        Some(TrieAccount::decode(&mut leaf.as_slice()).unwrap())
    }

    fn root_after(&self, bundle: &BundleState, first: First) -> B256 {
        let mut accounts: Vec<_> = bundle.state.iter().collect();
        accounts.sort_by_key(|(_, account)| match first {
            First::Removals => account.info.is_some(),
            First::Updates => account.info.is_none(),
        });
        let mut trie = PartialTrie::new(&self.nodes, self.root);
        for (address, account) in accounts {
            match &account.info {
                None => trie.remove(keccak256(address)),
                Some(info) => {
                    let no_code = info.code_hash.is_zero();
                    let leaf = TrieAccount {
                        nonce: info.nonce,
                        balance: info.balance,
                        storage_root: self.storage_root_after(*address, account, first),
                        code_hash: if no_code { KECCAK256_EMPTY } else { info.code_hash },
                    };
                    trie.insert(keccak256(address), alloy_rlp::encode(leaf));
                }
            }
        }
        trie.root()
    }

    fn storage_root_after(&self, address: Address, account: &BundleAccount, first: First) -> B256 {
        let before = self.account(address).map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
        let before = if account.was_destroyed() { EMPTY_ROOT_HASH } else { before };
        let mut slots: Vec<_> =
            account.storage.iter().map(|(slot, value)| (*slot, value.present_value)).collect();
        slots.sort_by_key(|(_, value)| match first {
            First::Removals => !value.is_zero(),
            First::Updates => value.is_zero(),
        });
        let mut trie = PartialTrie::new(&self.nodes, before);
        for (slot, value) in slots {
            let key = keccak256(B256::from(slot));
            if value.is_zero() {
                trie.remove(key);
            } else {
                trie.insert(key, alloy_rlp::encode(value));
            }
        }
        trie.root()
    }

    /// The keys are those that were read: behind each address its slots.
    fn check_keys(&self, witness: &Witness) {
        let (mut keys, mut address) = (BTreeSet::new(), None);
        for key in &witness.keys {
            let path = match key.len() {
                20 => {
                    address = Some(key.clone());
                    key.to_vec()
                }
                32 => [address.as_ref().unwrap().as_ref(), key.as_ref()].concat(),
                _ => panic!("{key} is no key"),
            };
            assert!(keys.insert(path), "{key} is there twice");
        }
        assert_eq!(keys, *self.read.borrow());
    }
}

impl DatabaseRef for Stateless {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        self.read.borrow_mut().insert(address.to_vec());
        Ok(self.account(address).map(|account| AccountInfo {
            nonce: account.nonce,
            balance: account.balance,
            code_hash: account.code_hash,
            code: (account.code_hash == KECCAK256_EMPTY).then(Bytecode::default),
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        if hash == KECCAK256_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let code = self.codes.get(&hash).unwrap_or_else(|| panic!("no code {hash}"));
        Ok(Bytecode::new_raw(code.clone()))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        let slot = B256::from(slot);
        self.read.borrow_mut().insert([address.as_slice(), slot.as_slice()].concat());
        let root = self.account(address).map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
        let leaf = PartialTrie::new(&self.nodes, root).get(keccak256(slot));
        Ok(leaf.map_or(U256::ZERO, |leaf| U256::decode(&mut leaf.as_slice()).unwrap()))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(*self.hashes.get(&number).unwrap_or_else(|| panic!("no header {number}")))
    }
}
