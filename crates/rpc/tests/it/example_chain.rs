//! The chain that the examples of the documentation are asked of: always the same, for its keys,
//! timestamps and transactions are.

use crate::chain::{TestChain, account, dynamic, raw, signer, transfer};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes, hex, keccak256};
use alloy_signer::SignerSync;
use mfenx_chainspec::MFENX_CHAIN_ID;
use mfenx_primitives::Transaction;
use serde_json::json;

/// The code of an ERC-20 token that anybody may mint.
const TOKEN: &str = include_str!("../../../../tests/bench/contracts/Token.hex");
/// Whoever has delegated to the token (EIP-7702).
const DELEGATOR: u32 = 4;
/// Whose transactions wait in the pool.
const POOLED: u32 = 6;

/// Creates a contract with this code.
fn creation_of(code: &[u8]) -> Bytes {
    // Copies what follows these twelve bytes to memory and returns it.
    let length = u16::try_from(code.len()).unwrap().to_be_bytes();
    [&[0x61][..], &length, &[0x80, 0x60, 0x0c, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3], code]
        .concat()
        .into()
}

/// Calls `to` with the value of the transaction, and creates a contract without code.
fn value_passed_to(to: Address) -> Bytes {
    let (before, after) = (bytes!("60006000600060003473"), bytes!("5af100"));
    [before.as_ref(), to.as_ref(), after.as_ref()].concat().into()
}

/// The token.
pub(crate) fn token() -> Address {
    account(0).create(0)
}

/// The input of a call of a function with an address and a number.
fn input(signature: &str, to: Address, value: u64) -> Bytes {
    let [selector, to, value] = [
        keccak256(signature)[..4].to_vec(),
        to.into_word().to_vec(),
        B256::from(U256::from(value)).to_vec(),
    ];
    [selector, to, value].concat().into()
}

/// Sends tokens.
pub(crate) fn token_transfer(from: u32, nonce: u64, to: Address, value: u64) -> Transaction {
    dynamic(from, nonce, token().into(), input("transfer(address,uint256)", to, value))
}

/// With an access list: the token and the slot of the receiver's balance.
fn listed_transfer(from: u32, nonce: u64, to: Address, value: u64) -> Transaction {
    let slot = keccak256([to.into_word(), B256::ZERO].concat());
    let item = AccessListItem { address: token(), storage_keys: vec![slot] };
    let tx = TxEip2930 {
        chain_id: MFENX_CHAIN_ID,
        nonce,
        gas_price: 5_000_000_000,
        gas_limit: 200_000,
        to: token().into(),
        value: U256::ZERO,
        access_list: AccessList(vec![item]),
        input: input("transfer(address,uint256)", to, value),
    };
    let signature = signer(from).sign_hash_sync(&tx.signature_hash()).unwrap();
    Transaction::Eip2930(tx.into_signed(signature))
}

/// Makes [`DELEGATOR`] behave like the token.
fn delegation(from: u32, nonce: u64) -> Transaction {
    let authorization =
        Authorization { chain_id: U256::from(MFENX_CHAIN_ID), address: token(), nonce: 0 };
    let signature = signer(DELEGATOR).sign_hash_sync(&authorization.signature_hash()).unwrap();
    let tx = TxEip7702 {
        chain_id: MFENX_CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: account(DELEGATOR),
        value: U256::ZERO,
        access_list: AccessList::default(),
        authorization_list: vec![authorization.into_signed(signature)],
        input: input("mint(address,uint256)", account(DELEGATOR), 5),
    };
    let signature = signer(from).sign_hash_sync(&tx.signature_hash()).unwrap();
    Transaction::Eip7702(tx.into_signed(signature))
}

/// Creates a contract that passes the value on.
fn creation_with_value(from: u32, nonce: u64) -> Transaction {
    let tx = TxEip1559 {
        chain_id: MFENX_CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Create,
        value: U256::from(1),
        access_list: AccessList::default(),
        input: value_passed_to(account(9)),
    };
    let signature = signer(from).sign_hash_sync(&tx.signature_hash()).unwrap();
    Transaction::Eip1559(tx.into_signed(signature))
}

/// Four blocks, and two transactions in the pool of which one waits for another.
///
/// 1. the token is created; a plain transfer;
/// 2. tokens are minted and sent, once with an access list; a transfer that reverts;
/// 3. an account delegates to the token and is called; a creation passes one wei on;
/// 4. a plain transfer.
pub(crate) async fn example_chain() -> TestChain {
    let chain = TestChain::new();
    let code = hex::decode(TOKEN.trim()).unwrap();
    chain.mine(vec![
        dynamic_with_gas(0, 0, TxKind::Create, creation_of(&code)),
        transfer(1, 0, account(2), 1_000_000_000_000_000_000),
    ]);
    chain.mine(vec![
        dynamic(0, 1, token().into(), input("mint(address,uint256)", account(0), 1_000)),
        token_transfer(0, 2, account(1), 250),
        listed_transfer(1, 1, account(2), 50),
        token_transfer(3, 0, account(0), 1),
    ]);
    chain.mine(vec![delegation(5, 0), creation_with_value(5, 1)]);
    chain.mine(vec![transfer(1, 2, account(2), 7)]);
    for nonce in [0, 2] {
        let waiting = raw(&transfer(POOLED, nonce, account(0), 1));
        chain.ask("eth_sendRawTransaction", json!([waiting])).await;
    }
    chain.status.set_consensus(crate::records::status());
    chain.status.set_evidence(vec![crate::records::evidence(3, 2)]);
    chain
}

fn dynamic_with_gas(from: u32, nonce: u64, to: TxKind, input: Bytes) -> Transaction {
    let tx = TxEip1559 {
        chain_id: MFENX_CHAIN_ID,
        nonce,
        gas_limit: 1_000_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to,
        input,
        ..TxEip1559::default()
    };
    let signature = signer(from).sign_hash_sync(&tx.signature_hash()).unwrap();
    Transaction::Eip1559(tx.into_signed(signature))
}
