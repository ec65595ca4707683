//! The keys of an authority, and whether they are the ones that the registry knows.

use crate::sets::Authorities;
use alloy_primitives::Address;
use mfenx_consensus::{ConsensusKey, Operator};
use mfenx_network::PeerId;
use mfenx_vrf::SecretKey;

/// The secrets that a voting node needs, and the account it votes for.
#[derive(Debug)]
pub struct ValidatorKeys {
    /// The account that the keys are registered under. It receives the tips.
    pub operator: Address,
    /// Signs votes and proposals.
    pub consensus: ConsensusKey,
    /// Makes the randomness of blocks.
    pub vrf: SecretKey,
}

/// The registry knows this operator, or one of its keys, otherwise. Nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// A key is not the registered one.
    #[error(
        "operator {operator} is registered with another {what}: this node has {ours}, the registry \
         {registered}; start the node with the keys that were registered, or register these"
    )]
    Mismatch {
        /// The account.
        operator: Address,
        /// Which key.
        what: &'static str,
        /// The public part that this node has.
        ours: String,
        /// The public part in the registry.
        registered: String,
    },
    /// The consensus key is somebody else's.
    #[error(
        "the consensus key of this node is registered for operator {registered}, not {operator}; \
         a key serves one authority only"
    )]
    OtherOperator {
        /// The account of these keys.
        operator: Address,
        /// The account in the registry.
        registered: Address,
    },
}

impl ValidatorKeys {
    /// Whether these keys are in force: `false` when the registry does not know the operator.
    ///
    /// # Errors
    /// [`KeysError`]: the registry knows something else.
    pub(super) fn check(&self, authorities: &Authorities, peer: PeerId) -> Result<bool, KeysError> {
        let key = self.consensus.public_key();
        let operator = self.operator;
        let Some(registered) = authorities.set().by_operator(&Operator(operator)) else {
            let holder = authorities.set().validators().iter().find(|one| one.key == key);
            return match holder {
                Some(holder) => {
                    Err(KeysError::OtherOperator { operator, registered: holder.operator.0 })
                }
                None => Ok(false),
            };
        };
        let mismatch =
            |what, ours, registered| Err(KeysError::Mismatch { operator, what, ours, registered });
        let hex = |bytes: &[u8]| alloy_primitives::hex::encode_prefixed(bytes);
        if registered.key != key {
            return mismatch(
                "consensus key",
                hex(&key.to_bytes()),
                hex(&registered.key.to_bytes()),
            );
        }
        let vrf = self.vrf.public_key();
        if registered.vrf_key != *vrf {
            return mismatch("VRF key", hex(vrf.as_bytes()), hex(registered.vrf_key.as_bytes()));
        }
        let registered_peer = authorities.peer_of(&Operator(operator));
        if registered_peer != Some(peer) {
            let registered = registered_peer.map_or_else(|| "none".into(), |id| id.to_string());
            return mismatch("peer ID", peer.to_string(), registered);
        }
        Ok(true)
    }
}
