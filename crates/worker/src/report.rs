//! What a worker is and has, for people and programs.

pub use crate::book::Earnings;

use crate::{
    contract::Contract,
    error::WorkerError,
    interface::ICompute::{self, ListKind, Worker},
};
use alloy_primitives::{Address, B256, U256, utils::format_ether};
use serde::Serialize;
use std::fmt;

/// With so many strikes something is banned (`State.sol`).
const STRIKES_MAX: u8 = 3;

/// What strikes are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The worker's key.
    Key,
    /// The operator's account.
    Operator,
    /// The card that was declared, by its fingerprint.
    Card,
}

/// How many strikes there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Strikes {
    /// Against the worker's key.
    pub key: u8,
    /// Against its operator, of all its workers.
    pub operator: u8,
    /// Against the declared card, whosoever had it.
    pub card: u8,
}

/// What the contract holds against a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Record {
    /// One for each job that failed.
    pub strikes: Strikes,
    /// Who has three and no pardon.
    pub banned: Vec<Subject>,
}

/// Asks the contract for the strikes against a key, its operator and a card, 0 for none.
///
/// # Errors
/// The node does not answer.
pub fn record(
    contract: &Contract,
    operator: Address,
    key: B256,
    card: B256,
) -> Result<Record, WorkerError> {
    let subjects =
        [(Subject::Key, key), (Subject::Operator, operator.into_word()), (Subject::Card, card)];
    let mut record = Record::default();
    for (subject, value) in subjects {
        if value.is_zero() {
            continue;
        }
        let strikes = contract.view(&ICompute::strikesCall { subject: value })?;
        match subject {
            Subject::Key => record.strikes.key = strikes,
            Subject::Operator => record.strikes.operator = strikes,
            Subject::Card => record.strikes.card = strikes,
        }
        let pardon = ICompute::isListedCall { kind: ListKind::Pardon, value };
        if strikes >= STRIKES_MAX && !contract.view(&pardon)? {
            record.banned.push(subject);
        }
    }
    Ok(record)
}

/// A worker as the contract has it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Its name.
    pub worker: Address,
    /// Its operator.
    pub operator: Address,
    /// Who may commit, open and change terms beside the operator; 0 for none.
    pub agent: Address,
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
    /// Jobs that it takes at a time; 0 is a pause.
    pub capacity: u32,
    /// The least reward of a result, gwei.
    pub base: u64,
    /// And gwei for 10^12 units of work.
    pub price: u64,
    /// Whether it has left.
    pub exited: bool,
    /// Wei at stake.
    pub stake: U256,
    /// Wei due to the operator.
    pub due: U256,
    /// What is held against it.
    #[serde(flatten)]
    pub record: Record,
}

/// Asks the contract about a worker; none when it does not know it.
///
/// # Errors
/// The node does not answer.
pub fn status(contract: &Contract, worker: Address) -> Result<Option<Status>, WorkerError> {
    let Some(it) = find(contract, worker)? else { return Ok(None) };
    let due = contract.view(&ICompute::dueCall { account: it.operator })?;
    let record = record(contract, it.operator, it.key, it.device.fingerprint)?;
    Ok(Some(Status {
        worker,
        operator: it.operator,
        agent: it.agent,
        class: it.class,
        score: it.score,
        measured: it.measured,
        eligible: it.place != 0,
        flagged: it.flagged,
        rate: it.rate,
        reputation: it.reputation,
        live: it.live,
        capacity: it.terms.capacity,
        base: it.terms.base,
        price: it.terms.price,
        exited: !it.exitedAt.is_zero(),
        stake: U256::from(it.stake),
        due,
        record,
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

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "its key",
            Self::Operator => "its operator",
            Self::Card => "its card",
        })
    }
}

/// Nothing without strikes; a line otherwise, which says what a ban means.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Strikes { key, operator, card } = self.strikes;
        if self.strikes == Strikes::default() {
            return Ok(());
        }
        if let Some((first, others)) = self.banned.split_first() {
            write!(f, "BANNED for good, {first}")?;
            others.iter().try_for_each(|it| write!(f, " and {it}"))?;
            write!(
                f,
                ": nothing that has it is registered or drawn any more, unless the authorities pardon \
                 it; `mfenx worker exit`, `release` and `withdraw` pay out what is left of a stake; "
            )?;
        }
        write!(
            f,
            "strikes: key {key}, operator {operator}, card {card}; {STRIKES_MAX} of one are a ban"
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is = |yes: bool, word: &str| if yes { format!(", {word}") } else { String::new() };
        write!(
            f,
            "worker {} of {}{}: class {}, score {}{}{}{}{}, {:.3} GOPS, reputation {}, {} of {} jobs, \
             base {} gwei, price {} gwei, stake {} JULIAN, due {} JULIAN",
            self.worker,
            self.operator,
            if self.agent.is_zero() { String::new() } else { format!(", agent {}", self.agent) },
            self.class,
            self.score,
            is(self.measured, "measured"),
            is(self.eligible, "eligible"),
            is(self.flagged, "flagged"),
            is(self.exited, "left"),
            // A multiply-add is two operations.
            self.rate as f64 * 2.0 / 1e9,
            self.reputation,
            self.live,
            self.capacity,
            self.base,
            self.price,
            format_ether(self.stake),
            format_ether(self.due)
        )?;
        if self.record.strikes == Strikes::default() {
            Ok(())
        } else {
            write!(f, "\n{}", self.record)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_says_whose_and_what_it_means() {
        assert_eq!(Record::default().to_string(), "");
        let strikes = Strikes { key: 1, operator: 3, card: 0 };
        let one = Record { strikes: Strikes { operator: 1, ..strikes }, banned: Vec::new() };
        let text = one.to_string();
        assert!(
            text.starts_with("strikes: key 1, operator 1") && !text.contains("BANNED"),
            "{text}"
        );
        let text = Record { strikes, banned: vec![Subject::Operator, Subject::Card] }.to_string();
        assert!(text.starts_with("BANNED for good, its operator and its card:"), "{text}");
        for word in ["drawn", "pardon", "exit", "withdraw", "operator 3"] {
            assert!(text.contains(word), "{word:?} is not in {text}");
        }
    }
}
