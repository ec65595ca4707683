//! The pool as the source of a block's transactions.

use alloy_primitives::{Address, B256};
use mfenx_execution::{Rejection, TransactionSource};
use mfenx_primitives::RecoveredTransaction;
use mfenx_txpool::BestTransactions;

/// Hands out the pool's best transactions and notes which of them turned out to be invalid.
#[derive(Debug)]
pub(crate) struct PoolSource {
    best: BestTransactions,
    invalid: Vec<(B256, Address, String)>,
}

impl PoolSource {
    pub(crate) const fn new(best: BestTransactions) -> Self {
        Self { best, invalid: Vec::new() }
    }

    /// Hash, sender and reason of each transaction that no block can hold.
    pub(crate) fn into_invalid(self) -> Vec<(B256, Address, String)> {
        self.invalid
    }
}

impl TransactionSource for PoolSource {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        self.best.next().map(|transaction| transaction.as_ref().clone())
    }

    fn rejected(&mut self, transaction: &RecoveredTransaction, reason: Rejection) {
        let sender = transaction.signer();
        self.best.skip_sender(sender);
        if let Rejection::Invalid(reason) = reason {
            self.invalid.push((*transaction.inner().tx_hash(), sender, reason));
        }
    }
}
