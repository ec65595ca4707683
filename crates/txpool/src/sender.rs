//! One sender's transactions in the order of their nonces.

use crate::{rank::Rank, transaction::PooledTransaction};
use alloy_primitives::U256;
use mfenx_primitives::{AccountState, RecoveredTransaction};
use std::{collections::BTreeMap, sync::Arc};

/// A sender's account as the pool knows it, and its transactions.
///
/// Invariant, once [`Sender::settle`] has run: the first `executable` transactions, and only
/// these, have the nonces from `account.nonce` on, cost no more than the balance together, and
/// are marked executable.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) account: AccountState,
    pub(crate) transactions: BTreeMap<u64, PooledTransaction>,
    executable: usize,
    spent: U256,
    /// Where the sender stands in the pool's order of eviction.
    pub(crate) rank: Option<Rank>,
}

/// What [`Sender::settle`] changed.
#[derive(Debug, Default)]
pub(crate) struct Shift {
    /// Newly executable, in order.
    pub(crate) promoted: Vec<Arc<RecoveredTransaction>>,
    /// How many are executable no longer.
    pub(crate) demoted: usize,
}

impl Sender {
    pub(crate) const fn new(account: AccountState) -> Self {
        Self {
            account,
            transactions: BTreeMap::new(),
            executable: 0,
            spent: U256::ZERO,
            rank: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.transactions.len()
    }

    pub(crate) const fn executable(&self) -> usize {
        self.executable
    }

    pub(crate) fn queued(&self) -> usize {
        self.transactions.len().saturating_sub(self.executable)
    }

    /// Whether its transactions carry blobs: either all of them do or none.
    pub(crate) fn has_blobs(&self) -> bool {
        self.transactions.values().next().is_some_and(PooledTransaction::is_blob)
    }

    /// Maximal cost of the executable transactions together.
    pub(crate) const fn spent(&self) -> U256 {
        self.spent
    }

    /// The nonce after the executable transactions.
    pub(crate) fn next_nonce(&self) -> u64 {
        self.account.nonce.saturating_add(self.executable as u64)
    }

    /// As [`Self::floor`], but for the one with `nonce`.
    pub(crate) fn floor_without(&self, nonce: u64, base_fee: u64) -> i128 {
        let others = self.transactions.values().filter(|tx| tx.nonce != nonce);
        others
            .take_while(|tx| tx.executable)
            .map(|tx| tx.effective_tip(base_fee))
            .min()
            .unwrap_or(i128::MAX)
    }

    /// Lowest effective tip of the executable transactions.
    pub(crate) fn floor(&self) -> i128 {
        let last = self.executable.checked_sub(1);
        let last = last.and_then(|last| {
            self.transactions.get(&self.account.nonce.saturating_add(last as u64))
        });
        last.map_or(i128::MAX, |tx| tx.floor)
    }

    /// Divides the transactions anew into executable and queued ones.
    pub(crate) fn settle(&mut self, base_fee: u64, max_executable: usize) -> Shift {
        let mut shift = Shift::default();
        let mut open = true;
        let mut next = self.account.nonce;
        let mut floor = i128::MAX;
        (self.executable, self.spent) = (0, U256::ZERO);
        for (nonce, tx) in &mut self.transactions {
            let spent = self.spent.saturating_add(tx.cost);
            open &=
                *nonce == next && spent <= self.account.balance && self.executable < max_executable;
            if open {
                (self.spent, next) = (spent, nonce.saturating_add(1));
                self.executable += 1;
                floor = floor.min(tx.effective_tip(base_fee));
                tx.floor = floor;
            }
            match (tx.executable, open) {
                (false, true) => shift.promoted.push(Arc::clone(&tx.transaction)),
                (true, false) => shift.demoted += 1,
                _ => {}
            }
            tx.executable = open;
        }
        shift
    }

    /// What [`Self::settle`] would do after transactions were added behind the executable ones
    /// only, without walking over those.
    pub(crate) fn extend(&mut self, base_fee: u64, max_executable: usize) -> Shift {
        let mut shift = Shift::default();
        let mut floor = self.floor();
        while self.executable < max_executable {
            let next = self.next_nonce();
            let Some(tx) = self.transactions.get_mut(&next) else { break };
            let spent = self.spent.saturating_add(tx.cost);
            if tx.executable || spent > self.account.balance {
                break;
            }
            tx.executable = true;
            self.spent = spent;
            self.executable += 1;
            floor = floor.min(tx.effective_tip(base_fee));
            tx.floor = floor;
            shift.promoted.push(Arc::clone(&tx.transaction));
        }
        shift
    }

    /// The worth of the last transaction once `gone` ones behind it are gone; none without one.
    pub(crate) fn rank_without(&self, gone: usize, base_fee: u64) -> Option<Rank> {
        let last = self.transactions.values().rev().nth(gone)?;
        let Some(left) = gone.checked_sub(self.queued()) else {
            return Some(Rank::queued(last, self.queued() - gone, base_fee));
        };
        Some(Rank::executable(last, self.executable - left, last.floor))
    }

    /// What [`Self::settle`] would do after the last transaction was taken out.
    pub(crate) fn shorten(&mut self, taken: &PooledTransaction) {
        if taken.executable {
            self.executable -= 1;
            self.spent = self.spent.saturating_sub(taken.cost);
        }
    }
}
