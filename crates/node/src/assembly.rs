//! What every kind of node has: store, pool, head, JSON-RPC and its server, metrics, supervision;
//! and the one thing that makes its kind, which is handed in as [`Part`].

use crate::{
    error::NodeError,
    listen::{Listen, gateway_config},
    network::NetworkPart,
    ready::{Ready, RunningAs},
    supervise::{Group, Supervisor},
};
use mfenx_engine::{Chain, HeadFeed, Producer, ProducerConfig};
use mfenx_gateway::{AdminServer, Gateway};
use mfenx_rpc::{Namespace, NodeStatus, RpcContext, RpcLimits};
use mfenx_telemetry::Metrics;
use mfenx_txpool::{PoolConfig, PoolHandle};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often histogram samples are folded and gauges of the process refreshed.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Cores run the EVM and the database; more asynchronous threads than this only switch.
const WORKER_THREADS_MAX: usize = 4;

/// Who extends the chain.
pub(crate) enum Part {
    /// Nobody.
    None,
    /// This node alone.
    Producer(ProducerConfig),
    /// The authorities of a network.
    Network(Box<NetworkPart>),
}

/// A node that is opened and does not run yet.
pub(crate) struct Node {
    pub(crate) metrics: Metrics,
    pub(crate) chain: Chain,
    pub(crate) part: Part,
    pub(crate) listen: Listen,
    /// Where the chain is kept, for the ready lines.
    pub(crate) data: Option<PathBuf>,
    pub(crate) running_as: RunningAs,
    /// Stop when standard input ends.
    pub(crate) stop_with_stdin: bool,
}

/// Before anything that is counted: counters are looked up once.
pub(crate) fn install_metrics() -> Result<Metrics, NodeError> {
    let metrics = Metrics::install()?;
    mfenx_storage::describe_metrics();
    mfenx_engine::describe_metrics();
    Ok(metrics)
}

impl Node {
    /// Runs until a signal, or the end of a part. `ready` is called once everything serves.
    pub(crate) fn run(self, ready: impl FnOnce(&Ready)) -> Result<(), NodeError> {
        let namespaces = Namespace::parse_list(&self.listen.api)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(WORKER_THREADS_MAX))
            .thread_name("mfenx")
            .enable_all()
            .build()
            .map_err(NodeError::Runtime)?;
        let outcome = runtime.block_on(Box::pin(self.serve(&namespaces, ready)));
        // Blocking calls still running hold the store open; give them a moment to see that nobody
        // waits for them.
        runtime.shutdown_timeout(Duration::from_secs(5));
        outcome
    }

    async fn serve(
        self,
        namespaces: &[Namespace],
        ready: impl FnOnce(&Ready),
    ) -> Result<(), NodeError> {
        let mut supervisor = Supervisor::new()?;
        if self.stop_with_stdin {
            supervisor.stop_with_stdin();
        }
        let (metrics, chain) = (self.metrics, self.chain);
        let spec = Arc::clone(chain.spec());
        let head = chain.head()?;
        let feed = HeadFeed::new(head.clone());
        let pool = PoolHandle::new(Arc::clone(&spec), PoolConfig::default(), &head);
        if spec.accepts_blobs() {
            tokio::task::spawn_blocking(mfenx_txpool::load_trusted_setup);
        }
        let status = Arc::new(NodeStatus::default());
        let limits = RpcLimits::default();
        let context = RpcContext {
            spec: Arc::clone(&spec),
            store: chain.store().clone(),
            pool: pool.clone(),
            head: feed.latest(),
            committed: feed.committed().clone(),
            status: Arc::clone(&status),
            consensus: crate::records::of(&spec),
            limits: limits.clone(),
            client_version: client_version(),
        };
        let methods = mfenx_rpc::methods(context, namespaces)
            .map_err(|error| NodeError::Rpc(error.to_string()))?;
        let gateway = Gateway::bind(gateway_config(self.listen.http)?).await?;
        let admin = AdminServer::bind(self.listen.admin).await?;

        let p2p = match self.part {
            Part::None => {
                status.set_listening(true);
                None
            }
            Part::Producer(config) => {
                let producer = Producer::new(chain.clone(), pool, feed, config);
                supervisor.spawn(Group::Core, "producer", |stop| async move {
                    Ok(producer.run(stop).await?)
                });
                status.set_listening(true);
                None
            }
            Part::Network(part) => {
                let started = part.start(&chain, pool, feed, &status, &mut supervisor);
                Some(Box::pin(started).await?)
            }
        };
        let line = Ready {
            http: gateway.local_addr(),
            admin: admin.local_addr(),
            p2p,
            chain_id: spec.chain_id(),
            head_number: head.number,
            head_hash: head.hash(),
            data: self.data,
            running_as: self.running_as,
        };
        let server_status = Arc::clone(&status);
        supervisor.spawn(Group::Edge, "gateway", |stop| async move {
            gateway.serve(methods, &limits, server_status, stop).await;
            Ok(())
        });
        let rendered = metrics.clone();
        supervisor.spawn(Group::Edge, "admin", |stop| async move {
            admin.serve(Arc::new(move || rendered.render()), stop).await;
            Ok(())
        });
        supervisor.spawn(Group::Core, "upkeep", |stop| upkeep(metrics, stop));
        status.set_ready(true);
        ready(&line);
        let outcome = supervisor.run(|| status.set_ready(false)).await;
        outcome.and(chain.store().clone().close().map_err(NodeError::from))
    }
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
