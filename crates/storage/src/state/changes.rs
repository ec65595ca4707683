//! What one block, or several, change in the state: hashed and sorted.

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use mfenx_primitives::{AccountState, GenesisAlloc};
use revm::{
    bytecode::Bytecode,
    database::{BundleAccount, BundleState},
};

/// One account after the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountChange {
    /// keccak(address).
    pub(crate) key: B256,
    /// `None` when the account does not exist any more.
    pub(crate) state: Option<AccountState>,
    /// Whether the storage it had before was destroyed.
    pub(crate) wiped: bool,
    /// Slots (hashed) with their new values, sorted; all that there is where `wiped`.
    pub(crate) slots: Vec<(B256, U256)>,
}

impl AccountChange {
    /// An account without existence has no storage either.
    pub(crate) const fn wipes_storage(&self) -> bool {
        self.wiped || self.state.is_none()
    }

    /// Whether its storage trie must be visited.
    pub(crate) const fn changes_storage(&self) -> bool {
        self.wipes_storage() || !self.slots.is_empty()
    }
}

/// The accounts, slots and code that a block changes.
///
/// It says what *is* after the block; what was before is read from the store. Accounts that are
/// empty in the sense of EIP-161 are neither added nor dropped here: that is for execution to
/// decide, which knows the fork.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateChanges {
    accounts: Vec<AccountChange>,
    codes: Vec<(B256, Bytes)>,
}

impl StateChanges {
    /// Takes what `bundle` says about the present: only `state` and `contracts` are read, its
    /// reverts need not be there.
    pub fn from_bundle(bundle: &BundleState) -> Self {
        let accounts = bundle.state.iter();
        let mut accounts: Vec<_> = accounts
            .map(|(address, account)| bundle_account(keccak256(address), account))
            .collect();
        accounts.sort_unstable_by_key(|account| account.key);
        let of_accounts = bundle.state.values().filter_map(|account| {
            let info = account.info.as_ref()?;
            Some((info.code_hash, info.code.as_ref().filter(|_| account.is_contract_changed())?))
        });
        let of_bundle = bundle.contracts.iter().map(|(hash, code)| (*hash, code));
        let codes = of_bundle.chain(of_accounts);
        let mut codes: Vec<(B256, Bytes)> = codes
            .filter(|(hash, _)| *hash != KECCAK256_EMPTY && !hash.is_zero())
            .map(|(hash, code): (B256, &Bytecode)| (hash, code.original_bytes()))
            .collect();
        codes.sort_unstable_by_key(|(hash, _)| *hash);
        codes.dedup_by_key(|(hash, _)| *hash);
        Self { accounts, codes }
    }

    /// The accounts of a genesis file, empty ones included (as every client does), slots of value
    /// zero left out.
    pub fn from_genesis(alloc: &GenesisAlloc) -> Self {
        let mut codes = Vec::new();
        let mut accounts: Vec<_> = alloc
            .iter()
            .map(|(address, account)| {
                let mut code_hash = KECCAK256_EMPTY;
                if let Some(code) = account.code.as_ref().filter(|code| !code.is_empty()) {
                    code_hash = keccak256(code);
                    codes.push((code_hash, code.clone()));
                }
                let nonce = account.nonce.unwrap_or_default();
                let slots = account.storage.iter().flatten();
                let slots = slots.map(|(slot, value)| (*slot, U256::from_be_bytes(value.0)));
                AccountChange {
                    key: keccak256(address),
                    state: Some(AccountState { nonce, balance: account.balance, code_hash }),
                    wiped: false,
                    slots: hashed(slots.filter(|(_, value)| !value.is_zero())),
                }
            })
            .collect();
        accounts.sort_unstable_by_key(|account| account.key);
        codes.sort_unstable_by_key(|(hash, _)| *hash);
        codes.dedup_by_key(|(hash, _)| *hash);
        Self { accounts, codes }
    }

    /// Whether nothing changes.
    pub const fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.codes.is_empty()
    }

    /// Number of accounts that are named, whether they change or not.
    pub const fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// Number of accounts and slots that are named.
    pub(crate) fn size(&self) -> usize {
        self.accounts.iter().map(|account| account.slots.len().saturating_add(1)).sum()
    }

    /// Sorted by key, without repetition.
    pub(crate) fn accounts(&self) -> &[AccountChange] {
        &self.accounts
    }

    /// Sorted by hash, without repetition.
    pub(crate) fn codes(&self) -> &[(B256, Bytes)] {
        &self.codes
    }
}

fn bundle_account(key: B256, account: &BundleAccount) -> AccountChange {
    let state = account.info.as_ref().map(|info| AccountState {
        nonce: info.nonce,
        balance: info.balance,
        // revm also writes zero for "no code" in places.
        code_hash: if info.code_hash.is_zero() { KECCAK256_EMPTY } else { info.code_hash },
    });
    let slots = account.storage.iter();
    let slots = slots.map(|(slot, value)| (B256::from(*slot), value.present_value));
    let slots = if state.is_some() { hashed(slots) } else { Vec::new() };
    AccountChange { key, state, wiped: account.was_destroyed(), slots }
}

fn hashed(slots: impl Iterator<Item = (B256, U256)>) -> Vec<(B256, U256)> {
    let mut slots: Vec<_> = slots.map(|(slot, value)| (keccak256(slot), value)).collect();
    slots.sort_unstable_by_key(|(slot, _)| *slot);
    slots
}
