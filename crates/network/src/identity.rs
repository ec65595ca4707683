//! Who a node is to its peers: an Ed25519 key, and the peer ID that follows from it.

use crate::error::IdentityError;
use libp2p::{PeerId, identity::Keypair};
use std::fmt;

/// The key a node proves itself with on every connection. It signs no vote and no transaction.
#[derive(Clone)]
pub struct Identity(Keypair);

impl Identity {
    /// The identity of a seed (RFC 8032, the 32 bytes a key file holds).
    ///
    /// The seed of the caller is overwritten: the key lives only here afterwards.
    ///
    /// # Errors
    /// Never for 32 bytes as of libp2p 0.57; the library reserves it.
    pub fn from_seed(seed: &mut [u8; 32]) -> Result<Self, IdentityError> {
        Keypair::ed25519_from_bytes(seed).map(Self).map_err(|_| IdentityError)
    }

    /// A new identity, from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        Self(Keypair::generate_ed25519())
    }

    /// What others call this node.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.0.public().to_peer_id()
    }

    /// The multihash of the peer ID, 38 bytes: what the registry of authorities holds.
    #[must_use]
    pub fn peer_id_bytes(&self) -> Vec<u8> {
        self.peer_id().to_bytes()
    }

    pub(crate) const fn keypair(&self) -> &Keypair {
        &self.0
    }
}

/// Shows the public half only.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.peer_id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first key of RFC 8032, section 7.1.
    #[test]
    fn the_peer_id_is_the_multihash_of_the_public_key() {
        let mut seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let identity = Identity::from_seed(&mut seed).unwrap();
        let bytes = identity.peer_id_bytes();
        // Identity multihash (0x00) of 36 bytes: the protobuf of an Ed25519 key.
        assert_eq!(bytes[..6], [0x00, 0x24, 0x08, 0x01, 0x12, 0x20]);
        assert_eq!(bytes[6..], public);
        assert_eq!(PeerId::from_bytes(&bytes).unwrap(), identity.peer_id());
    }

    fn hex(text: &str) -> [u8; 32] {
        text.parse::<mfenx_primitives::B256>().unwrap().0
    }

    #[test]
    fn the_seed_of_the_caller_is_overwritten_and_debug_keeps_the_secret() {
        let mut seed = [9; 32];
        let identity = Identity::from_seed(&mut seed).unwrap();
        assert_eq!(seed, [0; 32]);
        assert_eq!(format!("{identity:?}"), format!("Identity({:?})", identity.peer_id()));
    }
}
