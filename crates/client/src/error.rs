//! Why a node gave no answer, or refused.

use alloy_primitives::{Address, B256, Bytes};

/// What can go wrong between a program and a node.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not the URL of a node.
    #[error("{url}: {reason}; write the URL of a node, such as http://127.0.0.1:8545")]
    Url {
        /// What was named.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers; later somebody may.
    #[error(
        "{url} does not answer: {reason}; is the node running, and is this its --http address?"
    )]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not one of JSON-RPC, or of another type than the method's.
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
        /// JSON-RPC's code.
        code: i64,
        /// What it said.
        message: String,
    },
    /// The contract would revert, or the answer of a view says so. Nothing was sent.
    #[error("the contract refuses: {0}")]
    Reverted(Bytes),
    /// The account cannot pay.
    #[error(
        "account {account} has {has} JULIAN, and the transaction takes up to {needs}: send it \
         {lacks} JULIAN or more and try again"
    )]
    Funds {
        /// The account.
        account: Address,
        /// Its balance.
        has: Box<str>,
        /// Value, and gas limit times the highest price, most of which is not used; the value alone
        /// when that is more than the balance already; and which of the two.
        needs: Box<str>,
        /// What is lacking at least.
        lacks: Box<str>,
    },
    /// No block took the transaction in time; it may still be taken.
    #[error("transaction {hash} is in no block after {seconds} s; it may still be taken")]
    NotIncluded {
        /// The transaction.
        hash: B256,
        /// How long was waited.
        seconds: u64,
    },
    /// The transaction could not be signed; a defect.
    #[error("cannot sign: {0}")]
    Sign(String),
}

impl ClientError {
    /// Whether asking the same again, later, may be answered.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Answer { .. } | Self::NotIncluded { .. })
    }
}
