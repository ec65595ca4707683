//! Equivocation: two signed messages of one authority that exclude each other.

use malachite_core_types::VoteType;

use crate::{Certificate, Domain, Height, Operator, SignedProposal, SignedVote, ValidatorSet};

/// Two messages that no honest authority signs both of. The pair is in ascending order of encoding,
/// so that a pair has one evidence, whichever message was seen first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Two votes of the same kind, height and round for different values.
    Votes(Box<(SignedVote, SignedVote)>),
    /// Two different proposals of the same height and round.
    Proposals(Box<(SignedProposal, SignedProposal)>),
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The messages can both be honest.
    #[error("the messages do not exclude each other")]
    NoConflict,
    /// The pair is in the other order.
    #[error("the pair is not in canonical order")]
    Order,
    /// The signer is no authority of that height.
    #[error("the signer is not an authority of this height")]
    UnknownSigner,
    /// One of the signatures is not the signer's.
    #[error("a signature is not valid")]
    Signature,
}

impl Evidence {
    /// Evidence of two votes, put in order.
    ///
    /// # Errors
    /// [`EvidenceError::NoConflict`] when they do not exclude each other.
    pub fn of_votes(one: SignedVote, other: SignedVote) -> Result<Self, EvidenceError> {
        let swap = crate::encode_vote(&one) > crate::encode_vote(&other);
        let pair = if swap { (other, one) } else { (one, other) };
        let evidence = Self::Votes(Box::new(pair));
        evidence.check_conflict().map(|()| evidence)
    }

    /// Evidence of two proposals, put in order.
    ///
    /// # Errors
    /// [`EvidenceError::NoConflict`] when they do not exclude each other.
    pub fn of_proposals(one: SignedProposal, other: SignedProposal) -> Result<Self, EvidenceError> {
        let swap = crate::encode_proposal(&one) > crate::encode_proposal(&other);
        let pair = if swap { (other, one) } else { (one, other) };
        let evidence = Self::Proposals(Box::new(pair));
        evidence.check_conflict().map(|()| evidence)
    }

    /// What two certificates prove against those who signed both: precommits for two blocks in one
    /// round, in the order of `validators`, the set of their height. Nothing, when they are of the same
    /// block, or of two rounds: a lock may be left for good reason. No signature is verified.
    pub fn of_certificates(
        validators: &ValidatorSet,
        one: &Certificate,
        other: &Certificate,
    ) -> Vec<Self> {
        let mut found = Vec::new();
        for (index, signature) in &one.signatures {
            let again = other.signatures.iter().find(|(signer, _)| signer == index);
            if let (Some((_, again)), Some(signer)) = (again, validators.get(*index)) {
                let votes = [(one, signature), (other, again)].map(|(of, signature)| {
                    SignedVote::new(of.precommit_of(signer.operator), *signature)
                });
                let [one, other] = votes;
                found.extend(Self::of_votes(one, other));
            }
        }
        found
    }

    /// Whose fault it is.
    pub fn operator(&self) -> Operator {
        match self {
            Self::Votes(pair) => pair.0.operator,
            Self::Proposals(pair) => pair.0.operator,
        }
    }

    /// The height of both messages.
    pub fn height(&self) -> Height {
        match self {
            Self::Votes(pair) => pair.0.height,
            Self::Proposals(pair) => pair.0.height,
        }
    }

    /// The round of both messages; defined.
    pub fn round(&self) -> u32 {
        let round = match self {
            Self::Votes(pair) => pair.0.round,
            Self::Proposals(pair) => pair.0.round,
        };
        round.as_u32().unwrap_or_default()
    }

    /// What was said twice: `proposal`, `prevote` or `precommit`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Votes(pair) if pair.0.kind == VoteType::Prevote => "prevote",
            Self::Votes(_) => "precommit",
            Self::Proposals(_) => "proposal",
        }
    }

    /// BLAKE3 of the encoding, which names the evidence.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(&self.encode()).as_bytes()
    }

    /// Whether the evidence holds under `validators`, the set of its height.
    ///
    /// # Errors
    /// [`EvidenceError`]: the accused is not proven guilty.
    pub fn verify(&self, domain: &Domain, validators: &ValidatorSet) -> Result<(), EvidenceError> {
        self.check_conflict()?;
        let key = validators.by_operator(&self.operator()).ok_or(EvidenceError::UnknownSigner)?.key;
        let valid = match self {
            Self::Votes(pair) => [&pair.0, &pair.1]
                .iter()
                .all(|vote| key.verifies_vote(domain, &vote.message, &vote.signature)),
            Self::Proposals(pair) => [&pair.0, &pair.1].iter().all(|proposal| {
                key.verifies_proposal(domain, &proposal.message, &proposal.signature)
            }),
        };
        if valid { Ok(()) } else { Err(EvidenceError::Signature) }
    }

    /// Whether the two messages exclude each other and stand in order.
    pub(crate) fn check_conflict(&self) -> Result<(), EvidenceError> {
        let (conflict, ordered) = match self {
            Self::Votes(pair) => {
                let (one, other) = (&pair.0.message, &pair.1.message);
                let conflict = one.kind == other.kind
                    && one.height == other.height
                    && one.round == other.round
                    && one.operator == other.operator
                    && one.value != other.value;
                (conflict, crate::encode_vote(&pair.0) < crate::encode_vote(&pair.1))
            }
            Self::Proposals(pair) => {
                let (one, other) = (&pair.0.message, &pair.1.message);
                let conflict = one.height == other.height
                    && one.round == other.round
                    && one.operator == other.operator
                    && one != other;
                (conflict, crate::encode_proposal(&pair.0) < crate::encode_proposal(&pair.1))
            }
        };
        match (conflict, ordered) {
            (false, _) => Err(EvidenceError::NoConflict),
            (true, false) => Err(EvidenceError::Order),
            (true, true) => Ok(()),
        }
    }
}
