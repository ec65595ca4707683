//! What the authorities can do, and when it takes effect.

use super::{super::IAuthorities, support::*};
use IAuthorities::{IAuthoritiesErrors as Refusal, IAuthoritiesEvents as Event, Kind};
use alloy_primitives::U256;
use mfenx_primitives::Authority;

/// Authorities with these numbers, power 1 each.
fn set(indices: &[u8]) -> Vec<Authority> {
    indices.iter().map(|index| authority(*index, 1)).collect()
}

#[test]
fn genesis_writes_what_the_contract_reads() {
    let powers: Vec<u64> = (1..=20).collect();
    let mut registry = Registry::new(&powers);
    let expected: Vec<_> =
        (0..20).zip(powers).map(|(index, power)| authority(index, power)).collect();
    for epoch in [0, 1] {
        assert_eq!(registry.set(epoch), expected);
    }
    assert_eq!(registry.pending(), expected);
    assert_eq!(registry.view(&IAuthorities::epochBlocksCall {}).unwrap(), EPOCH_BLOCKS);
    let quorum = registry.view(&IAuthorities::quorumCall {}).unwrap();
    assert_eq!(quorum, IAuthorities::Quorum::Majority);
    assert_eq!(registry.view(&IAuthorities::proposalCountCall {}).unwrap(), U256::ZERO);
    for (height, epoch) in [(0, 0), (9, 0), (10, 1), (u64::MAX, u64::MAX / 10)] {
        registry.height = height;
        assert_eq!(registry.view(&IAuthorities::epochCall {}).unwrap(), epoch);
    }
}

#[test]
fn an_addition_takes_effect_with_the_next_epoch_but_one() {
    let mut registry = Registry::new(&[1, 1, 1]);
    let (id, done) = registry.add(0, member(3, 1)).unwrap();
    assert_eq!(id, U256::ZERO);
    assert!(matches!(
        &done.events[..],
        [Event::Proposed(proposed), Event::Voted(voted)]
            if proposed.operator == operator(3) && proposed.proposer == operator(0)
                && proposed.lastEpoch == 16 && voted.operator == operator(0) && voted.seat == 0
    ));
    assert_eq!(registry.tally(id), (1, 3));
    registry.height = EPOCH_BLOCKS - 1;
    let done = registry.vote(1, id).unwrap();
    let [Event::Voted(_), Event::SeatTaken(taken), Event::Executed(executed)] = &done.events[..]
    else {
        panic!("{done:?}")
    };
    assert_eq!((taken.operator, taken.seat, taken.epoch, taken.power), (operator(3), 3, 2, 1));
    assert_eq!((executed.id, executed.kind, executed.epoch), (id, Kind::Addition, 2));
    assert_eq!(registry.pending(), set(&[0, 1, 2, 3]));
    assert_eq!((registry.set(0), registry.set(1)), (set(&[0, 1, 2]), set(&[0, 1, 2])));
    for height in [10, 19, 20, 29, 1000] {
        registry.height = height;
        assert_eq!(registry.set(1), set(&[0, 1, 2]));
        assert_eq!(registry.set(2), set(&[0, 1, 2, 3]));
        assert_eq!(registry.set(registry.epoch()).len(), if height < 20 { 3 } else { 4 });
    }
    let proposal = registry.view(&IAuthorities::proposalCall { id }).unwrap();
    assert!(proposal.executed && proposal.subject == member(3, 1));
}

#[test]
fn the_set_of_the_epoch_after_next_is_not_answered() {
    let mut registry = Registry::new(&[1, 1, 1]);
    for height in [1, 9, 10] {
        registry.height = height;
        let wanted = height / EPOCH_BLOCKS + 2;
        let refused = registry.view(&IAuthorities::authoritiesAtCall { wanted });
        assert!(matches!(refused, Err(Refusal::NotFinal(_))));
    }
}

#[test]
fn who_leaves_leaves_the_order_of_the_others() {
    let mut registry = Registry::new(&[1; 5]);
    let (id, _) = registry.remove(0, 1).unwrap();
    let done = registry.votes(&[1, 2], id);
    assert!(matches!(
        &done.events[..],
        [Event::Voted(_), Event::SeatVacated(left), Event::Executed(_)]
            if left.operator == operator(1) && left.seat == 1 && left.epoch == 2
    ));
    assert_eq!(registry.pending(), set(&[0, 2, 3, 4]));
    // Still an authority until then.
    registry.skip_epochs(1);
    let (id, _) = registry.add(1, member(7, 1)).unwrap();
    assert_eq!(registry.tally(id), (1, 5));
    registry.skip_epochs(1);
    assert_eq!(registry.set(2), set(&[0, 2, 3, 4]));
    assert!(matches!(registry.vote(1, id), Err(Refusal::NotAuthority(_))));
}

#[test]
fn a_change_of_power_or_keys_keeps_the_place() {
    let mut registry = Registry::new(&[1, 3, 1, 1]);
    let (id, done) = registry.change(1, member(1, 2)).unwrap();
    // Three of six are no majority.
    assert!(!executed(&done));
    let done = registry.vote(0, id).unwrap();
    assert!(executed(&done));
    assert!(done.events.iter().any(|event| matches!(event, Event::SeatVacated(_))));
    let expected = [authority(0, 1), authority(1, 2), authority(2, 1), authority(3, 1)];
    assert_eq!(registry.pending(), expected);
    let mut rotated = member(2, 1);
    rotated.consensusKey = key(2, 0xcc).into();
    let (id, _) = registry.change(1, rotated.clone()).unwrap();
    assert!(executed(&registry.vote(2, id).unwrap()));
    assert_eq!(registry.pending()[2], rotated.into());
    let (id, _) = registry.change(1, member(3, 1)).unwrap();
    let reason = deferred(&registry.vote(2, id).unwrap());
    assert!(matches!(reason, Refusal::NothingChanges(_)));
}

#[test]
fn a_majority_is_more_than_half_of_the_power() {
    let mut registry = Registry::new(&[2, 1, 1]);
    let (id, done) = registry.add(0, member(3, 1)).unwrap();
    assert!(!executed(&done), "two of four");
    let refused = registry.execute(0, id).unwrap_err();
    assert!(
        matches!(refused, Refusal::NoMajority(no) if (no.power, no.total) == (U256::from(2), U256::from(4)))
    );
    assert!(executed(&registry.vote(2, id).unwrap()), "three of four");
    let mut strong = Registry::new(&[5, 1, 1]);
    assert!(executed(&strong.change(0, member(1, 3)).unwrap().1), "five of seven");
}

#[test]
fn proposals_expire_after_sixteen_epochs() {
    let mut registry = Registry::new(&[1, 1, 1]);
    registry.skip_epochs(4);
    let (id, _) = registry.add(0, member(3, 1)).unwrap();
    registry.skip_epochs(17);
    assert!(matches!(registry.vote(1, id), Err(Refusal::Expired(old)) if old.lastEpoch == 20));
    assert!(matches!(registry.execute(1, id), Err(Refusal::Expired(_))));
    registry.height -= 1;
    assert!(executed(&registry.vote(1, id).unwrap()));
}

#[test]
fn at_most_a_third_of_the_power_changes_in_an_epoch() {
    let mut registry = Registry::new(&[1, 1, 1]);
    let (first, _) = registry.add(0, member(3, 1)).unwrap();
    assert!(executed(&registry.vote(1, first).unwrap()));
    let (second, _) = registry.add(0, member(4, 1)).unwrap();
    let reason = deferred(&registry.vote(1, second).unwrap());
    assert!(matches!(reason, Refusal::TooMuchChange(much)
        if (much.changed, much.total) == (U256::from(2), U256::from(3))));
    // A removal is a change as well, also of the one that was just added.
    let (undo, _) = registry.remove(0, 3).unwrap();
    let reason = deferred(&registry.vote(1, undo).unwrap());
    assert!(matches!(reason, Refusal::TooMuchChange(_)));
    // The votes stand: anybody executes it in the next epoch.
    registry.skip_epochs(1);
    assert!(executed(&registry.execute(99, second).unwrap()));
    assert_eq!((registry.set(2).len(), registry.pending().len()), (4, 5));
    // One strong newcomer is too much at once.
    registry.skip_epochs(3);
    let (strong, _) = registry.add(0, member(5, 2)).unwrap();
    let reason = deferred(&registry.votes(&[1, 2], strong));
    assert!(matches!(reason, Refusal::TooMuchChange(_)));
}

#[test]
fn other_keys_count_as_all_the_power_and_other_power_as_the_difference() {
    let mut registry = Registry::new(&[3, 3, 3, 3]);
    let step = |registry: &mut Registry, subject| {
        let (id, _) = registry.change(0, subject).unwrap();
        registry.votes(&[1, 2], id)
    };
    assert!(executed(&step(&mut registry, member(1, 2))), "1 of 12 changed");
    let mut rotated = member(2, 3);
    rotated.vrfKey = key(2, 0xfe).into();
    assert!(executed(&step(&mut registry, rotated.clone())), "4 of 12");
    let reason = deferred(&step(&mut registry, member(3, 2)));
    assert!(matches!(reason, Refusal::TooMuchChange(much) if much.changed == U256::from(5)));
    registry.skip_epochs(1);
    // Of eleven: keys and one more is four, keys alone three.
    let mut more = member(0, 4);
    more.peerKey = key(0, 0x99).into();
    let reason = deferred(&step(&mut registry, more.clone()));
    assert!(matches!(reason, Refusal::TooMuchChange(much)
        if (much.changed, much.total) == (U256::from(4), U256::from(11))));
    assert!(executed(&step(&mut registry, IAuthorities::Authority { power: 3, ..more })));
}

#[test]
fn one_and_two_authorities_change_by_one() {
    let mut registry = Registry::new(&[1]);
    assert!(executed(&registry.add(0, member(1, 1)).unwrap().1));
    assert!(matches!(
        deferred(&registry.add(0, member(2, 1)).unwrap().1),
        Refusal::TooMuchChange(_)
    ));
    registry.skip_epochs(2);
    assert_eq!(registry.set(2), set(&[0, 1]));
    let (id, _) = registry.remove(0, 1).unwrap();
    assert!(executed(&registry.vote(1, id).unwrap()));
    registry.skip_epochs(2);
    assert_eq!(registry.set(4), set(&[0]));
    // Keys that were an authority's before are still its own.
    assert!(executed(&registry.add(0, member(1, 1)).unwrap().1));
}

#[test]
fn the_last_authority_stays() {
    let mut registry = Registry::new(&[1]);
    assert!(matches!(deferred(&registry.remove(0, 0).unwrap().1), Refusal::LastAuthority(_)));
    assert_eq!(registry.pending(), set(&[0]));
}

#[test]
fn there_are_at_most_128_and_a_transaction_has_gas_for_all_of_them() {
    let mut registry = Registry::new(&[1; 128]);
    let (id, _) = registry.add(0, member(200, 1)).unwrap();
    let done = registry.votes(&(1..65).collect::<Vec<_>>(), id);
    assert!(matches!(deferred(&done), Refusal::TooManyAuthorities(_)));
    let (leave, _) = registry.remove(0, 1).unwrap();
    let done = registry.votes(&(1..65).collect::<Vec<_>>(), leave);
    assert!(executed(&done));
    println!("gas of the decisive vote among 128: {}", done.gas);
    assert!(done.gas < 4_000_000, "{}", done.gas);
    assert!(executed(&registry.execute(0, id).unwrap()));
    let pending = registry.pending();
    assert_eq!((pending.len(), pending[127].operator), (128, operator(200)));
    registry.skip_epochs(1);
    assert_eq!(registry.set(2), pending);
}

#[test]
fn the_power_of_a_set_stays_below_two_to_the_63() {
    let max = (1_u64 << 63) - 1;
    let mut registry = Registry::new(&[max - 2, 1, 1]);
    let (_, done) = registry.add(0, member(3, 1)).unwrap();
    let reason = deferred(&done);
    assert!(
        matches!(reason, Refusal::TooMuchPower(power) if power.total == U256::from(max) + U256::ONE)
    );
    for power in [max + 1, u64::MAX] {
        let refused = registry.add(0, member(3, power)).unwrap_err();
        assert!(matches!(refused, Refusal::TooMuchPower(_)));
        assert!(matches!(registry.change(0, member(1, power)), Err(Refusal::TooMuchPower(_))));
    }
    assert_eq!(registry.pending()[0].power, max - 2);
}
