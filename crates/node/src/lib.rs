//! Puts the node together: data directory, store, chain, pool, producer, JSON-RPC and its server,
//! and the supervision that ends the process with a reason when one of them ends.
//!
//! Invariants: everything the user named is parsed and opened before a port is bound; the ready
//! line is printed when everything serves; shutdown goes readiness off, server drained, producer
//! stopped, store closed.
//!
//! Deliberately absent: the command line (it is in `bin/mfenx`), and anything that decides what a
//! block or a transaction may do.

mod accounts;
mod blocks_file;
mod check;
mod datadir;
mod error;
mod genesis;
pub mod keys;
mod run;
mod supervise;
mod transfer;

pub use accounts::{DEV_ACCOUNTS, DEV_MNEMONIC, DevAccount, dev_accounts};
pub use check::{VerifyOutput, stats_json, verify};
pub use datadir::{DataDir, read_chain};
pub use error::NodeError;
pub use genesis::{EPOCH_BLOCKS, Funded, GenesisError, GenesisFile, GenesisPlan, parse_fund};
pub use mfenx_chainspec::ChainSpec;
pub use mfenx_engine::BlockTime;
pub use mfenx_primitives::Quorum;
pub use mfenx_storage::TableStats;
pub use run::{DevConfig, Listen, Ready, RunningAs, ServeConfig, run_dev, run_serve};
pub use transfer::{ImportProgress, ImportReport, export, import, open_existing};
