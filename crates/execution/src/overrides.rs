//! What a caller wants to see differently: fields of the block, accounts, places of precompiles.
//!
//! The rules are go-ethereum's (`internal/ethapi/override`), for every method that takes overrides.
//! Where go-ethereum's outcome hangs on the order of a map, ours follows from the order of the
//! addresses.
//!
//! Deliberately absent: bounds. Whoever reads the request has them.

mod accounts;
mod block;

pub(crate) use accounts::apply_accounts;
pub use block::BlockOverrides;

use alloy_primitives::Address;

/// Overrides that contradict themselves or the state: correct them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// Only precompiles can be moved.
    #[error("account {0} is not a precompile")]
    NotAPrecompile(Address),
    /// A precompile cannot be moved to where it is.
    #[error("movePrecompileToAddress of {0} refers to itself")]
    SelfReference(Address),
    /// A precompile cannot be moved to an account that is itself overridden.
    #[error("account {0} is already overridden")]
    DestinationOverridden(Address),
    /// All of the storage is replaced, or some slots of it.
    #[error("account {0} has both 'state' and 'stateDiff'")]
    StateAndDiff(Address),
    /// A field of the block that means something only where whole blocks are simulated.
    #[error("block override \"{0}\" is not supported for this method")]
    BlockField(&'static str),
}
