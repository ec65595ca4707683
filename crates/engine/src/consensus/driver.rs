//! The task: what it waits for, and what it looks after between two events.

use super::{
    EngineOptions, EngineStatus, Participation, Step, ValidatorKeys,
    accusations::Inquiry,
    audit::{Audit, Noted},
    blocks::Blocks,
    evidence::Proofs,
    jobs::{Done, Jobs},
    journal::Journal,
    pace::Pace,
    parts::Assemblies,
    rivals::Rivals,
    serve::Server,
    settle::Claims,
    sync::SyncState,
};
use crate::{
    candidate::unix_time,
    chain::Chain,
    error::EngineError,
    feed::HeadFeed,
    sets::{Authorities, Sets},
};
use alloy_primitives::{Address, B256};
use mfenx_consensus::{Certificate, Height, Input, Machine, Message};
use mfenx_network::{GossipMessage, NetworkEvent, NetworkHandle};
use mfenx_primitives::SealedHeader;
use mfenx_txpool::PoolHandle;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Events taken together, so that their records share one sync.
const BATCH_MAX: usize = 64;
/// How often peers and sync are looked at without cause.
const TICK: Duration = Duration::from_millis(250);

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
    /// What is known against authorities.
    pub(super) proofs: Proofs,
    pub(super) inquiry: Inquiry,
    /// An authority's record of what it did; none for a node without keys.
    pub(super) audit: Option<Box<Audit>>,
    pub(super) noted: Noted,

    pub(super) operator: Option<Address>,
    pub(super) keys: Option<Arc<ValidatorKeys>>,

    pub(super) sets: Sets,
    pub(super) authorities: Authorities,
    pub(super) head: SealedHeader,
    pub(super) started: Instant,
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
    /// Whether the network knows our head.
    pub(super) head_told: bool,
    /// What authorities claimed.
    pub(super) claims: Claims,
    /// Since when a quorum says that the chain is no longer than we know.
    pub(super) settled_since: Option<Instant>,
    /// When it was last said what this authority waits for.
    pub(super) told_missing: Option<Instant>,
    /// Who has other blocks than we.
    pub(super) rivals: Rivals,
    /// The first height that nobody but this run signs with these keys; none while that is not known.
    pub(super) own_from: Option<u64>,
    /// Cancelled when the driver ends, however it does.
    pub(super) ended: CancellationToken,
    pub(super) _end: DropGuard,
}

impl Driver {
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), EngineError> {
        let outcome = self.follow_events(stop).await;
        self.audit_end(outcome.as_ref().err());
        outcome
    }

    async fn follow_events(&mut self, stop: CancellationToken) -> Result<(), EngineError> {
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
                self.server.answer(request, &self.blocks, &self.proofs);
                Ok(())
            }
            NetworkEvent::PeerConnected { peer, head } => {
                tracing::debug!(%peer, number = head.number, "peer connected");
                self.sync.sources.connected(&peer);
                self.inquiry.ask(peer);
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

    /// What is looked at without cause: who is pinned, what peers claim, and whether a new directory
    /// may vote.
    fn tick(&mut self) -> Result<(), EngineError> {
        if !self.pinned {
            self.pinned = self.network.set_pinned(self.authorities.peers().collect()).is_ok();
        }
        self.inquire();
        self.audit_again();
        self.weigh_claims();
        self.compare_heads()?;
        self.settle_claims()
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
        self.audit_changes();
        Ok(())
    }

    /// Syncs the journal and sends what waits for it, in order.
    async fn flush(&mut self) -> Result<(), EngineError> {
        if !self.head_told {
            self.tell_head();
        }
        if self.outbox.is_empty() {
            return Ok(());
        }
        if let Some(mut journal) = self.journal.take() {
            let synced =
                tokio::task::spawn_blocking(move || journal.sync().map(|()| journal)).await;
            self.journal = Some(synced.map_err(|error| EngineError::Worker(error.to_string()))??);
        }
        for outgoing in std::mem::take(&mut self.outbox) {
            if !self.head_told {
                tracing::warn!("a message was not sent: the network is too busy to take our head");
                continue;
            }
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

    /// Time since the Unix epoch.
    pub(super) fn unix_now() -> Result<Duration, EngineError> {
        unix_time()
    }
}
