//! Who may decide which block: the sets that the registry contract holds, epoch by epoch.
//!
//! Invariants: what [`read_authorities`] gives for an epoch does not depend on the block whose
//! state it reads, as long as that block is in the epoch before or later; it is a set that a chain
//! file could name (1 to 128, nothing twice, power below 2^63).
//!
//! Deliberately absent: whether a key is a point of its curve. The registry cannot check that
//! either, and a voted mistake must not stop the chain: an authority with such a key is one whose
//! votes never verify.

mod epochs;
mod registry;

#[cfg(test)]
mod tests;

pub use epochs::Epochs;
pub use registry::IAuthorities;

use alloy_primitives::{Bytes, TxKind};
use alloy_sol_types::SolCall;
use mfenx_chainspec::{
    AuthoritiesFault, ChainSpec, REGISTRY_ADDRESS, check_authorities, peer_id_of_key,
};
use mfenx_execution::{CallError, CallOptions, CallOutcome, call, evm_env};
use mfenx_primitives::{Authority, Header};
use revm::{DatabaseRef, context::TxEnv, context::result::HaltReason};

/// Gas of the view call; 128 authorities need about 1.3 million.
const VIEW_GAS: u64 = 30_000_000;

/// Why a set could not be read. Any of them on a chain whose registry is the one of `mfenx genesis`
/// means that the store is damaged: verify it, or sync anew.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// The chain has no section `config.mfenx.consensus`.
    #[error("the chain file names no authorities: `mfenx genesis` makes one that does")]
    NoConsensus,
    /// The set of that epoch can still change.
    #[error(
        "the authorities of epoch {epoch} are final from block {final_from} on, not in {block}"
    )]
    NotFinal {
        /// The epoch asked for.
        epoch: u64,
        /// The first block in whose state the set is final.
        final_from: u64,
        /// The block whose state was asked.
        block: u64,
    },
    /// The registry reverted.
    #[error("the registry of authorities refused: {0}")]
    Refused(Bytes),
    /// The registry ran out of gas or into an invalid operation.
    #[error("the registry of authorities failed: {0:?}")]
    Failed(HaltReason),
    /// There is no registry, or what it returned is no set.
    #[error("what the registry of authorities returned cannot be read: {0}")]
    Answer(#[from] alloy_sol_types::Error),
    /// What it returned is a set that cannot be one.
    #[error("the registry of authorities returned an impossible set: {0}")]
    Set(#[from] AuthoritiesFault),
    /// The state could not be read.
    #[error("the registry of authorities could not be asked: {0}")]
    Call(#[from] CallError),
}

/// The authorities of `epoch`, in the registry's order, by the state after the block `header`.
///
/// That block must be in the epoch before `epoch` or later; the blocks before it have no final set
/// for it. Whoever decides block `h` takes the state after block `h - 1`, which always is.
///
/// # Errors
/// [`AuthoritiesError`].
pub fn read_authorities<DB: DatabaseRef>(
    state: DB,
    spec: &ChainSpec,
    header: &Header,
    epoch: u64,
) -> Result<Vec<Authority>, AuthoritiesError> {
    let epochs = Epochs::of_chain(spec).ok_or(AuthoritiesError::NoConsensus)?;
    let final_from = epochs.final_from(epoch);
    if header.number < final_from {
        return Err(AuthoritiesError::NotFinal { epoch, final_from, block: header.number });
    }
    let request = TxEnv {
        kind: TxKind::Call(REGISTRY_ADDRESS),
        data: IAuthorities::authoritiesAtCall { wanted: epoch }.abi_encode().into(),
        gas_limit: VIEW_GAS,
        chain_id: Some(spec.chain_id()),
        ..TxEnv::default()
    };
    let options = CallOptions::default();
    let output = match call(state, evm_env(spec, header), request, &options, &mut || false)? {
        CallOutcome::Success { output, .. } => output,
        CallOutcome::Revert { output, .. } => return Err(AuthoritiesError::Refused(output)),
        CallOutcome::Halt { reason, .. } => return Err(AuthoritiesError::Failed(reason)),
    };
    let members = IAuthorities::authoritiesAtCall::abi_decode_returns_validate(&output)?;
    let authorities: Vec<_> = members.into_iter().map(Authority::from).collect();
    check_authorities(&authorities)?;
    Ok(authorities)
}

impl From<IAuthorities::Authority> for Authority {
    fn from(member: IAuthorities::Authority) -> Self {
        Self {
            operator: member.operator,
            consensus_key: member.consensusKey.0,
            vrf_key: member.vrfKey.0,
            peer_id: peer_id_of_key(member.peerKey.0),
            power: member.power,
        }
    }
}
