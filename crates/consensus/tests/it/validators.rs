//! Which authorities make a set, and in which order.

use alloy_primitives::B256;
use mfenx_consensus::{MAX_TOTAL_POWER, ValidatorSet, ValidatorSetError};
use mfenx_primitives::{Authority, Quorum};

use crate::fixtures::Identity;

fn set(authorities: &[Authority]) -> Result<ValidatorSet, ValidatorSetError> {
    ValidatorSet::new(authorities, Quorum::Bft, B256::ZERO)
}

fn list(count: usize) -> Vec<Authority> {
    (0..count).map(|number| Identity::new(number).authority(1)).collect()
}

#[test]
fn the_order_of_the_list_does_not_matter() {
    let mut authorities = list(9);
    let one = set(&authorities).unwrap();
    authorities.reverse();
    assert_eq!(set(&authorities).unwrap(), one);
    assert!(one.validators().is_sorted_by_key(|validator| validator.operator));
    for (index, validator) in (0..).zip(one.validators()) {
        assert_eq!(one.index_of(&validator.operator), Some(index));
        assert_eq!(one.get(index), Some(validator));
        assert_eq!(one.by_operator(&validator.operator), Some(validator));
    }
    assert_eq!(one.index_of(&Identity::new(50).operator), None);
    assert_eq!(one.get(9), None);
}

#[test]
fn sizes_are_bounded() {
    assert_eq!(set(&[]), Err(ValidatorSetError::Size(0)));
    assert_eq!(set(&list(128)).unwrap().validators().len(), 128);
    assert_eq!(set(&list(129)), Err(ValidatorSetError::Size(129)));
}

#[test]
fn powers_are_bounded() {
    let mut authorities = list(2);
    authorities[0].power = 0;
    assert_eq!(set(&authorities), Err(ValidatorSetError::Power(authorities[0].operator)));
    authorities[0].power = MAX_TOTAL_POWER - 1;
    assert_eq!(set(&authorities).unwrap().total_power(), MAX_TOTAL_POWER);
    authorities[0].power = MAX_TOTAL_POWER;
    assert!(matches!(set(&authorities), Err(ValidatorSetError::Power(_))));
    authorities[0].power = u64::MAX;
    assert!(matches!(set(&authorities), Err(ValidatorSetError::Power(_))));
}

#[test]
fn keys_are_valid_and_used_once() {
    let change = |change: &dyn Fn(&mut [Authority])| {
        let mut authorities = list(3);
        change(&mut authorities);
        set(&authorities)
    };
    let duplicate =
        |outcome| assert!(matches!(outcome, Err(ValidatorSetError::Duplicate(_))), "{outcome:?}");
    duplicate(change(&|list| list[1].operator = list[0].operator));
    duplicate(change(&|list| list[1].consensus_key = list[0].consensus_key));
    duplicate(change(&|list| list[1].vrf_key = list[0].vrf_key));
    duplicate(change(&|list| list[1].vrf_key = list[0].consensus_key));
    duplicate(change(&|list| list[1].vrf_key = list[1].consensus_key));
    let outcome = change(&|list| list[1].consensus_key = [0xff; 32]);
    assert!(matches!(outcome, Err(ValidatorSetError::ConsensusKey(..))), "{outcome:?}");
    let outcome = change(&|list| list[1].vrf_key = [0xff; 32]);
    assert!(matches!(outcome, Err(ValidatorSetError::VrfKey(_))), "{outcome:?}");
}
