//! What is done with a message before the core sees it: the cheap checks, and the queue's bounds.

use std::collections::{BTreeMap, BTreeSet};

use malachite_core_types::{Round, Vote as _, VoteType};

use super::{Effect, FUTURE_HEIGHTS, Machine};
use crate::domain::round_number;
use crate::{Height, Message, Operator};

/// Rounds of a later height that messages are kept for.
const FUTURE_HEIGHT_ROUNDS: u32 = 3;

/// Rounds beyond the current one that the core takes votes and proposals of.
const FUTURE_ROUNDS: u32 = malachite_core_consensus::MAX_FUTURE_ROUND_LOOKAHEAD;

/// What the gossip layer shall do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Valid: forward it.
    Accept,
    /// Of no use here, for no fault of the sender: do not forward it.
    Ignore(Reason),
    /// No honest node sends or forwards it: hold it against the sender.
    Reject(Reason),
}

/// Why a message was not accepted. A label of metrics: the set is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No height was started yet.
    NotStarted,
    /// A height that is behind us.
    OldHeight,
    /// A height too far ahead, or one ahead that this kind of message is not kept for.
    FutureHeight,
    /// A round too far ahead.
    FutureRound,
    /// Already known, or beyond what is kept of a sender.
    Known,
    /// The sender is no authority of its height, as far as this node can tell.
    Signer,
    /// It is not the sender's turn to propose.
    NotProposer,
    /// A proposal whose valid round is not before its round.
    ValidRound,
    /// A signature or a certificate does not verify.
    Signature,
}

impl Reason {
    /// The reason as a metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::OldHeight => "old_height",
            Self::FutureHeight => "future_height",
            Self::FutureRound => "future_round",
            Self::Known => "known",
            Self::Signer => "signer",
            Self::NotProposer => "not_proposer",
            Self::ValidRound => "valid_round",
            Self::Signature => "signature",
        }
    }
}

/// Which messages of later heights the core's queue holds: one per sender, kind and round.
#[derive(Debug, Default)]
pub(super) struct Queue(BTreeMap<Height, BTreeSet<(Operator, u8, u32)>>);

impl Queue {
    pub(super) fn start_height(&mut self, height: Height) {
        self.0.retain(|queued, _| *queued > height);
    }
}

impl Machine {
    /// Whether the core shall see a message.
    ///
    /// Signatures of the current height are left to the core, which verifies only what it does not
    /// know yet; those of later heights are verified here, under the current set, before anything is
    /// kept. That set may be another one by then, so nothing of a later height is held against anybody.
    pub(super) fn admit(&mut self, message: &Message) -> Result<(), Verdict> {
        if !self.started {
            return Err(Verdict::Ignore(Reason::NotStarted));
        }
        let current = self.state.height();
        if message.height() < current {
            return Err(Verdict::Ignore(Reason::OldHeight));
        }
        if message.height() > current {
            return self.admit_later(message).map_err(Verdict::Ignore);
        }
        self.admit_current(message)
    }

    fn admit_current(&self, message: &Message) -> Result<(), Verdict> {
        let lookahead = self.state.round().as_u32().unwrap_or(0).saturating_add(FUTURE_ROUNDS);
        let too_far = round_number(message.round()) > lookahead;
        let validators = self.state.validator_set();
        match message {
            Message::Vote(vote) => {
                if validators.by_operator(&vote.operator).is_none() {
                    return Err(Verdict::Reject(Reason::Signer));
                }
                if too_far {
                    return Err(Verdict::Ignore(Reason::FutureRound));
                }
                let votes = self.state.driver.votes();
                if votes.has_vote(vote) || votes.is_saturated_conflict(vote) {
                    return Err(Verdict::Ignore(Reason::Known));
                }
            }
            Message::Proposal(proposal) => {
                let round = round_number(proposal.round);
                if validators.proposer(round).operator != proposal.operator {
                    return Err(Verdict::Reject(Reason::NotProposer));
                }
                if proposal.valid_round != Round::Nil && proposal.valid_round >= proposal.round {
                    return Err(Verdict::Reject(Reason::ValidRound));
                }
                if too_far {
                    return Err(Verdict::Ignore(Reason::FutureRound));
                }
            }
            // The core checks and verifies certificates; a quorum may be any number of rounds ahead.
            Message::Polka(_) | Message::Round(_) => {}
        }
        Ok(())
    }

    fn admit_later(&mut self, message: &Message) -> Result<(), Reason> {
        let (operator, kind) = match message {
            Message::Vote(vote) if vote.vote_type() == VoteType::Prevote => (vote.operator, 1),
            Message::Vote(vote) => (vote.operator, 2),
            Message::Proposal(proposal) => (proposal.operator, 3),
            Message::Polka(_) | Message::Round(_) => return Err(Reason::FutureHeight),
        };
        let (height, round) = (message.height(), round_number(message.round()));
        let far = height.0 - self.state.height().0 > FUTURE_HEIGHTS;
        if far && !self.watch.would_learn(&operator, height) {
            return Err(Reason::FutureHeight);
        }
        let slot = (operator, kind, round);
        if self.queue.0.get(&height).is_some_and(|slots| slots.contains(&slot)) {
            return Err(Reason::Known);
        }
        let domain = &self.bridge.config.domain;
        let signer = self.state.validator_set().by_operator(&operator).ok_or(Reason::Signer)?;
        let valid = match message {
            Message::Vote(vote) => signer.key.verifies_vote(domain, vote, &vote.signature),
            Message::Proposal(proposal) => {
                signer.key.verifies_proposal(domain, proposal, &proposal.signature)
            }
            Message::Polka(_) | Message::Round(_) => false,
        };
        if !valid {
            return Err(Reason::Signature);
        }
        if self.watch.learn(operator, height) {
            self.bridge.effects.push(Effect::Behind { height, operator });
        }
        if far {
            return Err(Reason::FutureHeight);
        }
        if round >= FUTURE_HEIGHT_ROUNDS {
            return Err(Reason::FutureRound);
        }
        self.queue.0.entry(height).or_default().insert(slot);
        Ok(())
    }
}
