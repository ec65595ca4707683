//! The pool as one would write it on a blackboard: no sums, no indices, everything derived anew
//! from the definition each time. It knows nothing of a full pool.

use crate::PoolConfig;
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, U256};
use mfenx_primitives::{AccountState, RecoveredTransaction};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
struct Entry {
    transaction: RecoveredTransaction,
    arrival: u64,
}

impl Entry {
    fn hash(&self) -> B256 {
        *self.transaction.tx_hash()
    }

    /// Maximal fee, tip, and the maximal blob fee if it has any.
    fn fees(&self) -> Vec<u128> {
        let tx = &self.transaction;
        let two = [tx.max_fee_per_gas(), tx.priority_fee_or_price()];
        two.into_iter().chain(tx.max_fee_per_blob_gas()).collect()
    }

    fn is_blob(&self) -> bool {
        self.transaction.blob_versioned_hashes().is_some()
    }
}

pub(super) fn cost(tx: &RecoveredTransaction) -> U256 {
    let blobs = tx
        .blob_gas_used()
        .map_or(U256::ZERO, |gas| U256::from(gas) * U256::from(tx.max_fee_per_blob_gas().unwrap()));
    U256::from(tx.gas_limit()) * U256::from(tx.max_fee_per_gas()) + blobs + tx.value()
}

#[derive(Debug, Default)]
pub(super) struct Model {
    config: PoolConfig,
    pub(super) accounts: BTreeMap<Address, AccountState>,
    queues: BTreeMap<Address, BTreeMap<u64, Entry>>,
    arrivals: u64,
}

impl Model {
    pub(super) fn new(config: PoolConfig) -> Self {
        Self { config, ..Self::default() }
    }

    pub(super) fn account(&self, sender: Address) -> AccountState {
        self.accounts.get(&sender).copied().unwrap_or_default()
    }

    fn queue(&self, sender: Address) -> BTreeMap<u64, Entry> {
        self.queues.get(&sender).cloned().unwrap_or_default()
    }

    /// How many of the sender's transactions can run, and what they cost.
    pub(super) fn executable(&self, sender: Address) -> (u64, U256) {
        let (account, queue) = (self.account(sender), self.queue(sender));
        let (mut count, mut spent) = (0, U256::ZERO);
        while let Some(entry) = queue.get(&(account.nonce + count)) {
            let more = spent + cost(&entry.transaction);
            if more > account.balance || count == self.config.max_per_sender as u64 {
                break;
            }
            (count, spent) = (count + 1, more);
        }
        (count, spent)
    }

    /// Takes the transaction in, or gives the label of the error to expect.
    pub(super) fn add(&mut self, transaction: &RecoveredTransaction) -> Result<(), &'static str> {
        let (sender, nonce) = (transaction.signer(), transaction.nonce());
        let (account, queue) = (self.account(sender), self.queue(sender));
        let (count, spent) = self.executable(sender);
        let next = account.nonce + count;
        self.arrivals += 1;
        let entry = Entry { transaction: transaction.clone(), arrival: self.arrivals };
        let old = queue.get(&nonce);
        if old.is_some_and(|old| old.hash() == entry.hash()) {
            return Err("already_known");
        }
        if nonce < account.nonce {
            return Err("nonce_too_low");
        }
        let gap = if entry.is_blob() { 0 } else { self.config.max_nonce_gap };
        if nonce > next + gap {
            return Err("nonce_gap");
        }
        let replaced = old.filter(|_| nonce < next).map(|old| cost(&old.transaction));
        let cost = cost(transaction);
        if cost > account.balance || spent - replaced.unwrap_or_default() + cost > account.balance {
            return Err("insufficient_funds");
        }
        if queue.values().any(|other| other.is_blob() != entry.is_blob()) {
            return Err("address_reserved");
        }
        if let Some(old) = old {
            let percent = if old.is_blob() { 200 } else { 110 };
            let outbids = |new: u128, old: u128| new > old && new >= old * percent / 100;
            let fees = entry.fees().into_iter().zip(old.fees());
            if !fees.into_iter().all(|(new, old)| outbids(new, old)) {
                return Err("replacement_underpriced");
            }
        } else {
            let runs = nonce == next && count < self.config.max_per_sender as u64;
            let queued = queue.len() - count as usize;
            let most = self.config.max_per_sender + self.config.max_queued_per_sender;
            let most =
                if entry.is_blob() { most.min(self.config.max_blob_txs_per_sender) } else { most };
            if queue.len() >= most || (!runs && queued >= self.config.max_queued_per_sender) {
                return Err("account_limit");
            }
        }
        self.queues.entry(sender).or_default().insert(nonce, entry);
        Ok(())
    }

    pub(super) fn remove(&mut self, sender: Address, nonce: u64) {
        if let Some(queue) = self.queues.get_mut(&sender) {
            queue.remove(&nonce);
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    /// After the accounts have changed: drops what is used up or too dear even alone.
    pub(super) fn on_block(&mut self) {
        for (sender, queue) in &mut self.queues {
            let account = self.accounts.get(sender).copied().unwrap_or_default();
            queue.retain(|nonce, entry| {
                *nonce >= account.nonce && cost(&entry.transaction) <= account.balance
            });
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    /// Hashes by sender and nonce: executable, queued.
    pub(super) fn content(&self) -> [BTreeMap<(Address, u64), B256>; 2] {
        let mut content = [BTreeMap::new(), BTreeMap::new()];
        for (sender, queue) in &self.queues {
            let next = self.account(*sender).nonce + self.executable(*sender).0;
            for (nonce, entry) in queue {
                content[usize::from(*nonce >= next)].insert((*sender, *nonce), entry.hash());
            }
        }
        content
    }

    /// The order of the best: over and over the best of the senders' next ones.
    pub(super) fn best(&self, base_fee: u64) -> Vec<B256> {
        let mut next: BTreeMap<_, _> =
            self.queues.keys().map(|sender| (*sender, self.account(*sender).nonce)).collect();
        let mut best = Vec::new();
        loop {
            let candidates = next.iter().filter_map(|(sender, nonce)| {
                let runs = *nonce < self.account(*sender).nonce + self.executable(*sender).0;
                let entry = self.queues[sender].get(nonce).filter(|_| runs)?;
                let tip = entry.transaction.effective_tip_per_gas(base_fee)?;
                Some((tip, std::cmp::Reverse(entry.arrival), *sender, entry.hash()))
            });
            let Some((_, _, sender, hash)) = candidates.max() else { return best };
            best.push(hash);
            *next.entry(sender).or_default() += 1;
        }
    }
}
