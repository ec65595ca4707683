//! Proofs, checked by alloy's verifier.

use crate::chain::{Chain, Random, address};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use mfenx_storage::Reader;

#[test]
fn proofs_of_presence_and_absence_verify() {
    for seed in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let addresses = [1, 3, 40, 300][seed as usize % 4];
        let chain = Chain::new(dir.path(), Random::new(seed, addresses).genesis());
        let reader = chain.store.reader().unwrap();
        for index in 0..addresses + 5 {
            check(&chain, &reader, 0, address(index));
        }
    }
}

/// Proofs of an account and of some slots in the state after block `number`.
pub(crate) fn check(chain: &Chain, reader: &Reader, number: u64, address: Address) {
    let slots: Vec<_> = (0..12u64).map(|slot| B256::from(U256::from(slot))).collect();
    let proof = reader.proof_at(number, address, &slots).unwrap();
    let state = &chain.states[number as usize];
    let exists = state.contains_key(&address);
    let expected = proof.state.map(|state| {
        alloy_rlp::encode(TrieAccount {
            nonce: state.nonce,
            balance: state.balance,
            storage_root: proof.storage_root,
            code_hash: state.code_hash,
        })
    });
    assert_eq!(expected.is_some(), exists);
    let root = reader.header(number).unwrap().unwrap().state_root;
    verify(root, keccak256(address), expected, &proof.nodes);
    let view = reader.state_at(number).unwrap();
    assert_eq!(view.account(address).unwrap(), proof.state);
    if number == chain.head.number {
        assert_eq!(reader.proof(address, &slots).unwrap(), proof);
    }
    for (slot, of) in slots.iter().zip(&proof.slots) {
        let value = view.storage(address, U256::from_be_bytes(slot.0)).unwrap();
        assert_eq!((of.slot, of.value), (*slot, value));
        let expected = (!value.is_zero()).then(|| alloy_rlp::encode(value));
        verify(proof.storage_root, keccak256(slot), expected, &of.nodes);
    }
}

fn verify(root: B256, key: B256, value: Option<Vec<u8>>, nodes: &[Bytes]) {
    verify_proof(root, Nibbles::unpack(key), value, nodes).unwrap();
}
