//! Certificates: what a quorum signed, and whether it did.

use alloy_primitives::B256;
use malachite_core_types::{
    self as core, NilOrVal, RoundCertificateType, ThresholdParam, VoteType,
};

use crate::{
    Domain, Height, Operator, PolkaCertificate, Round, RoundCertificate, Signature, ValidatorSet,
    Vote, thresholds,
};

/// The precommits that decided a block. Kept beside the block and handed to followers with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Block number.
    pub height: Height,
    /// The round of the precommits.
    pub round: u32,
    /// Hash of the decided block.
    pub block_hash: B256,
    /// Signatures by the index of the authority in its set's canonical order, strictly ascending, at
    /// most [`MAX_AUTHORITIES`](crate::MAX_AUTHORITIES).
    pub signatures: Vec<(u8, Signature)>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// An index, or an operator, beyond the set.
    #[error("a signer is not an authority of this height")]
    UnknownSigner,
    /// Signers that repeat or are out of order.
    #[error("signers are not in order, or one appears twice")]
    Order,
    /// A signature that is not the signer's for this block, height, round and chain.
    #[error("a signature is not valid")]
    Signature,
    /// A prevote among precommits.
    #[error("a vote of the wrong kind")]
    Kind,
    /// Fewer than the quorum rule asks for.
    #[error("signed by {signed} of {total} voting power, which is no quorum")]
    Power {
        /// Power that signed.
        signed: u64,
        /// Power of the set.
        total: u64,
    },
}

/// Whether a quorum of `validators`, the set of the certificate's height, decided its block.
///
/// The quorum rule is the set's. The caller compares height and hash with the block's.
///
/// # Errors
/// [`CertificateError`]: whoever sent the certificate made it up, or means another chain or set.
pub fn verify_certificate(
    domain: &Domain,
    validators: &ValidatorSet,
    certificate: &Certificate,
) -> Result<(), CertificateError> {
    if !certificate.signatures.is_sorted_by(|(one, _), (next, _)| one < next) {
        return Err(CertificateError::Order);
    }
    let mut signers = Vec::with_capacity(certificate.signatures.len());
    for (index, signature) in &certificate.signatures {
        let signer = validators.get(*index).ok_or(CertificateError::UnknownSigner)?;
        signers.push((signer.operator, signature));
    }
    let votes = signers
        .into_iter()
        .map(|(operator, signature)| (certificate.precommit_of(operator), signature));
    verify_votes(domain, validators, votes, thresholds(validators.quorum()).quorum)
}

impl Certificate {
    /// What an authority signed that is in it.
    pub(crate) const fn precommit_of(&self, operator: Operator) -> Vote {
        Vote {
            kind: VoteType::Precommit,
            height: self.height,
            round: Round::new(self.round),
            value: NilOrVal::Val(self.block_hash),
            operator,
        }
    }

    /// The certificate of the core's precommits; `None` when one is of nobody in the set.
    pub(crate) fn from_core(
        validators: &ValidatorSet,
        certificate: &core::CommitCertificate<crate::ChainContext>,
    ) -> Option<Self> {
        let mut signatures = certificate
            .commit_signatures
            .iter()
            .map(|one| Some((validators.index_of(&one.address)?, one.signature)))
            .collect::<Option<Vec<_>>>()?;
        signatures.sort_by_key(|(index, _)| *index);
        Some(Self {
            height: certificate.height,
            round: certificate.round.as_u32()?,
            block_hash: certificate.value_id,
            signatures,
        })
    }
}

/// Whether a polka certificate holds under the set of its height.
pub(crate) fn verify_polka(
    domain: &Domain,
    validators: &ValidatorSet,
    certificate: &PolkaCertificate,
) -> Result<(), CertificateError> {
    let votes = certificate.polka_signatures.iter().map(|one| {
        let vote = Vote {
            kind: VoteType::Prevote,
            height: certificate.height,
            round: certificate.round,
            value: NilOrVal::Val(certificate.value_id),
            operator: one.address,
        };
        (vote, &one.signature)
    });
    verify_votes(domain, validators, votes, thresholds(validators.quorum()).quorum)
}

/// Whether a round certificate holds under the set of its height.
pub(crate) fn verify_round_certificate(
    domain: &Domain,
    validators: &ValidatorSet,
    certificate: &RoundCertificate,
) -> Result<(), CertificateError> {
    let rule = thresholds(validators.quorum());
    let threshold = match certificate.cert_type {
        RoundCertificateType::Precommit => rule.quorum,
        RoundCertificateType::Skip => rule.honest,
    };
    let precommits_only = certificate.cert_type == RoundCertificateType::Precommit;
    if precommits_only
        && certificate.round_signatures.iter().any(|one| one.vote_type != VoteType::Precommit)
    {
        return Err(CertificateError::Kind);
    }
    let votes = certificate.round_signatures.iter().map(|one| {
        let vote = Vote {
            kind: one.vote_type,
            height: certificate.height,
            round: certificate.round,
            value: one.value_id,
            operator: one.address,
        };
        (vote, &one.signature)
    });
    verify_votes(domain, validators, votes, threshold)
}

fn verify_votes<'a>(
    domain: &Domain,
    validators: &ValidatorSet,
    votes: impl Iterator<Item = (Vote, &'a Signature)> + Clone,
    threshold: ThresholdParam,
) -> Result<(), CertificateError> {
    // Power is counted before the first signature is verified: what is too little costs nothing.
    let mut seen: Vec<Operator> = Vec::new();
    let mut signed = 0u64;
    for (vote, _) in votes.clone() {
        let validator =
            validators.by_operator(&vote.operator).ok_or(CertificateError::UnknownSigner)?;
        if seen.contains(&vote.operator) {
            return Err(CertificateError::Order);
        }
        seen.push(vote.operator);
        signed += validator.power;
    }
    let total = validators.total_power();
    if !threshold.is_met(signed, total) {
        return Err(CertificateError::Power { signed, total });
    }
    for (vote, signature) in votes {
        let validator =
            validators.by_operator(&vote.operator).ok_or(CertificateError::UnknownSigner)?;
        if !validator.key.verifies_vote(domain, &vote, signature) {
            return Err(CertificateError::Signature);
        }
    }
    Ok(())
}
