//! What must hold whatever happens. A check that fails panics; the runner names the seed.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use mfenx_consensus::{
    Certificate, Domain, Evidence, Height, Message, NilOrVal, Operator, Round, SignedProposal,
    SignedVote, ValidatorSet, VoteType, thresholds, verify_certificate,
};

use crate::fixtures::DOMAIN;

type Place = (Height, u32);

/// What the whole network said so far.
pub(crate) struct Checks {
    pub(crate) honest: BTreeSet<Operator>,
    decided: BTreeMap<Height, B256>,
    votes: BTreeMap<(Operator, Place, bool), NilOrVal<B256>>,
    proposals: BTreeMap<(Operator, Place), (B256, Round)>,
    prevoters: BTreeMap<(Place, B256), BTreeSet<Operator>>,
    locks: BTreeMap<(Operator, Height), (u32, B256)>,
}

fn number(round: Round) -> u32 {
    round.as_u32().expect("signed messages name a round")
}

impl Checks {
    pub(crate) fn new(honest: BTreeSet<Operator>) -> Self {
        Self {
            honest,
            decided: BTreeMap::new(),
            votes: BTreeMap::new(),
            proposals: BTreeMap::new(),
            prevoters: BTreeMap::new(),
            locks: BTreeMap::new(),
        }
    }

    /// Every message that leaves anybody.
    pub(crate) fn sent(&mut self, validators: &ValidatorSet, message: &Message) {
        match message {
            Message::Vote(vote) => self.vote(validators, vote),
            Message::Proposal(proposal) => self.proposal(proposal),
            Message::Polka(_) | Message::Round(_) => {}
        }
    }

    /// Every vote whose record is durable. The core may publish a precommit ahead of the prevote that
    /// completed its polka; both are in the log by then.
    pub(crate) fn signed(&mut self, vote: &SignedVote) {
        if let (VoteType::Prevote, NilOrVal::Val(hash)) = (vote.kind, vote.value) {
            let place = (vote.height, number(vote.round));
            self.prevoters.entry((place, hash)).or_default().insert(vote.operator);
        }
    }

    fn proposal(&mut self, proposal: &SignedProposal) {
        if !self.honest.contains(&proposal.operator) {
            return;
        }
        let key = (proposal.operator, (proposal.height, number(proposal.round)));
        let said = (proposal.value.0, proposal.valid_round);
        let first = self.proposals.entry(key).or_insert(said);
        assert_eq!(*first, said, "an honest node signed two proposals: {key:?}");
    }

    fn vote(&mut self, validators: &ValidatorSet, vote: &SignedVote) {
        let place = (vote.height, number(vote.round));
        let precommit = vote.kind == VoteType::Precommit;
        self.signed(vote);
        if !self.honest.contains(&vote.operator) {
            return;
        }
        let key = (vote.operator, place, precommit);
        match self.votes.get(&key) {
            Some(said) => {
                assert_eq!(*said, vote.value, "an honest node signed two votes: {key:?}");
                return;
            }
            None => self.votes.insert(key, vote.value),
        };
        let NilOrVal::Val(hash) = vote.value else { return };
        let lock = self.locks.get(&(vote.operator, vote.height)).copied();
        if precommit {
            assert!(
                self.polka(validators, place, hash),
                "a precommit of {} without a polka at {place:?}",
                vote.operator
            );
            if lock.is_none_or(|(round, _)| round < place.1) {
                self.locks.insert((vote.operator, vote.height), (place.1, hash));
            }
        } else if let Some((round, locked)) = lock
            && locked != hash
            && round < place.1
        {
            assert!(
                (round..place.1).any(|r| self.polka(validators, (vote.height, r), hash)),
                "{} broke its lock of round {round} at {place:?}",
                vote.operator
            );
        }
    }

    /// Whether a quorum sent prevotes for a block in a round.
    fn polka(&self, validators: &ValidatorSet, place: Place, hash: B256) -> bool {
        let power = |operator: &Operator| validators.by_operator(operator).map_or(0, |v| v.power);
        let voters = self.prevoters.get(&(place, hash));
        let signed = voters.map_or(0, |voters| voters.iter().map(power).sum());
        thresholds(validators.quorum()).quorum.is_met(signed, validators.total_power())
    }

    /// Every decision of an honest node, by votes or by sync.
    pub(crate) fn decided(&mut self, validators: &ValidatorSet, certificate: &Certificate) {
        verify_certificate(&DOMAIN, validators, certificate).expect("a decision's certificate");
        let other = Domain { chain_id: 1, ..DOMAIN };
        assert!(verify_certificate(&other, validators, certificate).is_err());
        let first = self.decided.entry(certificate.height).or_insert(certificate.block_hash);
        assert_eq!(
            *first, certificate.block_hash,
            "two blocks decided at height {}",
            certificate.height
        );
    }

    /// Every accusation.
    pub(crate) fn accused(&self, validators: &ValidatorSet, evidence: &Evidence) {
        evidence.verify(&DOMAIN, validators).expect("evidence verifies");
        assert!(
            !self.honest.contains(&evidence.operator()),
            "accused an honest node: {evidence:?}"
        );
        assert_eq!(Evidence::decode(&evidence.encode()).as_ref(), Ok(evidence));
    }
}
