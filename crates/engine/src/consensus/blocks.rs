//! The blocks of the height that is being decided: payloads, what is known of them, and who asked
//! for them by proposing them.
//!
//! Bounds: [`PAYLOADS_MAX`] payloads, each at most 8 MiB and a proof; [`CANDIDATES_MAX`] executed
//! blocks, of which the oldest is executed again should it be needed; [`PROPOSALS_MAX`] proposals.

use crate::candidate::Candidate;
use alloy_primitives::B256;
use bytes::Bytes;
use mfenx_consensus::{LoggedValue, SignedProposal, Validity};
use mfenx_network::PeerId;
use std::collections::BTreeMap;

const PAYLOADS_MAX: usize = 12;
const CANDIDATES_MAX: usize = 4;
const PROPOSALS_MAX: usize = 256;

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
        if self.proposals.len() < PROPOSALS_MAX && proposal.height.0 >= self.height {
            self.proposals.push(proposal);
        }
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
        let entry = Entry { height, payload, source, knowledge, logged: false, order: self.order };
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

    /// What the machine is to be told of the block, once.
    pub(super) fn verdict(&mut self, hash: B256) -> Option<LoggedValue> {
        if self.told.contains(&hash) {
            return None;
        }
        let validity = match self.knowledge(hash)? {
            Knowledge::Valid(_) => Validity::Valid,
            Knowledge::Invalid => Validity::Invalid,
            Knowledge::Unchecked | Knowledge::Checking => return None,
        };
        let proposal = self.proposal_of(hash)?;
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
