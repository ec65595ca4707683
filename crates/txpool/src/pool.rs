//! The pool as a plain value: every operation is a function of its arguments and what went before,
//! and leaves its events behind for whoever holds the pool to publish.

mod admission;
#[cfg(test)]
mod audit;
mod block;
mod queries;
mod room;

pub use queries::{PoolContent, PoolStatus, SenderContent};

use crate::{
    config::PoolConfig,
    error::PoolError,
    event::{DropReason, PoolEvent},
    rank::Rank,
    rules::Rules,
    sender::{Sender, Shift},
    transaction::PooledTransaction,
};
use alloy_primitives::{Address, B256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{AccountState, Header, RecoveredTransaction};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// A sender's account, as whoever brings its transaction has read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderState {
    /// The account at the head.
    pub account: AccountState,
    /// Whether it has code that is no delegation (EIP-3607, EIP-7702).
    pub has_foreign_code: bool,
    /// Height of the head at which it was read.
    pub head_number: u64,
}

/// All transactions that wait, by sender and nonce, with what is derived from them.
///
/// Invariants between operations: `by_hash` names every transaction of `senders` and no other;
/// `bytes`, `executable` and `authorities` are sums over them; every sender has a transaction, is
/// settled, and stands in `ranks` under its rank.
#[derive(Debug)]
pub(crate) struct Pool {
    spec: Arc<ChainSpec>,
    config: PoolConfig,
    rules: Arc<Rules>,
    head_number: u64,
    base_fee: u64,
    /// Ordered, so that a run can be repeated to the letter.
    senders: BTreeMap<Address, Sender>,
    by_hash: HashMap<B256, (Address, u64)>,
    /// How many pooled transactions delegate an account (EIP-7702).
    authorities: HashMap<Address, usize>,
    /// Senders by the worth of their last transaction, the first to be evicted in front.
    ranks: BTreeSet<(Rank, Address)>,
    bytes: usize,
    executable: usize,
    arrivals: u64,
    events: Vec<PoolEvent>,
    demotions: u64,
}

impl Pool {
    pub(crate) fn new(spec: Arc<ChainSpec>, config: PoolConfig, head: &Header) -> Self {
        Self {
            rules: Arc::new(Rules::at(&spec, head, &config)),
            head_number: head.number,
            base_fee: spec.next_base_fee(head).unwrap_or_default(),
            spec,
            config,
            senders: BTreeMap::new(),
            by_hash: HashMap::new(),
            authorities: HashMap::new(),
            ranks: BTreeSet::new(),
            bytes: 0,
            executable: 0,
            arrivals: 0,
            events: Vec::new(),
            demotions: 0,
        }
    }

    /// The rules at the head, to check a transaction by before it is brought.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules)
    }

    /// What happened since this was last called, in order.
    pub(crate) fn take_events(&mut self) -> Vec<PoolEvent> {
        std::mem::take(&mut self.events)
    }

    /// How many transactions ceased to be executable since this was last called.
    pub(crate) fn take_demotions(&mut self) -> u64 {
        std::mem::take(&mut self.demotions)
    }

    /// Takes a transaction in, or says why not; a refusal leaves the pool as it was, except that
    /// a sender with pooled transactions is seen with the account state given.
    ///
    /// `checked_by` are the rules that the transaction has passed; it is checked again when a
    /// block has changed them since.
    pub(crate) fn add(
        &mut self,
        tx: PooledTransaction,
        checked_by: &Arc<Rules>,
        sender: SenderState,
    ) -> Result<(), PoolError> {
        let SenderState { account, has_foreign_code, head_number } = sender;
        if self.contains(&tx.hash) {
            return Err(PoolError::AlreadyKnown);
        }
        // A block since then may have used the nonce up. Its account would not be told again, and
        // the sender's transactions would wait behind a gap for ever.
        if head_number < self.head_number {
            let head = self.head_number;
            return Err(PoolError::StaleAccount { read_at: head_number, head });
        }
        if !Arc::ptr_eq(checked_by, &self.rules) {
            self.rules.check(tx.transaction.inner(), tx.sidecar.as_deref())?;
        }
        self.refresh(tx.sender, account);
        let place = self.place(&tx, account, has_foreign_code)?;
        for (sender, nonce) in self.room_for(&tx, &place)? {
            self.evict(sender, nonce);
        }
        self.insert(tx, place.account);
        Ok(())
    }

    /// Whether [`Self::add`] would take a transaction that has passed the rules, as far as can be
    /// said without changing anything.
    pub(crate) fn try_add(
        &self,
        tx: &PooledTransaction,
        sender: SenderState,
    ) -> Result<(), PoolError> {
        let SenderState { account, has_foreign_code, .. } = sender;
        let place = self.place(tx, account, has_foreign_code)?;
        self.room_for(tx, &place).map(|_| ())
    }

    /// Drops one transaction; those of its sender that come after it wait in the queue.
    pub(crate) fn remove(
        &mut self,
        hash: &B256,
        reason: DropReason,
    ) -> Option<Arc<RecoveredTransaction>> {
        let (sender, nonce) = *self.by_hash.get(hash)?;
        let removed = self.drop_transaction(sender, nonce, reason);
        self.settle(sender);
        removed
    }

    /// Sees a sender with a newer balance and code. With another nonce, a block lies between what
    /// the pool and the caller have seen: then [`Self::on_block`] will tell both at once.
    fn refresh(&mut self, address: Address, account: AccountState) {
        let Some(sender) = self.senders.get_mut(&address) else { return };
        if sender.account.nonce == account.nonce && sender.account != account {
            sender.account = account;
            self.settle(address);
        }
    }

    /// Puts an admitted transaction in its place, over the one with its nonce.
    fn insert(&mut self, mut tx: PooledTransaction, account: AccountState) {
        let (address, nonce, hash) = (tx.sender, tx.nonce, tx.hash);
        if let Some(old) = self.detach(address, nonce) {
            let reason = DropReason::Replaced { by: hash };
            self.events.push(PoolEvent::Dropped { hash: old.hash, reason });
        }
        self.arrivals += 1;
        tx.arrival = self.arrivals;
        self.bytes += tx.bytes;
        for authority in &tx.authorities {
            *self.authorities.entry(*authority).or_default() += 1;
        }
        self.by_hash.insert(hash, (address, nonce));
        let sender = self.senders.entry(address).or_insert_with(|| Sender::new(account));
        sender.transactions.insert(nonce, tx);
        if nonce < sender.next_nonce() {
            self.settle(address);
        } else {
            let shift = sender.extend(self.base_fee, self.config.max_per_sender);
            self.apply(shift);
            self.rank(address);
        }
    }

    /// Drops a sender's last transaction.
    fn evict(&mut self, address: Address, nonce: u64) {
        let Some(tx) = self.detach(address, nonce) else { return };
        if let Some(sender) = self.senders.get_mut(&address) {
            sender.shorten(&tx);
        }
        let reason = DropReason::Evicted;
        self.events.push(PoolEvent::Dropped { hash: tx.hash, reason });
        self.rank(address);
    }

    /// Takes a transaction out and says why; its sender must be settled afterwards.
    fn drop_transaction(
        &mut self,
        sender: Address,
        nonce: u64,
        reason: DropReason,
    ) -> Option<Arc<RecoveredTransaction>> {
        let dropped = self.detach(sender, nonce)?;
        self.events.push(PoolEvent::Dropped { hash: dropped.hash, reason });
        Some(dropped.transaction)
    }

    /// Takes a transaction out of everything but its sender's division and rank.
    fn detach(&mut self, sender: Address, nonce: u64) -> Option<PooledTransaction> {
        let tx = self.senders.get_mut(&sender)?.transactions.remove(&nonce)?;
        self.by_hash.remove(&tx.hash);
        self.bytes -= tx.bytes;
        self.executable -= usize::from(tx.executable);
        for authority in &tx.authorities {
            if let Some(count) = self.authorities.get_mut(authority) {
                *count -= 1;
                if *count == 0 {
                    self.authorities.remove(authority);
                }
            }
        }
        Some(tx)
    }

    /// Divides a sender's transactions anew, and forgets a sender without any.
    fn settle(&mut self, address: Address) {
        let Some(sender) = self.senders.get_mut(&address) else { return };
        let shift = sender.settle(self.base_fee, self.config.max_per_sender);
        self.apply(shift);
        self.rank(address);
    }

    fn apply(&mut self, shift: Shift) {
        self.executable += shift.promoted.len();
        self.executable -= shift.demoted;
        self.demotions += shift.demoted as u64;
        self.events.extend(shift.promoted.into_iter().map(PoolEvent::Pending));
    }

    fn rank(&mut self, address: Address) {
        let Some(sender) = self.senders.get_mut(&address) else { return };
        let rank = sender.rank_without(0, self.base_fee);
        if sender.rank == rank {
            return;
        }
        if let Some(old) = sender.rank.take() {
            self.ranks.remove(&(old, address));
        }
        sender.rank = rank;
        match rank {
            Some(rank) => {
                self.ranks.insert((rank, address));
            }
            None => {
                self.senders.remove(&address);
            }
        }
    }
}
