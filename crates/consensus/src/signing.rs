//! Ed25519 keys and signatures of votes and proposals, over ed25519-dalek's strict verification.
//!
//! Strict means: canonical encodings, no small-order key or commitment, the cofactorless equation.
//! Every node therefore agrees on which signatures are valid, whatever a liar makes.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use malachite_core_types::SigningScheme;

use crate::domain::audit_bytes;
use crate::{Domain, Proposal, SignedProposal, SignedVote, Vote};

/// Why bytes are no key or signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the length the type has.
    #[error("wrong length")]
    Length,
    /// Not a point of the curve, not canonical, or of small order.
    #[error("not a valid Ed25519 public key")]
    Key,
}

/// A signature: 64 bytes, valid or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.0.first_chunk::<4>().copied().unwrap_or_default();
        write!(f, "Signature({:08x}..)", u32::from_be_bytes(start))
    }
}

/// The public key that an authority's votes and proposals verify under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Decodes an RFC 8032 public key strictly.
    ///
    /// # Errors
    /// [`KeyError::Key`] when the bytes are not canonical, not on the curve or of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Key)?;
        // dalek accepts y coordinates at or above the field's prime; their point encodes otherwise.
        if key.is_weak() || key.to_edwards().compress().to_bytes() != *bytes {
            return Err(KeyError::Key);
        }
        Ok(Self(key))
    }

    /// The RFC 8032 encoding.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Whether `signature` is this key's for `vote` on this chain.
    pub fn verifies_vote(&self, domain: &Domain, vote: &Vote, signature: &Signature) -> bool {
        self.verifies(&domain.vote_bytes(vote), signature)
    }

    /// Whether `signature` is this key's for `proposal` on this chain.
    pub fn verifies_proposal(
        &self,
        domain: &Domain,
        proposal: &Proposal,
        signature: &Signature,
    ) -> bool {
        self.verifies(&domain.proposal_bytes(proposal), signature)
    }

    /// Whether `signature` is this key's for a record of an audit log.
    pub fn verifies_audit_record(&self, record: &[u8], signature: &Signature) -> bool {
        self.verifies(&audit_bytes(record), signature)
    }

    fn verifies(&self, bytes: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(bytes, &signature).is_ok()
    }
}

/// The private key of an authority's votes and proposals. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct ConsensusKey(SigningKey);

impl fmt::Debug for ConsensusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsensusKey(..)")
    }
}

impl ConsensusKey {
    /// The key of an RFC 8032 seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a vote. The same vote gives the same signature (RFC 8032).
    ///
    /// Nothing here hinders a double signature: [`Machine`](crate::Machine) keeps the record, and
    /// whoever signs without it must keep one of its own.
    pub fn sign_vote(&self, domain: &Domain, vote: Vote) -> SignedVote {
        let signature = Signature(self.0.sign(&domain.vote_bytes(&vote)).to_bytes());
        SignedVote::new(vote, signature)
    }

    /// Signs a proposal, like [`ConsensusKey::sign_vote`].
    pub fn sign_proposal(&self, domain: &Domain, proposal: Proposal) -> SignedProposal {
        let signature = Signature(self.0.sign(&domain.proposal_bytes(&proposal)).to_bytes());
        SignedProposal::new(proposal, signature)
    }

    /// Signs a record of an audit log, under a tag that no vote or proposal begins with.
    pub fn sign_audit_record(&self, record: &[u8]) -> Signature {
        Signature(self.0.sign(&audit_bytes(record)).to_bytes())
    }
}

/// The core's view of the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519;

impl SigningScheme for Ed25519 {
    type DecodingError = KeyError;
    type Signature = Signature;
    type PublicKey = PublicKey;
    type PrivateKey = ConsensusKey;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, KeyError> {
        bytes.try_into().map(Signature).map_err(|_| KeyError::Length)
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(bytes.try_into().map_err(|_| KeyError::Length)?)
    }

    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.to_bytes().to_vec()
    }
}
