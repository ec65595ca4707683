//! What a worker is and has, for people and programs.

pub use crate::book::Earnings;

use crate::{
    contract::Contract,
    error::WorkerError,
    interface::ICompute::{self, Worker},
};
use alloy_primitives::{Address, U256, utils::format_ether};
use serde::Serialize;
use std::fmt;

/// A worker as the contract has it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its name.
    pub worker: Address,
    /// Its operator.
    pub operator: Address,
    /// Which class.
    pub class: u8,
    /// Points of attestation.
    pub score: u8,
    /// Whether it was measured and that holds.
    pub measured: bool,
    /// Whether it is in the pool that workers are drawn from.
    pub eligible: bool,
    /// Whether its last measurement differed from the record.
    pub flagged: bool,
    /// Recorded multiply-adds a second.
    pub rate: u64,
    /// Verified results, as the contract counts reputation.
    pub reputation: u32,
    /// Jobs under way.
    pub live: u32,
    /// Wei at stake.
    pub stake: U256,
    /// Wei due to the operator.
    pub due: U256,
}

/// Asks the contract about a worker; none when it does not know it.
///
/// # Errors
/// The node does not answer.
pub fn status(contract: &Contract, worker: Address) -> Result<Option<Status>, WorkerError> {
    let Some(it) = find(contract, worker)? else { return Ok(None) };
    let due = contract.view(&ICompute::dueCall { account: it.operator })?;
    Ok(Some(Status {
        worker,
        operator: it.operator,
        class: it.class,
        score: it.score,
        measured: it.measured,
        eligible: it.place != 0,
        flagged: it.flagged,
        rate: it.rate,
        reputation: it.reputation,
        live: it.live,
        stake: U256::from(it.stake),
        due,
    }))
}

/// A worker that the contract knows.
pub(crate) fn find(contract: &Contract, worker: Address) -> Result<Option<Worker>, WorkerError> {
    let found = match contract.view(&ICompute::workerCall { worker_: worker }) {
        Ok(found) => found,
        Err(WorkerError::Unregistered { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok((!found.operator.is_zero()).then_some(found))
}

impl Status {
    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = |yes: bool, word: &str| if yes { format!(", {word}") } else { String::new() };
        write!(
            f,
            "worker {} of {}: class {}, score {}{}{}{}, {:.3} GOPS, reputation {}, {} jobs, \
             stake {} JULIAN, due {} JULIAN",
            self.worker,
            self.operator,
            self.class,
            self.score,
            is(self.measured, "measured"),
            is(self.eligible, "eligible"),
            is(self.flagged, "flagged"),
            // A multiply-add is two operations.
            self.rate as f64 * 2.0 / 1e9,
            self.reputation,
            self.live,
            format_ether(self.stake),
            format_ether(self.due)
        )
    }
}

impl fmt::Display for Earnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} verified, {} late, {} failed, {} benchmarks; earned {} JULIAN, gas {} JULIAN",
            self.verified,
            self.late,
            self.failed,
            self.benchmarks,
            format_ether(self.earned),
            format_ether(self.gas)
        )
    }
}
