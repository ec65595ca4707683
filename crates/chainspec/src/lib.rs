//! Which rules hold at which block: the fork schedule, the genesis block, blob and fee parameters,
//! and this chain's own parameters, read from a genesis file in go-ethereum's format.
//!
//! Invariants: a [`ChainSpec`] has a fork order that go-ethereum would accept, a blob schedule for
//! every fork that needs one, and a genesis header whose state root is that of its allocation.
//!
//! Deliberately absent: Amsterdam and later forks (a file that schedules them is refused rather
//! than half obeyed), proof-of-work seals, and total-difficulty tracking: a chain that begins
//! before the merge names its first merged block in `mergeNetsplitBlock`.

mod compute;
mod consensus;
mod error;
mod fork_id;
mod forks;
mod genesis;
mod params;
mod peer_id;
mod precompiles;
mod registry;
mod spec;

pub use alloy_eips::eip7840::BlobParams;
pub use alloy_hardforks::{EthereumHardfork, EthereumHardforks, ForkCondition};
pub use compute::{Admission, COMPUTE_ADDRESS, compute_code};
pub use consensus::{
    AUTHORITIES_MAX, AuthoritiesFault, ConsensusParams, ConsensusTimeouts, EPOCH_BLOCKS_MAX,
    TOTAL_POWER_MAX, check_authorities, default_quorum,
};
pub use error::ChainSpecError;
pub use params::ChainParams;
pub use peer_id::{PEER_ID_BYTES, peer_id_from_text, peer_id_of_key, peer_id_to_text, peer_key};
pub use registry::{REGISTRY_ADDRESS, registry_code};
pub use spec::ChainSpec;

/// The chain ID and network ID of MFENX.
pub const MFENX_CHAIN_ID: u64 = 177_155;

#[cfg(test)]
mod tests;
