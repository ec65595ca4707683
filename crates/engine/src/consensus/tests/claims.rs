//! What follows from the heads that peers claim.

use super::super::{
    settle::{Claims, holds_back, others_can_tell},
    sources::Sources,
};
use super::support::{claiming, directory, identity, open_chain, operator, spec};
use crate::{
    Epochs,
    sets::{Authorities, Sets},
};
use mfenx_network::{PeerId, PeerInfo};
use mfenx_primitives::Quorum;
use std::{sync::Arc, time::Duration};

/// `count` authorities at genesis, with epochs of a thousand blocks.
fn authorities(count: u8, quorum: Quorum) -> Authorities {
    let (spec, path) = (spec(count, quorum, 1_000), directory());
    let chain = open_chain(path.path(), &spec);
    let reader = chain.store().reader().unwrap();
    Sets::new(Arc::clone(&spec)).unwrap().after_head(&reader).unwrap()
}

/// The peers of the authorities from 1 on, with the heads that they claim.
fn heads(claims: &[u64]) -> Vec<PeerInfo> {
    let peers = (1..).map(|index| identity(index).peer_id());
    peers.zip(claims).map(|(peer, number)| claiming(peer, *number)).collect()
}

/// The first height that authority 0 may sign at, given the head that is verified.
fn first(claims: &Claims, authorities: &Authorities, head: u64) -> Option<u64> {
    let epochs = Epochs::new(1_000_u64.try_into().unwrap());
    claims.first_height_to_sign(head, authorities, Some(operator(0)), epochs)
}

fn heard(authorities: &Authorities, peers: &[PeerInfo]) -> Claims {
    let mut claims = Claims::default();
    claims.hear(authorities, peers);
    claims
}

#[test]
fn a_quorum_of_others_says_from_where_on_a_wiped_authority_signs() {
    let three = authorities(3, Quorum::Majority);
    // With one of the others it is a quorum, and may be the very member that forgot.
    assert_eq!(first(&heard(&three, &heads(&[5])), &three, 5), None);
    assert_eq!(first(&heard(&three, &heads(&[5, 5])), &three, 5), Some(8));
    assert_eq!(first(&heard(&three, &heads(&[2, 5])), &three, 5), Some(8));
    // Nobody decided anything since without one of them.
    assert_eq!(first(&heard(&three, &heads(&[0, 0])), &three, 1), Some(3));
    assert_eq!(first(&heard(&three, &heads(&[2, 5])), &three, 90), Some(8));
    // What one of them has more is verified first.
    assert_eq!(first(&heard(&three, &heads(&[2, 5])), &three, 4), None);
}

/// Whoever waits where that is false is told so, for no claims end it.
#[test]
fn others_that_are_no_quorum_can_never_tell() {
    for (count, quorum, can) in [
        (1, Quorum::Majority, false),
        (2, Quorum::Majority, false),
        (3, Quorum::Majority, true),
        (2, Quorum::Bft, false),
        (3, Quorum::Bft, false),
        (4, Quorum::Bft, true),
    ] {
        let set = authorities(count, quorum);
        let all = heard(&set, &heads(&vec![5; usize::from(count) - 1]));
        assert_eq!(others_can_tell(&set, Some(operator(0))), can, "{count} under {quorum:?}");
        assert_eq!(first(&all, &set, 5).is_some(), can, "{count} under {quorum:?}");
        assert!(others_can_tell(&set, Some(operator(99))), "a stranger lacks none of them");
    }
}

#[test]
fn who_lies_upwards_leaves_out_nobody_but_itself() {
    let seven = authorities(7, Quorum::Bft);
    let claims = heard(&seven, &heads(&[u64::MAX, 10, 9, 10, 10, 10]));
    assert_eq!(first(&claims, &seven, 10), Some(13), "one lies, one forgot: two of seven");
    let claims = heard(&seven, &heads(&[u64::MAX, u64::MAX, 10, 10, 10, 10]));
    assert_eq!(first(&claims, &seven, 10), None, "three of seven");
    // Whoever was not heard in time is remembered when it is gone.
    let mut claims = heard(&seven, &heads(&[10, 10, 10]));
    assert_eq!(first(&claims, &seven, 10), None);
    let later: Vec<_> = heads(&[10, 10, 10, 50, 60]).drain(3..).collect();
    assert_eq!(claims.hear(&seven, &later), [50, 60]);
    assert_eq!(claims.hear(&seven, &heads(&[11, 12, 13])), Vec::<u64>::new());
    assert_eq!((first(&claims, &seven, 12), first(&claims, &seven, 60)), (None, Some(63)));
}

#[test]
fn strangers_are_not_heard() {
    let three = authorities(3, Quorum::Majority);
    let mut peers = heads(&[4]);
    peers.extend((0..9).map(|_| claiming(PeerId::random(), 4)));
    peers.push(claiming(identity(8).peer_id(), u64::MAX));
    let claims = heard(&three, &peers);
    assert_eq!((claims.highest(), first(&claims, &three, 4)), (4, None));
}

/// Two of three with nothing are a quorum, and what they lost may be the chain.
#[test]
fn a_chain_begins_with_all_or_with_a_quorum_of_others() {
    let three = authorities(3, Quorum::Majority);
    assert_eq!(first(&heard(&three, &heads(&[0])), &three, 0), None);
    assert_eq!(first(&heard(&three, &heads(&[0, 1])), &three, 0), None);
    assert_eq!(first(&heard(&three, &heads(&[0, 0])), &three, 0), Some(0));
    let four = authorities(4, Quorum::Bft);
    assert_eq!(first(&heard(&four, &heads(&[0, 0])), &four, 0), None);
    assert_eq!(first(&heard(&four, &heads(&[0, 0, 0])), &four, 0), Some(0));
    let seven = authorities(7, Quorum::Bft);
    assert_eq!(first(&heard(&seven, &heads(&[0, 0, 0, 0, 0])), &seven, 0), Some(0));
    // Two, or one, have no quorum of others: all is what there is.
    let two = authorities(2, Quorum::Majority);
    assert_eq!(first(&heard(&two, &heads(&[])), &two, 0), None);
    assert_eq!(first(&heard(&two, &heads(&[0])), &two, 0), Some(0));
    let one = authorities(1, Quorum::Bft);
    assert_eq!(first(&heard(&one, &[]), &one, 0), Some(0));
}

/// Authorities that stopped just before the last block of their epoch know nothing of the next one.
#[test]
fn nothing_is_settled_at_the_end_of_an_epoch() {
    let three = authorities(3, Quorum::Majority);
    let stopped = heard(&three, &heads(&[997, 998]));
    assert_eq!((first(&stopped, &three, 998), first(&stopped, &three, 999)), (None, Some(1_001)));
    // Of these it is known that they had no such block, and nobody decides without one of them.
    let behind = heard(&three, &heads(&[997, 997]));
    assert_eq!(
        (first(&behind, &three, 997), first(&behind, &three, 998)),
        (Some(1_000), Some(1_000))
    );
    // An epoch of one block has no place where it could be settled otherwise.
    let every = Epochs::new(1_u64.try_into().unwrap());
    let every = stopped.first_height_to_sign(998, &three, Some(operator(0)), every);
    assert_eq!(every, Some(1_001));
}

#[test]
fn claims_hold_back_until_they_are_served_or_a_minute_has_passed() {
    let waited = Duration::from_secs(59);
    assert!(holds_back(1, 0, waited), "there is a chain, it seems");
    assert!(!holds_back(0, 0, waited) && !holds_back(7, 5, waited));
    assert!(holds_back(8, 5, waited) && !holds_back(8, 5, Duration::from_secs(60)));
}

#[test]
fn a_head_is_believed_when_more_say_so_than_may_lie() {
    let (four, three) = (authorities(4, Quorum::Bft), authorities(3, Quorum::Majority));
    let mut sources = Sources::default();
    let stranger = claiming(PeerId::random(), 9_000);
    let mut peers = heads(&[100, 7]);
    peers.push(stranger.clone());
    assert_eq!(sources.believed(&peers, &four), 7, "one of four may lie");
    assert_eq!(sources.believed(&peers, &three), 100, "nobody lies under this rule");
    assert_eq!(sources.claimed(&peers), 9_000);
    // Whoever serves what this node is behind by is believed, until there is no more to serve.
    sources.served(stranger.peer, 128);
    assert_eq!(sources.believed(&peers, &four), 9_000);
    sources.served(stranger.peer, 3);
    assert_eq!(sources.believed(&peers, &four), 7);
}

#[test]
fn who_serves_nothing_is_not_believed_until_its_claim_has_come_true() {
    let three = authorities(3, Quorum::Majority);
    let mut sources = Sources::default();
    let peers = heads(&[100, 7]);
    let liar = peers[0].peer;
    for tries in 0..3 {
        assert!(!sources.is_doubtful(&liar), "after {tries} tries");
        sources.fail(liar);
    }
    assert!(sources.is_doubtful(&liar) && sources.is_left_alone(&liar));
    assert_eq!((sources.believed(&peers, &three), sources.claimed(&peers)), (7, 7));
    sources.connected(&liar);
    assert!(sources.is_doubtful(&liar), "whoever connects anew is asked anew, and owes the same");
    sources.forgive(&peers, 99);
    assert!(sources.is_doubtful(&liar));
    sources.served(liar, 1);
    assert!(!sources.is_doubtful(&liar));
}
