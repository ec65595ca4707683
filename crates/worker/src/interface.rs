//! The Compute contract's interface, from the file that is published.

#![allow(missing_docs, clippy::too_many_arguments)]

use alloy_primitives::{Address, address};

alloy_sol_types::sol! {
    #![sol(all_derives)]
    "../../chainspec/contracts/interfaces/ICompute.sol"
}

/// Where the contract stands on every chain that has it.
pub const COMPUTE_ADDRESS: Address = address!("000000000000000000000000000000002b403c01");

alloy_sol_types::sol! {
    /// The precompile of randomness.
    #[sol(all_derives)]
    function beacon(uint256 height) external view returns (bytes32 seed, bytes beta);
}

/// Where the precompile of randomness stands.
pub(crate) const BEACON_ADDRESS: Address = address!("00000000000000000000000000000002b4030004");
