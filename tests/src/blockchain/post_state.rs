//! The state after the last block, against what the test expects.

use super::{
    fixture::{Account, Test},
    network::genesis_account,
};
use alloy_consensus::proofs::state_root_unhashed;
use alloy_primitives::{Address, B256, Bytes, U256};
use eyre::{Result, bail};
use mfenx_primitives::{AccountState, SealedHeader};
use mfenx_storage::{StateView, Store};
use std::collections::BTreeMap;

/// Checks the state root and every account.
pub(crate) fn check(test: &Test, head: &SealedHeader, store: &Store) -> Result<()> {
    if let Some(expected) = test.post_state_hash
        && expected != head.state_root
    {
        bail!("the state root is {}, expected {expected}", head.state_root);
    }
    let Some(expected) = &test.post_state else { return Ok(()) };
    // Accounts are read one by one, so only the root can tell that there are no others.
    let root = root(expected)?;
    if root != head.state_root {
        bail!("the state root is {}, that of the expected accounts is {root}", head.state_root);
    }
    let reader = store.reader()?;
    let state = reader.latest_state();
    for (address, account) in expected {
        check_account(&state, *address, account)?;
    }
    for address in test.pre.keys().filter(|address| !expected.contains_key(*address)) {
        if state.account(*address)?.is_some() {
            bail!("account {address} still exists");
        }
    }
    Ok(())
}

fn root(accounts: &BTreeMap<Address, Account>) -> Result<B256> {
    let accounts = accounts
        .iter()
        .map(|(address, account)| genesis_account(account).map(|account| (*address, account)));
    Ok(state_root_unhashed(accounts.collect::<Result<Vec<_>>>()?))
}

fn check_account(state: &StateView<'_>, address: Address, expected: &Account) -> Result<()> {
    let Some(AccountState { nonce, balance, .. }) = state.account(address)? else {
        bail!("account {address} does not exist");
    };
    if U256::from(nonce) != expected.nonce {
        bail!("account {address}: nonce is {nonce}, expected {}", expected.nonce);
    }
    if balance != expected.balance {
        bail!("account {address}: balance is {balance}, expected {}", expected.balance);
    }
    let code: Bytes = state.code(address)?;
    if code != expected.code {
        bail!("account {address}: code is {code}, expected {}", expected.code);
    }
    for (slot, value) in &expected.storage {
        let got = state.storage(address, *slot)?;
        if got != *value {
            bail!("account {address}: slot {slot:#x} is {got:#x}, expected {value:#x}");
        }
    }
    Ok(())
}
