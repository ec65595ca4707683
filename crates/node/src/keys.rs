//! The four keys of an authority: a directory with a file for each.
//!
//! | File | Key | For |
//! |---|---|---|
//! | `consensus.key` | Ed25519 | votes and proposals of blocks |
//! | `vrf.key` | Ed25519 curve, RFC 9381 | the election of proposers |
//! | `p2p.key` | Ed25519 | the libp2p identity |
//! | `operator.key` | secp256k1 | the account that votes in the registry and receives fees |
//!
//! Invariants: no file is ever overwritten by another key; a file whose secret does not belong to
//! its public part or to its name is refused, and so is one that others can read; no two roles
//! share a key. A running node needs the first three secrets, and only the address of the fourth.
//!
//! Deliberately absent: erasing a secret from a disk. [`encrypt`] replaces a file by an encrypted
//! one; what stood there before may still be found by whoever has the disk.

mod directory;
mod error;
mod file;
mod operator;
mod passphrase;
mod registration;
mod role;
mod seal;

#[cfg(test)]
mod tests;

pub use directory::{encrypt, load, new, public};
pub(crate) use directory::{has_operator, has_worker, make_operator, node_key, worker_key};
pub use error::KeysError;
pub use operator::OperatorKey;
pub use passphrase::Passphrase;
pub use registration::{Registration, RegistrationError, register};

use alloy_primitives::Address;
use mfenx_primitives::Authority;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a secret; wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// What everybody may know of an authority's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// The operator's account.
    pub operator: Address,
    /// Ed25519 public key of votes and proposals.
    pub consensus_key: [u8; 32],
    /// Public key of the verifiable random function.
    pub vrf_key: [u8; 32],
    /// Multihash of the libp2p identity.
    pub peer_id: Vec<u8>,
}

impl PublicKeys {
    /// The peer ID as people write it.
    pub fn peer_id_text(&self) -> String {
        mfenx_chainspec::peer_id_to_text(&self.peer_id)
    }

    /// The Ed25519 key of the libp2p identity, as the registry has it.
    pub fn peer_key(&self) -> Option<[u8; 32]> {
        mfenx_chainspec::peer_key(&self.peer_id)
    }

    /// The authority that has these keys.
    pub fn authority(&self, power: u64) -> Authority {
        Authority {
            operator: self.operator,
            consensus_key: self.consensus_key,
            vrf_key: self.vrf_key,
            peer_id: self.peer_id.clone(),
            power,
        }
    }
}

/// What a running authority needs; the secrets are wiped when it is dropped.
pub struct AuthorityKeys {
    public: PublicKeys,
    consensus: Secret,
    vrf: Secret,
    p2p: Secret,
}

impl AuthorityKeys {
    /// The public parts.
    pub const fn public(&self) -> &PublicKeys {
        &self.public
    }

    /// Seed of the Ed25519 key that signs votes and proposals (RFC 8032's private key).
    pub fn consensus_seed(&self) -> &[u8; 32] {
        &self.consensus
    }

    /// Seed of the key of the verifiable random function (RFC 9381's SK).
    pub fn vrf_seed(&self) -> &[u8; 32] {
        &self.vrf
    }

    /// Seed of the libp2p identity, an Ed25519 key.
    pub fn p2p_seed(&self) -> &[u8; 32] {
        &self.p2p
    }

    /// The same, to be handed over.
    pub(crate) fn p2p_secret(&self) -> Secret {
        self.p2p.clone()
    }
}

impl fmt::Debug for AuthorityKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorityKeys").field("public", &self.public).finish_non_exhaustive()
    }
}
