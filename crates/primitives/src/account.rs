//! What one account looks like to somebody who decides about its transactions.

use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use std::collections::BTreeMap;

/// The accounts that a genesis file creates, by address.
pub type GenesisAlloc = BTreeMap<Address, GenesisAccount>;

/// Nonce, balance and code hash of an account; an account that does not exist is [`Self::EMPTY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// Number of transactions sent (or contracts created, for a contract).
    pub nonce: u64,
    /// Balance in wei.
    pub balance: U256,
    /// keccak-256 of the code; [`KECCAK256_EMPTY`] for an account without code.
    pub code_hash: B256,
}

impl AccountState {
    /// The state of an account that does not exist.
    pub const EMPTY: Self = Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY };

    /// Whether the account is dead in the sense of EIP-161.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }
}

impl Default for AccountState {
    fn default() -> Self {
        Self::EMPTY
    }
}
