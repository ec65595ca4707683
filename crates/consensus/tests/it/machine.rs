//! One machine, driven by hand.

mod replay;
mod verdicts;

use std::collections::BTreeSet;

use alloy_primitives::B256;
use mfenx_consensus::{
    Config, Effect, Error, Height, Input, LoggedValue, Machine, Message, NilOrVal, Operator,
    Proposal, Role, Round, SignedProposal, SignedVote, Timeout, Timeouts, ValidatorSet, Validity,
    Value, Verdict, Vote, VoteType, WalEntry, verify_certificate,
};
use mfenx_primitives::Quorum;

use crate::fixtures::{DOMAIN, Identity, authorities};

const HASH: B256 = B256::repeat_byte(0xab);
const HEIGHT: Height = Height(5);

/// A machine among identities; each knows everybody's keys.
struct Rig {
    identities: Vec<Identity>,
    set: ValidatorSet,
    me: Identity,
    machine: Machine,
}

fn config(me: &Identity) -> Config {
    Config {
        domain: DOMAIN,
        operator: me.operator,
        key: Some(me.key.clone()),
        timeouts: Timeouts::default(),
    }
}

impl Rig {
    /// A machine that is (or is not) the proposer of round 0 of [`HEIGHT`], not started.
    fn new(count: usize, quorum: Quorum, proposer: bool) -> Self {
        let (identities, set) = authorities(count, quorum);
        let elected = set.proposer(0).operator;
        let me =
            identities.iter().find(|one| (one.operator == elected) == proposer).unwrap().clone();
        let machine = Machine::new(config(&me), HEIGHT, set.clone()).unwrap();
        Self { identities, set, me, machine }
    }

    fn started(count: usize, quorum: Quorum, proposer: bool) -> (Self, Vec<Effect>) {
        let mut rig = Self::new(count, quorum, proposer);
        let effects = rig.start(Vec::new()).unwrap();
        (rig, effects)
    }

    fn start(&mut self, log: Vec<WalEntry>) -> Result<Vec<Effect>, Error> {
        let validators = self.set.clone();
        self.machine.step(Input::StartHeight { height: HEIGHT, validators, log })
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        self.machine.step(input).unwrap()
    }

    fn proposer(&self) -> Identity {
        let elected = self.set.proposer(0).operator;
        self.identities.iter().find(|one| one.operator == elected).unwrap().clone()
    }

    fn others(&self) -> Vec<Identity> {
        self.identities.iter().filter(|one| one.operator != self.me.operator).cloned().collect()
    }

    fn receive(&mut self, message: Message) -> (Verdict, Vec<Effect>) {
        let mut effects = self.step(Input::Message(message));
        match effects.remove(0) {
            Effect::Verdict(verdict) => (verdict, effects),
            other => panic!("the verdict comes first, not {other:?}"),
        }
    }

    fn value_of_proposer(&mut self, validity: Validity) -> Vec<Effect> {
        let proposer = self.proposer().operator;
        self.step(Input::ValueReceived(LoggedValue {
            height: HEIGHT,
            round: Round::new(0),
            valid_round: Round::Nil,
            proposer,
            value: Value(HASH),
            validity,
        }))
    }
}

fn vote(who: &Identity, kind: VoteType, height: Height, round: u32, hash: Option<B256>) -> Message {
    Message::Vote(signed_vote(who, kind, height, round, hash))
}

fn signed_vote(
    who: &Identity,
    kind: VoteType,
    height: Height,
    round: u32,
    hash: Option<B256>,
) -> SignedVote {
    let value = hash.map_or(NilOrVal::Nil, NilOrVal::Val);
    let vote = Vote { kind, height, round: Round::new(round), value, operator: who.operator };
    who.key.sign_vote(&DOMAIN, vote)
}

fn signed_proposal(who: &Identity, round: u32, hash: B256, valid_round: Round) -> SignedProposal {
    let proposal = Proposal {
        height: HEIGHT,
        round: Round::new(round),
        value: Value(hash),
        valid_round,
        operator: who.operator,
    };
    who.key.sign_proposal(&DOMAIN, proposal)
}

/// The votes and proposals among effects that are of one operator.
fn published_by(operator: Operator, effects: &[Effect]) -> Vec<Message> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Publish(message @ Message::Vote(vote)) if vote.operator == operator => {
                Some(message.clone())
            }
            Effect::Publish(message @ Message::Proposal(it)) if it.operator == operator => {
                Some(message.clone())
            }
            _ => None,
        })
        .collect()
}

/// Every message of ours stands behind its record.
fn assert_logged_before_published(me: Operator, effects: &[Effect]) {
    let mut logged = BTreeSet::new();
    for effect in effects {
        match effect {
            Effect::WalAppend(entry) => {
                logged.insert(entry.encode());
            }
            Effect::Publish(Message::Vote(vote)) if vote.operator == me => {
                assert!(logged.contains(&WalEntry::Vote(vote.clone()).encode()), "{vote:?}");
            }
            Effect::Publish(Message::Proposal(it)) if it.operator == me => {
                assert!(logged.contains(&WalEntry::Proposal(it.clone()).encode()), "{it:?}");
            }
            _ => {}
        }
    }
}

fn log_of(effects: &[Effect]) -> Vec<WalEntry> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::WalAppend(entry) => Some(entry.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn one_authority_decides_alone() {
    let (mut rig, effects) = Rig::started(1, Quorum::Bft, true);
    assert!(effects.iter().any(
        |effect| matches!(effect, Effect::BuildValue { height: HEIGHT, round: 0, within } if !within.is_zero())
    ));
    assert!(effects.contains(&Effect::StartRound {
        height: HEIGHT,
        round: 0,
        proposer: rig.me.operator,
        role: Role::Proposer
    }));
    let effects = rig.step(Input::ValueBuilt { height: HEIGHT, round: 0, block_hash: HASH });
    assert_logged_before_published(rig.me.operator, &effects);
    assert_eq!(published_by(rig.me.operator, &effects).len(), 3, "proposal, prevote, precommit");
    let certificate = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Decide(certificate) => Some(certificate.clone()),
            _ => None,
        })
        .expect("decided");
    assert_eq!((certificate.height, certificate.round), (HEIGHT, 0));
    assert_eq!(certificate.block_hash, HASH);
    assert_eq!(verify_certificate(&DOMAIN, &rig.set, &certificate), Ok(()));
    assert!(rig.machine.status().decided);

    let next = Height(HEIGHT.0 + 1);
    let validators = rig.set.with_seed(B256::ZERO);
    let effects = rig.step(Input::StartHeight { height: next, validators, log: Vec::new() });
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::BuildValue { height, .. } if *height == next))
    );
    assert!(!rig.machine.status().decided);
}

#[test]
fn a_second_block_for_a_round_is_ignored() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, true);
    let first = rig.step(Input::ValueBuilt { height: HEIGHT, round: 0, block_hash: HASH });
    assert_eq!(published_by(rig.me.operator, &first).len(), 2, "proposal and prevote");
    let second = rig.step(Input::ValueBuilt { height: HEIGHT, round: 0, block_hash: B256::ZERO });
    assert_eq!(second, []);
    for (height, round) in [(Height(4), 0), (Height(6), 0), (HEIGHT, 1)] {
        assert_eq!(rig.step(Input::ValueBuilt { height, round, block_hash: B256::ZERO }), []);
    }
}

/// A full round as a voter: proposal, block, others' votes, decision.
fn vote_through(rig: &mut Rig) -> Vec<Effect> {
    let proposer = rig.proposer();
    let mut effects = Vec::new();
    let proposal = Message::Proposal(signed_proposal(&proposer, 0, HASH, Round::Nil));
    effects.extend(rig.receive(proposal).1);
    effects.extend(rig.value_of_proposer(Validity::Valid));
    for kind in [VoteType::Prevote, VoteType::Precommit] {
        for other in rig.others() {
            let (verdict, more) = rig.receive(vote(&other, kind, HEIGHT, 0, Some(HASH)));
            assert_eq!(verdict, Verdict::Accept);
            effects.extend(more);
        }
    }
    effects
}

#[test]
fn a_voter_votes_and_decides() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, false);
    let effects = vote_through(&mut rig);
    assert_logged_before_published(rig.me.operator, &effects);
    let mine = published_by(rig.me.operator, &effects);
    assert_eq!(
        mine,
        [
            vote(&rig.me, VoteType::Prevote, HEIGHT, 0, Some(HASH)),
            vote(&rig.me, VoteType::Precommit, HEIGHT, 0, Some(HASH)),
        ]
    );
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Decide(_))));
}

#[test]
fn an_invalid_block_gets_a_vote_for_nil() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, false);
    let proposal = Message::Proposal(signed_proposal(&rig.proposer(), 0, HASH, Round::Nil));
    let mut effects = rig.receive(proposal).1;
    effects.extend(rig.value_of_proposer(Validity::Invalid));
    let nil = vote(&rig.me, VoteType::Prevote, HEIGHT, 0, None);
    assert_eq!(published_by(rig.me.operator, &effects), [nil]);
}

#[test]
fn without_a_key_a_machine_follows_in_silence() {
    let (identities, set) = authorities(4, Quorum::Bft);
    let me = Identity::new(77);
    let config = Config { key: None, ..config(&me) };
    let machine = Machine::new(config, HEIGHT, set.clone()).unwrap();
    let mut rig = Rig { identities, set, me, machine };
    let mut effects = rig.start(Vec::new()).unwrap();
    effects.extend(vote_through(&mut rig));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Publish(_))));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Decide(_))));
    assert!(!rig.machine.status().votes);
}

#[test]
fn timers_of_other_heights_do_nothing() {
    let (mut rig, effects) = Rig::started(4, Quorum::Bft, false);
    let propose = Timeout::propose(Round::new(0));
    let scheduled = effects.iter().any(|effect| {
        matches!(effect, Effect::ScheduleTimeout { height: HEIGHT, timeout, .. } if *timeout == propose)
    });
    assert!(scheduled);
    assert_eq!(rig.step(Input::Timeout { height: Height(4), timeout: propose }), []);
    let effects = rig.step(Input::Timeout { height: HEIGHT, timeout: propose });
    assert_eq!(effects.first(), Some(&Effect::WalAppend(WalEntry::Timeout(propose))));
    let nil = vote(&rig.me, VoteType::Prevote, HEIGHT, 0, None);
    assert_eq!(published_by(rig.me.operator, &effects), [nil]);
}

#[test]
fn heights_only_rise_and_rules_stay() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, false);
    let start = |height: u64, validators: &ValidatorSet| Input::StartHeight {
        height: Height(height),
        validators: validators.clone(),
        log: Vec::new(),
    };
    let (current, set) = (HEIGHT, rig.set.clone());
    for asked in [5, 4] {
        assert_eq!(
            rig.machine.step(start(asked, &set)),
            Err(Error::HeightNotAhead { current, asked: Height(asked) })
        );
    }
    let (_, majority) = authorities(4, Quorum::Majority);
    assert_eq!(rig.machine.step(start(6, &majority)), Err(Error::QuorumRule));
    assert!(rig.machine.step(start(9, &set)).is_ok(), "heights may be skipped");
}

#[test]
fn an_authority_needs_its_registered_key() {
    let (identities, set) = authorities(4, Quorum::Bft);
    let wrong = Config { key: Some(Identity::new(9).key), ..config(&identities[0]) };
    assert!(matches!(Machine::new(wrong.clone(), HEIGHT, set.clone()), Err(Error::Key)));
    let stranger = Config { operator: Identity::new(9).operator, ..wrong };
    assert!(Machine::new(stranger, HEIGHT, set).is_ok(), "somebody who is not registered watches");
}
