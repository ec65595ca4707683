//! Answers the core's effects: signs, verifies, and turns the rest into effects of ours.

use std::collections::HashSet;

use malachite_core_consensus::{
    ConsensusMsg, Effect as CoreEffect, Input as CoreInput, LivenessMsg, MisbehaviorEvidence,
    Resumable, Resume, Role as CoreRole, SignedConsensusMsg, VoteExtensionError,
};
use malachite_core_types::{BoxError, CertificateError as CoreCertificateError, CommitCertificate};

use super::record::Record;
use super::{Config, Effect, Error, Role};
use crate::certificate::{verify_polka, verify_round_certificate};
use crate::domain::round_number;
use crate::{
    Certificate, CertificateError, ChainContext, Evidence, Height, Message, SignedProposal,
    SignedVote, ValidatorSet, WalEntry, verify_certificate,
};

pub(super) struct Bridge {
    pub(super) config: Config,
    height: Height,
    validators: ValidatorSet,
    /// What was signed at this height.
    pub(super) record: Record,
    /// What this step asks for so far.
    pub(super) effects: Vec<Effect>,
    /// Whether something of this step's message did not verify.
    pub(super) invalid: bool,
    /// Why an answer was refused.
    pub(super) fault: Option<Error>,
    /// Encoded records of the log during its replay, which need not be appended again.
    pub(super) replayed: HashSet<Vec<u8>>,
    /// Evidence that the core handed over as it finished the height.
    pub(super) evidence: Vec<Evidence>,
}

impl Bridge {
    pub(super) fn new(config: Config, height: Height, validators: ValidatorSet) -> Self {
        Self {
            config,
            height,
            validators,
            record: Record::default(),
            effects: Vec::new(),
            invalid: false,
            fault: None,
            replayed: HashSet::new(),
            evidence: Vec::new(),
        }
    }

    pub(super) fn start_height(&mut self, height: Height, validators: ValidatorSet) {
        self.height = height;
        self.validators = validators;
        self.record.clear();
    }

    /// Carries out one effect of the core and says how it goes on.
    pub(super) fn handle(&mut self, effect: CoreEffect<ChainContext>) -> Resume<ChainContext> {
        match effect {
            CoreEffect::SignVote(..) | CoreEffect::SignProposal(..) => return self.sign(effect),
            CoreEffect::VerifySignature(..)
            | CoreEffect::VerifyCommitCertificate(..)
            | CoreEffect::VerifyExtendedCommitCertificate(..)
            | CoreEffect::VerifyPolkaCertificate(..)
            | CoreEffect::VerifyRoundCertificate(..) => return self.verify(effect),
            CoreEffect::ExtendVote(.., resume) => return resume.resume_with(None),
            CoreEffect::VerifyVoteExtension(.., resume) => {
                return resume.resume_with(Err(VoteExtensionError::InvalidVoteExtension));
            }

            CoreEffect::CancelAllTimeouts(_) => self.effects.push(Effect::CancelAllTimeouts),
            CoreEffect::CancelTimeout(timeout, _) => {
                self.effects.push(Effect::CancelTimeout(timeout));
            }
            CoreEffect::ScheduleTimeout(timeout, _) => {
                let after = self.config.timeouts.duration_for(timeout);
                let height = self.height;
                self.effects.push(Effect::ScheduleTimeout { height, timeout, after });
            }
            CoreEffect::StartRound(height, round, proposer, role, _) => {
                let (round, role) = (round_number(round), own_role(role));
                self.effects.push(Effect::StartRound { height, round, proposer, role });
            }
            CoreEffect::PublishConsensusMsg(message, _) => match message {
                SignedConsensusMsg::Vote(vote) => self.publish_vote(vote),
                SignedConsensusMsg::Proposal(proposal) => self.publish_proposal(proposal),
            },
            CoreEffect::PublishLivenessMsg(message, _) => match message {
                LivenessMsg::Vote(vote) => self.publish_vote(vote),
                LivenessMsg::PolkaCertificate(polka) => self.publish(Message::Polka(polka)),
                LivenessMsg::SkipRoundCertificate(round) => self.publish(Message::Round(round)),
            },
            CoreEffect::RepublishVote(vote, _) => self.publish_vote(vote),
            CoreEffect::RepublishRoundCertificate(round, _) => self.publish(Message::Round(round)),
            CoreEffect::GetValue(height, round, timeout, _) => {
                let within = self.config.timeouts.duration_for(timeout);
                let round = round_number(round);
                self.effects.push(Effect::BuildValue { height, round, within });
            }
            CoreEffect::RestreamProposal(height, round, valid_round, proposer, block_hash, _) => {
                self.effects.push(Effect::RepublishValue {
                    height,
                    round: round_number(round),
                    valid_round,
                    proposer,
                    block_hash,
                });
            }
            CoreEffect::Decide(certificate, _, _) => self.decide(&certificate),
            CoreEffect::Finalize(_, _, misbehavior, _) => self.gather(&misbehavior),
            CoreEffect::WalAppend(_, input, _) => self.log(input),
            // Sync goes past the core: a synced block is committed and the next height started.
            CoreEffect::CertVerifiedSyncValue(..) | CoreEffect::CertRejectedSyncValue(..) => {}
        }
        Resume::Continue
    }

    fn sign(&mut self, effect: CoreEffect<ChainContext>) -> Resume<ChainContext> {
        let Some(key) = &self.config.key else {
            // The core asks nothing of a node without a key; refusing makes it fail and not hang.
            self.fault = Some(Error::Core("asked to sign without a key".into()));
            return Resume::Continue;
        };
        let domain = &self.config.domain;
        let signed = match effect {
            CoreEffect::SignVote(vote, resume) => {
                let signed = self.record.vote(vote, |vote| key.sign_vote(domain, vote));
                signed.map(|signed| resume.resume_with(signed))
            }
            CoreEffect::SignProposal(proposal, resume) => {
                let signed =
                    self.record.proposal(proposal, |proposal| key.sign_proposal(domain, proposal));
                signed.map(|signed| resume.resume_with(signed))
            }
            _ => Ok(Resume::Continue),
        };
        signed.unwrap_or_else(|fault| {
            self.fault = Some(fault);
            Resume::Continue
        })
    }

    fn verify(&mut self, effect: CoreEffect<ChainContext>) -> Resume<ChainContext> {
        let domain = &self.config.domain;
        let (resume, valid) = match effect {
            CoreEffect::VerifySignature(message, key, resume) => {
                let signature = &message.signature;
                let valid = match &message.message {
                    ConsensusMsg::Vote(vote) => {
                        self.record.signed_vote(vote, signature)
                            || key.verifies_vote(domain, vote, signature)
                    }
                    ConsensusMsg::Proposal(proposal) => {
                        self.record.signed_proposal(proposal, signature)
                            || key.verifies_proposal(domain, proposal, signature)
                    }
                };
                (resume.resume_with(valid), valid)
            }
            CoreEffect::VerifyCommitCertificate(certificate, validators, _, resume) => {
                let outcome = verify_commit(self, &validators, &certificate);
                let valid = outcome.is_ok();
                (resume.resume_with(outcome.map_err(for_core)), valid)
            }
            CoreEffect::VerifyExtendedCommitCertificate(extended, validators, .., resume) => {
                let certificate = extended.trim_vote_extensions();
                let outcome = verify_commit(self, &validators, &certificate);
                let valid = outcome.is_ok();
                (resume.resume_with(outcome.map_err(for_core)), valid)
            }
            CoreEffect::VerifyPolkaCertificate(polka, validators, _, resume) => {
                let outcome = verify_polka(domain, &validators, &polka);
                let valid = outcome.is_ok();
                (resume.resume_with(outcome.map_err(for_core)), valid)
            }
            CoreEffect::VerifyRoundCertificate(round, validators, _, resume) => {
                let outcome = verify_round_certificate(domain, &validators, &round);
                let valid = outcome.is_ok();
                (resume.resume_with(outcome.map_err(for_core)), valid)
            }
            _ => (Resume::Continue, true),
        };
        self.invalid |= !valid;
        resume
    }

    fn decide(&mut self, certificate: &CommitCertificate<ChainContext>) {
        match Certificate::from_core(&self.validators, certificate) {
            Some(certificate) => self.effects.push(Effect::Decide(certificate)),
            None => {
                self.fault = Some(Error::Core("decided by somebody outside the set".into()));
            }
        }
    }

    fn gather(&mut self, misbehavior: &MisbehaviorEvidence<ChainContext>) {
        let votes = misbehavior.votes.iter().flat_map(|(_, pairs)| pairs);
        self.evidence
            .extend(votes.filter_map(|(a, b)| Evidence::of_votes(a.clone(), b.clone()).ok()));
        let proposals = misbehavior.proposals.iter().flat_map(|(_, pairs)| pairs);
        self.evidence.extend(
            proposals.filter_map(|(a, b)| Evidence::of_proposals(a.clone(), b.clone()).ok()),
        );
    }

    fn publish(&mut self, message: Message) {
        self.effects.push(Effect::Publish(message));
    }

    /// Publishes a vote; one of ours that the core did not log goes to the log first.
    fn publish_vote(&mut self, vote: SignedVote) {
        if self.record.log_vote(&vote) {
            self.effects.push(Effect::WalAppend(WalEntry::Vote(vote.clone())));
        }
        self.publish(Message::Vote(vote));
    }

    /// Publishes a proposal, like [`Bridge::publish_vote`].
    fn publish_proposal(&mut self, proposal: SignedProposal) {
        if self.record.log_proposal(&proposal) {
            self.effects.push(Effect::WalAppend(WalEntry::Proposal(proposal.clone())));
        }
        self.publish(Message::Proposal(proposal));
    }

    fn log(&mut self, input: CoreInput<ChainContext>) {
        let entry = match input {
            CoreInput::Vote(vote) => {
                if vote.operator == self.config.operator {
                    self.record.adopt_vote(&vote);
                }
                self.record.log_vote(&vote);
                WalEntry::Vote(vote)
            }
            CoreInput::Proposal(proposal) => {
                if proposal.operator == self.config.operator {
                    self.record.adopt_proposal(&proposal);
                }
                self.record.log_proposal(&proposal);
                WalEntry::Proposal(proposal)
            }
            CoreInput::ProposedValue(value, _) => WalEntry::Value(value.into()),
            CoreInput::TimeoutElapsed(timeout) => WalEntry::Timeout(timeout),
            CoreInput::PolkaCertificate(polka) => WalEntry::Polka(polka),
            // The core documents that it logs nothing else.
            CoreInput::StartHeight(..)
            | CoreInput::Propose(_)
            | CoreInput::RoundCertificate(_)
            | CoreInput::SyncValueResponse(_) => return,
        };
        if !self.replayed.is_empty() && self.replayed.contains(&entry.encode()) {
            return;
        }
        self.effects.push(Effect::WalAppend(entry));
    }
}

fn own_role(role: CoreRole) -> Role {
    match role {
        CoreRole::Proposer => Role::Proposer,
        CoreRole::Validator => Role::Validator,
        CoreRole::None => Role::Observer,
    }
}

fn verify_commit(
    bridge: &Bridge,
    validators: &ValidatorSet,
    certificate: &CommitCertificate<ChainContext>,
) -> Result<(), CertificateError> {
    let certificate =
        Certificate::from_core(validators, certificate).ok_or(CertificateError::UnknownSigner)?;
    verify_certificate(&bridge.config.domain, validators, &certificate)
}

/// The core only prints the reason.
fn for_core(error: CertificateError) -> CoreCertificateError<ChainContext> {
    CoreCertificateError::VerificationError(Some(BoxError(Box::new(error))))
}
