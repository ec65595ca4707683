//! Rebuilding a height from its log.

use std::collections::HashSet;

use malachite_core_consensus::Input as CoreInput;
use malachite_core_types::{Timeout, ValueOrigin};

use super::{Effect, Error, Machine, start_input};
use crate::{ChainContext, Height, ValidatorSet, WalEntry};

impl Machine {
    /// Starts a height from its log.
    ///
    /// The core takes every record as it took the event itself, and asks for the same messages of ours;
    /// it is given those recorded. What it asks for behind the log's end is new: a record that was lost
    /// with the tail, and that therefore nobody has seen.
    pub(super) fn replay(
        &mut self,
        height: Height,
        validators: ValidatorSet,
        log: Vec<WalEntry>,
    ) -> Result<(), Error> {
        let operator = self.bridge.config.operator;
        for entry in &log {
            if let Some(found) = entry.height().filter(|found| *found != height) {
                return Err(Error::LogHeight { expected: height, found });
            }
            match entry {
                WalEntry::Vote(vote) if vote.operator == operator => {
                    self.bridge.record.recover_vote(vote)?;
                }
                WalEntry::Proposal(proposal) if proposal.operator == operator => {
                    self.bridge.record.recover_proposal(proposal)?;
                }
                _ => {}
            }
        }
        self.bridge.replayed = log.iter().map(WalEntry::encode).collect();
        let inputs: Vec<_> = log.into_iter().map(core_input).collect();
        self.state.index_wal_entries(&inputs);
        self.drive(start_input(height, validators, true))?;
        for input in inputs {
            self.drive(input)?;
        }
        self.state.reset_entries_index();
        self.bridge.replayed.clear();
        let effects = std::mem::take(&mut self.bridge.effects);
        self.bridge.effects = self.condense(effects);
        Ok(())
    }

    /// What is left to do of everything that was asked for during the replay.
    fn condense(&self, effects: Vec<Effect>) -> Vec<Effect> {
        let round = self.state.round().as_u32().unwrap_or(0);
        let mut published = HashSet::new();
        let mut timers: Vec<(Timeout, Effect)> = Vec::new();
        let mut kept = Vec::new();
        for effect in effects {
            match &effect {
                Effect::CancelAllTimeouts => timers.clear(),
                Effect::CancelTimeout(timeout) => timers.retain(|(running, _)| running != timeout),
                Effect::ScheduleTimeout { timeout, .. } => {
                    let timeout = *timeout;
                    timers.retain(|(running, _)| *running != timeout);
                    timers.push((timeout, effect));
                }
                Effect::StartRound { round: started, .. } if *started != round => {}
                Effect::RepublishValue { round: of, .. } if *of != round => {}
                Effect::BuildValue { round: of, .. }
                    if *of != round
                        || self.bridge.record.has_proposal(round)
                        || !self.state.driver.step_is_propose() => {}
                Effect::Publish(message) => {
                    if published.insert(message.encode()) {
                        kept.push(effect);
                    }
                }
                _ => kept.push(effect),
            }
        }
        kept.push(Effect::CancelAllTimeouts);
        kept.extend(timers.into_iter().map(|(_, effect)| effect));
        kept
    }
}

fn core_input(entry: WalEntry) -> CoreInput<ChainContext> {
    match entry {
        WalEntry::Vote(vote) => CoreInput::Vote(vote),
        WalEntry::Proposal(proposal) => CoreInput::Proposal(proposal),
        WalEntry::Value(value) => CoreInput::ProposedValue(value.into(), ValueOrigin::Consensus),
        WalEntry::Timeout(timeout) => CoreInput::TimeoutElapsed(timeout),
        WalEntry::Polka(polka) => CoreInput::PolkaCertificate(polka),
    }
}
