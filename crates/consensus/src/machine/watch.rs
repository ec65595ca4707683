//! What the machine notices beside the core: equivocation as it happens, decisions it cannot take
//! part in, heights ahead.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use malachite_core_types::{CommitCertificate, NilOrVal, Threshold, Vote as _, VoteType};

use super::{Effect, Machine};
use crate::{Certificate, Evidence, Height, Message, Operator, ValidatorSet};

/// What was said already.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The highest height heard of each authority, so that a liar's speaks for nobody else.
    highest: BTreeMap<Operator, Height>,
    evidence: BTreeSet<[u8; 32]>,
    fetch: bool,
}

impl Watch {
    pub(super) fn start_height(&mut self, height: Height, validators: &ValidatorSet) {
        self.highest.retain(|operator, highest| {
            *highest > height && validators.by_operator(operator).is_some()
        });
        self.evidence.clear();
        self.fetch = false;
    }

    /// Whether an authority was heard of at no such height yet.
    pub(super) fn would_learn(&self, operator: &Operator, height: Height) -> bool {
        self.highest.get(operator).is_none_or(|highest| height > *highest)
    }

    /// Notes where an authority is; whether it is news.
    pub(super) fn learn(&mut self, operator: Operator, height: Height) -> bool {
        let news = self.would_learn(&operator, height);
        if news {
            self.highest.insert(operator, height);
        }
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
        if let Some(certificate) = self.decision_elsewhere() {
            self.watch.fetch = true;
            self.bridge.effects.push(Effect::FetchDecided(certificate));
        }
    }

    fn decision_elsewhere(&self) -> Option<Certificate> {
        let votes = self.state.driver.votes();
        votes.all_rounds().iter().find_map(|(round, per_round)| {
            let precommitted: BTreeSet<B256> = per_round
                .received_votes()
                .iter()
                .filter_map(|vote| match (vote.kind, vote.value) {
                    (VoteType::Precommit, NilOrVal::Val(hash)) => Some(hash),
                    _ => None,
                })
                .collect();
            let hash = precommitted.into_iter().find(|hash| {
                votes.is_threshold_met(round, VoteType::Precommit, Threshold::Value(*hash))
            })?;
            let precommits = per_round.precommits_for_value(&hash);
            let commit = CommitCertificate::new(self.state.height(), *round, hash, precommits);
            Certificate::from_core(self.state.validator_set(), &commit)
        })
    }
}
