//! Which transactions make room for a new one when the pool is full.

use super::{Pool, admission::Place};
use crate::{error::PoolError, rank::Rank, transaction::PooledTransaction};
use alloy_primitives::Address;
use std::{cmp::Reverse, collections::BinaryHeap};

/// One newcomer displaces at most this many transactions, however long it is.
const EVICTIONS_MAX: usize = 64;
/// When there are too many senders, so many of the worst are looked at for one to give up whole.
const SENDERS_SCANNED_MAX: usize = 16;

/// Transactions by sender and nonce, each sender's last ones first.
type Victims = Vec<(Address, u64)>;

/// What is yet to be freed.
#[derive(Debug, Clone, Copy)]
struct Excess {
    transactions: usize,
    bytes: usize,
}

impl Excess {
    fn free(&mut self, tx: &PooledTransaction) {
        self.transactions = self.transactions.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(tx.bytes);
    }

    const fn is_none(self) -> bool {
        self.transactions == 0 && self.bytes == 0
    }
}

impl Pool {
    /// The transactions to evict for `tx`; each is worth strictly less, or it is refused and
    /// nothing is lost.
    pub(super) fn room_for(
        &self,
        tx: &PooledTransaction,
        place: &Place,
    ) -> Result<Victims, PoolError> {
        let (count, bytes) = place.replaces.map_or((1, 0), |old| (0, old.bytes));
        let mut excess = Excess {
            transactions: (self.by_hash.len() + count).saturating_sub(self.config.max_transactions),
            bytes: (self.bytes + tx.bytes - bytes).saturating_sub(self.config.max_bytes),
        };
        let is_new = !self.senders.contains_key(&tx.sender);
        let crowded = is_new && self.senders.len() >= self.config.max_senders;
        if excess.is_none() && !crowded {
            return Ok(Victims::new());
        }
        let refusal =
            || if place.executable { PoolError::Underpriced } else { PoolError::PoolFull };
        let rank = self.rank_of_newcomer(tx, place);
        let mut victims = Victims::new();
        let mut whole = None;
        if crowded {
            let address = self.yielding_sender(rank).ok_or_else(refusal)?;
            for tx in self.senders.get(&address).iter().flat_map(|s| s.transactions.values().rev())
            {
                excess.free(tx);
                victims.push((address, tx.nonce));
            }
            whole = Some(address);
        }
        self.collect_victims(tx, rank, whole, excess, &mut victims).ok_or_else(refusal)?;
        Ok(victims)
    }

    /// Takes last transactions, the worst first, until nothing is in excess.
    fn collect_victims(
        &self,
        tx: &PooledTransaction,
        rank: Rank,
        spared: Option<Address>,
        mut excess: Excess,
        victims: &mut Victims,
    ) -> Option<()> {
        let mut untouched = self.ranks.iter().map(|(rank, sender)| (*rank, *sender, 0)).peekable();
        // Senders that have lost some already, by the rank of what is left of them.
        let mut shortened = BinaryHeap::new();
        while !excess.is_none() {
            let take_shortened = match (untouched.peek(), shortened.peek()) {
                (Some(a), Some(Reverse(b))) => b < a,
                (None, Some(_)) => true,
                _ => false,
            };
            let (worst, address, gone) = if take_shortened {
                shortened.pop().map(|Reverse(entry)| entry)?
            } else {
                untouched.next()?
            };
            if worst >= rank || victims.len() >= EVICTIONS_MAX {
                return None;
            }
            if spared == Some(address) {
                continue;
            }
            let sender = self.senders.get(&address)?;
            let victim = sender.transactions.values().rev().nth(gone)?;
            // Of its own sender's, a newcomer displaces only queued ones behind it.
            if address == tx.sender && (victim.executable || victim.nonce <= tx.nonce) {
                continue;
            }
            excess.free(victim);
            victims.push((address, victim.nonce));
            if let Some(left) = sender.rank_without(gone + 1, self.base_fee) {
                shortened.push(Reverse((left, address, gone + 1)));
            }
        }
        Some(())
    }

    /// Of the worst senders, the first whose every transaction is worth less than `rank`.
    fn yielding_sender(&self, rank: Rank) -> Option<Address> {
        let worst = self.ranks.iter().take(SENDERS_SCANNED_MAX);
        worst
            .take_while(|(worst, _)| *worst < rank)
            .filter_map(|(_, address)| Some((address, self.senders.get(address)?)))
            .find(|(_, sender)| {
                let mut ranks = (0..sender.len()).map(|gone| {
                    sender.rank_without(gone, self.base_fee).is_some_and(|left| left < rank)
                });
                sender.len() <= EVICTIONS_MAX && ranks.all(|is_less| is_less)
            })
            .map(|(address, _)| *address)
    }

    /// The rank of the newcomer, were it the last of its kind in its sender's queue.
    fn rank_of_newcomer(&self, tx: &PooledTransaction, place: &Place) -> Rank {
        let sender = self.senders.get(&tx.sender);
        let added = |in_place: bool| usize::from(!in_place);
        let replaces_executable = place.replaces.is_some_and(|old| old.executable);
        let mut newcomer = tx.clone();
        newcomer.arrival = self.arrivals + 1;
        if !place.executable {
            let count = sender.map_or(0, |s| s.queued()) + added(place.replaces.is_some());
            return Rank::queued(&newcomer, count, self.base_fee);
        }
        let count = sender.map_or(0, |s| s.executable()) + added(replaces_executable);
        let floor = match sender {
            Some(sender) if replaces_executable => sender.floor_without(tx.nonce, self.base_fee),
            Some(sender) => sender.floor(),
            None => i128::MAX,
        };
        Rank::executable(&newcomer, count, floor.min(tx.effective_tip(self.base_fee)))
    }
}
