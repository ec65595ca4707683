//! The pool as many threads share it.

use crate::{
    best::BestTransactions,
    blobs::{self, Sidecar},
    config::PoolConfig,
    error::PoolError,
    event::{DropReason, PoolEvent},
    metrics::PoolMetrics,
    pool::{Pool, PoolContent, PoolStatus, SenderContent, SenderState},
    rules::Rules,
    transaction::PooledTransaction,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{AccountState, CommittedBlock, RecoveredTransaction, SealedHeader};
use parking_lot::{Mutex, MutexGuard};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::{broadcast, watch};

/// What proves that a sidecar belongs to these versioned hashes.
type VerifySidecar = fn(&[B256], &Sidecar) -> Result<(), PoolError>;

/// The shared pool; cheap to clone.
///
/// Every method is synchronous and short: the lock is held for map operations only, never while
/// recovering a key, executing, or waiting. Events are published under the lock, so every
/// subscriber sees them in the order in which they happened.
#[derive(Debug, Clone)]
pub struct PoolHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: Mutex<Pool>,
    config: PoolConfig,
    pending: broadcast::Sender<Arc<RecoveredTransaction>>,
    events: broadcast::Sender<PoolEvent>,
    version: watch::Sender<u64>,
    revision: AtomicU64,
    metrics: PoolMetrics,
}

impl PoolHandle {
    /// An empty pool at `head`. Install the metrics recorder first.
    pub fn new(spec: Arc<ChainSpec>, config: PoolConfig, head: &SealedHeader) -> Self {
        let backlog = config.max_event_backlog.max(1);
        Self(Arc::new(Shared {
            pending: broadcast::Sender::new(backlog),
            events: broadcast::Sender::new(backlog),
            version: watch::Sender::new(0),
            revision: AtomicU64::new(0),
            metrics: PoolMetrics::new(&config),
            pool: Mutex::new(Pool::new(spec, config.clone(), head)),
            config,
        }))
    }

    /// Takes a transaction without blobs in and returns its hash.
    ///
    /// # Errors
    /// As [`Self::add_with_sidecar`].
    pub fn add(
        &self,
        transaction: RecoveredTransaction,
        sender: SenderState,
    ) -> Result<B256, PoolError> {
        self.add_with_sidecar(transaction, None, sender)
    }

    /// Takes a transaction in and returns its hash; `sidecar` is that of a blob transaction.
    ///
    /// Recovers the authorities of a set-code transaction and verifies the proofs of blobs (some
    /// milliseconds a blob), so it belongs on a blocking thread like the recovery of the sender.
    ///
    /// # Errors
    /// The transaction breaks a rule, its sender cannot pay for it, or there is no room; the pool
    /// is left as it was. [`PoolError::StaleAccount`] asks to read the account again.
    pub fn add_with_sidecar(
        &self,
        transaction: RecoveredTransaction,
        sidecar: Option<Arc<Sidecar>>,
        sender: SenderState,
    ) -> Result<B256, PoolError> {
        let added = self.try_add(transaction, sidecar, sender, blobs::verify);
        match &added {
            Ok(_) => self.0.metrics.added(),
            Err(error) => {
                tracing::trace!(%error, "transaction refused");
                self.0.metrics.rejected(error);
            }
        }
        added
    }

    fn try_add(
        &self,
        transaction: RecoveredTransaction,
        sidecar: Option<Arc<Sidecar>>,
        sender: SenderState,
        verify: VerifySidecar,
    ) -> Result<B256, PoolError> {
        let hash = *transaction.tx_hash();
        let rules = {
            let pool = self.0.pool.lock();
            if pool.contains(&hash) {
                return Err(PoolError::AlreadyKnown);
            }
            pool.rules()
        };
        rules.check(transaction.inner(), sidecar.as_deref())?;
        let mut tx = PooledTransaction::new(transaction, sidecar);
        check_before_recovery(&mut tx, &rules, &sender.account)?;
        if let (Some(hashes), Some(sidecar)) = (tx.transaction.blob_versioned_hashes(), &tx.sidecar)
        {
            // What would be refused anyway is not worth the work: anybody could cause it for free.
            self.0.pool.lock().try_add(&tx, sender)?;
            verify(hashes, sidecar)?;
        }
        let mut pool = self.0.pool.lock();
        let added = pool.add(tx, &rules, sender);
        self.publish(pool);
        added.map(|()| hash)
    }

    /// The transaction with this hash, executable or queued.
    pub fn get(&self, hash: &B256) -> Option<Arc<RecoveredTransaction>> {
        self.0.pool.lock().get(hash)
    }

    /// [`Self::add`] that believes every proof, for tests that add thousands.
    #[cfg(test)]
    pub(crate) fn add_unverified(
        &self,
        transaction: RecoveredTransaction,
        sidecar: Option<Arc<Sidecar>>,
        sender: SenderState,
    ) -> Result<B256, PoolError> {
        self.try_add(transaction, sidecar, sender, |_, _| Ok(()))
    }

    /// The sidecar of a pooled blob transaction. It is gone once the transaction is mined or
    /// dropped.
    pub fn sidecar(&self, hash: &B256) -> Option<Arc<Sidecar>> {
        self.0.pool.lock().sidecar(hash)
    }

    /// Whether the pool has this transaction and it cannot run yet.
    pub fn is_queued(&self, hash: &B256) -> bool {
        self.0.pool.lock().is_queued(hash)
    }

    /// The executable transactions by sender and nonce.
    pub fn executable(&self) -> Vec<Arc<RecoveredTransaction>> {
        let entries = self.0.pool.lock().entries();
        entries.into_iter().filter(|(.., runs)| *runs).map(|(tx, ..)| tx).collect()
    }

    /// Whether the pool has this transaction.
    pub fn contains(&self, hash: &B256) -> bool {
        self.0.pool.lock().contains(hash)
    }

    /// The nonce after the sender's executable transactions; none when it has none of them.
    pub fn pending_nonce(&self, sender: Address) -> Option<u64> {
        self.0.pool.lock().pending_nonce(sender)
    }

    /// How full the pool is.
    pub fn status(&self) -> PoolStatus {
        self.0.pool.lock().status()
    }

    /// Every transaction, by sender and nonce.
    pub fn content(&self) -> PoolContent {
        let entries = self.0.pool.lock().entries();
        entries.into_iter().collect()
    }

    /// The transactions of one sender, by nonce.
    pub fn content_from(&self, sender: Address) -> SenderContent {
        self.0.pool.lock().content_from(sender)
    }

    /// Everybody with a transaction in the pool, in ascending order: those whose accounts
    /// [`Self::on_block`] wants to know.
    pub fn senders(&self) -> Vec<Address> {
        self.0.pool.lock().senders()
    }

    /// The bounds the pool was made with.
    pub fn config(&self) -> &PoolConfig {
        &self.0.config
    }

    /// What can stand in a block with this base fee (wei per gas), best first.
    pub fn best(&self, base_fee: u64) -> BestTransactions {
        let ready = self.0.pool.lock().ready(base_fee);
        BestTransactions::new(ready)
    }

    /// Drops a transaction and returns it if it was there. Later ones of its sender are queued
    /// until the gap is filled. A builder calls this for what execution found invalid.
    pub fn remove(&self, hash: &B256, reason: DropReason) -> Option<Arc<RecoveredTransaction>> {
        let mut pool = self.0.pool.lock();
        let removed = pool.remove(hash, reason);
        self.publish(pool);
        removed
    }

    /// Moves the pool to a new head; to be called for every block, in order. `next_base_fee` is
    /// that of the child of `block`, in wei per gas; `changed` holds the accounts of
    /// [`Self::senders`] after the block, of which those that the block left alone may be omitted.
    pub fn on_block(
        &self,
        block: &CommittedBlock,
        next_base_fee: u64,
        changed: &[(Address, AccountState)],
    ) {
        let mut pool = self.0.pool.lock();
        pool.on_block(&block.block, next_base_fee, changed);
        self.publish(pool);
    }

    /// Transactions as they become executable.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<RecoveredTransaction>> {
        self.0.pending.subscribe()
    }

    /// Everything that happens to pooled transactions.
    pub fn events(&self) -> broadcast::Receiver<PoolEvent> {
        self.0.events.subscribe()
    }

    /// A number that changes with everything that happens to pooled transactions: what was made
    /// from the pool is up to date as long as it stays the same.
    pub fn revision(&self) -> u64 {
        self.0.revision.load(Ordering::Acquire)
    }

    /// A counter that grows whenever a transaction becomes executable, for a builder that waits
    /// for work.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// Recomputes everything that the pool keeps up to date.
    #[cfg(test)]
    pub(crate) fn audit(&self) {
        self.0.pool.lock().audit();
    }

    /// Tells everybody what the pool did, before another operation can do more.
    fn publish(&self, mut pool: MutexGuard<'_, Pool>) {
        let mut grew = false;
        let (events, demotions) = (pool.take_events(), pool.take_demotions());
        if !events.is_empty() || demotions > 0 {
            self.0.revision.fetch_add(1, Ordering::AcqRel);
        }
        for event in events {
            self.0.metrics.event(&event);
            if let PoolEvent::Pending(transaction) = &event {
                grew = true;
                // An error only says that nobody listens.
                let _ = self.0.pending.send(Arc::clone(transaction));
            }
            let _ = self.0.events.send(event);
        }
        self.0.metrics.demoted(demotions);
        self.0.metrics.status(pool.status());
        if grew {
            self.0.version.send_modify(|version| *version += 1);
        }
    }
}

/// Recovers the authorities of a set-code transaction, unless the sender's account shows that the
/// work would be for nothing: otherwise anybody could have it done for free.
fn check_before_recovery(
    tx: &mut PooledTransaction,
    rules: &Rules,
    account: &AccountState,
) -> Result<(), PoolError> {
    if !tx.transaction.is_eip7702() {
        return Ok(());
    }
    if tx.nonce < account.nonce {
        return Err(PoolError::NonceTooLow { next: account.nonce, nonce: tx.nonce });
    }
    if tx.cost > account.balance {
        let (balance, cost) = (account.balance, tx.cost);
        return Err(PoolError::InsufficientFunds { balance, cost });
    }
    tx.recover_authorities(rules.chain_id());
    Ok(())
}
