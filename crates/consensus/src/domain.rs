//! What a signature is about: the bytes that authorities sign.
//!
//! `"mfenx/consensus/v1" || kind (1) || chain ID (8) || genesis hash (32) || height (8) || round (4)`,
//! then for a vote `0` (nil) or `1 || block hash (32)`, for a proposal `valid round (4) || block hash
//! (32)`, then the operator (20). Integers are big endian; no valid round is `u32::MAX`. The kinds are
//! 1 prevote, 2 precommit, 3 proposal. Every field has a fixed place, so two messages share their
//! bytes only when they are equal.
//!
//! Records of an authority's audit log are signed with the same key, under a tag that no message of
//! consensus begins with: `"mfenx/audit/v1" || record`. The two can never be taken for each other.

use alloy_primitives::B256;
use malachite_core_types::{NilOrVal, Round, VoteType};

use crate::{Proposal, Vote};

const TAG: &[u8] = b"mfenx/consensus/v1";
const AUDIT_TAG: &[u8] = b"mfenx/audit/v1";

/// The chain that messages belong to. A signature made under one domain verifies under no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    /// Chain ID (EIP-155).
    pub chain_id: u64,
    /// Hash of the genesis header.
    pub genesis_hash: B256,
}

impl Domain {
    /// The bytes signed for a vote.
    pub fn vote_bytes(&self, vote: &Vote) -> Vec<u8> {
        let kind = match vote.kind {
            VoteType::Prevote => 1,
            VoteType::Precommit => 2,
        };
        let mut bytes = self.begin(kind, vote.height.0, vote.round);
        match &vote.value {
            NilOrVal::Nil => bytes.push(0),
            NilOrVal::Val(hash) => {
                bytes.push(1);
                bytes.extend_from_slice(hash.as_slice());
            }
        }
        bytes.extend_from_slice(vote.operator.0.as_slice());
        bytes
    }

    /// The bytes signed for a proposal.
    pub fn proposal_bytes(&self, proposal: &Proposal) -> Vec<u8> {
        let mut bytes = self.begin(3, proposal.height.0, proposal.round);
        bytes.extend_from_slice(&round_number(proposal.valid_round).to_be_bytes());
        bytes.extend_from_slice(proposal.value.0.as_slice());
        bytes.extend_from_slice(proposal.operator.0.as_slice());
        bytes
    }

    fn begin(&self, kind: u8, height: u64, round: Round) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(TAG);
        bytes.push(kind);
        bytes.extend_from_slice(&self.chain_id.to_be_bytes());
        bytes.extend_from_slice(self.genesis_hash.as_slice());
        bytes.extend_from_slice(&height.to_be_bytes());
        bytes.extend_from_slice(&round_number(round).to_be_bytes());
        bytes
    }
}

/// The bytes signed for a record of an audit log. The record itself says what chain it is of, through
/// the records before it.
pub(crate) fn audit_bytes(record: &[u8]) -> Vec<u8> {
    [AUDIT_TAG, record].concat()
}

/// A round as four bytes; no round is `u32::MAX`, which no message may name otherwise.
pub(crate) fn round_number(round: Round) -> u32 {
    round.as_u32().unwrap_or(u32::MAX)
}
