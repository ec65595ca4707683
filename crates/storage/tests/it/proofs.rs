//! Proofs, checked by alloy's verifier.

use crate::chain::{Chain, Random, address};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use mfenx_primitives::AccountState;
use mfenx_storage::Reader;

#[test]
fn proofs_of_presence_and_absence_verify() {
    for seed in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let addresses = [1, 3, 40, 300][seed as usize % 4];
        let chain = Chain::new(dir.path(), Random::new(seed, addresses).genesis());
        let reader = chain.store.reader().unwrap();
        for index in 0..addresses + 5 {
            check(&chain, &reader, address(index));
        }
    }
}

fn check(chain: &Chain, reader: &Reader, address: Address) {
    let slots: Vec<_> = (0..12u64).map(|slot| B256::from(U256::from(slot))).collect();
    let proof = reader.proof(address, &slots).unwrap();
    let exists = chain.state().contains_key(&address);
    let account = TrieAccount {
        nonce: proof.state.nonce,
        balance: proof.state.balance,
        storage_root: proof.storage_root,
        code_hash: proof.state.code_hash,
    };
    let expected = exists.then(|| alloy_rlp::encode(account));
    verify(chain.head.state_root, keccak256(address), expected, &proof.nodes);
    let found = reader.latest_state().account(address).unwrap();
    assert_eq!(found.unwrap_or(AccountState::EMPTY), proof.state);
    for (slot, of) in slots.iter().zip(&proof.slots) {
        let value = reader.latest_state().storage(address, U256::from_be_bytes(slot.0)).unwrap();
        assert_eq!((of.slot, of.value), (*slot, value));
        let expected = (!value.is_zero()).then(|| alloy_rlp::encode(value));
        verify(proof.storage_root, keccak256(slot), expected, &of.nodes);
    }
}

fn verify(root: B256, key: B256, value: Option<Vec<u8>>, nodes: &[Bytes]) {
    verify_proof(root, Nibbles::unpack(key), value, nodes).unwrap();
}
