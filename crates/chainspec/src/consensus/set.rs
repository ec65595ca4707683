//! What a set of authorities must be, wherever it comes from.

use super::{AUTHORITIES_MAX, TOTAL_POWER_MAX};
use crate::peer_id::peer_key_bytes;
use mfenx_primitives::Authority;
use std::collections::BTreeMap;

/// A set that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct AuthoritiesFault {
    /// The field in the terms of a chain file, such as `authorities[2].vrfKey`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

fn fault(field: &str, reason: impl Into<String>) -> AuthoritiesFault {
    AuthoritiesFault { field: field.into(), reason: reason.into() }
}

/// Checks that there are 1 to [`AUTHORITIES_MAX`], that nothing stands twice, and that each has
/// power, but not all together more than [`TOTAL_POWER_MAX`].
///
/// # Errors
/// The first thing that is wrong.
pub fn check_authorities(authorities: &[Authority]) -> Result<(), AuthoritiesFault> {
    if !(1..=AUTHORITIES_MAX).contains(&authorities.len()) {
        let count = authorities.len();
        let reason = format!("there are {count} authorities; there can be 1 to {AUTHORITIES_MAX}");
        return Err(fault("authorities", reason));
    }
    check_uniqueness(authorities)?;
    check_power(authorities)
}

/// No operator stands twice, and no key, not even in another role: VRF and Ed25519 derive their
/// nonces alike, so that one key used for both can leak.
fn check_uniqueness(authorities: &[Authority]) -> Result<(), AuthoritiesFault> {
    let mut operators = BTreeMap::new();
    let mut keys: BTreeMap<&[u8], String> = BTreeMap::new();
    for (index, authority) in authorities.iter().enumerate() {
        if authority.operator.is_zero() {
            return Err(fault(&format!("authorities[{index}].operator"), "is the zero address"));
        }
        if let Some(first) = operators.insert(authority.operator, index) {
            let reason = format!("stands in authorities[{first}] already; name each operator once");
            return Err(fault(&format!("authorities[{index}].operator"), reason));
        }
        let peer = peer_key_bytes(&authority.peer_id);
        let Some(peer) = peer else {
            let reason = "is not the multihash of an Ed25519 identity";
            return Err(fault(&format!("authorities[{index}].peerId"), reason));
        };
        for (name, key) in [
            ("consensusKey", authority.consensus_key.as_slice()),
            ("vrfKey", &authority.vrf_key),
            ("peerId", peer),
        ] {
            let field = format!("authorities[{index}].{name}");
            if key == [0; 32] {
                return Err(fault(&field, "is zero; take what `mfenx keys show` prints"));
            }
            if let Some(first) = keys.insert(key, field.clone()) {
                return Err(fault(&field, format!("is the key of {first}; use each key once")));
            }
        }
    }
    Ok(())
}

fn check_power(authorities: &[Authority]) -> Result<(), AuthoritiesFault> {
    if let Some(index) = authorities.iter().position(|authority| authority.power == 0) {
        return Err(fault(&format!("authorities[{index}].power"), "is at least 1"));
    }
    let powers = authorities.iter().map(|authority| u128::from(authority.power));
    if powers.sum::<u128>() > TOTAL_POWER_MAX.into() {
        return Err(fault("authorities", "have 2^63 or more power together; scale it down"));
    }
    Ok(())
}
