//! What somebody with bad intentions would try.

use super::{super::IAuthorities, support::*};
use IAuthorities::{IAuthoritiesErrors as Refusal, IAuthoritiesEvents as Event};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use mfenx_chainspec::{REGISTRY_ADDRESS, registry_code};
use revm::context::TxEnv;

#[test]
fn strangers_neither_propose_nor_vote() {
    let mut registry = Registry::new(&[1, 1, 1]);
    assert!(matches!(registry.add(9, member(9, 1)), Err(Refusal::NotAuthority(_))));
    assert!(matches!(registry.change(9, member(0, 2)), Err(Refusal::NotAuthority(_))));
    assert!(matches!(registry.remove(9, 0), Err(Refusal::NotAuthority(_))));
    assert_eq!(registry.view(&IAuthorities::proposalCountCall {}).unwrap(), U256::ZERO);
    let (id, _) = registry.add(0, member(3, 1)).unwrap();
    assert!(matches!(registry.vote(9, id), Err(Refusal::NotAuthority(_))));
    // Nor does the registry itself, which calls itself to execute.
    let refused = registry.send(REGISTRY_ADDRESS, &IAuthorities::voteCall { id });
    assert!(matches!(refused, Err(Refusal::NotAuthority(_))));
    assert!(matches!(registry.execute(9, id), Err(Refusal::NoMajority(_))));
    assert_eq!(registry.tally(id), (1, 3));
}

#[test]
fn who_will_be_an_authority_has_no_vote_yet() {
    let mut registry = Registry::new(&[1, 1, 1]);
    let (join, _) = registry.add(0, member(3, 1)).unwrap();
    registry.vote(1, join).unwrap();
    let (id, _) = registry.remove(0, 2).unwrap();
    for _ in 0..2 {
        assert!(matches!(registry.vote(3, id), Err(Refusal::NotAuthority(_))));
        registry.skip_epochs(1);
    }
    registry.vote(3, id).unwrap();
    assert_eq!(registry.tally(id), (2, 4));
}

#[test]
fn a_vote_counts_once() {
    let mut registry = Registry::new(&[1, 1, 1, 1]);
    let (id, _) = registry.add(0, member(4, 1)).unwrap();
    assert!(matches!(registry.vote(0, id), Err(Refusal::AlreadyVoted(_))));
    registry.vote(1, id).unwrap();
    assert!(matches!(registry.vote(1, id), Err(Refusal::AlreadyVoted(_))));
    assert_eq!(registry.tally(id), (2, 4));
}

#[test]
fn other_keys_make_no_second_vote() {
    let mut registry = Registry::new(&[1; 5]);
    let (id, _) = registry.add(0, member(5, 1)).unwrap();
    let mut rotated = member(0, 1);
    rotated.consensusKey = key(0, 0xcc).into();
    let (rotate, _) = registry.change(1, rotated).unwrap();
    assert!(executed(&registry.votes(&[2, 3], rotate)));
    registry.skip_epochs(2);
    let voted = |registry: &mut Registry| {
        let call = IAuthorities::hasVotedCall { id, operator: operator(0) };
        registry.view(&call).unwrap()
    };
    assert_eq!((registry.tally(id), voted(&mut registry)), ((0, 5), false));
    registry.vote(0, id).unwrap();
    assert_eq!((registry.tally(id), voted(&mut registry)), ((1, 5), true));
    assert!(matches!(registry.vote(0, id), Err(Refusal::AlreadyVoted(_))));
}

#[test]
fn votes_of_who_was_removed_do_not_count_and_do_not_come_back() {
    let mut registry = Registry::new(&[1; 5]);
    let (id, _) = registry.add(4, member(5, 1)).unwrap();
    registry.vote(3, id).unwrap();
    let (leave, _) = registry.remove(0, 4).unwrap();
    registry.votes(&[1, 2], leave);
    registry.skip_epochs(2);
    assert_eq!(registry.tally(id), (1, 4));
    assert!(!executed(&registry.vote(0, id).unwrap()), "two of four");
    let (back, _) = registry.add(0, member(4, 1)).unwrap();
    assert!(executed(&registry.votes(&[1, 2], back)));
    registry.skip_epochs(2);
    assert_eq!(registry.tally(id), (2, 5));
}

#[test]
fn an_executed_proposal_is_done() {
    let mut registry = Registry::new(&[1; 4]);
    let (id, _) = registry.add(0, member(4, 1)).unwrap();
    assert!(executed(&registry.votes(&[1, 2], id)));
    for _ in 0..4 {
        assert!(matches!(registry.vote(3, id), Err(Refusal::AlreadyExecuted(_))));
        assert!(matches!(registry.execute(3, id), Err(Refusal::AlreadyExecuted(_))));
        registry.skip_epochs(1);
    }
    assert_eq!(registry.pending().len(), 5);
    let unknown = id + U256::ONE;
    assert!(matches!(registry.vote(3, unknown), Err(Refusal::NoSuchProposal(_))));
    assert!(matches!(registry.execute(3, U256::MAX), Err(Refusal::NoSuchProposal(_))));
}

/// Two proposals of one change, one executed, the change undone: the other must not do it again.
#[test]
fn a_second_copy_of_a_proposal_is_void_when_the_first_is_executed() {
    let mut registry = Registry::new(&[1; 5]);
    let (first, _) = registry.remove(0, 4).unwrap();
    let (copy, _) = registry.remove(1, 4).unwrap();
    registry.vote(2, copy).unwrap();
    assert!(executed(&registry.votes(&[1, 2], first)));
    registry.skip_epochs(2);
    let (back, _) = registry.add(0, member(4, 1)).unwrap();
    assert!(executed(&registry.votes(&[1, 2], back)));
    registry.skip_epochs(2);
    assert!(matches!(deferred(&registry.vote(0, copy).unwrap()), Refusal::Stale(_)));
    assert!(matches!(registry.execute(0, copy), Err(Refusal::Stale(_))));
    assert_eq!(registry.pending().len(), 5);
}

#[test]
fn keys_are_used_once() {
    let mut registry = Registry::new(&[1; 5]);
    let with = |change: &dyn Fn(&mut IAuthorities::Authority)| {
        let mut subject = member(9, 1);
        change(&mut subject);
        subject
    };
    let mut refused = |subject: IAuthorities::Authority| registry.add(0, subject).unwrap_err();
    // Another's key, in its role and in another; one's own twice.
    for subject in [
        with(&|it| it.consensusKey = key(1, 0xc0).into()),
        with(&|it| it.vrfKey = key(1, 0xc0).into()),
        with(&|it| it.peerKey = key(1, 0xc0).into()),
        with(&|it| it.vrfKey = key(2, 0xf0).into()),
        with(&|it| it.consensusKey = key(2, 0xf0).into()),
        with(&|it| it.peerKey = key(3, 0x90).into()),
        with(&|it| it.vrfKey = it.consensusKey),
        with(&|it| it.peerKey = it.consensusKey),
        with(&|it| it.peerKey = it.vrfKey),
    ] {
        let said = refused(subject.clone());
        assert!(matches!(said, Refusal::KeyInUse(_)), "{subject:?}");
    }
    assert!(matches!(refused(with(&|it| it.operator = Address::ZERO)), Refusal::ZeroOperator(_)));
    assert!(matches!(refused(with(&|it| it.power = 0)), Refusal::ZeroPower(_)));
    for zero in [
        with(&|it| it.consensusKey = [0; 32].into()),
        with(&|it| it.vrfKey = [0; 32].into()),
        with(&|it| it.peerKey = [0; 32].into()),
    ] {
        assert!(matches!(refused(zero), Refusal::ZeroKey(_)));
    }
    // One's own key in another role, and another's when changing.
    let mut swapped = member(0, 1);
    std::mem::swap(&mut swapped.consensusKey, &mut swapped.vrfKey);
    assert!(matches!(registry.change(0, swapped), Err(Refusal::KeyInUse(_))));
    let mut stolen = member(0, 1);
    stolen.peerKey = key(1, 0x90).into();
    assert!(matches!(registry.change(0, stolen), Err(Refusal::KeyInUse(_))));
}

#[test]
fn keys_of_who_left_stay_theirs() {
    let mut registry = Registry::new(&[1; 5]);
    let (leave, _) = registry.remove(0, 4).unwrap();
    registry.votes(&[1, 2], leave);
    registry.skip_epochs(3);
    let mut heir = member(9, 1);
    heir.consensusKey = key(4, 0xc0).into();
    assert!(matches!(registry.add(0, heir), Err(Refusal::KeyInUse(_))));
}

/// Both are proposed while the key is free; one gets it.
#[test]
fn of_two_proposals_with_one_key_the_second_fails() {
    let mut registry = Registry::new(&[1; 6]);
    let (first, _) = registry.add(0, member(7, 1)).unwrap();
    let mut rival = member(8, 1);
    rival.peerKey = key(7, 0x90).into();
    let (second, _) = registry.add(0, rival).unwrap();
    assert!(executed(&registry.votes(&[1, 2, 3], first)));
    let reason = deferred(&registry.votes(&[1, 2, 3], second));
    assert!(matches!(reason, Refusal::KeyInUse(_)));
    // And one operator does not join twice.
    let mut again = member(7, 1);
    again.consensusKey = key(8, 0xc0).into();
    again.vrfKey = key(8, 0xf0).into();
    again.peerKey = key(8, 0x90).into();
    let (third, _) = registry.add(0, again).unwrap();
    let reason = deferred(&registry.votes(&[1, 2, 3], third));
    assert!(matches!(reason, Refusal::AlreadyMember(_)));
    let (nobody, _) = registry.remove(0, 9).unwrap();
    let reason = deferred(&registry.votes(&[1, 2, 3], nobody));
    assert!(matches!(reason, Refusal::NotMember(_)));
    let (ghost, _) = registry.change(0, member(9, 1)).unwrap();
    let reason = deferred(&registry.votes(&[1, 2, 3], ghost));
    assert!(matches!(reason, Refusal::NotMember(_)));
    assert_eq!(registry.pending().len(), 7);
}

/// Whoever casts the decisive vote with too little gas delays the execution, and nothing else.
#[test]
fn a_decisive_vote_short_of_gas_still_counts() {
    let mut registry = Registry::new(&[1; 3]);
    let (id, _) = registry.add(0, member(3, 1)).unwrap();
    let mut starved = 0;
    for gas in (40_000..600_000).step_by(5_000) {
        let mut copy = Registry { db: registry.db.clone(), spec: registry.spec.clone(), height: 1 };
        let vote = copy.transaction(operator(1), &IAuthorities::voteCall { id });
        let env = mfenx_execution::evm_env(&copy.spec, &copy.header());
        let limited = TxEnv { gas_limit: gas, ..vote };
        let options = mfenx_execution::CallOptions::default();
        let outcome =
            mfenx_execution::call(&copy.db, env, limited.clone(), &options, &mut || false);
        let Ok(mfenx_execution::CallOutcome::Success { .. }) = outcome else { continue };
        let done = copy.send_raw(limited).unwrap();
        assert_eq!(copy.tally(id), (2, 3));
        if executed(&done) {
            assert_eq!(copy.pending().len(), 4);
            continue;
        }
        starved += 1;
        assert!(matches!(done.events.last(), Some(Event::Deferred(_))));
        assert_eq!(copy.pending().len(), 3);
        assert!(executed(&copy.execute(9, id).unwrap()));
        assert_eq!(copy.pending().len(), 4);
    }
    println!("gas limits that starved the execution: {starved}");
    assert!(starved > 0);
}

#[test]
fn ether_and_unknown_calls_are_refused() {
    let mut registry = Registry::new(&[1; 3]);
    let rich = revm::state::AccountInfo::from_balance(U256::from(100));
    registry.db.insert_account_info(operator(0), rich);
    let transaction = registry.transaction(operator(0), &IAuthorities::epochCall {});
    let paid = TxEnv { value: U256::ONE, ..transaction.clone() };
    assert!(registry.send_raw(paid).is_err());
    for data in [Bytes::new(), Bytes::from_static(&[1, 2, 3, 4])] {
        for value in [U256::ZERO, U256::ONE] {
            let unknown = TxEnv { value, data: data.clone(), ..transaction.clone() };
            assert!(registry.send_raw(unknown).is_err());
        }
    }
    registry.send_raw(transaction).unwrap();
}

#[test]
fn a_copy_without_the_first_storage_refuses_everything() {
    let mut registry = Registry::new(&[1; 3]);
    let copy = Address::repeat_byte(0xdd);
    put_code(&mut registry.db, copy, registry_code().unwrap());
    let transaction = registry.transaction(operator(0), &IAuthorities::epochCall {});
    let kind = revm::primitives::TxKind::Call(copy);
    for data in [
        IAuthorities::epochCall {}.abi_encode(),
        IAuthorities::authoritiesAtCall { wanted: 0 }.abi_encode(),
        IAuthorities::proposeRemovalCall { operator: operator(0) }.abi_encode(),
    ] {
        let call = TxEnv { kind, data: data.into(), ..transaction.clone() };
        assert!(registry.send_raw(call).is_err());
    }
}
