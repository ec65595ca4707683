//! Restarts from a log, whole, torn, or not ours.

use alloy_primitives::B256;
use mfenx_consensus::{
    Effect, Error, Height, Input, LoggedValue, Message, Round, Timeout, Validity, Verdict,
    VoteType, WalEntry,
};
use mfenx_primitives::Quorum;

use super::{HASH, HEIGHT, Rig, log_of, published_by, signed_proposal, signed_vote, vote};

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

/// A node that lost its log, or whose key runs twice, hears its own votes from its peers.
#[test]
fn a_vote_of_ours_from_elsewhere_binds() {
    let (mut rig, _) = Rig::started(4, Quorum::Bft, false);
    let mine = vote(&rig.me, VoteType::Prevote, HEIGHT, 0, None);
    assert_eq!(rig.receive(mine).0, Verdict::Accept);
    let proposal = Message::Proposal(signed_proposal(&rig.proposer(), 0, HASH, Round::Nil));
    rig.receive(proposal);
    let proposer = rig.proposer().operator;
    let value = LoggedValue {
        height: HEIGHT,
        round: Round::new(0),
        valid_round: Round::Nil,
        proposer,
        value: HASH.into(),
        validity: Validity::Valid,
    };
    assert_eq!(
        rig.machine.step(Input::ValueReceived(value)),
        Err(Error::DoubleSign(HEIGHT, 0)),
        "it would have voted for the block"
    );

    // A proposal of ours from elsewhere leaves nothing to propose.
    let (mut rig, _) = Rig::started(4, Quorum::Bft, true);
    let mine = Message::Proposal(signed_proposal(&rig.me, 0, HASH, Round::Nil));
    assert_eq!(rig.receive(mine).0, Verdict::Accept);
    let other = Input::ValueBuilt { height: HEIGHT, round: 0, block_hash: B256::ZERO };
    assert_eq!(rig.machine.step(other), Ok(vec![]));
}
