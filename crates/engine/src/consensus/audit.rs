//! What the driver writes into the audit log of its authority: changes, noticed between two events,
//! so that nothing else need think of it.

pub(super) use crate::audit::{Audit, Event};

use super::{driver::Driver, guard::GuardError, status::Participation};
use crate::error::EngineError;

/// What was recorded last.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) votes_from: Option<u64>,
    epoch: Option<u64>,
    participation: Option<Participation>,
}

impl Driver {
    /// Records something, on a node that has keys.
    pub(super) fn note(&mut self, event: Event) {
        if let Some(audit) = &mut self.audit {
            audit.record(event);
        }
    }

    /// Tries again what a full disk did not take.
    pub(super) fn audit_again(&mut self) {
        if let Some(audit) = &mut self.audit {
            audit.again();
        }
    }

    /// The beginning of a run.
    pub(super) fn audit_start(&mut self) {
        let votes_from = self.journal.as_ref().and_then(|journal| journal.votes_from());
        self.noted.votes_from = votes_from;
        self.note(Event::Started {
            version: env!("CARGO_PKG_VERSION"),
            head_number: self.head.number,
            head_hash: self.head.hash(),
            votes_from,
            trusts_empty_directory: self.options.trust_empty_directory,
        });
    }

    /// The guard is in doubt, because of block `height` if there is one to name.
    pub(super) fn audit_doubt(&mut self, height: Option<u64>) {
        let Some(guard) = self.journal.as_ref().map(|journal| journal.guard()) else { return };
        let Some(doubt) = guard.doubt() else { return };
        let (last_height, last_round) = (guard.last().height, guard.last().round);
        let reason = doubt.label();
        self.note(Event::Doubted { reason, height, last_height, last_round });
        // Where votes are allowed again is recorded also when it is where they were.
        self.noted.votes_from = None;
    }

    /// Records what has changed since this was called last.
    pub(super) fn audit_changes(&mut self) {
        if self.audit.is_none() {
            return;
        }
        let votes_from = self.journal.as_ref().and_then(|journal| journal.votes_from());
        if let Some(height) = votes_from.filter(|_| votes_from != self.noted.votes_from) {
            self.noted.votes_from = votes_from;
            self.note(Event::VotingFrom { height });
        }
        self.audit_epoch();
        let participation = self.participation;
        if self.noted.participation != Some(participation) {
            self.noted.participation = Some(participation);
            let (height, participation) = (self.height(), participation.label());
            self.note(Event::Participation { height, participation });
        }
    }

    /// Epochs that a node only passes on its way to the head are not recorded.
    fn audit_epoch(&mut self) {
        let epoch = self.authorities.epoch();
        let is_behind = self.sync.target().is_some_and(|target| target > self.head.number);
        let passes = is_behind && self.participation != Participation::Validator;
        if self.noted.epoch == Some(epoch) || passes {
            return;
        }
        self.noted.epoch = Some(epoch);
        let set = self.authorities.set();
        let of_ours = |operator| set.index_of(&mfenx_consensus::Operator(operator)).is_some();
        let event = Event::epoch(epoch, self.height(), set, self.operator.is_some_and(of_ours));
        self.note(event);
        self.ask_peers_again();
    }

    /// The end of a run, and why.
    pub(super) fn audit_end(&mut self, error: Option<&EngineError>) {
        let cause = error.and_then(|error| match error {
            EngineError::Guard(GuardError::SignedAlready { height, round }) => {
                Some(Event::Refused { height: *height, round: *round })
            }
            EngineError::SecondNode { height } | EngineError::SignedElsewhere { height } => {
                Some(Event::SignedElsewhere { height: *height })
            }
            _ => None,
        });
        if let Some(cause) = cause {
            self.note(cause);
        }
        let (number, hash) = (self.head.number, self.head.hash());
        self.note(Event::stopped(number, hash, error.map(ToString::to_string)));
    }
}
