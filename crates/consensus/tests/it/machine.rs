//! One machine, driven by hand.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use mfenx_consensus::{
    Config, Domain, Effect, Error, Evidence, Height, Input, LoggedValue, Machine, Message,
    NilOrVal, Operator, Proposal, QueueCounts, Reason, Role, Round, SignedProposal, SignedVote,
    Timeout, Timeouts, ValidatorSet, Validity, Value, Verdict, Vote, VoteType, WalEntry,
    verify_certificate,
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
fn messages_get_the_verdict_they_deserve() {
    let mut rig = Rig::new(4, Quorum::Bft, false);
    let other = rig.others().remove(0);
    let good = vote(&other, VoteType::Prevote, HEIGHT, 0, Some(HASH));
    assert_eq!(rig.receive(good.clone()).0, Verdict::Ignore(Reason::NotStarted));
    rig.start(Vec::new()).unwrap();

    let forged = {
        let vote = signed_vote(&other, VoteType::Prevote, HEIGHT, 0, Some(HASH));
        let signature = rig.me.key.sign_vote(&DOMAIN, vote.message.clone()).signature;
        Message::Vote(SignedVote::new(vote.message, signature))
    };
    let elsewhere = {
        let domain = Domain { chain_id: 1, ..DOMAIN };
        let vote = signed_vote(&other, VoteType::Prevote, HEIGHT, 0, Some(HASH)).message;
        Message::Vote(other.key.sign_vote(&domain, vote))
    };
    let stranger = Identity::new(50);
    let proposer = rig.proposer();
    let not_proposer =
        rig.identities.iter().find(|one| one.operator != proposer.operator).unwrap().clone();
    let proposal = |who: &Identity, valid| Message::Proposal(signed_proposal(who, 0, HASH, valid));
    let cases = [
        (forged, Verdict::Reject(Reason::Signature)),
        (elsewhere, Verdict::Reject(Reason::Signature)),
        (good.clone(), Verdict::Accept),
        (good, Verdict::Ignore(Reason::Known)),
        (vote(&other, VoteType::Prevote, Height(4), 0, None), Verdict::Ignore(Reason::OldHeight)),
        (vote(&other, VoteType::Prevote, HEIGHT, 11, None), Verdict::Ignore(Reason::FutureRound)),
        (vote(&stranger, VoteType::Prevote, HEIGHT, 0, None), Verdict::Reject(Reason::Signer)),
        (proposal(&not_proposer, Round::Nil), Verdict::Reject(Reason::NotProposer)),
        (proposal(&proposer, Round::new(0)), Verdict::Reject(Reason::ValidRound)),
        (proposal(&proposer, Round::Nil), Verdict::Accept),
    ];
    for (message, verdict) in cases {
        assert_eq!(rig.receive(message.clone()).0, verdict, "{message:?}");
    }
}

#[test]
fn an_equivocation_is_told_at_once_and_once() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, false);
    let liar = rig.others().remove(0);
    let yes = signed_vote(&liar, VoteType::Prevote, HEIGHT, 0, Some(HASH));
    let no = signed_vote(&liar, VoteType::Prevote, HEIGHT, 0, None);
    let (_, effects) = rig.receive(Message::Vote(yes.clone()));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Equivocation(_))));
    let evidence = Effect::Equivocation(Evidence::of_votes(yes, no.clone()).unwrap());
    let (_, effects) = rig.receive(Message::Vote(no.clone()));
    assert!(effects.contains(&evidence));
    for message in [Message::Vote(no), vote(&liar, VoteType::Precommit, HEIGHT, 0, None)] {
        let (_, effects) = rig.receive(message);
        assert!(!effects.contains(&evidence));
    }
}

#[test]
fn a_decision_without_the_block_is_told_with_its_certificate() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, false);
    let mut effects = Vec::new();
    for other in rig.others() {
        assert_eq!(effects, [], "no quorum yet");
        let (_, all) = rig.receive(vote(&other, VoteType::Precommit, HEIGHT, 0, Some(HASH)));
        effects =
            all.into_iter().filter(|effect| matches!(effect, Effect::FetchDecided(_))).collect();
    }
    let [Effect::FetchDecided(certificate)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(certificate.block_hash, HASH);
    assert_eq!(verify_certificate(&DOMAIN, &rig.set, certificate), Ok(()));
    let next = Height(6);
    let validators = rig.set.clone();
    rig.step(Input::StartHeight { height: next, validators, log: Vec::new() });
    assert_eq!(rig.machine.status().height, next, "the next height starts without a decision");
}

#[test]
fn later_heights_wait_within_bounds() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, false);
    let other = rig.others().remove(0);
    let later = |height, round, hash| vote(&other, VoteType::Prevote, Height(height), round, hash);

    let behind = |height| Effect::Behind { height: Height(height), operator: other.operator };
    let (verdict, effects) = rig.receive(later(6, 0, Some(HASH)));
    assert_eq!((verdict, effects), (Verdict::Accept, vec![behind(6)]));
    // The same place in the protocol is taken once, whatever it says.
    assert_eq!(rig.receive(later(6, 0, None)).0, Verdict::Ignore(Reason::Known));
    assert_eq!(rig.receive(later(6, 1, None)), (Verdict::Accept, vec![]));
    assert_eq!(rig.receive(later(6, 3, None)).0, Verdict::Ignore(Reason::FutureRound));
    assert_eq!(rig.receive(later(9, 0, None)).0, Verdict::Accept);
    assert_eq!(
        rig.receive(later(100, 0, None)),
        (Verdict::Ignore(Reason::FutureHeight), vec![behind(100)])
    );
    assert_eq!(rig.receive(later(99, 0, None)).0, Verdict::Ignore(Reason::FutureHeight));
    assert_eq!(rig.machine.queue(), QueueCounts { heights: 2, items: 3 });

    // Nobody can fill the queue in another's name.
    let forged = {
        let vote = signed_vote(&other, VoteType::Prevote, Height(7), 0, None);
        let signature = rig.me.key.sign_vote(&DOMAIN, vote.message.clone()).signature;
        Message::Vote(SignedVote::new(vote.message, signature))
    };
    assert_eq!(rig.receive(forged).0, Verdict::Ignore(Reason::Signature));

    let everybody = rig.others();
    for height in 6..12 {
        for round in 0..12 {
            for who in &everybody {
                for kind in [VoteType::Prevote, VoteType::Precommit] {
                    rig.receive(vote(who, kind, Height(height), round, None));
                }
            }
        }
    }
    assert_eq!(rig.machine.queue(), QueueCounts { heights: 4, items: 4 * 3 * 3 * 2 });

    let validators = rig.set.clone();
    let effects = rig.step(Input::StartHeight { height: Height(6), validators, log: Vec::new() });
    assert_eq!(rig.machine.queue(), QueueCounts { heights: 3, items: 3 * 3 * 3 * 2 });
    assert!(log_of(&effects).len() > 3, "what waited is taken up");
}

/// A busy height: round 0 ends in nil, round 1 begins. Returns its log and what we published.
fn busy_log() -> (Vec<WalEntry>, Vec<Message>) {
    let (mut rig, mut effects) = Rig::started(4, Quorum::Bft, false);
    let round = Round::new(0);
    effects.extend(rig.step(Input::Timeout { height: HEIGHT, timeout: Timeout::propose(round) }));
    effects.extend(rig.value_of_proposer(Validity::Valid));
    for kind in [VoteType::Prevote, VoteType::Precommit] {
        for (other, hash) in rig.others().iter().zip([None, Some(HASH), None]) {
            effects.extend(rig.receive(vote(other, kind, HEIGHT, 0, hash)).1);
        }
        let timeout = match kind {
            VoteType::Prevote => Timeout::prevote(round),
            VoteType::Precommit => Timeout::precommit(round),
        };
        effects.extend(rig.step(Input::Timeout { height: HEIGHT, timeout }));
    }
    assert_eq!(rig.machine.status().round, Some(1));
    (log_of(&effects), published_by(rig.me.operator, &effects))
}

#[test]
fn a_replayed_log_makes_the_same_messages() {
    let (log, published) = busy_log();
    assert!(published.len() >= 2);
    let mut rig = Rig::new(4, Quorum::Bft, false);
    let effects = rig.start(log).unwrap();
    assert_eq!(log_of(&effects), [], "nothing is recorded twice");
    assert_eq!(published_by(rig.me.operator, &effects), published);
    assert_eq!(rig.machine.status().round, Some(1));
    assert!(matches!(
        effects.as_slice(),
        [
            ..,
            Effect::CancelAllTimeouts,
            Effect::ScheduleTimeout { .. },
            Effect::ScheduleTimeout { .. }
        ]
    ));
}

#[test]
fn a_log_without_its_tail_replays_too() {
    let (log, published) = busy_log();
    for length in 0..=log.len() {
        let mut rig = Rig::new(4, Quorum::Bft, false);
        let effects = rig.start(log[..length].to_vec()).unwrap();
        // What the lost tail held of ours is made anew, equal, and recorded before it leaves.
        for message in published_by(rig.me.operator, &effects) {
            assert!(published.contains(&message), "{length}: {message:?}");
        }
        let new = log_of(&effects);
        let all: Vec<_> = log[..length].iter().cloned().chain(new).collect();
        for message in published_by(rig.me.operator, &effects) {
            let Message::Vote(vote) = message else { continue };
            assert!(all.contains(&WalEntry::Vote(vote)), "published and not recorded");
        }
        // A second crash, with what the first replay recorded, comes to the same.
        let mut again = Rig::new(4, Quorum::Bft, false);
        let effects = again.start(all).unwrap();
        assert_eq!(log_of(&effects), [], "{length}");
        assert_eq!(again.machine.status(), rig.machine.status());
    }
}

#[test]
fn a_replayed_proposer_keeps_its_block() {
    let (mut rig, mut effects) = Rig::started(4, Quorum::Bft, true);
    effects.extend(rig.step(Input::ValueBuilt { height: HEIGHT, round: 0, block_hash: HASH }));
    let log = log_of(&effects);
    assert!(matches!(
        log.as_slice(),
        [WalEntry::Value(_), WalEntry::Proposal(_), WalEntry::Vote(_)]
    ));
    for length in 0..=log.len() {
        let mut rig = Rig::new(4, Quorum::Bft, true);
        let effects = rig.start(log[..length].to_vec()).unwrap();
        let builds = effects.iter().any(|effect| matches!(effect, Effect::BuildValue { .. }));
        // A block that was never proposed may be built anew; a proposed one must not.
        assert_eq!(builds, length < 2, "{length} records");
        let other = Input::ValueBuilt { height: HEIGHT, round: 0, block_hash: B256::ZERO };
        let proposes = !published_by(rig.me.operator, &rig.machine.step(other).unwrap()).is_empty();
        assert_eq!(proposes, length < 2, "{length} records");
    }
}

#[test]
fn a_log_that_cannot_be_ours_stops_the_machine() {
    let start = |log| Rig::new(4, Quorum::Bft, false).start(log);
    let me = Rig::new(4, Quorum::Bft, false).me;
    let mine = |height, hash| WalEntry::Vote(signed_vote(&me, VoteType::Prevote, height, 0, hash));

    let (expected, found) = (HEIGHT, Height(6));
    assert_eq!(start(vec![mine(found, None)]), Err(Error::LogHeight { expected, found }));
    assert_eq!(
        start(vec![mine(HEIGHT, None), mine(HEIGHT, Some(HASH))]),
        Err(Error::LogConflict(HEIGHT, 0))
    );
    // The proposal that this vote was for is missing, so the timer leads elsewhere.
    let hole = vec![WalEntry::Timeout(Timeout::propose(Round::new(0))), mine(HEIGHT, Some(HASH))];
    assert!(matches!(start(hole), Err(Error::Replay(_))));
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
