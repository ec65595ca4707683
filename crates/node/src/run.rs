//! `mfenx dev` and `mfenx serve`: assembly.

use crate::{
    accounts::{DEV_MNEMONIC, DevAccount, dev_accounts, dev_operator},
    datadir::DataDir,
    error::NodeError,
    supervise::{Part, Supervisor},
    transfer::open_existing,
};
use alloy_primitives::B256;
use mfenx_chainspec::ChainSpec;
use mfenx_engine::{BlockTime, Chain, HeadFeed, Producer, ProducerConfig, RandomnessKey};
use mfenx_gateway::{AdminServer, Gateway, GatewayConfig};
use mfenx_rpc::{Namespace, NodeStatus, RpcContext, RpcLimits};
use mfenx_storage::{Store, StoreOptions};
use mfenx_telemetry::Metrics;
use mfenx_txpool::{PoolConfig, PoolHandle};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Files that are open besides connections: the store, listeners, the runtime.
const FILES_OF_OUR_OWN: u64 = 64;
/// Longest time a dev block spends on executing transactions; a block of 120 Mgas takes less.
const BUILD_TIME_MAX: Duration = Duration::from_millis(800);
/// How often histogram samples are folded and gauges of the process refreshed.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Cores run the EVM and the database; more asynchronous threads than this only switch.
const WORKER_THREADS_MAX: usize = 4;

/// Where a node listens and what it answers.
#[derive(Debug, Clone)]
pub struct Listen {
    /// HTTP and WebSocket.
    pub http: SocketAddr,
    /// Metrics.
    pub admin: SocketAddr,
    /// Namespaces separated by commas; `public` and `all` are sets of them.
    pub api: String,
}

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

/// What a node says once everything serves.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Address of JSON-RPC.
    pub http: SocketAddr,
    /// Address of the metrics.
    pub admin: SocketAddr,
    /// The chain ID.
    pub chain_id: u64,
    /// Height of the head.
    pub head_number: u64,
    /// Hash of the head.
    pub head_hash: B256,
    /// Where the chain is kept; `None` when it is temporary.
    pub data: Option<PathBuf>,
    /// What kind of node it is.
    pub running_as: RunningAs,
}

/// What kind of node is running.
#[derive(Debug, Clone)]
pub enum RunningAs {
    /// A development chain.
    Dev {
        /// Its funded accounts.
        accounts: Vec<DevAccount>,
        /// The mnemonic they are from.
        mnemonic: &'static str,
        /// What each had at genesis, in JULIAN.
        balance: u64,
    },
    /// A server over a store that nobody extends.
    Serve,
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
        None => {
            let dir = tempfile::Builder::new().prefix("mfenx-dev-").tempdir();
            let dir =
                dir.map_err(|source| NodeError::File { path: std::env::temp_dir(), source })?;
            temporary.insert(dir).path().to_owned()
        }
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
    let running_as = RunningAs::Dev { accounts, mnemonic: DEV_MNEMONIC, balance: 10_000 };
    let outcome = run(
        metrics,
        chain,
        Some(producer),
        &config.listen,
        config.datadir.as_ref(),
        running_as,
        ready,
    );
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
    let chain = Chain::open(spec, store)?;
    run(metrics, chain, None, &config.listen, Some(&config.datadir), RunningAs::Serve, ready)
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

/// Before anything that is counted: counters are looked up once.
fn install_metrics() -> Result<Metrics, NodeError> {
    let metrics = Metrics::install()?;
    mfenx_storage::describe_metrics();
    mfenx_engine::describe_metrics();
    Ok(metrics)
}

fn run(
    metrics: Metrics,
    chain: Chain,
    producer: Option<ProducerConfig>,
    listen: &Listen,
    data: Option<&PathBuf>,
    running_as: RunningAs,
    ready: impl FnOnce(&Ready),
) -> Result<(), NodeError> {
    let namespaces = Namespace::parse_list(&listen.api)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(WORKER_THREADS_MAX))
        .thread_name("mfenx")
        .enable_all()
        .build()
        .map_err(NodeError::Runtime)?;
    let node = Node { metrics, chain, producer, listen: listen.clone(), namespaces };
    let outcome = runtime.block_on(node.run(data.cloned(), running_as, ready));
    // Blocking calls still running hold the store open; give them a moment to see that nobody
    // waits for them.
    runtime.shutdown_timeout(Duration::from_secs(5));
    outcome
}

struct Node {
    metrics: Metrics,
    chain: Chain,
    producer: Option<ProducerConfig>,
    listen: Listen,
    namespaces: Vec<Namespace>,
}

impl Node {
    async fn run(
        self,
        data: Option<PathBuf>,
        running_as: RunningAs,
        ready: impl FnOnce(&Ready),
    ) -> Result<(), NodeError> {
        let mut supervisor = Supervisor::new()?;
        let metrics = self.metrics;
        let spec = Arc::clone(self.chain.spec());
        let head = self.chain.head()?;
        let feed = HeadFeed::new(head.clone());
        let pool = PoolHandle::new(Arc::clone(&spec), PoolConfig::default(), &head);
        if spec.accepts_blobs() {
            tokio::task::spawn_blocking(mfenx_txpool::load_trusted_setup);
        }
        let status = Arc::new(NodeStatus::default());
        let limits = RpcLimits::default();
        let context = RpcContext {
            spec: Arc::clone(&spec),
            store: self.chain.store().clone(),
            pool: pool.clone(),
            head: feed.latest(),
            committed: feed.committed().clone(),
            status: Arc::clone(&status),
            limits: limits.clone(),
            client_version: client_version(),
        };
        let methods = mfenx_rpc::methods(context, &self.namespaces)
            .map_err(|error| NodeError::Rpc(error.to_string()))?;
        let gateway = Gateway::bind(gateway_config(self.listen.http)?).await?;
        let admin = AdminServer::bind(self.listen.admin).await?;
        let line = Ready {
            http: gateway.local_addr(),
            admin: admin.local_addr(),
            chain_id: spec.chain_id(),
            head_number: head.number,
            head_hash: head.hash(),
            data,
            running_as,
        };

        if let Some(config) = self.producer {
            let producer = Producer::new(self.chain.clone(), pool, feed, config);
            supervisor
                .spawn(Part::Core, "producer", |stop| async move { Ok(producer.run(stop).await?) });
        }
        let server_status = Arc::clone(&status);
        supervisor.spawn(Part::Edge, "gateway", |stop| async move {
            gateway.serve(methods, &limits, server_status, stop).await;
            Ok(())
        });
        let rendered = metrics.clone();
        supervisor.spawn(Part::Edge, "admin", |stop| async move {
            admin.serve(Arc::new(move || rendered.render()), stop).await;
            Ok(())
        });
        supervisor.spawn(Part::Core, "upkeep", |stop| upkeep(metrics, stop));
        status.set_listening(true);
        status.set_ready(true);
        ready(&line);
        let outcome = supervisor.run(|| status.set_ready(false)).await;
        outcome.and(self.chain.store().clone().close().map_err(NodeError::from))
    }
}

/// The gateway's bounds, within what the system lets this process open.
///
/// The soft limit of open files is often 1,024 for the sake of programs that use `select`; this one
/// does not, and takes what the hard limit allows.
fn gateway_config(http: SocketAddr) -> Result<GatewayConfig, NodeError> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let default = GatewayConfig::default();
    let connections = files.saturating_sub(FILES_OF_OUR_OWN).min(default.connections_max as u64);
    if connections == 0 {
        return Err(NodeError::OpenFiles { files, needed: FILES_OF_OUR_OWN + 1 });
    }
    Ok(GatewayConfig { http, connections_max: connections as usize, ..default })
}

async fn upkeep(metrics: Metrics, stop: CancellationToken) -> Result<(), NodeError> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(UPKEEP_INTERVAL) => metrics.run_upkeep(),
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// `mfenx/v0.1.0/linux-x86_64`, in the form that block explorers parse.
fn client_version() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("mfenx/v{}/{os}-{arch}", env!("CARGO_PKG_VERSION"))
}
