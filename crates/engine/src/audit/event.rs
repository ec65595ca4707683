//! What is recorded.

use alloy_primitives::{Address, B256};
use mfenx_consensus::{Evidence, ValidatorSet};
use serde::{Deserialize, Serialize};

/// Longest reason of a stop, in characters.
const REASON_MAX: usize = 1_000;

/// Whose log a file is: the first record of every file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Opened {
    /// Of this file; 1.
    pub(crate) format: u32,
    pub(crate) chain_id: u64,
    pub(crate) genesis: B256,
    pub(crate) operator: Address,
    /// The consensus key that signs all records of the file.
    pub(crate) key: B256,
}

/// A record, but for its number, time and links.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event {
    /// A file begins.
    Opened(Opened),
    /// The last line of the file was a write that was cut off, and was removed: its bytes, and their
    /// BLAKE3.
    Cut { bytes: u64, digest: B256 },
    /// The disk took no records for a time, and so many were given up.
    Lost { records: u64 },
    /// A node began with the keys of this authority. `votesFrom` is what its guard knew.
    Started {
        version: &'static str,
        head_number: u64,
        head_hash: B256,
        votes_from: Option<u64>,
        trusts_empty_directory: bool,
    },
    /// It ended; with a reason, when it was not told to.
    Stopped { head_number: u64, head_hash: B256, reason: Option<String> },
    /// The guard of a directory without record, or with one in doubt, allows signatures from this
    /// height on.
    VotingFrom { height: u64 },
    /// The record of what these keys signed may be old, and the guard forbids everything until it is
    /// known from which height on it may be signed: `copied`, its file is a copy; `outdated`, the
    /// decided block of `height` has a signature that it does not know. It knows of `lastHeight` and
    /// `lastRound`.
    Doubted { reason: &'static str, height: Option<u64>, last_height: u64, last_round: u32 },
    /// From this height on the node is `validator`, `waiting` (its keys are in force, but it does not
    /// sign, for it may have signed there before and has no record of it) or `follower`.
    Participation { height: u64, participation: &'static str },
    /// A set of authorities is in force; `set` is BLAKE3 of operator (20), consensus key (32), VRF key
    /// (32) and power (8) of each, in canonical order.
    Epoch { epoch: u64, height: u64, authorities: u64, total_power: u64, member: bool, set: B256 },
    /// Somebody signed twice. `digest` is BLAKE3 of the proof; `source` is `found`, `gossip` or `peer`.
    Evidence {
        operator: Address,
        height: u64,
        round: u32,
        kind: &'static str,
        digest: B256,
        source: &'static str,
    },
    /// The guard forbade a signature at or before the last one.
    Refused { height: u64, round: u32 },
    /// These keys signed on another node.
    SignedElsewhere { height: u64 },
}

impl Event {
    pub(crate) fn evidence(found: &Evidence, source: &'static str) -> Self {
        Self::Evidence {
            operator: found.operator().0,
            height: found.height().0,
            round: found.round(),
            kind: found.kind(),
            digest: found.digest().into(),
            source,
        }
    }

    pub(crate) fn epoch(epoch: u64, height: u64, set: &ValidatorSet, member: bool) -> Self {
        let mut hasher = blake3::Hasher::new();
        for one in set.validators() {
            hasher.update(one.operator.0.as_slice()).update(&one.key.to_bytes());
            hasher.update(one.vrf_key.as_bytes()).update(&one.power.to_be_bytes());
        }
        Self::Epoch {
            epoch,
            height,
            authorities: set.validators().len() as u64,
            total_power: set.total_power(),
            member,
            set: B256::new(*hasher.finalize().as_bytes()),
        }
    }

    pub(crate) fn stopped(head_number: u64, head_hash: B256, reason: Option<String>) -> Self {
        let reason = reason.map(|reason| reason.chars().take(REASON_MAX).collect());
        Self::Stopped { head_number, head_hash, reason }
    }
}
