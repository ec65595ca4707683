//! Catching up: ranges of decided blocks from peers, each block checked as if this node had voted.
//!
//! A range is asked of one peer; when that takes long, of another as well, so that a peer which
//! claims a high head and then keeps silent costs little. While a range is imported, the next is
//! fetched. Only the import holds the writer: what is decided here never waits for a peer.
//!
//! Bounds: one range is imported, one waits, [`FETCHES_MAX`] are asked for; [`RANGE_BLOCKS_MAX`]
//! blocks and the protocol's bytes each. Whom to ask and whom to believe is in [`super::sources`].

use super::{
    driver::Driver,
    log::Recovered,
    sources::{DISTRUST, Sources},
    twice::Signed,
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
use mfenx_consensus::{Certificate, Operator};
use mfenx_network::{Head, NetworkHandle, PeerId, Protocol, Target};
use mfenx_txpool::PoolHandle;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::jobs::Done;

/// When a request takes longer, another peer is asked as well.
const SLOW: Duration = Duration::from_millis(1_500);
const FETCHES_MAX: usize = 3;
/// How long a voting node waits for its own decision on a block that others have, before it takes it
/// from them.
const PATIENCE: Duration = Duration::from_millis(1_000);
/// An import of so many blocks says that this node was behind, and by more than a block that others
/// were faster with.
const PROGRESS_BLOCKS: u64 = 3;

/// What is known about who has more, and what is under way.
#[derive(Debug, Default)]
pub(super) struct SyncState {
    /// The highest head that there is reason to believe in.
    believed: u64,
    /// The highest head that anybody claims who may have it.
    claimed: u64,
    /// When blocks were last imported that this node was behind by.
    progress: Option<Instant>,
    pub(super) sources: Sources,
    /// When a head above ours was first heard of.
    behind_since: Option<Instant>,
    /// Whom a range was asked of, from which height on, and when.
    fetching: Vec<(PeerId, u64, Instant)>,
    /// A range that waits for its import.
    fetched: Option<Range>,
    /// The last height of the range that is being imported.
    importing: Option<u64>,
}

/// An answer of a peer.
#[derive(Debug)]
struct Range {
    peer: PeerId,
    first: u64,
    blocks: Vec<(Bytes, Bytes)>,
}

impl SyncState {
    /// The height to catch up to.
    pub(super) const fn target(&self) -> Option<u64> {
        if self.believed > 0 { Some(self.believed) } else { None }
    }

    /// The highest head that anybody claims who may have it.
    pub(super) const fn claimed(&self) -> u64 {
        self.claimed
    }

    /// When blocks were last imported that this node was behind by.
    pub(super) const fn progress(&self) -> Option<Instant> {
        self.progress
    }

    /// Leaves a peer alone that sent something wrong.
    pub(super) fn distrust(&mut self, network: &NetworkHandle, peer: PeerId) {
        counted::bad_data();
        self.sources.distrust(peer);
        // It is left alone even when the queue is full.
        let _ = network.ban(peer, DISTRUST);
    }

    /// Whether another request may be made: one at a time, unless it takes long.
    fn may_fetch(&self, first: u64) -> bool {
        let slow = |(_, _, since): &(PeerId, u64, Instant)| since.elapsed() > SLOW;
        self.fetching.len() < FETCHES_MAX
            && self.fetching.iter().filter(|(_, from, _)| *from == first).all(slow)
    }
}

impl Driver {
    /// Carries on with catching up: imports what was fetched, and asks for what is missing.
    pub(super) fn sync_if_behind(&mut self) {
        self.import_fetched();
        let head = self.head.number;
        let peers = self.network.peers();
        let sources = &self.sync.sources;
        let asked = peers.iter().filter(|peer| !sources.is_left_alone(&peer.peer));
        let asked = asked.map(|peer| (peer, sources.is_doubtful(&peer.peer)));
        let asked: Vec<_> = asked.collect();
        let target = asked.iter().map(|(peer, _)| peer.head.number).max().unwrap_or(0);
        if target <= head {
            self.sync.behind_since = None;
            return;
        }
        let since = *self.sync.behind_since.get_or_insert_with(Instant::now);
        // The block that is being decided, or fetched by its hash, need not be asked for.
        let soon = target == head + 1 && (self.machine.is_some() || self.decision.is_some());
        let first = self.sync.importing.unwrap_or(head) + 1;
        if self.sync.fetched.is_some()
            || first > target
            || (soon && since.elapsed() < PATIENCE)
            || !self.sync.may_fetch(first)
        {
            return;
        }
        let free = |peer: &PeerId| !self.sync.fetching.iter().any(|(asked, ..)| asked == peer);
        let best = asked.iter().filter(|(peer, _)| peer.head.number >= first && free(&peer.peer));
        let best =
            best.min_by_key(|(peer, doubtful)| (*doubtful, peer.latency.unwrap_or(Duration::MAX)));
        let Some(peer) = best.map(|(peer, _)| peer.peer) else { return };
        self.sync.fetching.push((peer, first, Instant::now()));
        let network = self.network.clone();
        self.jobs.waiting(async move {
            let request = RangeRequest { first, count: RANGE_BLOCKS_MAX }.encode();
            let answer = network.request(Target::Peer(peer), Protocol::Blocks, request).await;
            if let Err(error) = &answer {
                tracing::debug!(%error, first, "asked for blocks in vain");
            }
            Done::Fetched { peer, first, answer: answer.ok().map(|answer| answer.data) }
        });
    }

    /// Looks at what peers claim.
    pub(super) fn weigh_claims(&mut self) {
        let peers = self.network.peers();
        let SyncState { sources, believed, claimed, .. } = &mut self.sync;
        sources.forgive(&peers, self.head.number);
        *claimed = sources.claimed(&peers);
        *believed = sources.believed(&peers, &self.authorities).max(self.announced);
    }

    /// A peer answered, or did not.
    pub(super) fn fetched(&mut self, peer: PeerId, first: u64, answer: Option<Bytes>) {
        self.sync.fetching.retain(|(asked, from, _)| (*asked, *from) != (peer, first));
        let Some(answer) = answer else { return self.sync.sources.fail(peer) };
        match read_blocks(answer, RANGE_BLOCKS_MAX) {
            Ok(blocks) if !blocks.is_empty() => {
                if self.sync.fetched.is_none() {
                    self.sync.fetched = Some(Range { peer, first, blocks });
                }
            }
            Ok(_) | Err(_) => self.sync.distrust(&self.network, peer),
        }
    }

    /// Imports the range that was fetched, unless something else is being written.
    fn import_fetched(&mut self) {
        if self.writing {
            return;
        }
        let Some(Range { peer, first, mut blocks }) = self.sync.fetched.take() else { return };
        // What was decided here in the meantime need not be looked at.
        let known = self.height().saturating_sub(first);
        if first > self.height() || known >= blocks.len() as u64 {
            return;
        }
        blocks.drain(..known as usize);
        self.sync.importing = Some(self.head.number + blocks.len() as u64);
        self.writing = true;
        let (chain, pool, feed) = (self.chain.clone(), self.pool.clone(), self.feed.clone());
        let (mut sets, stop) = (self.sets.clone(), self.ended.clone());
        let operator = self.operator.map(Operator);
        self.jobs.blocking(move || {
            let imported = import(&chain, &pool, &feed, &mut sets, blocks, (operator, &stop));
            Done::Synced(imported.map(|imported| Synced { peer, sets, imported }))
        });
    }

    /// An import has ended, at its end or at a wrong block.
    pub(super) fn synced(&mut self, synced: Synced) -> Result<(), EngineError> {
        let Synced { peer, sets, imported } = synced;
        self.sync.importing = None;
        self.sets = sets;
        self.check_own(imported.noted.signed)?;
        for operator in imported.noted.missed {
            *Arc::make_mut(&mut self.missed).entry(operator).or_default() += 1;
            counted::missed();
        }
        let head = self.chain.head()?;
        if let Some(fault) = &imported.fault {
            tracing::warn!(%peer, %fault, "a peer sent a wrong block");
            self.sync.fetched = None;
            // Its certificate held, so a quorum decided it: on another block than ours.
            let is_asked = if let BlockFault::NotNext { number, parent } = fault
                && *number == head.number.saturating_add(1)
            {
                let theirs = Head { number: head.number, hash: *parent };
                self.meet_rival(peer, theirs, head.hash(), true)
            } else {
                false
            };
            if is_asked {
                self.sync.sources.distrust(peer);
            } else {
                self.sync.distrust(&self.network, peer);
            }
        }
        let blocks = head.number.saturating_sub(self.head.number);
        if blocks == 0 {
            return Ok(());
        }
        if imported.fault.is_none() {
            self.sync.sources.served(peer, blocks as usize);
        }
        if blocks >= PROGRESS_BLOCKS {
            self.sync.progress = Some(Instant::now());
        }
        tracing::debug!(from = self.head.number, to = head.number, "synced");
        self.sync.behind_since = None;
        self.head = head;
        self.tell_head();
        self.start_height(Recovered::default())
    }
}

/// What an import did.
pub(super) struct Synced {
    /// Whose blocks they were.
    peer: PeerId,
    sets: Sets,
    imported: Imported,
}

/// How an import ended.
struct Imported {
    noted: Noted,
    fault: Option<BlockFault>,
}

/// What certificates say besides.
#[derive(Default)]
struct Noted {
    /// Whose turns passed without a decision.
    missed: Vec<Address>,
    /// What our own operator signed.
    signed: Vec<Signed>,
}

/// Checks, executes and commits blocks in order, until one is wrong. Blocking.
fn import(
    chain: &Chain,
    pool: &PoolHandle,
    feed: &HeadFeed,
    sets: &mut Sets,
    blocks: Vec<(Bytes, Bytes)>,
    (operator, stop): (Option<Operator>, &CancellationToken),
) -> Result<Imported, EngineError> {
    let mut noted = Noted::default();
    let mut fault = None;
    for (payload, certificate) in blocks {
        if stop.is_cancelled() {
            break;
        }
        match import_one(chain, sets, operator, (&payload, &certificate), &mut noted) {
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
    Ok(Imported { noted, fault })
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
    operator: Option<Operator>,
    (payload, certificate): (&[u8], &[u8]),
    noted: &mut Noted,
) -> Result<Sealed, Failure> {
    let (proof, block) = decode_payload(payload)?;
    let certificate = Certificate::decode(certificate).map_err(|_| BlockFault::OtherCertificate)?;
    let reader = chain.store().reader().map_err(|error| Failure::Ours(error.into()))?;
    let authorities = sets.after_head(&reader).map_err(Failure::Ours)?;
    drop(reader);
    let set = authorities.set();
    let timestamp = block.header.timestamp;
    let candidate = chain.check_decided(set, &certificate, proof, block)?;
    let rounds = 0..certificate.round.min(1_000);
    noted.missed.extend(rounds.map(|round| set.proposer(round).operator.0));
    noted.signed.extend(operator.and_then(|one| Signed::of(one, set, &certificate, timestamp)));
    chain.commit_candidate(candidate, certificate).map_err(Failure::Ours)
}
