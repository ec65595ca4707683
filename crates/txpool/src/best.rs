//! The order in which a builder takes transactions.

use crate::transaction::PooledTransaction;
use alloy_primitives::Address;
use mfenx_primitives::RecoveredTransaction;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    sync::Arc,
    vec,
};

/// An executable transaction that covers the base fee.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Effective tip in wei per gas.
    tip: i128,
    arrival: u64,
    transaction: Arc<RecoveredTransaction>,
}

impl Ready {
    /// None when the maximal fee is below the base fee.
    pub(crate) fn at(tx: &PooledTransaction, base_fee: u64) -> Option<Self> {
        (tx.max_fee >= u128::from(base_fee)).then(|| Self {
            tip: tx.effective_tip(base_fee),
            arrival: tx.arrival,
            transaction: Arc::clone(&tx.transaction),
        })
    }
}

/// An owned snapshot of what can stand in the next block, best first: always the highest effective
/// tip among the senders' next transactions, of equal ones the first to have arrived. A sender's
/// transactions come in the order of their nonces; behind one whose maximal fee is below the base
/// fee, none of its sender's follow.
#[derive(Debug)]
pub struct BestTransactions {
    /// The next of each sender: tip, arrival, position in `queues`.
    heads: BinaryHeap<(i128, Reverse<u64>, usize)>,
    queues: Vec<vec::IntoIter<Ready>>,
    skipped: HashSet<Address>,
}

impl BestTransactions {
    pub(crate) fn new(ready: Vec<Vec<Ready>>) -> Self {
        let queues: Vec<_> = ready.into_iter().map(Vec::into_iter).collect();
        let heads = queues.iter().enumerate().filter_map(|(at, queue)| head(queue, at)).collect();
        Self { heads, queues, skipped: HashSet::new() }
    }

    /// Passes over what is left of a sender, for its next transaction does not fit or is invalid.
    pub fn skip_sender(&mut self, sender: Address) {
        self.skipped.insert(sender);
    }
}

impl Iterator for BestTransactions {
    type Item = Arc<RecoveredTransaction>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (.., at) = self.heads.pop()?;
            let queue = self.queues.get_mut(at)?;
            let transaction = queue.next()?.transaction;
            if self.skipped.contains(&transaction.signer()) {
                continue;
            }
            self.heads.extend(head(queue, at));
            return Some(transaction);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.queues.iter().map(ExactSizeIterator::len).sum()))
    }
}

fn head(queue: &vec::IntoIter<Ready>, at: usize) -> Option<(i128, Reverse<u64>, usize)> {
    queue.as_slice().first().map(|ready| (ready.tip, Reverse(ready.arrival), at))
}
