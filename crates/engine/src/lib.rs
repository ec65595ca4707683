//! The only writer of the chain: it imports blocks of others, builds and seals its own, commits
//! them to the store, and announces them.
//!
//! Invariants: a block is announced only after it is durable and after the pool knows of it, so
//! that whoever hears of a head finds everything about it; the state root of every committed block
//! was computed by this node.
//!
//! Deliberately absent: forks and reorganisations. A block extends the head or it is refused;
//! finality is one block. A development chain has one authority, which decides by building
//! ([`Producer`]); between several, [`Engine`] drives consensus.

pub mod audit;
mod authorities;
mod candidate;
mod chain;
mod consensus;
mod error;
mod feed;
mod metrics;
mod pipeline;
mod producer;
mod randomness;
mod sealed;
mod sets;
mod source;

pub use authorities::{AuthoritiesError, Epochs, IAuthorities, read_authorities};
pub use chain::Chain;
pub use consensus::{
    Engine, EngineConfig, EngineOptions, EngineStatus, GuardError, KeysError, LogError,
    Participation, Step, ValidatorKeys,
};
pub use error::{BlockFault, EngineError, ImportError};
pub use feed::HeadFeed;
pub use metrics::describe_metrics;
pub use producer::{BlockTime, Producer, ProducerConfig};
pub use randomness::{Beta, RandomnessKey, Sidecar};
pub use sealed::{SealReport, SealedImporter, check_seals};
pub use sets::authorities_of;

#[cfg(test)]
mod tests;
