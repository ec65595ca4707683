//! The blocks of the height that is being decided: payloads, what is known of them, and who asked
//! for them by proposing them.
//!
//! Bounds: [`PAYLOADS_MAX`] payloads, each at most 8 MiB and a proof; [`CANDIDATES_MAX`] executed
//! blocks, of which the oldest is executed again should it be needed; [`PROPOSALS_MAX`] proposals, of
//! which those of the oldest rounds give way, and [`PER_ROUND_MAX`] of a round, so that a proposer who
//! says everything twice takes nobody's place.

use crate::candidate::Candidate;
use alloy_primitives::B256;
use bytes::Bytes;
use mfenx_consensus::{LoggedValue, SignedProposal, Validity};
use mfenx_network::PeerId;
use std::collections::BTreeMap;

const PAYLOADS_MAX: usize = 12;
const CANDIDATES_MAX: usize = 4;
const PROPOSALS_MAX: usize = 256;
/// The machine looks at two of a round, and at more only when a quorum has voted for them.
const PER_ROUND_MAX: usize = 4;

/// What is known of a block.
#[derive(Debug)]
pub(super) enum Knowledge {
    /// It is here, nobody has looked at it.
    Unchecked,
    /// A thread is at it.
    Checking,
    /// It is valid; what it does may have been forgotten.
    Valid(Option<Box<Candidate>>),
    /// It is not; or, if the fault was found as a proposal's, may be.
    Invalid,
}

#[derive(Debug)]
struct Entry {
    height: u64,
    payload: Bytes,
    /// The peer it came from; none when it is ours.
    source: Option<PeerId>,
    knowledge: Knowledge,
    /// The round a valid block was built in.
    built_round: u32,
    /// Whether the log holds the payload.
    logged: bool,
    order: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    height: u64,
    entries: BTreeMap<B256, Entry>,
    proposals: Vec<SignedProposal>,
    /// Blocks whose verdict the machine was told.
    told: Vec<B256>,
    order: u64,
}

impl Blocks {
    /// Forgets what is of other heights than `height` and later ones.
    pub(super) fn start_height(&mut self, height: u64) {
        self.height = height;
        self.entries.retain(|_, entry| entry.height >= height);
        self.proposals.retain(|proposal| proposal.height.0 >= height);
        self.told.clear();
    }

    /// Remembers a proposal that the machine accepted, of this height or a later one.
    pub(super) fn proposed(&mut self, proposal: SignedProposal) {
        let place = |one: &SignedProposal| (one.height, one.round);
        let of_round = self.proposals.iter().filter(|one| place(one) == place(&proposal));
        let known = of_round.clone().any(|one| one.message == proposal.message);
        if known || of_round.count() >= PER_ROUND_MAX || proposal.height.0 < self.height {
            return;
        }
        if self.proposals.len() >= PROPOSALS_MAX {
            let oldest = self.proposals.iter().enumerate().min_by_key(|(_, one)| place(one));
            if let Some(at) = oldest.map(|(at, _)| at) {
                self.proposals.remove(at);
            }
        }
        self.proposals.push(proposal);
    }

    /// The first proposal of a block at this height.
    fn proposal_of(&self, hash: B256) -> Option<&SignedProposal> {
        let of = |one: &&SignedProposal| one.height.0 == self.height && one.value.0 == hash;
        self.proposals.iter().find(of)
    }

    /// Keeps a payload that claims to be of the block `hash`.
    pub(super) fn insert(
        &mut self,
        height: u64,
        hash: B256,
        payload: Bytes,
        source: Option<PeerId>,
    ) {
        if self.entries.contains_key(&hash) || height < self.height {
            return;
        }
        if self.entries.len() >= PAYLOADS_MAX && !self.make_room() {
            return;
        }
        self.order += 1;
        let knowledge = Knowledge::Unchecked;
        let (order, built_round, logged) = (self.order, 0, false);
        let entry = Entry { height, payload, source, knowledge, built_round, logged, order };
        self.entries.insert(hash, entry);
    }

    /// Drops the oldest payload that nobody proposed, or else the oldest that is invalid.
    fn make_room(&mut self) -> bool {
        let idle = |hash: &B256, entry: &Entry| match entry.knowledge {
            Knowledge::Invalid => true,
            Knowledge::Unchecked => self.proposal_of(*hash).is_none(),
            Knowledge::Checking | Knowledge::Valid(_) => false,
        };
        let oldest = self.entries.iter().filter(|(hash, entry)| idle(hash, entry));
        let oldest = oldest.min_by_key(|(_, entry)| entry.order).map(|(hash, _)| *hash);
        oldest.is_some_and(|hash| self.entries.remove(&hash).is_some())
    }

    /// What is known of a block; none when it is not here.
    pub(super) fn knowledge(&self, hash: B256) -> Option<&Knowledge> {
        self.entries.get(&hash).map(|entry| &entry.knowledge)
    }

    /// The payload of a block.
    pub(super) fn payload(&self, hash: B256) -> Option<Bytes> {
        self.entries.get(&hash).map(|entry| entry.payload.clone())
    }

    /// The payload of a block that this node answers for: one that it checked or built, in this life
    /// or the one before.
    pub(super) fn checked_payload(&self, hash: B256) -> Option<Bytes> {
        let entry = self.entries.get(&hash)?;
        let checked = entry.source.is_none() || matches!(entry.knowledge, Knowledge::Valid(_));
        checked.then(|| entry.payload.clone())
    }

    /// A block of this height that was proposed and that nobody has looked at.
    pub(super) fn next_unchecked(&self) -> Option<B256> {
        let next = |proposal: &&SignedProposal| {
            proposal.height.0 == self.height
                && matches!(self.knowledge(proposal.value.0), Some(Knowledge::Unchecked))
        };
        self.proposals.iter().find(next).map(|proposal| proposal.value.0)
    }

    /// Blocks of this height that were proposed and are not here.
    pub(super) fn missing(&self) -> impl Iterator<Item = &SignedProposal> {
        self.proposals.iter().filter(|proposal| {
            proposal.height.0 == self.height && !self.entries.contains_key(&proposal.value.0)
        })
    }

    /// Says that a thread begins to check a block; its payload.
    pub(super) fn begin_check(&mut self, hash: B256) -> Option<Bytes> {
        let entry = self.entries.get_mut(&hash)?;
        entry.knowledge = Knowledge::Checking;
        Some(entry.payload.clone())
    }

    /// Notes a valid block with what it does.
    pub(super) fn set_valid(&mut self, candidate: Candidate) {
        let kept = |entry: &Entry| matches!(entry.knowledge, Knowledge::Valid(Some(_)));
        let count = self.entries.values().filter(|entry| kept(entry)).count();
        let mut held = self.entries.values_mut().filter(|entry| kept(entry));
        if count >= CANDIDATES_MAX
            && let Some(first) = held.next()
        {
            let oldest =
                held.fold(first, |one, next| if next.order < one.order { next } else { one });
            oldest.knowledge = Knowledge::Valid(None);
        }
        if let Some(entry) = self.entries.get_mut(&candidate.hash()) {
            entry.built_round = candidate.built_round();
            entry.knowledge = Knowledge::Valid(Some(Box::new(candidate)));
        }
    }

    /// Notes a block that broke a rule.
    pub(super) fn set_invalid(&mut self, hash: B256) {
        if let Some(entry) = self.entries.get_mut(&hash) {
            entry.knowledge = Knowledge::Invalid;
        }
    }

    /// Drops a payload that was not the block it claimed to be; who sent it.
    pub(super) fn drop_payload(&mut self, hash: B256) -> Option<PeerId> {
        self.entries.remove(&hash)?.source
    }

    /// Takes what a block does, for its commit.
    pub(super) fn take_candidate(&mut self, hash: B256) -> Option<Candidate> {
        match &mut self.entries.get_mut(&hash)?.knowledge {
            Knowledge::Valid(candidate) => candidate.take().map(|candidate| *candidate),
            _ => None,
        }
    }

    /// The payload of a block, unless the log holds it already.
    pub(super) fn take_unlogged(&mut self, hash: B256) -> Option<Bytes> {
        let entry = self.entries.get_mut(&hash)?;
        (!std::mem::replace(&mut entry.logged, true)).then(|| entry.payload.clone())
    }

    /// Notes that the machine knows the verdict on a block, or that the log told it.
    pub(super) fn set_told(&mut self, hash: B256) {
        self.told.push(hash);
    }

    /// What the machine is to be told of the block, once. A proposal of a round before the block's own
    /// does not make it known: nobody could have built it by then.
    pub(super) fn verdict(&mut self, hash: B256) -> Option<LoggedValue> {
        if self.told.contains(&hash) {
            return None;
        }
        let entry = self.entries.get(&hash)?;
        let (validity, from) = match entry.knowledge {
            Knowledge::Valid(_) => (Validity::Valid, entry.built_round),
            Knowledge::Invalid => (Validity::Invalid, 0),
            Knowledge::Unchecked | Knowledge::Checking => return None,
        };
        let of = |one: &&SignedProposal| {
            one.height.0 == self.height
                && one.value.0 == hash
                && one.round.as_u32().is_some_and(|round| round >= from)
        };
        let proposal = self.proposals.iter().find(of)?;
        let verdict = LoggedValue {
            height: proposal.height,
            round: proposal.round,
            valid_round: proposal.valid_round,
            proposer: proposal.operator,
            value: proposal.value,
            validity,
        };
        self.set_told(hash);
        Some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::keys;
    use super::*;
    use mfenx_consensus::{Domain, Height, Operator, Proposal, Round, Value};

    fn proposal(height: u64, round: u32, block: u64) -> SignedProposal {
        let keys = keys(0);
        let proposal = Proposal {
            height: Height(height),
            round: Round::new(round),
            value: Value(B256::left_padding_from(&block.to_be_bytes())),
            valid_round: Round::Nil,
            operator: Operator(keys.operator),
        };
        let domain = Domain { chain_id: 1, genesis_hash: B256::ZERO };
        keys.consensus.sign_proposal(&domain, proposal)
    }

    /// Else a proposer would keep everybody from looking at the proposals of later rounds, for as long
    /// as the height lasts.
    #[test]
    fn a_proposer_who_repeats_itself_takes_nobodys_place() {
        let mut blocks = Blocks::default();
        blocks.start_height(7);
        for block in 0..2 * PROPOSALS_MAX as u64 {
            blocks.proposed(proposal(7, 0, 1));
            blocks.proposed(proposal(7, 1, block));
        }
        blocks.proposed(proposal(7, 2, 2));
        assert_eq!(blocks.proposals.len(), 1 + PER_ROUND_MAX + 1);
        assert!(blocks.missing().any(|one| one.message == proposal(7, 2, 2).message));
        // Nor do the rounds of a height that does not end.
        for round in 3..2 * PROPOSALS_MAX as u32 {
            blocks.proposed(proposal(7, round, 3));
            assert!(blocks.missing().any(|one| one.message == proposal(7, round, 3).message));
        }
        assert_eq!(blocks.proposals.len(), PROPOSALS_MAX);
        blocks.proposed(proposal(6, 0, 4));
        assert!(!blocks.missing().any(|one| one.height.0 == 6));
    }
}
