//! `mfenx node`: a node of a network. With keys of an authority it votes, without it follows.

use crate::{
    assembly::{Node, Part, install_metrics},
    datadir::DataDir,
    error::NodeError,
    keys::{self, AuthorityKeys, Passphrase},
    listen::Listen,
    ready::{Ready, RunningAs},
    supervise::{Group, Supervisor},
    watch::{Watch, watch},
};
use mfenx_chainspec::ChainSpec;
use mfenx_consensus::ConsensusKey;
use mfenx_engine::{Chain, Engine, EngineConfig, EngineOptions, Epochs, HeadFeed, ValidatorKeys};
use mfenx_network::{Identity, Multiaddr, Network, NetworkConfig, NetworkHandle, PeerAddress};
use mfenx_rpc::{HealthLimits, NodeStatus};
use mfenx_storage::{Store, StoreOptions};
use mfenx_txpool::PoolHandle;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Longest time until the listeners say where they are; they are bound already.
const LISTEN_TIME_MAX: Duration = Duration::from_secs(5);

/// Configuration of `mfenx node`.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The chain; that of the data directory without.
    pub chain: Option<ChainSpec>,
    /// The data directory.
    pub datadir: PathBuf,
    /// Where callers are listened to.
    pub listen: Listen,
    /// Where peers are listened to.
    pub p2p: Vec<Multiaddr>,
    /// Where others reach this node when that is not where it listens.
    pub external: Vec<Multiaddr>,
    /// Peers to begin with.
    pub bootnodes: Vec<PeerAddress>,
    /// The keys of an authority.
    pub keys: Option<PathBuf>,
    /// The file with the passphrase of the keys.
    pub passphrase_file: Option<PathBuf>,
    /// Vote although the record of what these keys have signed is missing, or a copy.
    pub trust_empty_log: bool,
    /// What `/health/ready` demands.
    pub health: HealthLimits,
    /// Stop when standard input ends.
    pub stop_with_stdin: bool,
}

/// What a node of a network has besides what every node has.
pub(crate) struct NetworkPart {
    network: NetworkConfig,
    keys: Option<ValidatorKeys>,
    directory: PathBuf,
    options: EngineOptions,
    health: HealthLimits,
}

/// Runs a node of a network until SIGINT or SIGTERM. `ready` is called once everything serves.
///
/// # Errors
/// Something the user named cannot be used, or a part of the node failed.
pub fn run_node(config: NodeConfig, ready: impl FnOnce(&Ready)) -> Result<(), NodeError> {
    let metrics = install_metrics()?;
    mfenx_network::describe_metrics();
    let datadir = match &config.chain {
        Some(_) => DataDir::create(&config.datadir)?,
        None if !config.datadir.exists() => {
            return Err(NodeError::NoChain { path: config.datadir });
        }
        None => DataDir::open(&config.datadir)?,
    };
    let spec = match config.chain {
        Some(spec) => spec,
        None => datadir.chain()?.ok_or(NodeError::NoChain { path: config.datadir.clone() })?,
    };
    let Some(consensus) = spec.consensus() else { return Err(NodeError::NoAuthorities) };
    let (quorum, authorities) = (consensus.quorum, consensus.authorities.len());
    datadir.set_chain(&spec)?;
    let keys = match &config.keys {
        Some(directory) => {
            let passphrase = config.passphrase_file.as_deref().map(Passphrase::read).transpose()?;
            Some(keys::load(directory, passphrase.as_ref())?)
        }
        None => None,
    };
    let identity = identity(keys.as_ref(), &datadir)?;
    let store = Store::open(&datadir.store(), StoreOptions::default())?;
    let chain = Chain::open(Arc::new(spec), store)?;
    let mut network = NetworkConfig::new(identity, chain.identity());
    network.listen = config.p2p;
    network.external = config.external;
    network.bootnodes = config.bootnodes;
    network.pinned = chain.authority_peers()?;
    network.consensus = keys.is_some();
    network.head = chain.network_head()?;
    let operator = keys.as_ref().map(|keys| keys.public().operator);
    let part = NetworkPart {
        network,
        keys: keys.as_ref().map(validator_keys).transpose()?,
        directory: datadir.consensus(),
        options: EngineOptions {
            trust_empty_directory: config.trust_empty_log,
            ..EngineOptions::default()
        },
        health: config.health,
    };
    drop(keys);
    let node = Node {
        metrics,
        chain,
        part: Part::Network(Box::new(part)),
        listen: config.listen,
        data: Some(config.datadir),
        running_as: RunningAs::Network { operator, quorum, authorities },
        stop_with_stdin: config.stop_with_stdin,
    };
    node.run(ready)
}

/// That of the authority's keys; a follower has one of its own in its data directory.
fn identity(keys: Option<&AuthorityKeys>, datadir: &DataDir) -> Result<Identity, NodeError> {
    let mut seed = match keys {
        Some(keys) => keys.p2p_secret(),
        None => keys::node_key(datadir.path())?,
    };
    Ok(Identity::from_seed(&mut seed)?)
}

fn validator_keys(keys: &AuthorityKeys) -> Result<ValidatorKeys, NodeError> {
    Ok(ValidatorKeys {
        operator: keys.public().operator,
        consensus: ConsensusKey::from_seed(keys.consensus_seed()),
        vrf: mfenx_vrf::SecretKey::from_seed(*keys.vrf_seed()),
    })
}

impl NetworkPart {
    /// Binds the listeners, opens the log of consensus, and starts the tasks; where peers reach us.
    pub(crate) async fn start(
        self: Box<Self>,
        chain: &Chain,
        pool: PoolHandle,
        feed: HeadFeed,
        status: &Arc<NodeStatus>,
        supervisor: &mut Supervisor,
    ) -> Result<String, NodeError> {
        let Self { network, keys, directory, options, health } = *self;
        let (handle, events, task) = Network::start(network)?;
        let engine = engine(EngineConfig {
            chain: chain.clone(),
            pool,
            feed: feed.clone(),
            network: handle.clone(),
            events,
            keys,
            directory,
            options,
        })
        .await?;
        let watched = Watch {
            engine: engine.status(),
            evidence: engine.evidence(),
            domain: chain.domain(),
            epochs: Epochs::of_chain(chain.spec()).ok_or(NodeError::NoAuthorities)?,
            network: handle.clone(),
            feed: feed.latest(),
            status: Arc::clone(status),
            limits: health,
        };
        supervisor.spawn(
            Group::Network,
            "network",
            |stop| async move { Ok(task.run(stop).await?) },
        );
        let p2p = reached_at(&handle).await;
        status.set_listening(!handle.listen_addresses().is_empty());
        supervisor.spawn(
            Group::Core,
            "consensus",
            |stop| async move { Ok(engine.run(stop).await?) },
        );
        supervisor.spawn(Group::Core, "watch", |stop| watch(watched, stop));
        Ok(p2p)
    }
}

/// Opening the log reads files: not on a thread that carries sockets.
async fn engine(config: EngineConfig) -> Result<Engine, NodeError> {
    let runtime = tokio::runtime::Handle::current();
    let opened = tokio::task::spawn_blocking(move || {
        let _entered = runtime.enter();
        Engine::new(config)
    });
    match opened.await {
        Ok(engine) => Ok(engine?),
        Err(error) => Err(NodeError::TaskEnded { task: "consensus", reason: error.to_string() }),
    }
}

/// The first TCP address, with the peer ID behind it; just the peer ID of a node that does not
/// listen.
async fn reached_at(handle: &NetworkHandle) -> String {
    let addresses = match tokio::time::timeout(LISTEN_TIME_MAX, handle.listening()).await {
        Ok(addresses) => addresses,
        Err(_) => handle.listen_addresses(),
    };
    let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let tcp = |text: &&String| text.contains("/tcp/");
    let elsewhere =
        |text: &&String| !text.starts_with("/ip4/127.") && !text.starts_with("/ip6/::1/");
    let chosen = texts.iter().filter(tcp).find(elsewhere);
    let chosen = chosen.or_else(|| texts.iter().find(tcp)).or_else(|| texts.first());
    let peer = handle.local_peer_id();
    chosen.map_or_else(|| format!("/p2p/{peer}"), |address| format!("{address}/p2p/{peer}"))
}
