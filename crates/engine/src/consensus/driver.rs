//! The task: what it waits for, and what it looks after between two events.

use super::{
    EngineConfig, EngineOptions, EngineStatus, Participation, Step, ValidatorKeys,
    blocks::{Blocks, Knowledge},
    jobs::{Bad, Done, Jobs},
    journal::Journal,
    log::Recovered,
    pace::Pace,
    parts::Assemblies,
    serve::Server,
    sync::SyncState,
};
use crate::{
    candidate::{BuildRequest, Candidate, decode_payload, unix_time},
    chain::Chain,
    error::{BlockFault, EngineError, ImportError},
    feed::HeadFeed,
    sets::{Authorities, Sets},
};
use alloy_consensus::proofs::{
    calculate_ommers_root, calculate_transaction_root, calculate_withdrawals_root,
};
use alloy_primitives::{Address, B256};
use mfenx_consensus::{Certificate, Height, Input, Machine, Message};
use mfenx_network::{GossipMessage, NetworkEvent, NetworkHandle};
use mfenx_primitives::{Block, SealedHeader};
use mfenx_txpool::PoolHandle;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Events taken together, so that their records share one sync.
const BATCH_MAX: usize = 64;
/// How often peers and sync are looked at without cause.
const TICK: Duration = Duration::from_millis(250);
/// How long parts may take after their proposal before the block is asked for.
const PULL_AFTER: Duration = Duration::from_millis(400);

/// What is to be sent once the journal is durable.
#[derive(Debug)]
pub(super) enum Outgoing {
    Message(Message),
    Parts(B256),
}

/// A block to be built when it is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct BuildWish {
    pub(super) height: Height,
    pub(super) round: u32,
}

/// A block that is wanted, and when it is asked for next; none while it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) ask_at: Option<Instant>,
}

pub(super) struct Driver {
    pub(super) chain: Chain,
    pub(super) pool: PoolHandle,
    pub(super) feed: HeadFeed,
    pub(super) network: NetworkHandle,
    pub(super) events: mpsc::Receiver<NetworkEvent>,
    pub(super) transactions: mpsc::Sender<GossipMessage>,
    pub(super) options: EngineOptions,
    pub(super) directory: PathBuf,

    pub(super) operator: Option<Address>,
    pub(super) keys: Option<Arc<ValidatorKeys>>,

    pub(super) sets: Sets,
    pub(super) authorities: Authorities,
    pub(super) head: SealedHeader,
    pub(super) height_started: Instant,

    /// None while the node follows.
    pub(super) machine: Option<Machine>,
    /// None for a node without keys, and while a thread syncs it.
    pub(super) journal: Option<Box<Journal>>,
    pub(super) outbox: Vec<Outgoing>,
    pub(super) blocks: Blocks,
    pub(super) assemblies: Assemblies,
    pub(super) pace: Pace,
    pub(super) build: Option<BuildWish>,
    pub(super) building: bool,
    pub(super) checking: bool,
    /// A commit or a sync is under way.
    pub(super) writing: bool,
    /// What a quorum decided, and when we learnt it.
    pub(super) decision: Option<(Certificate, Instant)>,
    pub(super) wanted: BTreeMap<B256, Wanted>,
    pub(super) sync: SyncState,
    pub(super) server: Server,
    pub(super) jobs: Jobs,
    pub(super) done: mpsc::UnboundedReceiver<Done>,
    pub(super) announced: u64,
    pub(super) missed: Arc<BTreeMap<Address, u64>>,
    pub(super) step: Step,
    pub(super) participation: Participation,
    pub(super) last_commit: Option<Duration>,
    /// Whether the network knows the authorities of this epoch.
    pub(super) pinned: bool,
    pub(super) status: watch::Sender<EngineStatus>,
    /// The first height that nobody but this run signs with these keys; none while that is not known.
    pub(super) own_from: Option<u64>,
    /// Cancelled when the driver ends, however it does.
    pub(super) ended: CancellationToken,
    _end: DropGuard,
}

impl Driver {
    pub(super) fn new(
        config: EngineConfig,
        transactions: mpsc::Sender<GossipMessage>,
    ) -> Result<(Self, watch::Receiver<EngineStatus>), EngineError> {
        let EngineConfig { chain, pool, feed, network, events, keys, directory, options } = config;
        let mut sets = Sets::new(Arc::clone(chain.spec()))?;
        let reader = chain.store().reader()?;
        let authorities = sets.after_head(&reader)?;
        drop(reader);
        let head = chain.head()?;
        let keys = keys.map(Arc::new);
        let mut recovered = Recovered::default();
        let mut journal = None;
        if let Some(keys) = &keys {
            if !keys.check(&authorities, network.local_peer_id())? {
                tracing::warn!(operator = %keys.operator, "not an authority of this epoch: following");
            }
            let operator = mfenx_consensus::Operator(keys.operator);
            let (opened, found) = Journal::open(&directory, operator)?;
            (journal, recovered) = (Some(Box::new(opened)), found);
        }
        let (status, seen) = watch::channel(EngineStatus::default());
        let (jobs, done) = Jobs::new();
        let pace = Pace::new(chain.spec().params());
        let ended = CancellationToken::new();
        let mut driver = Self {
            _end: ended.clone().drop_guard(),
            ended,
            own_from: None,
            operator: keys.as_ref().map(|keys| keys.operator),
            keys,
            server: Server::new(chain.clone()),
            sync: SyncState::default(),
            chain,
            pool,
            feed,
            network,
            events,
            transactions,
            options,
            directory,
            sets,
            authorities,
            head,
            height_started: Instant::now(),
            machine: None,
            journal,
            outbox: Vec::new(),
            blocks: Blocks::default(),
            assemblies: Assemblies::default(),
            pace,
            build: None,
            building: false,
            checking: false,
            writing: false,
            decision: None,
            wanted: BTreeMap::new(),
            jobs,
            done,
            announced: 0,
            missed: Arc::default(),
            step: Step::default(),
            participation: Participation::default(),
            last_commit: None,
            pinned: false,
            status,
        };
        driver.start_height(recovered)?;
        driver.update_status();
        Ok((driver, seen))
    }

    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), EngineError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut pool_changed = self.pool.changed();
        self.settle().await?;
        loop {
            let deadline = self.next_deadline();
            let timer = sleep_until(deadline.unwrap_or_else(Instant::now));
            let idle = self.build.is_some() || self.machine.is_some();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                done = self.done.recv() => {
                    if let Some(done) = done {
                        self.finish_job(done)?;
                    }
                }
                () = timer, if deadline.is_some() => self.run_timers()?,
                event = self.events.recv() => {
                    let Some(event) = event else {
                        return if stop.is_cancelled() { Ok(()) } else { Err(EngineError::Network) };
                    };
                    self.take_event(event)?;
                    for _ in 1..BATCH_MAX {
                        let Ok(event) = self.events.try_recv() else { break };
                        self.take_event(event)?;
                    }
                }
                _ = ticks.tick() => self.tick()?,
                changed = pool_changed.changed(), if idle && !self.pace.is_busy() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
            }
            self.settle().await?;
        }
        self.drain().await
    }

    /// A commit under way is finished, so that what was decided is not decided again.
    async fn drain(&mut self) -> Result<(), EngineError> {
        self.ended.cancel();
        while self.writing {
            let Some(done) = self.done.recv().await else { return Ok(()) };
            if let Done::Committed { outcome } = done {
                self.committed(outcome?)?;
                return Ok(());
            }
            if matches!(done, Done::Synced(_)) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take_event(&mut self, event: NetworkEvent) -> Result<(), EngineError> {
        match event {
            NetworkEvent::Gossip(message) => self.take_gossip(message),
            NetworkEvent::Request(request) => {
                self.server.answer(request, &self.blocks);
                Ok(())
            }
            NetworkEvent::PeerConnected { peer, head } => {
                tracing::debug!(%peer, number = head.number, "peer connected");
                self.sync.connected(peer);
                Ok(())
            }
            NetworkEvent::PeerDisconnected { .. } | NetworkEvent::PeerRefused { .. } => Ok(()),
        }
    }

    fn run_timers(&mut self) -> Result<(), EngineError> {
        while let Some(timeout) = self.pace.expired(Instant::now()) {
            tracing::debug!(%timeout, height = self.height(), "timeout");
            let height = Height(self.height());
            self.feed_machine(Input::Timeout { height, timeout })?;
        }
        Ok(())
    }

    /// What is looked at without cause: whether a new directory may vote, and who is pinned.
    fn tick(&mut self) -> Result<(), EngineError> {
        if !self.pinned {
            self.pinned = self.network.set_pinned(self.authorities.peers().collect()).is_ok();
        }
        self.settle_own_heights();
        self.settle_guard()
    }

    fn next_deadline(&self) -> Option<Instant> {
        // Nothing is waited for that could not be done now: whoever ends it wakes the loop.
        let build = self.build.filter(|_| !self.building && !self.writing);
        let build = build.map(|wish| self.pace.build_at(Instant::now(), wish.round));
        let pull = self.next_pull();
        self.pace.next().into_iter().chain(build).chain(pull).min()
    }

    /// Carries on with everything that can be carried on with, then makes records durable and sends
    /// what waited for that.
    async fn settle(&mut self) -> Result<(), EngineError> {
        let now = Instant::now();
        self.pace.set_busy(now, self.pool.status().pending > 0);
        self.run_timers()?;
        self.carry_out_decision()?;
        self.check_next();
        self.build_if_due(now);
        self.want_missing(now);
        self.pull_wanted(now);
        self.flush().await?;
        self.sync_if_behind();
        self.update_status();
        Ok(())
    }

    /// Syncs the journal and sends what waits for it, in order.
    async fn flush(&mut self) -> Result<(), EngineError> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        if let Some(mut journal) = self.journal.take() {
            let synced =
                tokio::task::spawn_blocking(move || journal.sync().map(|()| journal)).await;
            self.journal = Some(synced.map_err(|error| EngineError::Worker(error.to_string()))??);
        }
        for outgoing in std::mem::take(&mut self.outbox) {
            match outgoing {
                Outgoing::Message(message) => self.send_message(&message),
                Outgoing::Parts(hash) => self.send_parts(hash),
            }
        }
        Ok(())
    }

    /// The height worked on.
    pub(super) fn height(&self) -> u64 {
        self.head.number.saturating_add(1)
    }

    fn carry_out_decision(&mut self) -> Result<(), EngineError> {
        let Some((certificate, _)) = &self.decision else { return Ok(()) };
        if certificate.height.0 != self.height() {
            self.decision = None;
            return Ok(());
        }
        if self.writing {
            return Ok(());
        }
        let hash = certificate.block_hash;
        match self.blocks.knowledge(hash) {
            Some(Knowledge::Valid(Some(_))) => self.start_commit(hash),
            Some(Knowledge::Checking) => {}
            Some(Knowledge::Valid(None) | Knowledge::Unchecked | Knowledge::Invalid) => {
                if !self.checking {
                    self.start_check(hash, true);
                }
            }
            None => {
                self.wanted.entry(hash).or_insert(Wanted { ask_at: Some(Instant::now()) });
            }
        }
        Ok(())
    }

    fn start_commit(&mut self, hash: B256) {
        let Some(candidate) = self.blocks.take_candidate(hash) else { return };
        let Some((certificate, _)) = self.decision.clone() else { return };
        self.writing = true;
        let chain = self.chain.clone();
        self.jobs.blocking(move || Done::Committed {
            outcome: chain.commit_candidate(candidate, certificate),
        });
    }

    fn check_next(&mut self) {
        if self.checking || self.writing || self.machine.is_none() {
            return;
        }
        if let Some(hash) = self.blocks.next_unchecked() {
            self.start_check(hash, false);
        }
    }

    fn start_check(&mut self, hash: B256, decided: bool) {
        let Some(payload) = self.blocks.begin_check(hash) else { return };
        self.checking = true;
        let (chain, set) = (self.chain.clone(), self.authorities.set().clone());
        let height = self.height();
        self.jobs.blocking(move || {
            let outcome = check_payload(&chain, &set, hash, &payload, !decided).map(Box::new);
            Done::Checked { height, hash, decided, outcome }
        });
    }

    fn build_if_due(&mut self, now: Instant) {
        let Some(wish) = self.build else { return };
        if self.building || self.writing || now < self.pace.build_at(now, wish.round) {
            return;
        }
        self.build = None;
        let (Some(operator), Some(keys)) = (self.operator, self.keys.clone()) else { return };
        if wish.height.0 != self.height() {
            return;
        }
        self.building = true;
        let request = BuildRequest {
            set: self.authorities.set().clone(),
            height: wish.height.0,
            round: wish.round,
            operator,
            time_max: self.options.build_time_max,
        };
        let (chain, pool) = (self.chain.clone(), self.pool.clone());
        self.jobs.blocking(move || Done::Built {
            height: request.height,
            round: request.round,
            outcome: chain.build_candidate(&pool, &keys.vrf, &request).map(Box::new),
        });
    }

    fn want_missing(&mut self, now: Instant) {
        if self.machine.is_none() {
            return;
        }
        let wanted = &mut self.wanted;
        for proposal in self.blocks.missing() {
            wanted.entry(proposal.value.0).or_insert(Wanted { ask_at: Some(now + PULL_AFTER) });
        }
    }

    fn finish_job(&mut self, done: Done) -> Result<(), EngineError> {
        match done {
            Done::Built { height, round, outcome } => {
                self.building = false;
                if height != self.height() {
                    return Ok(());
                }
                self.built(height, round, *outcome?)
            }
            Done::Checked { height, hash, decided, outcome } => {
                self.checking = false;
                if height != self.height() {
                    return Ok(());
                }
                self.checked(hash, decided, outcome)
            }
            Done::Committed { outcome } => {
                self.writing = false;
                self.committed(outcome?)
            }
            Done::Pulled { hash, found } => {
                self.pulled(hash, found);
                Ok(())
            }
            Done::Fetched { peer, first, answer } => {
                self.fetched(peer, first, answer);
                Ok(())
            }
            Done::Synced(outcome) => {
                self.writing = false;
                self.synced(outcome?)
            }
            Done::Panicked(reason) => Err(EngineError::Worker(reason)),
        }
    }

    fn built(&mut self, height: u64, round: u32, candidate: Candidate) -> Result<(), EngineError> {
        let hash = candidate.hash();
        self.blocks.insert(height, hash, candidate.payload(), None);
        self.blocks.set_valid(candidate);
        self.blocks.set_told(hash);
        self.log_block(hash);
        let before = self.outbox.len();
        self.feed_machine(Input::ValueBuilt { height: Height(height), round, block_hash: hash })?;
        let proposed = self.outbox.iter().skip(before).any(|outgoing| {
            matches!(outgoing, Outgoing::Message(Message::Proposal(one)) if one.value.0 == hash)
        });
        if proposed {
            self.outbox.push(Outgoing::Parts(hash));
        }
        Ok(())
    }

    fn checked(
        &mut self,
        hash: B256,
        decided: bool,
        outcome: Result<Box<Candidate>, Bad>,
    ) -> Result<(), EngineError> {
        match outcome {
            Ok(candidate) => self.blocks.set_valid(*candidate),
            Err(Bad::Ours(fault)) => return Err(fatal(fault)),
            Err(Bad::Payload(fault)) => {
                let source = self.blocks.drop_payload(hash);
                tracing::warn!(%hash, ?source, %fault, "a payload is not its block");
                if let Some(peer) = source {
                    self.sync.distrust(&self.network, peer);
                }
                self.wanted.insert(hash, Wanted { ask_at: Some(Instant::now()) });
                return Ok(());
            }
            Err(Bad::Block(fault)) => {
                if decided {
                    let (number, fault) = (self.height(), fault.to_string());
                    return Err(EngineError::DecidedInvalid { number, hash, fault });
                }
                tracing::warn!(%hash, %fault, "refused a proposed block");
                self.blocks.set_invalid(hash);
            }
        }
        if let Some(verdict) = self.blocks.verdict(hash) {
            if verdict.validity.is_valid() {
                self.log_block(hash);
            }
            self.feed_machine(Input::ValueReceived(verdict))?;
        }
        Ok(())
    }

    /// The log holds every block that a record of it calls valid, so that authorities that all crash
    /// at once still have what they may be locked on.
    fn log_block(&mut self, hash: B256) {
        if let Some(journal) = &mut self.journal
            && let Some(payload) = self.blocks.take_unlogged(hash)
        {
            journal.append_block(&payload);
        }
    }

    /// Time since the Unix epoch.
    pub(super) fn unix_now() -> Result<Duration, EngineError> {
        unix_time()
    }
}

/// What stops the node when it, and not the block, is at fault.
fn fatal(fault: BlockFault) -> EngineError {
    match fault {
        BlockFault::Import(ImportError::Store(error)) => EngineError::Store(error),
        other => EngineError::Worker(other.to_string()),
    }
}

/// Decodes, checks and executes a payload that claims to be of the block `hash`.
pub(super) fn check_payload(
    chain: &Chain,
    set: &mfenx_consensus::ValidatorSet,
    hash: B256,
    payload: &[u8],
    fresh: bool,
) -> Result<Candidate, Bad> {
    let (proof, block) = decode_payload(payload).map_err(Bad::Payload)?;
    if block.header.hash_slow() != hash || !body_is_of(&block) {
        let reason = alloy_rlp::Error::Custom("another block");
        return Err(Bad::Payload(BlockFault::Decode(reason)));
    }
    chain.check_candidate(set, proof, block, fresh).map_err(|fault| match fault {
        // The proof stands beside the block, and anybody could have exchanged it.
        fault @ BlockFault::Randomness(mfenx_consensus::VrfCheckError::Proof(_)) => {
            Bad::Payload(fault)
        }
        fault if fault.is_ours() => Bad::Ours(fault),
        fault => Bad::Block(fault),
    })
}

/// Whether the header binds this body, so that a fault of it is the block's.
fn body_is_of(block: &Block) -> bool {
    let withdrawals = block.body.withdrawals.as_ref();
    block.header.transactions_root == calculate_transaction_root(&block.body.transactions)
        && block.header.ommers_hash == calculate_ommers_root(&block.body.ommers)
        && block.header.withdrawals_root
            == withdrawals.map(|withdrawals| calculate_withdrawals_root(withdrawals))
}
