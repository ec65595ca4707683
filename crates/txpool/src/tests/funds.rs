//! Balances: alone, together, for replacements, and as they change.

use super::support::*;
use crate::{DropReason, PoolConfig};

#[test]
fn one_wei_short_is_refused() {
    let bench = Bench::new(PoolConfig::default());
    let error = bench.add(Draft::new(1, 0).value(5), account(0, COST + 4)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "insufficient funds for gas * price + value: balance 42000000000004, \
         tx cost 42000000000005, overshot 1"
    );
    bench.add(Draft::new(1, 0).value(5), account(0, COST + 5)).unwrap();
}

#[test]
fn an_empty_account_gets_nothing_in() {
    let bench = Bench::new(PoolConfig::default());
    let error = bench.add(Draft::new(1, 0).fees(1, 1), account(0, 0u128)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "insufficient funds for gas * price + value: balance 0, tx cost 21000, overshot 21000"
    );
}

#[test]
fn executable_transactions_are_paid_together() {
    let bench = Bench::new(PoolConfig::default());
    let funds = account(0, 2 * COST);
    bench.add(Draft::new(1, 0), funds).unwrap();
    for nonce in [1, 2] {
        let error = bench.add(Draft::new(1, nonce).value(7), funds).unwrap_err();
        assert_eq!(
            error.to_string(),
            "insufficient funds for gas * price + value: balance 84000000000000, \
             queued cost 42000000000000, tx cost 42000000000007, overshot 7"
        );
    }
    bench.add(Draft::new(1, 1), funds).unwrap();
    assert_eq!(bench.nonces(1), (vec![0, 1], vec![]));
}

#[test]
fn a_replacement_is_paid_by_what_it_costs_more() {
    let bench = Bench::new(PoolConfig::default());
    let funds = account(0, 2 * COST + 5);
    bench.add(Draft::new(1, 0), funds).unwrap();
    bench.add(Draft::new(1, 1), funds).unwrap();
    let draft = Draft::new(1, 0).fees(3 * GWEI, 2 * GWEI);
    let error = bench.add(draft, funds).unwrap_err();
    assert_eq!(
        error.to_string(),
        "insufficient funds for gas * price + value: balance 84000000000005, \
         queued cost 84000000000000, tx bumped 21000000000000, overshot 20999999999995"
    );
    let richer = account(0, 2 * COST + COST / 2);
    bench.add(Draft::new(1, 0).fees(3 * GWEI, 2 * GWEI), richer).unwrap();
    assert_eq!(bench.nonces(1), (vec![0, 1], vec![]));
}

#[test]
fn a_filled_gap_promotes_what_is_payable_together() {
    let bench = Bench::new(PoolConfig::default());
    let funds = account(0, 2 * COST);
    // Each is payable alone while it is queued.
    for nonce in [1, 2, 0] {
        bench.add(Draft::new(1, nonce), funds).unwrap();
    }
    assert_eq!(bench.nonces(1), (vec![0, 1], vec![2]));
    // More money, and the third runs too, when its sender is next heard of.
    bench.add(Draft::new(1, 3), account(0, 4 * COST)).unwrap();
    assert_eq!(bench.nonces(1), (vec![0, 1, 2, 3], vec![]));
}

#[test]
fn a_cheaper_replacement_lets_others_in() {
    let bench = Bench::new(PoolConfig::default());
    let funds = account(0, 2 * COST);
    bench.add(Draft::new(1, 1), funds).unwrap();
    bench.add(Draft::new(1, 0).value(COST), funds).unwrap();
    assert_eq!(bench.nonces(1), (vec![0], vec![1]));
    // The fees rise by a fifth, the value vanishes.
    let cheaper = Draft::new(1, 0).fees(24 * GWEI / 10, 12 * GWEI / 10);
    bench.add(cheaper, account(0, 2 * COST + COST / 2)).unwrap();
    assert_eq!(bench.nonces(1), (vec![0, 1], vec![]));
}

#[test]
fn a_shrunken_balance_sets_back_and_drops() {
    let mut bench = Bench::new(PoolConfig::default());
    bench.fill(1, 0..2);
    let dear = bench.add(Draft::new(1, 2).value(COST), rich()).unwrap();
    bench.events();
    bench.commit(vec![], BASE_FEE, &[(address(1), account(0, COST))]);
    assert_eq!(bench.nonces(1), (vec![0], vec![1]));
    assert_eq!(bench.events(), [dropped(dear, DropReason::Unpayable)]);
    bench.commit(vec![], BASE_FEE, &[(address(1), account(0, 2 * COST))]);
    assert_eq!(bench.nonces(1), (vec![0, 1], vec![]));
}
