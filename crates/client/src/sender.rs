//! Transactions of one account: tried, priced, signed here, sent, and followed to their receipts.

use crate::{Client, ClientError};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, LogData, TxKind, U64, U256, utils::format_ether};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fmt, thread,
    time::{Duration, Instant},
};

/// How often a receipt is asked for.
const INTERVAL: Duration = Duration::from_millis(250);
/// The least tip, in wei, so that a pool under load takes the transaction.
const TIP_MIN: u128 = 1_000_000_000;

/// An account that sends transactions to one chain through one node.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    chain_id: u64,
    signer: PrivateKeySigner,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.address()).finish()
    }
}

/// A call that becomes a transaction.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The contract.
    pub to: Address,
    /// Selector and arguments.
    pub input: Bytes,
    /// Wei.
    pub value: U256,
    /// Gas above the estimate.
    pub gas_reserve: u64,
}

impl Sent {
    /// An empty call of `to`, to be filled.
    pub const fn to(to: Address) -> Self {
        Self { to, input: Bytes::new(), value: U256::ZERO, gas_reserve: 0 }
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// 1 when it did what it should.
    pub status: U64,
    /// The block it is in.
    pub block_number: U64,
    /// Gas used.
    pub gas_used: U64,
    /// Wei a gas that was paid.
    pub effective_gas_price: U256,
    /// What the contracts said.
    pub logs: Vec<ReceiptLog>,
}

/// A log.
#[derive(Debug, Clone, Deserialize)]
pub struct ReceiptLog {
    /// The contract.
    pub address: Address,
    /// The topics.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
}

impl ReceiptLog {
    /// In the form that generated events are decoded from.
    pub fn to_log(&self) -> alloy_primitives::Log {
        let data = LogData::new_unchecked(self.topics.clone(), self.data.clone());
        alloy_primitives::Log { address: self.address, data }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Latest {
    base_fee_per_gas: U256,
    gas_limit: U64,
}

impl Sender {
    /// An account that sends through `client`.
    pub const fn new(client: Client, chain_id: u64, signer: PrivateKeySigner) -> Self {
        Self { client, chain_id, signer }
    }

    /// The account.
    pub const fn address(&self) -> Address {
        self.signer.address()
    }

    /// Tries `sent` on the latest state, signs it and sends it.
    ///
    /// # Errors
    /// The contract refuses, the account cannot pay, or the node does not take it.
    pub fn send(&self, sent: &Sent) -> Result<B256, ClientError> {
        let request = json!({
            "from": self.address(), "to": sent.to, "input": sent.input, "value": sent.value,
        });
        let transaction = self.priced(sent, &request)?;
        let signature = self.signer.sign_hash_sync(&transaction.signature_hash());
        let signature = signature.map_err(|error| ClientError::Sign(error.to_string()))?;
        let signed = TxEnvelope::from(transaction.into_signed(signature));
        let raw = Bytes::from(signed.encoded_2718());
        let hash: B256 = self.client.call("eth_sendRawTransaction", json!([raw]))?;
        Ok(hash)
    }

    /// The transaction with nonce, gas and fees, which the account can pay.
    fn priced(&self, sent: &Sent, request: &Value) -> Result<TxEip1559, ClientError> {
        let account = self.address();
        let balance: U256 = self.client.call("eth_getBalance", json!([account, "latest"]))?;
        let lacks = |needs: U256, gas| ClientError::Funds {
            account,
            has: format_ether(balance).into(),
            needs: format!("{} JULIAN {gas}", format_ether(needs)).into(),
            lacks: format_ether(needs.saturating_sub(balance)).into(),
        };
        // The node would say so in wei, and not who lacks it.
        if balance < sent.value {
            return Err(lacks(sent.value, "beside its gas"));
        }
        // Without a price: what the contract says matters more than what the account has.
        let estimate: U64 = self.client.attempt("eth_estimateGas", json!([request, "latest"]))?;
        let estimate: u64 = estimate.to();
        let latest: Latest = self.client.call("eth_getBlockByNumber", json!(["latest", false]))?;
        let tip: U256 = self.client.call("eth_maxPriorityFeePerGas", json!([]))?;
        let tip = tip.saturating_to::<u128>().max(TIP_MIN);
        let price =
            latest.base_fee_per_gas.saturating_to::<u128>().saturating_mul(2).saturating_add(tip);
        let gas_limit = estimate
            .saturating_add(estimate / 4)
            .saturating_add(sent.gas_reserve)
            .min(latest.gas_limit.to());
        let needs =
            U256::from(price).saturating_mul(U256::from(gas_limit)).saturating_add(sent.value);
        if balance < needs {
            return Err(lacks(needs, "with its gas"));
        }
        Ok(TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.next_nonce()?,
            gas_limit,
            max_fee_per_gas: price,
            max_priority_fee_per_gas: tip,
            to: TxKind::Call(sent.to),
            value: sent.value,
            access_list: Default::default(),
            input: sent.input.clone(),
        })
    }

    /// The nonce after those of the account's transactions that wait in the node's pool.
    fn next_nonce(&self) -> Result<u64, ClientError> {
        self.client.quantity("eth_getTransactionCount", json!([self.address(), "pending"]))
    }

    /// The receipt, if there is one.
    ///
    /// # Errors
    /// The node does not answer.
    pub fn receipt(&self, hash: B256) -> Result<Option<Receipt>, ClientError> {
        self.client.call("eth_getTransactionReceipt", json!([hash]))
    }

    /// Waits for the receipt.
    ///
    /// # Errors
    /// The node does not answer, or no block took the transaction within `time_max`.
    pub fn wait(&self, hash: B256, time_max: Duration) -> Result<Receipt, ClientError> {
        let start = Instant::now();
        loop {
            if let Some(receipt) = self.receipt(hash)? {
                return Ok(receipt);
            }
            if start.elapsed() >= time_max {
                return Err(ClientError::NotIncluded { hash, seconds: time_max.as_secs() });
            }
            thread::sleep(INTERVAL);
        }
    }
}
