//! EIP-7702: accounts with delegated code, and accounts about to get some.

use super::support::*;
use crate::{DropReason, PoolConfig};
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use mfenx_chainspec::MFENX_CHAIN_ID;
use mfenx_primitives::AccountState;

/// An authorization with a fixed signature, which therefore is somebody's: a different account's
/// for every nonce.
pub(super) fn authorization(chain_id: u64, nonce: u64) -> SignedAuthorization {
    let authorization =
        Authorization { chain_id: U256::from(chain_id), address: address(0xdd), nonce };
    authorization.into_signed(Signature::test_signature())
}

fn delegated() -> AccountState {
    AccountState { code_hash: keccak256([0xef, 0x01, 0x00]), ..rich() }
}

/// A draft of the account that signed `authorization`.
fn draft_of(authorization: &SignedAuthorization, nonce: u64) -> (Address, Draft) {
    let authority = authorization.recover_authority().expect("a fixed signature");
    let mut draft = Draft::new(0xaa, nonce).with(|tx| tx.to = authority.into());
    draft.sender = authority;
    (authority, draft)
}

#[test]
fn a_delegated_account_has_one_in_flight() {
    let bench = Bench::new(PoolConfig::default());
    let error = bench.add(Draft::new(1, 1), delegated()).unwrap_err();
    assert_eq!(error.to_string(), "gapped-nonce tx from delegated accounts");
    bench.add(Draft::new(1, 0), delegated()).unwrap();
    for nonce in [1, 2] {
        let error = bench.add(Draft::new(1, nonce), delegated()).unwrap_err();
        let words = "in-flight transaction limit reached for delegated accounts";
        assert_eq!(error.to_string(), words);
    }
    bench.add(Draft::new(1, 0).fees(3 * GWEI, 2 * GWEI), delegated()).unwrap();
    assert_eq!(bench.nonces(1), (vec![0], vec![]));
}

#[test]
fn an_account_about_to_be_delegated_has_one_in_flight() {
    let bench = Bench::new(PoolConfig::default());
    let signed = authorization(MFENX_CHAIN_ID, 7);
    let (authority, draft) = draft_of(&signed, 0);
    let setting = Draft::new(1, 0).authorizing(vec![signed]);
    let hash = bench.pool.add(setting, seen(rich())).unwrap();

    let error = bench.add(draft.clone().with(|tx| tx.nonce = 1), rich()).unwrap_err();
    assert_eq!(error.to_string(), "gapped-nonce tx from delegated accounts");
    bench.add(draft.clone(), rich()).unwrap();
    let error = bench.add(draft.clone().with(|tx| tx.nonce = 1), rich()).unwrap_err();
    assert_eq!(error.to_string(), "in-flight transaction limit reached for delegated accounts");

    // Once the authorization is gone from the pool, the account is free.
    bench.pool.remove(&hash, DropReason::Invalid("test".into()));
    bench.add(draft.with(|tx| tx.nonce = 1), rich()).unwrap();
    assert_eq!(bench.pool.pending_nonce(authority), Some(2));
}

#[test]
fn an_account_with_several_in_flight_is_reserved() {
    let bench = Bench::new(PoolConfig::default());
    let signed = authorization(0, 3);
    let (_, draft) = draft_of(&signed, 0);
    bench.add(draft.clone(), rich()).unwrap();
    let setting = Draft::new(1, 0).authorizing(vec![signed.clone()]);
    bench.pool.add(setting, seen(rich())).unwrap();

    let other = authorization(0, 4);
    let (_, draft) = draft_of(&other, 0);
    bench.add(draft.clone(), rich()).unwrap();
    bench.add(draft.with(|tx| tx.nonce = 1), rich()).unwrap();
    let setting = Draft::new(2, 0).authorizing(vec![other]);
    let error = bench.pool.add(setting, seen(rich())).unwrap_err();
    assert_eq!(error.to_string(), "authority already reserved");
}

#[test]
fn authorizations_for_other_chains_reserve_nothing() {
    let bench = Bench::new(PoolConfig::default());
    let signed = authorization(1, 7);
    let (authority, draft) = draft_of(&signed, 0);
    bench.pool.add(Draft::new(1, 0).authorizing(vec![signed]), seen(rich())).unwrap();
    bench.add(draft.clone(), rich()).unwrap();
    bench.add(draft.with(|tx| tx.nonce = 1), rich()).unwrap();
    assert_eq!(bench.pool.pending_nonce(authority), Some(2));
}

#[test]
fn nobody_has_keys_recovered_for_free() {
    let bench = Bench::new(PoolConfig::default());
    let setting = |nonce| Draft::new(1, nonce).authorizing(vec![authorization(0, 0)]);
    let error = bench.pool.add(setting(0), seen(account(0, 0u128))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "insufficient funds for gas * price + value: balance 0, \
         tx cost 92000000000000, overshot 92000000000000"
    );
    let error = bench.pool.add(setting(0), seen(account(1, COST))).unwrap_err();
    assert_eq!(error.to_string(), "nonce too low: next nonce 1, tx nonce 0");
    assert_ne!(authorization(0, 0).recover_authority().unwrap(), Address::from_word(B256::ZERO));
}
