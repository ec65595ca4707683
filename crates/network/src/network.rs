//! Putting the pieces together: transports, behaviour, queues.

use crate::{
    behaviour::Behaviour,
    config::{Limits, NetworkConfig},
    driver::{Driver, Outlets, Queues},
    error::NetworkError,
    event::NetworkEvent,
    handle::NetworkHandle,
    inbox::Inbox,
    topic::Topics,
};
use libp2p::{
    Multiaddr, Swarm, SwarmBuilder,
    dns::{ResolverConfig, ResolverOpts},
    identity::Keypair,
    multiaddr::Protocol,
    noise, quic, swarm, tcp, yamux,
};
use std::{
    fmt, io,
    net::{IpAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Bytes that a QUIC connection may have in flight towards us; a stream may have half of them.
const QUIC_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Inbound streams of one connection whose protocol is being negotiated.
const NEGOTIATING_STREAMS_MAX: usize = 32;
/// Connections do not end because they are idle: peers are kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

/// Starts the peer-to-peer network of a node.
#[derive(Debug, Clone, Copy)]
pub struct Network;

impl Network {
    /// Binds the listening addresses. Peers are dialled and served once the task runs.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The limits contradict each other, or an address cannot be listened on.
    pub fn start(
        config: NetworkConfig,
    ) -> Result<(NetworkHandle, mpsc::Receiver<NetworkEvent>, NetworkTask), NetworkError> {
        config.limits.check()?;
        let limits = Arc::new(config.limits.clone());
        let topics = Topics::new(&config.chain);
        let behaviour = Behaviour::new(&config, &topics)?;
        let mut swarm = swarm(config.identity.keypair(), &limits, behaviour)?;
        for address in &config.listen {
            let refused =
                |reason: String| NetworkError::Listen { address: address.clone(), reason };
            check_free(address).map_err(|error| refused(error.to_string()))?;
            swarm.listen_on(address.clone()).map_err(|error| refused(error.to_string()))?;
        }
        for address in &config.external {
            swarm.add_external_address(address.clone());
        }
        let (urgent, urgent_commands) = mpsc::channel(limits.commands_max);
        let (bulk, bulk_commands) = mpsc::channel(limits.commands_max);
        let (events, receiver) = mpsc::channel(limits.events_max);
        let (peers, peers_seen) = watch::channel(Arc::from([]));
        let (listening, listening_seen) = watch::channel(Arc::<[Multiaddr]>::from([]));
        let handle = NetworkHandle {
            local: config.identity.peer_id(),
            limits: Arc::clone(&limits),
            listeners: config.listen.len(),
            urgent,
            bulk,
            peers: peers_seen,
            listening: listening_seen,
        };
        let queues = Queues { urgent: urgent_commands, bulk: bulk_commands };
        let inbox = Inbox::new(events, limits.event_bytes_max);
        let outlets = Outlets { inbox, peers, listening };
        let driver = Driver::new(config, limits, topics, swarm, queues, outlets);
        Ok((handle, receiver, NetworkTask(Box::new(driver))))
    }
}

/// The task that drives the connections.
pub struct NetworkTask(Box<Driver>);

impl NetworkTask {
    /// Runs until `stop` is cancelled; then says goodbye to the peers, for half a second at most.
    ///
    /// # Errors
    /// A listener ended: the process should end with this reason.
    pub async fn run(self, stop: CancellationToken) -> Result<(), NetworkError> {
        self.0.run(stop).await
    }
}

impl fmt::Debug for NetworkTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetworkTask").finish_non_exhaustive()
    }
}

/// Whether nobody else listens there. libp2p shares TCP ports (`SO_REUSEPORT`): the system would
/// deal the connections out between two nodes that were given the same one.
fn check_free(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) => TcpListener::bind((ip, port)).map(drop),
        _ => Ok(()),
    }
}

/// TCP (noise, yamux) and QUIC, with names resolved.
fn swarm(
    keypair: &Keypair,
    limits: &Limits,
    behaviour: Behaviour,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let broken = |reason: String| NetworkError::Transport(reason);
    let streams = limits.streams_max;
    let yamux = move || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(streams);
        config
    };
    let quic = |mut config: quic::Config| {
        config.max_concurrent_stream_limit = u32::try_from(streams).unwrap_or(u32::MAX);
        config.max_connection_data = QUIC_WINDOW_BYTES;
        config.max_stream_data = QUIC_WINDOW_BYTES / 2;
        config
    };
    let transports = || {
        SwarmBuilder::with_existing_identity(keypair.clone())
            .with_tokio()
            .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux)
            .map_err(|error| broken(error.to_string()))
            .map(|builder| builder.with_quic_config(quic))
    };
    // The two builders are of types that cannot be named.
    macro_rules! finish {
        ($builder:expr) => {
            $builder
                .with_behaviour(|_| behaviour)
                .map_err(|error| broken(error.to_string()))?
                .with_swarm_config(|config: swarm::Config| {
                    config
                        .with_idle_connection_timeout(IDLE_TIMEOUT)
                        .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS_MAX)
                })
                .with_connection_timeout(limits.handshake_timeout)
                .build()
        };
    }
    match transports()?.with_dns() {
        Ok(builder) => Ok(finish!(builder)),
        Err(error) => {
            tracing::warn!(%error, "no resolver: peers can be reached by IP address only");
            let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
            Ok(finish!(transports()?.with_dns_config(nobody, ResolverOpts::default())))
        }
    }
}
