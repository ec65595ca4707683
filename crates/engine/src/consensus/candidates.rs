//! The blocks of the height on their way through the jobs: built, checked, committed.

use super::{
    blocks::Knowledge,
    check::{check_payload, fatal},
    driver::{Driver, Outgoing, Wanted},
    jobs::{Bad, Done},
};
use crate::{
    candidate::{BuildRequest, Candidate},
    error::EngineError,
};
use alloy_primitives::B256;
use mfenx_consensus::{Height, Input, Message};
use std::time::Duration;
use tokio::time::Instant;

/// How long parts may take after their proposal before the block is asked for.
const PULL_AFTER: Duration = Duration::from_millis(400);

impl Driver {
    pub(super) fn carry_out_decision(&mut self) -> Result<(), EngineError> {
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

    pub(super) fn check_next(&mut self) {
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
        let (chain, pool) = (self.chain.clone(), self.pool.clone());
        let (height, set) = (self.height(), self.authorities.set().clone());
        self.jobs.blocking(move || {
            let outcome = check_payload((&chain, &pool), &set, hash, &payload, !decided);
            let outcome = outcome.map(Box::new);
            Done::Checked { height, hash, decided, outcome }
        });
    }

    pub(super) fn build_if_due(&mut self, now: Instant) {
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

    pub(super) fn want_missing(&mut self, now: Instant) {
        if self.machine.is_none() {
            return;
        }
        let wanted = &mut self.wanted;
        for proposal in self.blocks.missing() {
            wanted.entry(proposal.value.0).or_insert(Wanted { ask_at: Some(now + PULL_AFTER) });
        }
    }

    pub(super) fn finish_job(&mut self, done: Done) -> Result<(), EngineError> {
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
            Done::Proofs { peer, first, answer } => {
                self.told_proofs(peer, first, answer);
                Ok(())
            }
            Done::Rival(told) => self.told_rival(told),
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
}
