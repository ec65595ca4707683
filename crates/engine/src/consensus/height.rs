//! From one height to the next: who votes in it, and what is left behind.

use super::{
    driver::Driver,
    guard::{Doubt, Guard},
    log::Recovered,
    status::{EngineStatus, Participation, Step},
    twice::Signed,
};
use crate::{chain::Sealed, error::EngineError, metrics::consensus as counted};
use mfenx_consensus::{Config, Height, Input, Machine, Operator, Timeouts, WalEntry};
use mfenx_network::Head;
use mfenx_primitives::CommittedBlock;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often what was said is repeated while a height is not decided.
const REBROADCAST: Duration = Duration::from_secs(2);
/// However long a chain is stuck, its rounds last at most so long.
const ROUND_MAX: Duration = Duration::from_secs(20);

impl Driver {
    /// Starts the height after the head. `recovered` is what the log held, at the start of the node.
    pub(super) fn start_height(&mut self, recovered: Recovered) -> Result<(), EngineError> {
        let height = self.height();
        let reader = self.chain.store().reader()?;
        let epoch = self.authorities.epoch();
        self.authorities = self.sets.after_head(&reader)?;
        drop(reader);
        if self.authorities.epoch() != epoch {
            tracing::info!(epoch = self.authorities.epoch(), "a new epoch of authorities");
            // The next tick repeats it should the queue be full.
            self.pinned = false;
        }
        self.height_started = Instant::now();
        self.pace.start_height(self.height_started, Self::unix_now()?, self.head.timestamp);
        self.blocks.start_height(height);
        self.assemblies.start_height(height);
        self.wanted.clear();
        self.build = None;
        self.step = Step::Propose;
        self.decision = self.decision.take().filter(|(one, _)| one.height.0 >= height);
        let log = self.replayed(recovered);
        if self.votes(&log)? {
            self.start_machine(log)
        } else {
            self.machine = None;
            Ok(())
        }
    }

    /// The records of this height, whose blocks are kept for the machine.
    fn replayed(&mut self, recovered: Recovered) -> Vec<WalEntry> {
        let height = self.height();
        if recovered.height != height {
            return Vec::new();
        }
        for payload in recovered.blocks {
            // The log's checksums hold, so these are blocks that were checked before.
            if let Ok((_, block)) = crate::candidate::decode_payload(&payload) {
                let hash = block.header.hash_slow();
                self.blocks.insert(height, hash, payload, None);
                // It is in the log.
                let _ = self.blocks.take_unlogged(hash);
            }
        }
        for entry in &recovered.entries {
            match entry {
                WalEntry::Proposal(proposal) => self.blocks.proposed(proposal.clone()),
                WalEntry::Value(value) => self.blocks.set_told(value.value.0),
                WalEntry::Vote(_) | WalEntry::Timeout(_) | WalEntry::Polka(_) => {}
            }
        }
        tracing::info!(height, records = recovered.entries.len(), "replaying the log");
        recovered.entries
    }

    /// Whether this node votes at this height.
    fn votes(&mut self, log: &[WalEntry]) -> Result<bool, EngineError> {
        let height = self.height();
        let Some(keys) = &self.keys else { return Ok(false) };
        match keys.check(&self.authorities, self.network.local_peer_id()) {
            Ok(true) => {}
            Ok(false) => {
                self.participation = Participation::Follower;
                return Ok(false);
            }
            // The registry changed under a running node: stopping it would help nobody.
            Err(error) => {
                tracing::error!(%error, "following");
                self.participation = Participation::Follower;
                return Ok(false);
            }
        }
        self.settle_without_others()?;
        let Some(journal) = &self.journal else { return Ok(false) };
        let recorded = journal.may_sign(height, log);
        if !recorded && self.participation != Participation::Waiting {
            let why = journal.guard().doubt().unwrap_or(Doubt::Missing).reason();
            // On a new chain that is how everybody begins.
            if height == 1 {
                tracing::info!(height, "not voting before the authorities are there: {why}");
            } else {
                tracing::warn!(height, "not voting yet: {why}");
            }
        }
        let allowed = recorded && !(log.is_empty() && self.is_gathering());
        let participation = if allowed { Participation::Validator } else { Participation::Waiting };
        self.participation = participation;
        Ok(allowed)
    }

    /// Ends a doubt that nobody else can end: because the operator says so, or because there is nobody
    /// else whose claims would tell.
    fn settle_without_others(&mut self) -> Result<(), EngineError> {
        let (height, alone) = (self.height(), self.has_all_power());
        let Some(journal) = &mut self.journal else { return Ok(()) };
        // Also of a directory that was to wait longer: that may never end.
        let waits = journal.votes_from().is_none_or(|from| from > height);
        if waits && self.options.trust_empty_directory {
            tracing::warn!(height, "the operator says that these keys signed nothing here: voting");
            return journal.change_guard(Guard::trust);
        }
        let doubt = journal.guard().doubt().filter(|doubt| height > 1 || *doubt != Doubt::Missing);
        if let Some(doubt) = doubt.filter(|_| alone) {
            tracing::warn!(
                height,
                "VOTING AT ONCE, for these keys have all the power and nobody could decide without \
                 them, although {}. If the chain was longer than this directory knows, who has its \
                 other blocks is on another chain from now on",
                doubt.reason(),
            );
            return journal.change_guard(|guard| guard.settle(0));
        }
        Ok(())
    }

    fn start_machine(&mut self, log: Vec<WalEntry>) -> Result<(), EngineError> {
        let height = Height(self.height());
        let validators = self.authorities.set().clone();
        if let Some(journal) = &mut self.journal {
            journal.start_height(height.0)?;
        }
        if self.machine.is_none() {
            let Some(keys) = &self.keys else { return Ok(()) };
            let config = Config {
                domain: self.chain.domain(),
                operator: Operator(keys.operator),
                key: Some(keys.consensus.clone()),
                timeouts: self.timeouts(),
            };
            self.machine = Some(Machine::new(config, height, validators.clone())?);
        }
        self.feed_machine(Input::StartHeight { height, validators, log })
    }

    fn timeouts(&self) -> Timeouts {
        let times = self.chain.spec().consensus().map(|params| params.timeouts).unwrap_or_default();
        let ms = Duration::from_millis;
        let delta = ms(times.delta_ms);
        Timeouts {
            propose: ms(times.propose_ms),
            propose_delta: delta,
            prevote: ms(times.prevote_ms),
            prevote_delta: delta,
            precommit: ms(times.precommit_ms),
            precommit_delta: delta,
            rebroadcast: REBROADCAST,
            max_timeout: ROUND_MAX.max(ms(times.propose_ms)),
        }
    }

    /// A block of ours or of others is durable: tells everybody, and goes on to the next height.
    pub(super) fn committed(&mut self, sealed: Sealed) -> Result<(), EngineError> {
        let Sealed { committed, changed } = sealed;
        let spec = self.chain.spec();
        let next_base_fee = spec.next_base_fee(committed.block.header()).unwrap_or_default();
        self.pool.on_block(&committed, next_base_fee, &changed);
        let decision = self.decision.take();
        self.head = committed.block.sealed_header();
        if let Some((certificate, at)) = &decision {
            let set = self.authorities.set();
            let time = self.head.timestamp;
            let operator = self.operator.map(Operator);
            let signed = operator.and_then(|one| Signed::of(one, set, certificate, time));
            self.check_own(signed)?;
            let latency = at.elapsed();
            self.last_commit = Some(latency);
            counted::committed(certificate.round, latency);
            counted::vrf_proof(self.operator == Some(committed.block.header().beneficiary));
            self.count_missed(certificate.round);
            log_block(&committed, certificate.round);
        }
        self.feed.announce(Arc::clone(&committed));
        self.tell_head();
        if let Some((certificate, _)) = decision {
            self.announce(&certificate);
        }
        self.start_height(Recovered::default())
    }

    fn count_missed(&mut self, rounds: u32) {
        let set = self.authorities.set();
        for round in 0..rounds.min(1_000) {
            let operator = set.proposer(round).operator.0;
            *Arc::make_mut(&mut self.missed).entry(operator).or_default() += 1;
            counted::missed();
        }
    }

    /// Tells peers where our head is. Repeated before anything is sent when the queue is full: whoever
    /// lost its record relies on heads that are no older than the messages of their node.
    pub(super) fn tell_head(&mut self) {
        let head = Head { number: self.head.number, hash: self.head.hash() };
        self.head_told = self.network.set_head(head).is_ok();
    }

    /// Publishes what the engine does.
    pub(super) fn update_status(&mut self) {
        let set = self.authorities.set();
        let peers = self.network.peers();
        let machine = self.machine.as_ref().map(Machine::status);
        let round = machine.and_then(|status| status.round).unwrap_or(0);
        let status = EngineStatus {
            height: self.height(),
            round,
            step: self.step,
            proposer: set.proposer(round).operator.0,
            participation: self.participation,
            operator: self.operator,
            head_number: self.head.number,
            head_hash: self.head.hash(),
            head_timestamp: self.head.timestamp,
            peers: peers.len(),
            connected_power: self.power_connected(true),
            total_power: set.total_power(),
            sync_target: self.sync.target().filter(|target| *target > self.head.number),
            rivals: self.rivals.met(),
            missed_rounds: Arc::clone(&self.missed),
            last_commit: self.last_commit,
        };
        counted::standing(
            self.participation == Participation::Validator,
            self.authorities.epoch(),
            status.lag_blocks(),
        );
        self.status.send_if_modified(|held| {
            let changed = *held != status;
            *held = status;
            changed
        });
    }
}

fn log_block(committed: &CommittedBlock, round: u32) {
    tracing::info!(
        number = committed.block.number(),
        hash = %committed.block.hash(),
        transactions = committed.block.transactions().len(),
        gas = committed.block.header().gas_used,
        round,
        "committed block",
    );
}
