//! What the pool answers about its content.

use super::Pool;
use crate::{best::Ready, blobs::Sidecar, sender::Sender, transaction::PooledTransaction};
use alloy_primitives::{Address, B256};
use mfenx_primitives::RecoveredTransaction;
use std::{collections::BTreeMap, sync::Arc};

/// How full the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStatus {
    /// Executable transactions.
    pub pending: usize,
    /// Transactions behind a gap, a shortage of funds, or too many of their sender's.
    pub queued: usize,
    /// Encoded length (EIP-2718) of all of them, with their sidecars.
    pub bytes: usize,
    /// Senders with at least one transaction.
    pub senders: usize,
}

/// One sender's transactions by nonce.
#[derive(Debug, Clone, Default)]
pub struct SenderContent {
    /// The executable ones.
    pub pending: BTreeMap<u64, Arc<RecoveredTransaction>>,
    /// The others.
    pub queued: BTreeMap<u64, Arc<RecoveredTransaction>>,
}

/// All transactions by sender and nonce; senders without any of a kind are left out.
#[derive(Debug, Clone, Default)]
pub struct PoolContent {
    /// The executable ones.
    pub pending: BTreeMap<Address, BTreeMap<u64, Arc<RecoveredTransaction>>>,
    /// The others.
    pub queued: BTreeMap<Address, BTreeMap<u64, Arc<RecoveredTransaction>>>,
}

/// A transaction, its nonce, and whether it is executable.
type Entry = (Arc<RecoveredTransaction>, u64, bool);

impl FromIterator<Entry> for PoolContent {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut content = Self::default();
        for (transaction, nonce, executable) in entries {
            let part = if executable { &mut content.pending } else { &mut content.queued };
            part.entry(transaction.signer()).or_default().insert(nonce, transaction);
        }
        content
    }
}

impl Pool {
    pub(crate) fn contains(&self, hash: &B256) -> bool {
        self.by_hash.contains_key(hash)
    }

    pub(crate) fn get(&self, hash: &B256) -> Option<Arc<RecoveredTransaction>> {
        Some(Arc::clone(&self.find(hash)?.transaction))
    }

    pub(crate) fn is_queued(&self, hash: &B256) -> bool {
        self.find(hash).is_some_and(|tx| !tx.executable)
    }

    fn find(&self, hash: &B256) -> Option<&PooledTransaction> {
        let (sender, nonce) = self.by_hash.get(hash)?;
        self.senders.get(sender)?.transactions.get(nonce)
    }

    pub(crate) fn sidecar(&self, hash: &B256) -> Option<Arc<Sidecar>> {
        self.find(hash)?.sidecar.clone()
    }

    pub(crate) fn pending_nonce(&self, address: Address) -> Option<u64> {
        let sender = self.senders.get(&address)?;
        (sender.executable() > 0).then(|| sender.next_nonce())
    }

    pub(crate) fn status(&self) -> PoolStatus {
        PoolStatus {
            pending: self.executable,
            queued: self.by_hash.len().saturating_sub(self.executable),
            bytes: self.bytes,
            senders: self.senders.len(),
        }
    }

    pub(crate) fn senders(&self) -> Vec<Address> {
        self.senders.keys().copied().collect()
    }

    /// Everything, flat: putting it into maps is left to whoever does not hold a lock.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let all = self.senders.values().flat_map(|sender| sender.transactions.values());
        all.map(|tx| (Arc::clone(&tx.transaction), tx.nonce, tx.executable)).collect()
    }

    pub(crate) fn content_from(&self, address: Address) -> SenderContent {
        self.senders.get(&address).map(sender_content).unwrap_or_default()
    }

    /// Of every sender, the executable transactions that cover `base_fee`, up to the first that
    /// does not.
    pub(crate) fn ready(&self, base_fee: u64) -> Vec<Vec<Ready>> {
        let ready_of = |sender: &Sender| -> Vec<Ready> {
            let executable = sender.transactions.values().take(sender.executable());
            executable.map_while(|tx| Ready::at(tx, base_fee)).collect()
        };
        self.senders.values().map(ready_of).filter(|ready| !ready.is_empty()).collect()
    }
}

fn sender_content(sender: &Sender) -> SenderContent {
    let mut content = SenderContent::default();
    for (nonce, tx) in &sender.transactions {
        let part = if tx.executable { &mut content.pending } else { &mut content.queued };
        part.insert(*nonce, Arc::clone(&tx.transaction));
    }
    content
}
