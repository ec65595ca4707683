//! An authority of the chain, as genesis and the registry contract name it.

use alloy_primitives::Address;

/// A member of the set that proposes and votes.
///
/// The keys are raw bytes here; the crates that use them decode them strictly.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Receives the fees of the blocks it proposes, and names the authority everywhere.
    pub operator: Address,
    /// Ed25519 public key that signs votes and proposals (RFC 8032 encoding).
    pub consensus_key: [u8; 32],
    /// Public key of the verifiable random function (RFC 9381 encoding).
    pub vrf_key: [u8; 32],
    /// The multihash of the libp2p peer identity (an Ed25519 key: 38 bytes).
    pub peer_id: Vec<u8>,
    /// Voting power, at least 1.
    pub power: u64,
}

/// How much of the voting power decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quorum {
    /// More than two thirds: up to a third may lie.
    Bft,
    /// More than a half: keeps three authorities running when one is lost, tolerates no liar.
    Majority,
}

impl Quorum {
    /// The word for it in chain files, options and answers.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bft => "bft",
            Self::Majority => "majority",
        }
    }
}
