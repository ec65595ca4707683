//! Carrying out what the machine asks for.

use super::{
    driver::{BuildWish, Driver, Outgoing},
    status::Step,
};
use crate::{error::EngineError, metrics::consensus as counted};
use mfenx_consensus::{Certificate, Effect, Input, Message, Verdict, VoteType};
use tokio::time::Instant;

impl Driver {
    /// Feeds the machine, if there is one, and carries out its effects in order; only publishing
    /// waits for the end of the batch, behind the sync of the records.
    pub(super) fn feed_machine(&mut self, input: Input) -> Result<(), EngineError> {
        self.feed_message(input).map(|_| ())
    }

    /// [`Self::feed_machine`] for a message; what the machine thinks of it.
    pub(super) fn feed_message(&mut self, input: Input) -> Result<Option<Verdict>, EngineError> {
        let Some(machine) = &mut self.machine else { return Ok(None) };
        let effects = machine.step(input).map_err(|error| match error {
            // A message of ours stands where this machine was about to sign another: it is not its.
            mfenx_consensus::Error::DoubleSign(height, _) => {
                EngineError::SecondNode { height: height.0 }
            }
            error => error.into(),
        })?;
        let mut verdict = None;
        for effect in effects {
            if let Effect::Verdict(found) = effect {
                verdict = Some(found);
            } else {
                self.carry_out(effect)?;
            }
        }
        Ok(verdict)
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), EngineError> {
        match effect {
            Effect::Verdict(_) => {}
            Effect::WalAppend(entry) => {
                if let Some(journal) = &mut self.journal {
                    journal.append(&entry)?;
                }
            }
            Effect::Publish(message) => {
                self.note_step(&message);
                if let Message::Proposal(proposal) = &message {
                    self.blocks.proposed(proposal.clone());
                }
                self.outbox.push(Outgoing::Message(message));
            }
            Effect::BuildValue { height, round, .. } => {
                self.build = Some(BuildWish { height, round });
            }
            // Whoever lacks the block asks for it by the hash in the proposal, and any authority
            // that has it answers: pushing 8 MiB once more would cost everybody else.
            Effect::RepublishValue { .. } => {}
            Effect::ScheduleTimeout { timeout, after, .. } => {
                self.pace.schedule(Instant::now(), timeout, after);
            }
            Effect::CancelTimeout(timeout) => self.pace.cancel(timeout),
            Effect::CancelAllTimeouts => self.pace.clear(),
            Effect::StartRound { height, round, proposer, role } => {
                tracing::debug!(%height, round, %proposer, ?role, "round");
                self.step = Step::Propose;
                counted::round();
            }
            Effect::Decide(certificate) | Effect::FetchDecided(certificate) => {
                self.decide(certificate);
            }
            Effect::Equivocation(found) => {
                tracing::error!(operator = %found.operator(), height = %found.height(), "equivocation");
                self.accuse(&found);
                if Some(found.operator().0) == self.operator {
                    return Err(EngineError::SecondNode { height: found.height().0 });
                }
            }
            Effect::Behind { height, operator } => {
                // Its head comes with its status; one authority alone may lie.
                tracing::debug!(%height, %operator, "an authority is ahead");
            }
        }
        Ok(())
    }

    /// A quorum decided a block of this height.
    pub(super) fn decide(&mut self, certificate: Certificate) {
        if certificate.height.0 == self.height() && self.decision.is_none() {
            self.step = Step::Commit;
            self.decision = Some((certificate, Instant::now()));
        }
    }

    fn note_step(&mut self, message: &Message) {
        let Message::Vote(vote) = message else { return };
        if Some(vote.operator.0) != self.operator || self.step == Step::Commit {
            return;
        }
        self.step = match vote.kind {
            VoteType::Prevote if self.step == Step::Propose => Step::Prevote,
            VoteType::Prevote => self.step,
            VoteType::Precommit => Step::Precommit,
        };
        counted::vote(vote.kind == VoteType::Prevote);
    }
}
