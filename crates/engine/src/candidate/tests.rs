//! Whose sender a checked block has: that of the pool only for the very same transaction.

use super::*;
use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Signature, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{AccountState, BlockBody, RecoveredTransaction};
use mfenx_txpool::{PoolConfig, SenderState};
use std::sync::Arc;

/// Order of secp256k1 (SEC 2).
const ORDER: U256 = alloy_primitives::uint!(
    0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256
);

fn unsigned(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id: mfenx_chainspec::MFENX_CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(Address::repeat_byte(0x77)),
        ..TxEip1559::default()
    }
}

fn sign(nonce: u64) -> (Transaction, Address) {
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x21)).unwrap();
    let signature = signer.sign_hash_sync(&unsigned(nonce).signature_hash()).unwrap();
    (Transaction::Eip1559(unsigned(nonce).into_signed(signature)), signer.address())
}

fn pool_with(transaction: Transaction, sender: Address) -> PoolHandle {
    let spec = Arc::new(ChainSpec::dev().unwrap());
    let genesis = spec.genesis_header().clone();
    let pool = PoolHandle::new(spec, PoolConfig::default(), &genesis);
    let account = AccountState { balance: U256::MAX >> 8, ..AccountState::EMPTY };
    let state = SenderState { account, has_foreign_code: false, head_number: 0 };
    pool.add(RecoveredTransaction::new_unchecked(transaction, sender), state).unwrap();
    pool
}

fn senders(pool: &PoolHandle, transactions: Vec<Transaction>) -> Vec<Address> {
    let body = BlockBody { transactions, ..BlockBody::default() };
    recover_beside(pool, Block::new(Header::default(), body)).unwrap().senders().to_vec()
}

/// The pool of this test names a sender that no recovery would give, so it shows which was used.
#[test]
fn the_pool_is_asked_first_and_the_rest_recovered() {
    let (pooled, signer) = sign(0);
    let (other, _) = sign(1);
    let marked = Address::repeat_byte(0x99);
    let pool = pool_with(pooled.clone(), marked);
    assert_eq!(senders(&pool, vec![other, pooled]), [signer, marked]);
}

/// The other signature of the same message, by which anybody can give a transaction another hash.
#[test]
fn a_transaction_with_another_signature_is_another_one() {
    let (pooled, signer) = sign(0);
    let Transaction::Eip1559(inner) = &pooled else { panic!("it is one of EIP-1559") };
    let signature = inner.signature();
    let mirrored = Signature::new(signature.r(), ORDER - signature.s(), !signature.v());
    let mirrored = Transaction::Eip1559(unsigned(0).into_signed(mirrored));
    assert_ne!(mirrored.tx_hash(), pooled.tx_hash());
    let pool = pool_with(pooled, Address::repeat_byte(0x99));
    assert_eq!(senders(&pool, vec![mirrored]), [signer]);
}
