//! What the machine notices beside the core: equivocation as it happens, decisions it cannot take
//! part in, heights ahead.

use std::collections::BTreeSet;

use malachite_core_types::{NilOrVal, Round, Threshold, Vote as _, VoteType};

use super::{Effect, Machine};
use crate::{Certificate, Evidence, Height, Message};

/// What was said already.
#[derive(Debug, Default)]
pub(super) struct Watch {
    highest: Height,
    evidence: BTreeSet<[u8; 32]>,
    fetch: bool,
}

impl Watch {
    pub(super) fn start_height(&mut self, height: Height) {
        self.highest = self.highest.max(height);
        self.evidence.clear();
        self.fetch = false;
    }

    /// Whether a height is higher than all heard of.
    pub(super) fn would_learn(&self, height: Height) -> bool {
        height > self.highest
    }

    /// Notes a height; whether it is news.
    pub(super) fn learn(&mut self, height: Height) -> bool {
        let news = self.would_learn(height);
        self.highest = self.highest.max(height);
        news
    }
}

/// Whether a message may complete a quorum of precommits.
pub(super) fn may_reveal_decision(message: &Message) -> bool {
    match message {
        Message::Vote(vote) => vote.vote_type() == VoteType::Precommit,
        Message::Round(_) => true,
        Message::Proposal(_) | Message::Polka(_) => false,
    }
}

impl Machine {
    /// Says what evidence there is that was not said yet.
    ///
    /// The core hands evidence over when the height ends; a liar may keep it from ending.
    pub(super) fn observe_evidence(&mut self) {
        let mut found = std::mem::take(&mut self.bridge.evidence);
        let driver = &self.state.driver;
        let votes = driver.votes().evidence().iter().flat_map(|(_, pairs)| pairs);
        found.extend(votes.filter_map(|(a, b)| Evidence::of_votes(a.clone(), b.clone()).ok()));
        let proposals = driver.proposals().evidence().iter().flat_map(|(_, pairs)| pairs);
        found.extend(
            proposals.filter_map(|(a, b)| Evidence::of_proposals(a.clone(), b.clone()).ok()),
        );
        for evidence in found {
            let digest = *blake3::hash(&evidence.encode()).as_bytes();
            if self.watch.evidence.insert(digest) {
                self.bridge.effects.push(Effect::Equivocation(evidence));
            }
        }
    }

    /// Says when a quorum precommitted a block and this node did not decide with it.
    pub(super) fn observe_decision_elsewhere(&mut self) {
        if self.watch.fetch || self.state.driver.step_is_commit() {
            return;
        }
        let Some((round, certificate)) = self.foreign_decision() else { return };
        self.watch.fetch = true;
        let validators = self.state.validator_set();
        let commit = malachite_core_types::CommitCertificate::new(
            self.state.height(),
            round,
            certificate.0,
            certificate.1,
        );
        if let Some(certificate) = Certificate::from_core(validators, &commit) {
            self.bridge.effects.push(Effect::FetchDecided(certificate));
        }
    }

    #[allow(clippy::type_complexity)]
    fn foreign_decision(
        &self,
    ) -> Option<(Round, (alloy_primitives::B256, Vec<crate::SignedVote>))> {
        let votes = self.state.driver.votes();
        votes.all_rounds().iter().find_map(|(round, per_round)| {
            let mut hashes = BTreeSet::new();
            for vote in per_round.received_votes() {
                if let (VoteType::Precommit, NilOrVal::Val(hash)) = (vote.kind, vote.value) {
                    hashes.insert(hash);
                }
            }
            let decided = hashes.into_iter().find(|hash| {
                votes.is_threshold_met(round, VoteType::Precommit, Threshold::Value(*hash))
            })?;
            Some((*round, (decided, per_round.precommits_for_value(&decided))))
        })
    }
}
