//! Accounts of the load, and transfers that are signed before the clock runs.

use super::nodes::{Node, quantity, request};
use crate::http::{ask, post};
use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Signature, TxKind, U256, hex, keccak256};
use eyre::{Context, Result, bail, eyre};
use k256::ecdsa::SigningKey;
use mfenx_primitives::Transaction;
use rayon::prelude::*;
use std::{
    thread,
    time::{Duration, Instant},
};

/// Wei per gas; the base fee starts at 1 gwei and rises in full blocks.
const MAX_FEE: u128 = 1_000_000_000_000;
/// What each account of the load gets: 50 ether.
const FUNDS: u128 = 50_000_000_000_000_000_000;
/// Accounts that transfers go to, in turn; none of them sends.
const RECEIVERS: u64 = 1_000;
const FUND_TIME_MAX: Duration = Duration::from_secs(60);

/// Accounts with funds, and how many transactions of each were signed.
#[derive(Debug)]
pub(crate) struct Accounts {
    chain_id: u64,
    keys: Vec<SigningKey>,
    signed: u64,
}

/// A signed transfer as it is sent.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) hash: B256,
    /// The HTTP request.
    pub(crate) request: Vec<u8>,
}

impl Accounts {
    /// Funds `count` accounts from the first one of a development chain, and waits until `node` has
    /// the funds in its head.
    ///
    /// # Errors
    /// The node refuses, or makes no block.
    pub(crate) fn fund(node: &Node, count: usize) -> Result<Self> {
        let chain_id = ask(node.http, &request("eth_chainId", "[]"))?;
        let chain_id = quantity(&chain_id).ok_or_else(|| eyre!("{chain_id}"))?;
        let keys: Vec<_> = (0..count as u64).map(key).collect::<Result<_>>()?;
        let rich = mfenx_node::dev_accounts()?;
        let rich = rich.first().ok_or_else(|| eyre!("no development accounts"))?;
        let faucet = SigningKey::from_slice(rich.secret.as_slice())?;
        let first = count_of(node, rich.address)?;
        for (key, nonce) in keys.iter().zip(first..) {
            let transfer = sign(&faucet, chain_id, nonce, address(key), U256::from(FUNDS))?;
            ask(node.http, &raw(&transfer)).wrap_err("funding an account")?;
        }
        let start = Instant::now();
        while count_of(node, rich.address)? < first + count as u64 {
            if start.elapsed() > FUND_TIME_MAX {
                bail!("{} made no block of the funds", node.name);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { chain_id, keys, signed: 0 })
    }

    pub(crate) const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    pub(crate) const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Signs the next `count` transfers, of the accounts in turn.
    ///
    /// # Errors
    /// None in practice.
    pub(crate) fn sign(&mut self, count: u64) -> Result<Vec<Transfer>> {
        // Each account sends as many, so that whoever signs next starts with the first one again.
        let accounts = self.keys.len() as u64;
        let count = count.next_multiple_of(accounts);
        let serials = self.signed..self.signed + count;
        self.signed += count;
        serials
            .into_par_iter()
            .map(|serial| {
                let key = self.keys.get((serial % accounts) as usize);
                let key = key.ok_or_else(|| eyre!("no accounts"))?;
                let transfer =
                    sign(key, self.chain_id, serial / accounts, receiver(serial), U256::from(1))?;
                Ok(Transfer { hash: *transfer.tx_hash(), request: post(&raw(&transfer)) })
            })
            .collect()
    }
}

fn key(index: u64) -> Result<SigningKey> {
    let secret = keccak256([b"load".as_slice(), &index.to_be_bytes()].concat());
    Ok(SigningKey::from_slice(secret.as_slice())?)
}

fn address(key: &SigningKey) -> Address {
    Address::from_public_key(key.verifying_key())
}

fn receiver(serial: u64) -> Address {
    let index = (serial % RECEIVERS).to_be_bytes();
    Address::from_word(keccak256([b"receiver".as_slice(), &index].concat()))
}

fn count_of(node: &Node, address: Address) -> Result<u64> {
    let asked = request("eth_getTransactionCount", &format!("[\"{address:?}\",\"latest\"]"));
    let answer = ask(node.http, &asked)?;
    quantity(&answer).ok_or_else(|| eyre!("{answer}"))
}

fn raw(transaction: &Transaction) -> String {
    let encoded = hex::encode_prefixed(transaction.encoded_2718());
    request("eth_sendRawTransaction", &format!("[\"{encoded}\"]"))
}

fn sign(
    key: &SigningKey,
    chain_id: u64,
    nonce: u64,
    to: Address,
    value: U256,
) -> Result<Transaction> {
    let unsigned = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: MAX_FEE,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value,
        access_list: Default::default(),
        input: Default::default(),
    };
    let hash = unsigned.signature_hash();
    let (signature, recovery) = key.sign_prehash_recoverable(hash.as_slice())?;
    Ok(Transaction::Eip1559(unsigned.into_signed(Signature::from((signature, recovery)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_take_turns_and_go_on_where_they_were() {
        let keys = (0..3).map(|index| key(index).unwrap()).collect();
        let mut accounts = Accounts { chain_id: 1, keys, signed: 0 };
        assert_eq!(accounts.sign(4).unwrap().len(), 6);
        assert_eq!(accounts.signed, 6);
        let again = sign(&key(1).unwrap(), 1, 2, receiver(7), U256::from(1)).unwrap();
        assert_eq!(accounts.sign(3).unwrap()[1].hash, *again.tx_hash());
    }
}
