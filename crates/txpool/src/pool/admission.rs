//! What a sender's account and its other transactions say about a new one.

use super::Pool;
use crate::{error::PoolError, sender::Sender, transaction::PooledTransaction};
use alloy_primitives::{Address, KECCAK256_EMPTY};
use mfenx_primitives::AccountState;

/// Where an admissible transaction would stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The sender's account as the pool sees it.
    pub(super) account: AccountState,
    /// Whether the transaction could run at once, after those before it.
    pub(super) executable: bool,
    /// The encoded length and state of the transaction that it replaces.
    pub(super) replaces: Option<Replaced>,
}

/// What it matters to know of a replaced transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaced {
    pub(super) bytes: usize,
    pub(super) executable: bool,
}

impl Pool {
    /// Every check against the account and the sender's other transactions.
    pub(super) fn place(
        &self,
        tx: &PooledTransaction,
        account: AccountState,
        has_foreign_code: bool,
    ) -> Result<Place, PoolError> {
        let sender = self.senders.get(&tx.sender);
        let seen = sender.map_or(account, |sender| sender.account);
        let lowest = seen.nonce.max(account.nonce);
        if tx.nonce < lowest {
            return Err(PoolError::NonceTooLow { next: lowest, nonce: tx.nonce });
        }
        if has_foreign_code {
            let code_hash = account.code_hash;
            return Err(PoolError::SenderNotEoa { address: tx.sender, code_hash });
        }
        let next = sender.map_or(seen.nonce, Sender::next_nonce);
        // Blobs are too large to be kept for a nonce that may never come.
        let most = if tx.is_blob() { 0 } else { self.config.max_nonce_gap };
        if tx.nonce.saturating_sub(next) > most {
            return Err(PoolError::NonceTooHigh { nonce: tx.nonce, gapped: next });
        }
        let old = sender.and_then(|sender| sender.transactions.get(&tx.nonce));
        let replaces_executable = old.is_some_and(|old| old.executable);
        check_funds(tx, &seen, sender, old.filter(|old| old.executable))?;
        self.check_delegation(tx, &seen, next, replaces_executable)?;
        if sender.is_some_and(|sender| sender.has_blobs() != tx.is_blob()) {
            return Err(PoolError::AddressReserved);
        }
        if let Some(old) = old {
            old.check_replacement(tx, &self.config)?;
        }
        let count = sender.map_or(0, Sender::executable);
        let appends = tx.nonce == next && count < self.config.max_per_sender;
        let executable = replaces_executable || appends;
        if old.is_none() {
            self.check_count(tx, sender, executable)?;
        }
        let replaces = old.map(|old| Replaced { bytes: old.bytes, executable: old.executable });
        Ok(Place { account: seen, executable, replaces })
    }

    /// How many transactions one sender may have.
    fn check_count(
        &self,
        tx: &PooledTransaction,
        sender: Option<&Sender>,
        executable: bool,
    ) -> Result<(), PoolError> {
        let pooled = sender.map_or(0, Sender::len);
        let queued = sender.map_or(0, Sender::queued);
        let most = self.config.max_per_sender.saturating_add(self.config.max_queued_per_sender);
        let most = if tx.is_blob() { most.min(self.config.max_blob_txs_per_sender) } else { most };
        if pooled >= most || (!executable && queued >= self.config.max_queued_per_sender) {
            return Err(PoolError::AccountLimitExceeded { pooled });
        }
        Ok(())
    }

    /// The code of a delegated account (EIP-7702) can spend its balance without a transaction of
    /// its own, and so make everything it has in the pool unpayable for nothing. Therefore such an
    /// account, or one about to become one, has one transaction in flight.
    fn check_delegation(
        &self,
        tx: &PooledTransaction,
        account: &AccountState,
        next: u64,
        replaces_executable: bool,
    ) -> Result<(), PoolError> {
        let count = |address: &Address| self.senders.get(address).map_or(0, Sender::len);
        let delegated = account.code_hash != KECCAK256_EMPTY;
        if delegated || self.authorities.contains_key(&tx.sender) {
            let in_flight = next > account.nonce;
            if in_flight && !replaces_executable {
                return Err(PoolError::InFlightLimit);
            }
            if !in_flight && tx.nonce != next {
                return Err(PoolError::DelegatedGap);
            }
        }
        if tx.authorities.iter().any(|authority| count(authority) > 1) {
            return Err(PoolError::AuthorityReserved);
        }
        Ok(())
    }
}

/// Whether the account can pay for the transaction, alone and together with its executable ones.
fn check_funds(
    tx: &PooledTransaction,
    account: &AccountState,
    sender: Option<&Sender>,
    replaces: Option<&PooledTransaction>,
) -> Result<(), PoolError> {
    let (balance, cost) = (account.balance, tx.cost);
    if cost > balance {
        return Err(PoolError::InsufficientFunds { balance, cost });
    }
    let queued = sender.map(Sender::spent).unwrap_or_default();
    let bump = replaces.map(|old| cost.saturating_sub(old.cost));
    let needed = queued.saturating_add(bump.unwrap_or(cost));
    if needed <= balance {
        return Ok(());
    }
    Err(match bump {
        Some(bump) => PoolError::InsufficientFundsBump { balance, queued, bump },
        None => PoolError::InsufficientFundsQueued { balance, queued, cost },
    })
}
