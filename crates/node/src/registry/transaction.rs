//! One transaction to the registry: tried, signed here, sent, and followed to its receipt.

use super::{client::Client, error::RegistryError, refusal::words};
use crate::keys::OperatorKey;
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, LogData, TxKind, U64, U256, utils::format_ether};
use alloy_sol_types::SolEventInterface;
use mfenx_chainspec::REGISTRY_ADDRESS;
use mfenx_engine::IAuthorities::{self, IAuthoritiesEvents as Event};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fmt, thread,
    time::{Duration, Instant},
};

/// Longest time from sending to the receipt: many rounds, should authorities be missing.
const INCLUSION_TIME_MAX: Duration = Duration::from_secs(90);
/// A follower is a block behind whenever one is announced; more, and it does not know what counts.
const LAG_MAX: u64 = 5;
/// How often the receipt is asked for.
const INTERVAL: Duration = Duration::from_millis(250);
/// Gas above twice the estimate. The vote that makes the majority also writes a set, which no estimate
/// knows of that was made one vote earlier; 128 authorities need about three million.
const GAS_RESERVE: u64 = 4_000_000;
/// The least tip, so that a pool under load takes the transaction.
const TIP_MIN: u128 = 1_000_000_000;

/// What a transaction to the registry did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The proposal.
    pub id: u64,
    /// Whether this transaction made it.
    pub is_new: bool,
    /// Whether this transaction voted for it.
    pub voted: bool,
    /// The epoch it takes effect with, and the first block of that; none while it does not.
    pub effective: Option<(u64, u64)>,
    /// It has its majority, and has to wait; why.
    pub deferred: Option<String>,
    /// Power for it, and all power, after the block.
    pub tally: (U256, U256),
    /// The transaction.
    pub hash: B256,
    /// The block it is in.
    pub block: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proposal {}: ", self.id)?;
        match (self.is_new, self.voted) {
            (true, _) => f.write_str("proposed and voted for, ")?,
            (false, true) => f.write_str("voted for, ")?,
            (false, false) => f.write_str("executed, ")?,
        }
        let (power, total) = self.tally;
        match (&self.effective, &self.deferred) {
            (Some((epoch, block)), _) => {
                write!(f, "passed; takes effect with epoch {epoch}, block {block}")?;
            }
            (None, Some(reason)) => write!(f, "passed, but has to wait: {reason}")?,
            (None, None) => write!(f, "{power} of {total} power; needs more than half")?,
        }
        write!(f, " (block {}, transaction {})", self.block, self.hash)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    status: U64,
    block_number: U64,
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Latest {
    base_fee_per_gas: U256,
    gas_limit: U64,
}

/// Sends `call` to the registry and waits for its receipt.
pub(super) fn send(
    client: &Client,
    chain_id: u64,
    key: &OperatorKey,
    call: Vec<u8>,
) -> Result<Outcome, RegistryError> {
    check_synced(client)?;
    let (operator, call) = (key.address(), Bytes::from(call));
    // First without gas and money: what the registry says matters more than what is missing.
    let request = json!({"from": operator, "to": REGISTRY_ADDRESS, "input": call});
    client.attempt("eth_call", json!([request, "latest"]))?;
    let transaction = priced(client, chain_id, operator, call, &request)?;
    let signature = key.sign(&transaction.signature_hash())?;
    let signed = TxEnvelope::from(transaction.into_signed(signature));
    let hash = *signed.tx_hash();
    let raw = Bytes::from(signed.encoded_2718());
    let _: B256 = client.call("eth_sendRawTransaction", json!([raw]))?;
    let receipt = receipt(client, hash)?;
    let block = receipt.block_number.to();
    if receipt.status != U64::from(1) {
        return Err(RegistryError::Reverted { hash, block });
    }
    outcome(client, &receipt, hash, block)
}

fn check_synced(client: &Client) -> Result<(), RegistryError> {
    let progress: Value = client.call("eth_syncing", json!([]))?;
    let number = |name: &str| {
        let text = progress.get(name)?.as_str()?.strip_prefix("0x")?;
        u64::from_str_radix(text, 16).ok()
    };
    match (number("currentBlock"), number("highestBlock")) {
        (Some(block), Some(target)) if target > block.saturating_add(LAG_MAX) => {
            Err(RegistryError::Behind { block, target })
        }
        _ => Ok(()),
    }
}

/// The transaction with nonce, gas and fees, which the account can pay.
fn priced(
    client: &Client,
    chain_id: u64,
    operator: Address,
    input: Bytes,
    request: &Value,
) -> Result<TxEip1559, RegistryError> {
    let latest: Latest = client.call("eth_getBlockByNumber", json!(["latest", false]))?;
    let tip: U256 = client.call("eth_maxPriorityFeePerGas", json!([]))?;
    let tip = tip.saturating_to::<u128>().max(TIP_MIN);
    let price =
        latest.base_fee_per_gas.saturating_to::<u128>().saturating_mul(2).saturating_add(tip);
    let estimate = client.quantity("eth_estimateGas", json!([request, "latest"]))?;
    let gas_limit =
        estimate.saturating_mul(2).saturating_add(GAS_RESERVE).min(latest.gas_limit.to());
    let balance: U256 = client.call("eth_getBalance", json!([operator, "latest"]))?;
    let needs = U256::from(price).saturating_mul(U256::from(gas_limit));
    if balance < needs {
        let (has, needs) = (format_ether(balance), format_ether(needs));
        return Err(RegistryError::Funds { operator, has, needs });
    }
    Ok(TxEip1559 {
        chain_id,
        nonce: client.quantity("eth_getTransactionCount", json!([operator, "pending"]))?,
        gas_limit,
        max_fee_per_gas: price,
        max_priority_fee_per_gas: tip,
        to: TxKind::Call(REGISTRY_ADDRESS),
        value: U256::ZERO,
        access_list: Default::default(),
        input,
    })
}

fn receipt(client: &Client, hash: B256) -> Result<Receipt, RegistryError> {
    let start = Instant::now();
    loop {
        if let Some(receipt) = client.call("eth_getTransactionReceipt", json!([hash]))? {
            return Ok(receipt);
        }
        if start.elapsed() >= INCLUSION_TIME_MAX {
            let seconds = INCLUSION_TIME_MAX.as_secs();
            return Err(RegistryError::NotIncluded { hash, seconds });
        }
        thread::sleep(INTERVAL);
    }
}

/// What the events of the receipt say.
fn outcome(
    client: &Client,
    receipt: &Receipt,
    hash: B256,
    block: u64,
) -> Result<Outcome, RegistryError> {
    let (mut id, mut is_new, mut voted) = (U256::ZERO, false, false);
    let (mut epoch, mut deferred) = (None, None);
    for log in receipt.logs.iter().filter(|log| log.address == REGISTRY_ADDRESS) {
        let data = LogData::new_unchecked(log.topics.clone(), log.data.clone());
        match Event::decode_log(&alloy_primitives::Log { address: log.address, data }) {
            Ok(event) => match event.data {
                Event::Proposed(it) => (id, is_new) = (it.id, true),
                Event::Voted(it) => (id, voted) = (it.id, true),
                Event::Executed(it) => (id, epoch) = (it.id, Some(it.epoch)),
                Event::Deferred(it) => (id, deferred) = (it.id, Some(words(&it.reason))),
                Event::SeatTaken(_) | Event::SeatVacated(_) => {}
            },
            Err(_) => tracing::debug!("an event of the registry that this program does not know"),
        }
    }
    let at = format!("{block:#x}");
    let tally = client.view(&IAuthorities::tallyCall { id }, &at)?;
    let effective = match epoch {
        None => None,
        Some(epoch) => {
            let blocks = client.view(&IAuthorities::epochBlocksCall {}, &at)?;
            Some((epoch, epoch.saturating_mul(blocks)))
        }
    };
    let id = id.saturating_to();
    let tally = (tally.power, tally.total);
    Ok(Outcome { id, is_new, voted, effective, deferred, tally, hash, block })
}
