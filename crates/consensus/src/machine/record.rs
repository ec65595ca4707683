//! What this node signed at the current height.

use std::collections::BTreeMap;

use malachite_core_types::VoteType;

use crate::domain::round_number;
use crate::{Error, Height, Proposal, Signature, SignedProposal, SignedVote, Vote};

/// Own messages of one height, by round and kind; the last line against signing twice.
///
/// The first line is the core, which asks for one signature only; the durable one is the log.
#[derive(Debug, Default)]
pub(super) struct Record {
    votes: BTreeMap<(u32, bool), Entry<SignedVote>>,
    proposals: BTreeMap<u32, Entry<SignedProposal>>,
}

#[derive(Debug)]
struct Entry<T> {
    message: T,
    /// Whether the log holds it, or an effect given out puts it there.
    logged: bool,
    /// Whether this machine signed it, rather than the log told of it.
    ours: bool,
}

fn key(vote: &Vote) -> (u32, bool) {
    (round_number(vote.round), vote.kind == VoteType::Precommit)
}

impl Record {
    /// Forgets everything: a new height begins.
    pub(super) fn clear(&mut self) {
        self.votes.clear();
        self.proposals.clear();
    }

    /// Whether a proposal of ours exists in a round.
    pub(super) fn has_proposal(&self, round: u32) -> bool {
        self.proposals.contains_key(&round)
    }

    /// The signature for a vote: the one given before, or a new one.
    ///
    /// # Errors
    /// [`Error::DoubleSign`] when another vote of its round and kind was signed.
    pub(super) fn vote(
        &mut self,
        vote: Vote,
        sign: impl FnOnce(Vote) -> SignedVote,
    ) -> Result<SignedVote, Error> {
        let (height, key) = (vote.height, key(&vote));
        match self.votes.get(&key) {
            Some(known) if known.message.message == vote => Ok(known.message.clone()),
            Some(_) => Err(Error::DoubleSign(height, key.0)),
            None => {
                let message = sign(vote);
                self.votes
                    .insert(key, Entry { message: message.clone(), logged: false, ours: true });
                Ok(message)
            }
        }
    }

    /// The signature for a proposal, like [`Record::vote`].
    ///
    /// # Errors
    /// [`Error::DoubleSign`] when another proposal of its round was signed.
    pub(super) fn proposal(
        &mut self,
        proposal: Proposal,
        sign: impl FnOnce(Proposal) -> SignedProposal,
    ) -> Result<SignedProposal, Error> {
        let (height, round) = (proposal.height, round_number(proposal.round));
        match self.proposals.get(&round) {
            Some(known) if known.message.message == proposal => Ok(known.message.clone()),
            Some(_) => Err(Error::DoubleSign(height, round)),
            None => {
                let message = sign(proposal);
                self.proposals
                    .insert(round, Entry { message: message.clone(), logged: false, ours: true });
                Ok(message)
            }
        }
    }

    /// Whether this machine made exactly this vote and signature, so that there is nothing to verify.
    pub(super) fn signed_vote(&self, vote: &Vote, signature: &Signature) -> bool {
        self.votes.get(&key(vote)).is_some_and(|known| {
            known.ours && known.message.message == *vote && known.message.signature == *signature
        })
    }

    /// Whether this machine made exactly this proposal and signature.
    pub(super) fn signed_proposal(&self, proposal: &Proposal, signature: &Signature) -> bool {
        self.proposals.get(&round_number(proposal.round)).is_some_and(|known| {
            known.ours
                && known.message.message == *proposal
                && known.message.signature == *signature
        })
    }

    /// Takes a vote of ours from the log.
    ///
    /// # Errors
    /// [`Error::LogConflict`] when the log holds another one, too.
    pub(super) fn recover_vote(&mut self, vote: &SignedVote) -> Result<(), Error> {
        let known = self.votes.entry(key(&vote.message)).or_insert_with(|| Entry {
            message: vote.clone(),
            logged: true,
            ours: false,
        });
        same(known.message.message == vote.message, vote.height, round_number(vote.round))
    }

    /// Takes a proposal of ours from the log.
    ///
    /// # Errors
    /// [`Error::LogConflict`] when the log holds another one, too.
    pub(super) fn recover_proposal(&mut self, proposal: &SignedProposal) -> Result<(), Error> {
        let round = round_number(proposal.round);
        let known = self.proposals.entry(round).or_insert_with(|| Entry {
            message: proposal.clone(),
            logged: true,
            ours: false,
        });
        same(known.message.message == proposal.message, proposal.height, round)
    }

    /// Takes a verified vote in our name that came from elsewhere: from before our log was lost, or from
    /// a second node with our key. Whoever sent it, it binds us from now on.
    pub(super) fn adopt_vote(&mut self, vote: &SignedVote) {
        self.votes.entry(key(&vote.message)).or_insert_with(|| Entry {
            message: vote.clone(),
            logged: true,
            ours: false,
        });
    }

    /// Takes a verified proposal in our name, like [`Record::adopt_vote`].
    pub(super) fn adopt_proposal(&mut self, proposal: &SignedProposal) {
        self.proposals.entry(round_number(proposal.round)).or_insert_with(|| Entry {
            message: proposal.clone(),
            logged: true,
            ours: false,
        });
    }

    /// Notes that a vote goes to the log; whether it was ours and not there yet.
    pub(super) fn log_vote(&mut self, vote: &SignedVote) -> bool {
        match self.votes.get_mut(&key(&vote.message)) {
            Some(known) if known.message.message == vote.message => {
                !std::mem::replace(&mut known.logged, true)
            }
            _ => false,
        }
    }

    /// Notes that a proposal goes to the log; whether it was ours and not there yet.
    pub(super) fn log_proposal(&mut self, proposal: &SignedProposal) -> bool {
        match self.proposals.get_mut(&round_number(proposal.round)) {
            Some(known) if known.message.message == proposal.message => {
                !std::mem::replace(&mut known.logged, true)
            }
            _ => false,
        }
    }
}

fn same(same: bool, height: Height, round: u32) -> Result<(), Error> {
    if same { Ok(()) } else { Err(Error::LogConflict(height, round)) }
}
