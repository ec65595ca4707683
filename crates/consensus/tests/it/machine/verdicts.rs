//! What is done with messages, and what is noticed in them.

use mfenx_consensus::{
    Domain, Effect, Evidence, Height, Input, Message, QueueCounts, Reason, Round, SignedVote,
    Verdict, VoteType, verify_certificate,
};
use mfenx_primitives::Quorum;

use super::{HASH, HEIGHT, Rig, log_of, signed_proposal, signed_vote, vote};
use crate::fixtures::{DOMAIN, Identity};

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
