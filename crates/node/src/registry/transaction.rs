//! One transaction to the registry: tried, sent, and what its receipt says.

use super::{client::Client, error::RegistryError, refusal::words};
use crate::keys::OperatorKey;
use alloy_primitives::{B256, U64, U256};
use alloy_sol_types::SolEventInterface;
use mfenx_chainspec::REGISTRY_ADDRESS;
use mfenx_client::Receipt;
use mfenx_engine::IAuthorities::{self, IAuthoritiesEvents as Event};
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// Longest time from sending to the receipt: many rounds, should authorities be missing.
const INCLUSION_TIME_MAX: Duration = Duration::from_secs(90);
/// A follower is a block behind whenever one is announced; more, and it does not know what counts.
const LAG_MAX: u64 = 5;
/// Gas above the estimate. The vote that makes the majority also writes a set, which no estimate
/// knows of that was made one vote earlier; 128 authorities need about three million.
const GAS_RESERVE: u64 = 4_000_000;

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

/// Sends `call` to the registry and waits for its receipt.
pub(super) fn send(
    client: &Client,
    chain_id: u64,
    key: &OperatorKey,
    call: Vec<u8>,
) -> Result<Outcome, RegistryError> {
    check_synced(client)?;
    let (hash, receipt) =
        client.send(chain_id, key, call.into(), GAS_RESERVE, INCLUSION_TIME_MAX)?;
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
        match Event::decode_log(&log.to_log()) {
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
