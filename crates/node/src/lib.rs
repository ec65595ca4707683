//! Puts the node together: data directory, store, chain, pool, producer, JSON-RPC and its server,
//! and the supervision that ends the process with a reason when one of them ends.
//!
//! Invariants: everything the user named is parsed and opened before a port is bound; the ready
//! line is printed when everything serves; shutdown goes readiness off, server drained, producer or
//! consensus stopped (its log flushed), network left, store closed. A local network's processes never
//! outlive the one that started them.
//!
//! Deliberately absent: the command line (it is in `bin/mfenx`), and anything that decides what a
//! block or a transaction may do.

mod accounts;
mod assembly;
mod audit;
mod blocks_file;
mod check;
mod datadir;
mod error;
mod genesis;
pub mod keys;
mod listen;
mod localnet;
mod network;
mod ready;
mod records;
pub mod registry;
mod run;
mod supervise;
mod transfer;
mod watch;
mod worker;

pub use accounts::{DEV_ACCOUNTS, DEV_MNEMONIC, DevAccount, dev_accounts};
pub use alloy_primitives::{Address, B256, U256};
pub use audit::{show_audit, verify_audit};
pub use check::{VerifyOutput, stats_json, verify};
pub use datadir::{DataDir, read_chain};
pub use error::NodeError;
pub use genesis::{
    EPOCH_BLOCKS, Funded, GenesisError, GenesisFile, GenesisPlan, parse_fund, parse_julian,
};
pub use listen::Listen;
pub use localnet::{LocalnetConfig, LocalnetEvent, LocalnetNode, run_localnet};
pub use mfenx_chainspec::{Admission, ChainSpec};
pub use mfenx_client::Receipt;
pub use mfenx_engine::BlockTime;
pub use mfenx_network::{Multiaddr, PeerAddress, listen_addresses};
pub use mfenx_primitives::Quorum;
pub use mfenx_rpc::HealthLimits;
pub use mfenx_storage::{FORMAT as STORE_FORMAT, TableStats};
pub use mfenx_worker::{
    Detected, Limits as WorkerLimits, Observed, Record as WorkerRecord, Status as WorkerStatus,
    Wishes as WorkerWishes,
};
pub use network::{NodeConfig, run_node};
pub use ready::{Ready, RunningAs};
pub use run::{DevConfig, ServeConfig, run_dev, run_serve};
pub use transfer::{
    ExportOptions, ExportReport, ImportProgress, ImportReport, export, has_seals, import,
    open_existing,
};
pub use worker::{
    Account as WorkerAccount, BackendChoice, WorkerAccess, WorkerConfig, WorkerEvent,
    WorkerRequest, lapse_job, miss_round, refresh_worker, run_observer, run_worker, worker_devices,
    worker_request, worker_status,
};
