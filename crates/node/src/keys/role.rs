//! The roles of keys, four of an authority and one of a worker: their names, and how a public part follows from a secret.

use super::Secret;
use alloy_primitives::{Address, B256};
use alloy_signer_local::PrivateKeySigner;
use ed25519_dalek::SigningKey;
use mfenx_chainspec::{peer_id_from_text, peer_id_of_key, peer_id_to_text};
use serde::{Deserialize, Serialize};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Consensus,
    Vrf,
    P2p,
    Operator,
    Worker,
}

/// The public part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicPart {
    Key([u8; 32]),
    Peer(Vec<u8>),
    Account(Address),
}

impl Role {
    /// Those of an authority.
    pub(crate) const ALL: [Self; 4] = [Self::Consensus, Self::Vrf, Self::P2p, Self::Operator];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Vrf => "vrf",
            Self::P2p => "p2p",
            Self::Operator => "operator",
            Self::Worker => "worker",
        }
    }

    pub(crate) fn file_name(self) -> String {
        format!("{}.key", self.name())
    }

    /// The public part of `secret`; none when it is no secret key of this role, which for the
    /// Ed25519 curve never happens and for secp256k1 hardly.
    pub(crate) fn public_of(self, secret: &Secret) -> Option<PublicPart> {
        Some(match self {
            Self::Consensus | Self::Worker => PublicPart::Key(ed25519_public(secret)),
            Self::Vrf => {
                let secret = mfenx_vrf::SecretKey::from_seed(**secret);
                PublicPart::Key(*secret.public_key().as_bytes())
            }
            Self::P2p => PublicPart::Peer(peer_id_of_key(ed25519_public(secret))),
            Self::Operator => PublicPart::Account(operator_signer(secret)?.address()),
        })
    }

    /// Reads a public part as a key file has it.
    pub(crate) fn parse_public(self, text: &str) -> Result<PublicPart, String> {
        let hexadecimal = |bytes: usize| format!("`public` is 0x and {} hex digits", 2 * bytes);
        match self {
            Self::Consensus | Self::Vrf | Self::Worker => {
                text.parse::<B256>().map(|key| PublicPart::Key(key.0)).map_err(|_| hexadecimal(32))
            }
            Self::P2p => peer_id_from_text(text)
                .map(PublicPart::Peer)
                .map_err(|reason| format!("`public` {reason}")),
            Self::Operator => text.parse().map(PublicPart::Account).map_err(|_| hexadecimal(20)),
        }
    }
}

impl PublicPart {
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Key(key) => B256::new(*key).to_string(),
            Self::Peer(peer_id) => peer_id_to_text(peer_id),
            Self::Account(address) => address.to_string(),
        }
    }
}

pub(crate) fn ed25519_public(secret: &Secret) -> [u8; 32] {
    SigningKey::from_bytes(secret).verifying_key().to_bytes()
}

pub(crate) fn operator_signer(secret: &Secret) -> Option<PrivateKeySigner> {
    PrivateKeySigner::from_slice(secret.as_slice()).ok()
}
