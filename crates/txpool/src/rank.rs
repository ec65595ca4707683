//! Which sender loses a transaction first when the pool is full.

use crate::transaction::PooledTransaction;
use std::cmp::Reverse;

/// Senders with up to this many transactions count as equally modest: of two that pay the same,
/// only one with more than this is made to yield for the other's sake.
const FAIR_SHARE: usize = 16;

/// The worth of the last transaction in a sender's queue; the least is evicted first.
///
/// Only last ones are ever evicted, so no eviction tears a gap. What cannot run is worth less than
/// anything that can. An executable transaction is worth the lowest effective tip among it and
/// those before it, because a block takes them in this order: a dear one at the end of a queue
/// does not shield cheap ones in front of it. Then the sender with more transactions yields,
/// beyond a fair share, then whoever came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Queued { crowd: Reverse<usize>, tip: i128, arrival: Reverse<u64> },
    Executable { tip: i128, crowd: Reverse<usize>, arrival: Reverse<u64> },
}

impl Rank {
    /// Of a transaction that cannot run, whose sender has `count` such ones.
    pub(crate) fn queued(transaction: &PooledTransaction, count: usize, base_fee: u64) -> Self {
        Self::Queued {
            crowd: Reverse(count.saturating_sub(FAIR_SHARE)),
            tip: transaction.effective_tip(base_fee),
            arrival: Reverse(transaction.arrival),
        }
    }

    /// Of the last of `count` executable transactions, the lowest tip of which is `tip`.
    pub(crate) fn executable(transaction: &PooledTransaction, count: usize, tip: i128) -> Self {
        Self::Executable {
            tip,
            crowd: Reverse(count.saturating_sub(FAIR_SHARE)),
            arrival: Reverse(transaction.arrival),
        }
    }
}
