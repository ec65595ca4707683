//! What can go wrong between an operator and the registry, and what to do about it.

use crate::keys::KeysError;
use alloy_primitives::{Address, B256};
use std::path::PathBuf;

/// Why the registry was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Not the URL of a node.
    #[error("--rpc {url}: {reason}; write the URL of a node, such as http://127.0.0.1:8545")]
    Url {
        /// What was named.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers.
    #[error(
        "{url} does not answer: {reason}; is the node running, and is this its --http address?"
    )]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not one of JSON-RPC.
    #[error("{url} did not answer {method} as a node does: {reason}")]
    Answer {
        /// What was asked.
        url: String,
        /// The method.
        method: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The node answered with an error.
    #[error("the node refused {method}: {message}")]
    Rpc {
        /// The method.
        method: &'static str,
        /// What it said.
        message: String,
    },
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
    /// The operator's account cannot pay.
    #[error(
        "operator {operator} has {has} JULIAN and the transaction may cost up to {needs}; send it some"
    )]
    Funds {
        /// The account.
        operator: Address,
        /// Its balance.
        has: String,
        /// Gas limit times the highest price, most of which is not used.
        needs: String,
    },
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
    /// The transaction could not be signed; a defect.
    #[error("cannot sign: {0}")]
    Sign(String),
    /// A peer ID that is no Ed25519 key; verified registration data has none.
    #[error("the peer ID of the registration data is no Ed25519 key")]
    PeerKey,
    /// The key, its passphrase or registration data.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl RegistryError {
    /// 1 for what happened on the way, 2 for what the user can change.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Answer { .. }
            | Self::Rpc { .. }
            | Self::NotIncluded { .. }
            | Self::Reverted { .. }
            | Self::Sign(_) => 1,
            Self::Url { .. }
            | Self::Unreachable { .. }
            | Self::NoRegistry { .. }
            | Self::Behind { .. }
            | Self::Refused(_)
            | Self::Funds { .. }
            | Self::OtherKeys { .. }
            | Self::NoGrounds { .. }
            | Self::PeerKey
            | Self::Keys(_) => 2,
        }
    }
}
