//! What consensus keeps and says, in plain data: the methods know no engine.
//!
//! Whoever assembles a node hands in a [`ConsensusRecords`], which reads the certificates and the
//! registry of authorities, and writes a [`ConsensusStatus`] and [`EvidenceRecord`]s into the
//! [`crate::NodeStatus`].

use crate::error::RpcError;
use alloy_primitives::{Address, B256};
use mfenx_primitives::{Authority, Quorum};
use mfenx_storage::Reader;
use std::time::Duration;

/// Reads what is kept beside the blocks. A chain without authorities has none.
pub trait ConsensusRecords: Send + Sync {
    /// The authorities in force at a height that is at most the head's.
    ///
    /// # Errors
    /// The store fails or is damaged.
    fn validators(&self, reader: &Reader, number: u64) -> Result<Validators, RpcError>;

    /// What decided a block; none for the genesis block and for a block that was imported without
    /// its seal.
    ///
    /// # Errors
    /// The store fails or is damaged.
    fn record(&self, reader: &Reader, number: u64) -> Result<Option<DecisionRecord>, RpcError>;
}

/// The authorities of a height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// The epoch of the height.
    pub epoch: u64,
    /// First height of the epoch.
    pub first_block: u64,
    /// Last height of the epoch.
    pub last_block: u64,
    /// How much of the power decides.
    pub quorum: Quorum,
    /// In canonical order: certificates and headers name an authority by its index in it.
    pub authorities: Vec<Authority>,
    /// The proposer of round `r` is `turns[r % turns.len()]`. Empty where the height has no record.
    pub turns: Vec<u8>,
}

/// What decided a block, and the randomness of its builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    /// The round of the precommits.
    pub round: u32,
    /// Hash of the block.
    pub block_hash: B256,
    /// Ed25519 signatures of the precommits by the index of the authority.
    pub signatures: Vec<(u8, [u8; 64])>,
    /// The round the block was built in.
    pub built_round: u32,
    /// Index of the authority that built it.
    pub builder: u32,
    /// The seed in force.
    pub seed: B256,
    /// What the builder evaluated its VRF on.
    pub alpha: Vec<u8>,
    /// The proof (RFC 9381), 80 bytes.
    pub proof: Vec<u8>,
    /// The VRF's output.
    pub output: [u8; 64],
    /// The seed of the next height.
    pub next_seed: B256,
}

/// A proof that an authority signed two messages that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRecord {
    /// Who signed both.
    pub operator: Address,
    /// The epoch of the height, whose authorities' keys the signatures are made with.
    pub epoch: u64,
    /// The height of both messages.
    pub height: u64,
    /// The round of both messages.
    pub round: u32,
    /// What was said twice: `proposal`, `prevote` or `precommit`.
    pub kind: &'static str,
    /// The two messages.
    pub messages: [SignedMessage; 2],
    /// Both in one, as nodes send and keep it.
    pub proof: Vec<u8>,
}

/// A message with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMessage {
    /// The block that is voted for or proposed; none for a vote for nil.
    pub block_hash: Option<B256>,
    /// The bytes that are signed.
    pub signed: Vec<u8>,
    /// An Ed25519 signature (RFC 8032).
    pub signature: [u8; 64],
}

/// Where consensus stands, as its driver says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsensusStatus {
    /// The operator whose keys this node holds; none for a follower.
    pub operator: Option<Address>,
    /// Whether that operator votes at this height.
    pub is_authority: bool,
    /// The height that is being decided.
    pub height: u64,
    /// Its round.
    pub round: u32,
    /// The step of the round: `propose`, `prevote`, ...; `follow` where nobody votes.
    pub step: &'static str,
    /// Whose turn the round is.
    pub proposer: Option<Address>,
    /// Rounds that passed without a decision since the node started, by their proposers.
    pub missed_rounds: Vec<(Address, u64)>,
    /// Time the last decided block took to be made durable.
    pub last_commit: Option<Duration>,
}
