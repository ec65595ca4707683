//! Strict reading of the section; every error names its field.

use super::{
    ConsensusParams, ConsensusTimeouts, EPOCH_BLOCKS_MAX, check_authorities, default_quorum,
};
use crate::{error::ChainSpecError, peer_id::peer_id_from_text};
use alloy_primitives::{Address, B256};
use mfenx_primitives::{Authority, Quorum};
use serde::Deserialize;
use serde_json::Value;
use std::str::FromStr;

/// Where the section stands, for errors.
const PLACE: &str = "config.mfenx.consensus";

/// Bounds of a timeout in milliseconds.
const TIMEOUT_MS_MIN: u64 = 10;
const TIMEOUT_MS_MAX: u64 = 600_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    quorum: Option<String>,
    epoch_blocks: u64,
    authorities: Vec<Value>,
    #[serde(default)]
    timeouts_ms: Timeouts,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Timeouts {
    propose: Option<u64>,
    prevote: Option<u64>,
    precommit: Option<u64>,
    delta: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    operator: String,
    consensus_key: String,
    vrf_key: String,
    peer_id: String,
    power: u64,
}

fn wrong(field: &str, reason: impl Into<String>) -> ChainSpecError {
    let field = if field.is_empty() { PLACE.to_owned() } else { format!("{PLACE}.{field}") };
    ChainSpecError::Consensus { field, reason: reason.into() }
}

impl ConsensusParams {
    /// Reads the JSON object under `config.mfenx.consensus`.
    ///
    /// # Errors
    /// A field is unknown, missing, malformed or contradicts another; the error names it.
    pub fn from_json(section: &Value) -> Result<Self, ChainSpecError> {
        let Section { quorum, epoch_blocks, authorities, timeouts_ms } =
            Section::deserialize(section).map_err(|error| wrong("", format!("{error}")))?;
        let entries = authorities.iter().enumerate();
        let authorities: Vec<_> =
            entries.map(|(index, value)| authority(index, value)).collect::<Result<_, _>>()?;
        let quorum = match quorum.as_deref() {
            None => default_quorum(authorities.len()),
            Some("bft") => Quorum::Bft,
            Some("majority") => Quorum::Majority,
            Some(_) => return Err(wrong("quorum", "is `bft` or `majority`")),
        };
        let params = Self { quorum, epoch_blocks, authorities, timeouts: timeouts(&timeouts_ms) };
        params.check()?;
        Ok(params)
    }

    /// Checks what a section may hold, for one that was made in memory.
    ///
    /// # Errors
    /// A value is out of range or used twice; the error names its field.
    pub fn check(&self) -> Result<(), ChainSpecError> {
        if !(1..=EPOCH_BLOCKS_MAX).contains(&self.epoch_blocks) {
            return Err(wrong("epochBlocks", format!("is from 1 to {EPOCH_BLOCKS_MAX}")));
        }
        check_authorities(&self.authorities).map_err(|fault| wrong(&fault.field, fault.reason))?;
        let ConsensusTimeouts { propose_ms, prevote_ms, precommit_ms, delta_ms } = self.timeouts;
        for (name, ms) in [
            ("propose", propose_ms),
            ("prevote", prevote_ms),
            ("precommit", precommit_ms),
            ("delta", delta_ms),
        ] {
            if !(TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX).contains(&ms) {
                let reason = format!("is from {TIMEOUT_MS_MIN} to {TIMEOUT_MS_MAX} milliseconds");
                return Err(wrong(&format!("timeoutsMs.{name}"), reason));
            }
        }
        Ok(())
    }
}

fn timeouts(read: &Timeouts) -> ConsensusTimeouts {
    let default = ConsensusTimeouts::default();
    ConsensusTimeouts {
        propose_ms: read.propose.unwrap_or(default.propose_ms),
        prevote_ms: read.prevote.unwrap_or(default.prevote_ms),
        precommit_ms: read.precommit.unwrap_or(default.precommit_ms),
        delta_ms: read.delta.unwrap_or(default.delta_ms),
    }
}

fn authority(index: usize, value: &Value) -> Result<Authority, ChainSpecError> {
    let place = format!("authorities[{index}]");
    let entry = Entry::deserialize(value).map_err(|error| wrong(&place, format!("{error}")))?;
    let field = |name: &str| format!("{place}.{name}");
    let key = |name: &str, text: &str| {
        hexadecimal::<B256>(text)
            .map(|key| key.0)
            .ok_or_else(|| wrong(&field(name), "is a key of 32 bytes: 0x and 64 hex digits"))
    };
    Ok(Authority {
        operator: hexadecimal::<Address>(&entry.operator)
            .ok_or_else(|| wrong(&field("operator"), "is an address: 0x and 40 hex digits"))?,
        consensus_key: key("consensusKey", &entry.consensus_key)?,
        vrf_key: key("vrfKey", &entry.vrf_key)?,
        peer_id: peer_id_from_text(&entry.peer_id)
            .map_err(|reason| wrong(&field("peerId"), reason))?,
        power: entry.power,
    })
}

/// A value of fixed length, with `0x` before it.
fn hexadecimal<T: FromStr>(text: &str) -> Option<T> {
    text.starts_with("0x").then(|| text.parse().ok())?
}
