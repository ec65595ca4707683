//! Catching up: ranges of decided blocks from peers, each block checked as if this node had voted.
//!
//! Bounds: one range is under way, with one behind it being fetched; [`RANGE_BLOCKS_MAX`] blocks
//! and the protocol's bytes each. A peer that sends something wrong is left alone for
//! [`DISTRUST`], and the range asked of another.

use super::{
    driver::Driver,
    log::Recovered,
    wire::{RANGE_BLOCKS_MAX, RangeRequest, read_blocks},
};
use crate::{
    candidate::decode_payload,
    chain::{Chain, Sealed},
    error::{BlockFault, EngineError, ImportError},
    feed::HeadFeed,
    metrics::consensus as counted,
    sets::Sets,
};
use alloy_primitives::Address;
use bytes::Bytes;
use mfenx_consensus::Certificate;
use mfenx_network::{NetworkHandle, PeerId, Protocol, Target};
use mfenx_txpool::PoolHandle;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

use super::jobs::Done;

/// How long a peer is left alone that sent something wrong.
const DISTRUST: Duration = Duration::from_secs(60);
/// How long a peer is not asked that had no answer.
const PAUSE: Duration = Duration::from_millis(500);
const PEERS_REMEMBERED_MAX: usize = 1024;
/// How long a voting node waits for its own decision on a block that others have, before it takes it
/// from them.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// What is known about who has more.
#[derive(Debug, Default)]
pub(super) struct SyncState {
    /// The highest head that a peer is believed to have.
    target: u64,
    /// Peers that are not asked until then.
    paused: HashMap<PeerId, Instant>,
    /// When a head above ours was first heard of.
    behind_since: Option<Instant>,
}

impl SyncState {
    /// The height to catch up to.
    pub(super) const fn target(&self) -> Option<u64> {
        if self.target > 0 { Some(self.target) } else { None }
    }

    /// A peer is back: what it did not have it may have now.
    pub(super) fn connected(&mut self, peer: PeerId) {
        if self.paused.get(&peer).is_some_and(|until| *until < Instant::now() + PAUSE) {
            self.paused.remove(&peer);
        }
    }

    /// A peer passed on a certificate of that height.
    pub(super) fn heard_from(&mut self, peer: PeerId, number: u64) {
        self.connected(peer);
        self.target = self.target.max(number);
    }

    /// Leaves a peer alone that sent something wrong.
    pub(super) fn distrust(&mut self, network: &NetworkHandle, peer: PeerId) {
        counted::bad_data();
        self.pause(peer, DISTRUST);
        // The pause above holds even when the queue is full.
        let _ = network.ban(peer, DISTRUST);
    }

    fn pause(&mut self, peer: PeerId, time: Duration) {
        let now = Instant::now();
        if self.paused.len() >= PEERS_REMEMBERED_MAX {
            self.paused.retain(|_, until| *until > now);
        }
        if self.paused.len() < PEERS_REMEMBERED_MAX {
            self.paused.insert(peer, now + time);
        }
    }

    /// Whether a peer is not asked for now.
    pub(super) fn is_distrusted(&self, peer: &PeerId) -> bool {
        self.paused.get(peer).is_some_and(|until| *until > Instant::now())
    }
}

/// What a sync job did.
pub(super) struct Synced {
    /// Peers that sent something wrong.
    liars: Vec<PeerId>,
    /// Peers that had no answer.
    silent: Vec<PeerId>,
    sets: Sets,
    missed: BTreeMap<Address, u64>,
}

/// What a sync job works with.
struct Job {
    chain: Chain,
    pool: PoolHandle,
    feed: HeadFeed,
    network: NetworkHandle,
    peers: Vec<(PeerId, u64)>,
    next: u64,
    done: Synced,
}

impl Driver {
    /// Starts to catch up when peers are ahead and nothing is being written.
    pub(super) fn sync_if_behind(&mut self) {
        let head = self.head.number;
        let peers = self.network.peers();
        let highest = peers.iter().filter(|peer| !self.sync.is_distrusted(&peer.peer));
        self.sync.target = highest.map(|peer| peer.head.number).max().unwrap_or(0);
        if self.sync.target <= head {
            self.sync.behind_since = None;
            return;
        }
        let since = *self.sync.behind_since.get_or_insert_with(Instant::now);
        // The block that is being decided, or fetched by its hash, need not be asked for.
        let soon =
            self.sync.target == head + 1 && (self.machine.is_some() || self.decision.is_some());
        if self.writing || (soon && since.elapsed() < PATIENCE) {
            return;
        }
        let peers = peers
            .iter()
            .filter(|peer| peer.head.number > head && !self.sync.is_distrusted(&peer.peer));
        let peers = peers.map(|peer| (peer.peer, peer.head.number)).collect();
        self.writing = true;
        let job = Job {
            chain: self.chain.clone(),
            pool: self.pool.clone(),
            feed: self.feed.clone(),
            network: self.network.clone(),
            peers,
            next: head + 1,
            done: Synced {
                liars: Vec::new(),
                silent: Vec::new(),
                sets: self.sets.clone(),
                missed: BTreeMap::new(),
            },
        };
        self.jobs.waiting(async move { Done::Synced(job.run().await) });
    }

    /// A sync job has ended, caught up or not.
    pub(super) fn synced(&mut self, synced: Synced) -> Result<(), EngineError> {
        for peer in synced.liars {
            self.sync.distrust(&self.network, peer);
        }
        for peer in synced.silent {
            self.sync.pause(peer, PAUSE);
        }
        self.sync.behind_since = None;
        self.sets = synced.sets;
        for (operator, rounds) in synced.missed {
            *Arc::make_mut(&mut self.missed).entry(operator).or_default() += rounds;
        }
        let head = self.chain.head()?;
        if head.number == self.head.number {
            return Ok(());
        }
        tracing::debug!(from = self.head.number, to = head.number, "synced");
        self.head = head;
        self.tell_head();
        self.start_height(Recovered::default())
    }
}

impl Job {
    /// Takes ranges until nobody has more.
    async fn run(mut self) -> Result<Synced, EngineError> {
        let mut ahead: Option<(PeerId, Bytes)> = None;
        loop {
            let (peer, answer) = match ahead.take() {
                Some(found) => found,
                None => match self.fetch(self.next).await {
                    Some(found) => found,
                    None => return Ok(self.done),
                },
            };
            let Ok(blocks) = read_blocks(answer, RANGE_BLOCKS_MAX) else {
                self.lied(peer);
                continue;
            };
            let after = self.next + blocks.len() as u64;
            let (chain, pool, feed) = (self.chain.clone(), self.pool.clone(), self.feed.clone());
            let mut sets = self.done.sets.clone();
            let import = tokio::task::spawn_blocking(move || {
                let outcome = import(&chain, &pool, &feed, &mut sets, blocks);
                (sets, outcome)
            });
            // While one range is executed, the next is fetched.
            let more = self.peers.iter().any(|(_, head)| *head >= after);
            let (imported, fetched) = tokio::join!(import, async {
                if more { self.fetch_quietly(after).await } else { None }
            });
            let (sets, outcome) =
                imported.map_err(|error| EngineError::Worker(error.to_string()))?;
            self.done.sets = sets;
            let Imported { next, missed, fault } = outcome?;
            self.next = self.next.max(next);
            for operator in missed {
                *self.done.missed.entry(operator).or_default() += 1;
            }
            match fault {
                None => ahead = fetched,
                Some(fault) => {
                    tracing::warn!(%peer, block = self.next, %fault, "a peer sent a wrong block");
                    self.lied(peer);
                }
            }
        }
    }

    fn lied(&mut self, peer: PeerId) {
        self.peers.retain(|(known, _)| *known != peer);
        self.done.liars.push(peer);
    }

    /// Asks one peer after the other for a range.
    async fn fetch(&mut self, first: u64) -> Option<(PeerId, Bytes)> {
        while let Some(&(peer, _)) = self.peers.iter().find(|(_, head)| *head >= first) {
            if let Some(found) = self.ask(peer, first).await {
                return Some(found);
            }
            self.peers.retain(|(known, _)| *known != peer);
            self.done.silent.push(peer);
        }
        None
    }

    /// Asks the best peer once; its silence is found out by [`Self::fetch`].
    async fn fetch_quietly(&self, first: u64) -> Option<(PeerId, Bytes)> {
        let (peer, _) = *self.peers.iter().find(|(_, head)| *head >= first)?;
        self.ask(peer, first).await
    }

    async fn ask(&self, peer: PeerId, first: u64) -> Option<(PeerId, Bytes)> {
        let request = RangeRequest { first, count: RANGE_BLOCKS_MAX }.encode();
        match self.network.request(Target::Peer(peer), Protocol::Blocks, request).await {
            Ok(answer) if !answer.data.is_empty() => Some((peer, answer.data)),
            Ok(_) => None,
            Err(error) => {
                tracing::debug!(%error, first, "asked for blocks in vain");
                None
            }
        }
    }
}

/// How far an import came.
struct Imported {
    /// The first height that is missing now.
    next: u64,
    missed: Vec<Address>,
    fault: Option<BlockFault>,
}

/// Checks, executes and commits blocks in order, until one is wrong. Blocking.
fn import(
    chain: &Chain,
    pool: &PoolHandle,
    feed: &HeadFeed,
    sets: &mut Sets,
    blocks: Vec<(Bytes, Bytes)>,
) -> Result<Imported, EngineError> {
    let mut missed = Vec::new();
    let mut fault = None;
    for (payload, certificate) in blocks {
        match import_one(chain, sets, &payload, &certificate, &mut missed) {
            Ok(sealed) => {
                let Sealed { committed, changed } = sealed;
                let base_fee = chain.spec().next_base_fee(committed.block.header());
                pool.on_block(&committed, base_fee.unwrap_or_default(), &changed);
                counted::synced();
                feed.announce(committed);
            }
            Err(Failure::Fault(found)) => {
                fault = Some(found);
                break;
            }
            Err(Failure::Ours(error)) => return Err(error),
        }
    }
    Ok(Imported { next: chain.head()?.number + 1, missed, fault })
}

/// Whose failure it is.
enum Failure {
    Fault(BlockFault),
    Ours(EngineError),
}

impl From<BlockFault> for Failure {
    fn from(fault: BlockFault) -> Self {
        match fault {
            BlockFault::Import(ImportError::Store(error)) => Self::Ours(error.into()),
            fault if fault.is_ours() => Self::Ours(EngineError::Worker(fault.to_string())),
            fault => Self::Fault(fault),
        }
    }
}

fn import_one(
    chain: &Chain,
    sets: &mut Sets,
    payload: &[u8],
    certificate: &[u8],
    missed: &mut Vec<Address>,
) -> Result<Sealed, Failure> {
    let (proof, block) = decode_payload(payload)?;
    let certificate = Certificate::decode(certificate).map_err(|_| BlockFault::OtherCertificate)?;
    let reader = chain.store().reader().map_err(|error| Failure::Ours(error.into()))?;
    let authorities = sets.after_head(&reader).map_err(Failure::Ours)?;
    drop(reader);
    let set = authorities.set();
    let candidate = chain.check_decided(set, &certificate, proof, block)?;
    missed.extend((0..certificate.round.min(1_000)).map(|round| set.proposer(round).operator.0));
    chain.commit_candidate(candidate, certificate).map_err(Failure::Ours)
}
