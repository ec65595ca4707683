//! Transactions between nodes: ours are sent in batches, those of others are admitted to the pool.
//!
//! A transaction is sent once, by the node that it came to; gossip carries it on. Bounds:
//! [`WAITING_MAX`] transactions of ours while no peer is there, [`INBOX_MAX`] messages of others, of
//! which [`ADMISSIONS_MAX`] are worked on at once.

use super::{
    EngineConfig,
    wire::{new_batch, put_transaction, read_batch},
};
use crate::{chain::Chain, metrics::consensus as counted};
use alloy_consensus::transaction::SignerRecoverable;
use alloy_eips::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, KECCAK256_EMPTY};
use bytes::Bytes;
use mfenx_network::{GossipMessage, NetworkHandle, Topic, Verdict};
use mfenx_primitives::{AccountState, RecoveredTransaction, Transaction};
use mfenx_storage::{Reader, StoreError};
use mfenx_txpool::{PoolError, PoolHandle, SenderState};
use parking_lot::Mutex;
use rayon::prelude::*;
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// How long transactions are gathered before they are sent together.
const GATHER: Duration = Duration::from_millis(20);
/// Bytes at which a batch is sent.
const BATCH_BYTES: usize = 96 * 1024;
const WAITING_MAX: usize = 16_384;
const INBOX_MAX: usize = 256;
const ADMISSIONS_MAX: usize = 2;
/// Hashes of transactions that came from others, so that they are not sent as ours.
const FOREIGN_MAX: usize = 65_536;
/// How often an account is read before a transaction is given up.
const READS_MAX: usize = 8;

/// The two directions of gossip.
pub(super) struct Relay {
    chain: Chain,
    pool: PoolHandle,
    network: NetworkHandle,
    inbox: (mpsc::Sender<GossipMessage>, mpsc::Receiver<GossipMessage>),
    foreign: Arc<Mutex<Foreign>>,
    pending: broadcast::Receiver<Arc<RecoveredTransaction>>,
}

/// The last transactions that came from others.
#[derive(Debug, Default)]
struct Foreign {
    known: HashSet<B256>,
    order: VecDeque<B256>,
}

impl Foreign {
    fn insert(&mut self, hash: B256) {
        if self.known.insert(hash) {
            self.order.push_back(hash);
            if self.order.len() > FOREIGN_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }
}

impl Relay {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self {
            chain: config.chain.clone(),
            pool: config.pool.clone(),
            network: config.network.clone(),
            inbox: mpsc::channel(INBOX_MAX),
            foreign: Arc::default(),
            pending: config.pool.subscribe(),
        }
    }

    /// Where messages of others are put.
    pub(super) fn inbox(&self) -> mpsc::Sender<GossipMessage> {
        self.inbox.0.clone()
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let admissions = Arc::new(Semaphore::new(ADMISSIONS_MAX));
        let mut waiting: VecDeque<Arc<RecoveredTransaction>> = VecDeque::new();
        let mut ticks = tokio::time::interval(GATHER);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                pending = self.pending.recv() => match pending {
                    Ok(transaction) => self.gather(&mut waiting, transaction),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.gather_all(&mut waiting),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = ticks.tick(), if !waiting.is_empty() => self.send(&mut waiting),
                message = self.inbox.1.recv() => {
                    let Some(message) = message else { return };
                    let Ok(permit) = Arc::clone(&admissions).acquire_owned().await else { return };
                    let (chain, pool) = (self.chain.clone(), self.pool.clone());
                    let (network, foreign) = (self.network.clone(), Arc::clone(&self.foreign));
                    tokio::task::spawn_blocking(move || {
                        let verdict = admit_all(&chain, &pool, &foreign, message.data.clone());
                        counted::gossip(Topic::Transactions.label(), verdict);
                        network.report(message.receipt.clone(), verdict);
                        drop(permit);
                    });
                }
            }
        }
    }

    fn gather(
        &self,
        waiting: &mut VecDeque<Arc<RecoveredTransaction>>,
        transaction: Arc<RecoveredTransaction>,
    ) {
        if waiting.len() < WAITING_MAX && !self.foreign.lock().known.contains(transaction.tx_hash())
        {
            waiting.push_back(transaction);
        }
    }

    /// After events were missed: everything of ours that can run is sent, again if need be. Peers
    /// that have it ignore it.
    fn gather_all(&self, waiting: &mut VecDeque<Arc<RecoveredTransaction>>) {
        for transaction in self.pool.executable() {
            self.gather(waiting, transaction);
        }
    }

    /// Sends what was gathered, unless nobody is there to hear it.
    fn send(&self, waiting: &mut VecDeque<Arc<RecoveredTransaction>>) {
        if self.network.peers().is_empty() {
            return;
        }
        let mut batch = new_batch();
        let mut count = 0_u64;
        while let Some(transaction) = waiting.pop_front() {
            let bytes = transaction.encoded_2718();
            if count > 0 && batch.len() + bytes.len() > BATCH_BYTES {
                self.publish(std::mem::replace(&mut batch, new_batch()), count);
                count = 0;
            }
            put_transaction(&mut batch, &bytes);
            count += 1;
        }
        if count > 0 {
            self.publish(batch, count);
        }
    }

    fn publish(&self, batch: Vec<u8>, count: u64) {
        match self.network.publish(Topic::Transactions, batch.into()) {
            Ok(()) => counted::transactions_sent(count),
            Err(error) => tracing::warn!(%error, count, "transactions were not sent"),
        }
    }
}

/// Admits the transactions of a message. Blocking.
fn admit_all(
    chain: &Chain,
    pool: &PoolHandle,
    foreign: &Mutex<Foreign>,
    message: Bytes,
) -> Verdict {
    let Ok(encoded) = read_batch(message) else { return Verdict::Reject };
    let decoded: Option<Vec<Transaction>> = encoded.iter().map(|bytes| decode(bytes)).collect();
    let Some(decoded) = decoded else { return Verdict::Reject };
    {
        let mut foreign = foreign.lock();
        decoded.iter().for_each(|transaction| foreign.insert(*transaction.tx_hash()));
    }
    let unknown: Vec<_> = decoded.into_iter().filter(|tx| !pool.contains(tx.tx_hash())).collect();
    let recovered: Option<Vec<RecoveredTransaction>> = unknown
        .into_par_iter()
        .map(|transaction| {
            let sender = transaction.recover_signer().ok()?;
            Some(RecoveredTransaction::new_unchecked(transaction, sender))
        })
        .collect();
    let Some(recovered) = recovered else { return Verdict::Reject };
    let mut accepted = 0_u64;
    for transaction in recovered {
        match admit(chain, pool, transaction) {
            Ok(true) => accepted += 1,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "an account could not be read");
                return Verdict::Ignore;
            }
        }
    }
    counted::transactions_received(accepted);
    // Messages are signed by their source, so one good transaction is worth the whole of them.
    if accepted > 0 { Verdict::Accept } else { Verdict::Ignore }
}

/// A transaction without a sidecar: this chain takes no blobs.
fn decode(bytes: &[u8]) -> Option<Transaction> {
    let mut rest = bytes;
    let transaction = Transaction::decode_2718(&mut rest).ok()?;
    (rest.is_empty() && !transaction.is_eip4844()).then_some(transaction)
}

/// Whether the pool took the transaction.
fn admit(
    chain: &Chain,
    pool: &PoolHandle,
    transaction: RecoveredTransaction,
) -> Result<bool, StoreError> {
    // A block may come between reading the account and bringing the transaction.
    for _ in 0..READS_MAX {
        let state = sender_state(&chain.store().reader()?, transaction.signer())?;
        match pool.add(transaction.clone(), state) {
            Err(PoolError::StaleAccount { .. }) => {}
            added => return Ok(added.is_ok()),
        }
    }
    Ok(false)
}

fn sender_state(reader: &Reader, sender: Address) -> Result<SenderState, StoreError> {
    let state = reader.latest_state();
    let account = state.account(sender)?.unwrap_or(AccountState::EMPTY);
    // Code that is no delegation (EIP-7702: 0xef0100 and an address) is a contract's (EIP-3607).
    let has_foreign_code = account.code_hash != KECCAK256_EMPTY && {
        let code = state.code(sender)?;
        code.len() != 23 || !code.starts_with(&[0xef, 0x01, 0x00])
    };
    Ok(SenderState { account, has_foreign_code, head_number: reader.head()?.number })
}
