//! What can go wrong between an operator and the registry, and what to do about it.

use super::refusal::words;
use crate::keys::KeysError;
use alloy_primitives::{Address, B256, Bytes};
use mfenx_client::ClientError;
use std::path::PathBuf;

/// Why the registry was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The node, or the account that pays.
    #[error(transparent)]
    Client(ClientError),
    /// A chain without authorities.
    #[error(
        "the chain at {url} has no registry of authorities; name a node of a network made by \
         `mfenx genesis`"
    )]
    NoRegistry {
        /// What was asked.
        url: String,
    },
    /// The node does not know the latest blocks.
    #[error(
        "the node is at block {block} of {target}; wait until it has the rest, or name another"
    )]
    Behind {
        /// Its head.
        block: u64,
        /// Where the others are.
        target: u64,
    },
    /// The registry would revert; nothing was sent.
    #[error("the registry refuses: {0}")]
    Refused(String),
    /// The proposal is for other keys than the registration data.
    #[error(
        "proposal {id} is not for the operator and keys of {path}: do not vote for it before you know \
         why (`mfenx authorities list` shows what it is for)"
    )]
    OtherKeys {
        /// The proposal.
        id: u64,
        /// The registration data.
        path: PathBuf,
    },
    /// A vote for keys that nobody has checked.
    #[error(
        "proposal {id} gives keys to {operator}, and the registry cannot check who holds them: name \
         their registration data with --registration FILE (or --unchecked, if you have compared them)"
    )]
    NoGrounds {
        /// The proposal.
        id: u64,
        /// Whom it is about.
        operator: Address,
    },
    /// No block took the transaction.
    #[error(
        "transaction {hash} is in no block after {seconds} s; it may still be taken: look with \
         `mfenx authorities list` before you send another"
    )]
    NotIncluded {
        /// The transaction.
        hash: B256,
        /// How long was waited.
        seconds: u64,
    },
    /// The transaction is in a block and did nothing.
    #[error(
        "transaction {hash} reverted in block {block}: something changed after it was tried; look with \
         `mfenx authorities list` and try again"
    )]
    Reverted {
        /// The transaction.
        hash: B256,
        /// The block.
        block: u64,
    },
    /// A peer ID that is no Ed25519 key; verified registration data has none.
    #[error("the peer ID of the registration data is no Ed25519 key")]
    PeerKey,
    /// A node that keeps none, for it takes no part in consensus.
    #[error("the node takes no part in consensus and keeps no evidence: name one of `mfenx node`")]
    NoEvidence,
    /// What a node calls evidence is none.
    #[error("the node answers with something that is no evidence, or of another version: {0}")]
    BadEvidence(Bytes),
    /// Evidence whose signatures do not hold.
    #[error("not all of the evidence holds: the node, or what it was given, lies")]
    FalseEvidence,
    /// The key, its passphrase or registration data.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl RegistryError {
    /// 1 for what happened on the way, 2 for what the user can change.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Client(
                ClientError::Answer { .. } | ClientError::Rpc { .. } | ClientError::Sign(_),
            )
            | Self::NotIncluded { .. }
            | Self::BadEvidence(_)
            | Self::FalseEvidence
            | Self::Reverted { .. } => 1,
            Self::Client(_)
            | Self::NoRegistry { .. }
            | Self::NoEvidence
            | Self::Behind { .. }
            | Self::Refused(_)
            | Self::OtherKeys { .. }
            | Self::NoGrounds { .. }
            | Self::PeerKey
            | Self::Keys(_) => 2,
        }
    }
}

impl From<ClientError> for RegistryError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Reverted(reason) => Self::Refused(words(&reason)),
            ClientError::NotIncluded { hash, seconds } => Self::NotIncluded { hash, seconds },
            error => Self::Client(error),
        }
    }
}
