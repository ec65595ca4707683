//! `mfenx dev` and `mfenx serve`.

use crate::{
    accounts::{DEV_MNEMONIC, dev_accounts, dev_operator},
    assembly::{Node, Part, install_metrics},
    datadir::DataDir,
    error::NodeError,
    listen::Listen,
    ready::{Ready, RunningAs},
    transfer::open_existing,
};
use mfenx_chainspec::ChainSpec;
use mfenx_engine::{BlockTime, Chain, ProducerConfig, RandomnessKey};
use mfenx_storage::{Store, StoreOptions};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Longest time a dev block spends on executing transactions; a block of 120 Mgas takes less.
const BUILD_TIME_MAX: Duration = Duration::from_millis(800);

/// Configuration of `mfenx dev`.
#[derive(Debug, Clone)]
pub struct DevConfig {
    /// Where the chain is kept; temporary without.
    pub datadir: Option<PathBuf>,
    /// The chain ID; that of the data directory or 177155 without.
    pub chain_id: Option<u64>,
    /// When blocks are made.
    pub block_time: BlockTime,
    /// Where to listen.
    pub listen: Listen,
}

/// Configuration of `mfenx serve`.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// The data directory.
    pub datadir: PathBuf,
    /// Where to listen.
    pub listen: Listen,
}

/// Runs a development chain until SIGINT or SIGTERM. `ready` is called once everything serves.
///
/// # Errors
/// Something the user named cannot be used, or a part of the node failed.
pub fn run_dev(config: DevConfig, ready: impl FnOnce(&Ready)) -> Result<(), NodeError> {
    let metrics = install_metrics()?;
    let accounts = dev_accounts()?;
    // Removed when it is dropped, at the end of this function.
    let mut temporary = None;
    let path = match &config.datadir {
        Some(path) => path.clone(),
        None => temporary.insert(temporary_directory("mfenx-dev-")?).path().to_owned(),
    };
    let datadir = DataDir::create(&path)?;
    let spec = Arc::new(dev_spec(&datadir, config.chain_id)?);
    datadir.set_chain(&spec)?;
    let store = Store::open(&datadir.store(), StoreOptions::default())?;
    let chain = Chain::open(spec, store)?;
    let producer = ProducerConfig {
        block_time: config.block_time,
        beneficiary: dev_operator()?.address,
        randomness: RandomnessKey::derive(DEV_MNEMONIC.as_bytes()),
        build_time_max: BUILD_TIME_MAX,
    };
    let node = Node {
        metrics,
        chain,
        part: Part::Producer(producer),
        listen: config.listen,
        data: config.datadir,
        running_as: RunningAs::Dev { accounts, mnemonic: DEV_MNEMONIC, balance: 10_000 },
        stop_with_stdin: false,
    };
    let outcome = node.run(ready);
    drop(temporary);
    outcome
}

/// Answers JSON-RPC over a store until SIGINT or SIGTERM.
///
/// # Errors
/// As [`run_dev`].
pub fn run_serve(config: ServeConfig, ready: impl FnOnce(&Ready)) -> Result<(), NodeError> {
    let metrics = install_metrics()?;
    let (spec, store) = open_existing(&config.datadir)?;
    let node = Node {
        metrics,
        chain: Chain::open(spec, store)?,
        part: Part::None,
        listen: config.listen,
        data: Some(config.datadir),
        running_as: RunningAs::Serve,
        stop_with_stdin: false,
    };
    node.run(ready)
}

/// A directory that is removed when it is dropped.
pub(crate) fn temporary_directory(prefix: &str) -> Result<tempfile::TempDir, NodeError> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map_err(|source| NodeError::File { path: std::env::temp_dir(), source })
}

/// The development chain with the chain ID asked for, or that of the directory.
fn dev_spec(datadir: &DataDir, chain_id: Option<u64>) -> Result<ChainSpec, NodeError> {
    let dev =
        ChainSpec::dev().map_err(|source| NodeError::Chain { origin: "dev".into(), source })?;
    let held_id = datadir.chain()?.map(|held| held.chain_id());
    Ok(match chain_id.or(held_id) {
        Some(chain_id) => dev.with_chain_id(chain_id),
        None => dev,
    })
}
