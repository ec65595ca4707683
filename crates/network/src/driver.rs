//! The task that drives the swarm: one loop over its events, the application's commands, answers
//! that are ready, and the clock.

mod commands;
mod discovery;
mod gossip;
mod handshake;
mod requests;
mod show;

use crate::{
    behaviour::{Behaviour, BehaviourEvent},
    config::{ChainIdentity, Limits, NetworkConfig},
    dialer::{Dialer, Want},
    error::NetworkError,
    event::{DisconnectReason, NetworkEvent, PeerInfo},
    gate::Denied,
    handle::Command,
    inbox::Inbox,
    metrics,
    peers::{Connection, Peer, Stage},
    status::Head,
    topic::Topics,
};
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::ConnectedPoint,
    futures::StreamExt,
    ping,
    swarm::{ConnectionDenied, ConnectionId, DialError, ListenError, SwarmEvent},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Between looks at deadlines.
const TICK: Duration = Duration::from_millis(100);
/// Between looks at scores, and snapshots for the application.
const SLOW_TICK: Duration = Duration::from_secs(1);
/// How long a stopping node waits for its connections to close.
const GOODBYE: Duration = Duration::from_millis(500);
/// More than the time that a dial may take: a connection this old, to a peer that nevertheless
/// dials us, is dead at its other end.
const DIAL_MARGIN: Duration = Duration::from_secs(1);

/// Where commands come from.
#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) urgent: mpsc::Receiver<Command>,
    pub(crate) bulk: mpsc::Receiver<Command>,
}

/// Where news go to.
#[derive(Debug)]
pub(crate) struct Outlets {
    pub(crate) inbox: Inbox,
    pub(crate) peers: watch::Sender<Arc<[PeerInfo]>>,
    pub(crate) listening: watch::Sender<Arc<[Multiaddr]>>,
}

pub(crate) struct Driver {
    swarm: Swarm<Behaviour>,
    chain: ChainIdentity,
    head: Head,
    limits: Arc<Limits>,
    topics: Topics,
    pinned: HashSet<PeerId>,
    peers: HashMap<PeerId, Peer>,
    dialer: Dialer,
    queues: Queues,
    outlets: Outlets,
    requests: requests::Requests,
    search: discovery::Search,
    next_slow_tick: Instant,
}

impl Driver {
    pub(crate) fn new(
        config: NetworkConfig,
        limits: Arc<Limits>,
        topics: Topics,
        swarm: Swarm<Behaviour>,
        queues: Queues,
        outlets: Outlets,
    ) -> Self {
        let now = Instant::now();
        let mut dialer = Dialer::new(*swarm.local_peer_id(), limits.redial_max);
        for peer in config.bootnodes {
            dialer.add(peer, Want::Bootnode, now);
        }
        for peer in config.persistent {
            dialer.add(peer, Want::Always, now);
        }
        let mut driver = Self {
            swarm,
            chain: config.chain,
            head: config.head,
            limits,
            topics,
            pinned: HashSet::new(),
            peers: HashMap::new(),
            dialer,
            queues,
            outlets,
            requests: requests::Requests::default(),
            search: discovery::Search::new(now),
            next_slow_tick: now,
        };
        driver.set_pinned(config.pinned);
        driver
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), NetworkError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.swarm.select_next_some() => self.on_swarm_event(event)?,
                Some(command) = self.queues.urgent.recv() => self.on_command(command),
                Some(command) = self.queues.bulk.recv() => self.on_command(command),
                Some(reply) = self.requests.replies.next() => self.on_reply(reply),
                _ = ticks.tick() => self.on_tick(Instant::now()),
            }
        }
        self.say_goodbye().await;
        Ok(())
    }

    async fn say_goodbye(&mut self) {
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let swarm = &mut self.swarm;
        let drain = async move {
            while swarm.network_info().num_peers() > 0 {
                swarm.select_next_some().await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, drain).await;
    }

    fn on_tick(&mut self, now: Instant) {
        self.check_handshakes(now);
        self.check_requests(now);
        self.dial_due(now);
        self.search(now);
        if now >= self.next_slow_tick {
            self.next_slow_tick = now + SLOW_TICK;
            self.expel_the_worst();
            self.part_from_the_silent(now);
            metrics::banned(self.swarm.behaviour_mut().gate.expire(now));
            self.show_peers(now);
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) -> Result<(), NetworkError> {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed {
                peer_id, connection_id, num_established, cause, ..
            } => {
                tracing::debug!(peer = %peer_id, ?cause, "a connection closed");
                self.on_disconnected(peer_id, connection_id, num_established == 0);
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                self.on_dial_failure(peer_id, &error);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(from = %send_back_addr, %error, "an inbound connection failed");
                if let ListenError::Denied { cause } = &error {
                    count_denied(cause);
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening for peers");
                self.show_listeners();
            }
            SwarmEvent::ExpiredListenAddr { .. } => self.show_listeners(),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                let reason = reason.err().map_or("it was closed".into(), |e| e.to_string());
                let addresses = addresses.join(", ");
                return Err(NetworkError::ListenerClosed { addresses, reason });
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "a listener failed to accept a connection");
            }
            _ => {}
        }
        Ok(())
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Status(event) => self.on_status(event),
            BehaviourEvent::Blocks(event) => self.on_request(crate::Protocol::Blocks, event),
            BehaviourEvent::Parts(event) => self.on_request(crate::Protocol::Parts, event),
            BehaviourEvent::Identify(event) => self.on_identify(event),
            BehaviourEvent::Kad(event) => self.on_kad(event),
            BehaviourEvent::Ping(event) => self.on_ping(&event),
            BehaviourEvent::Gate(never) => match never {},
        }
    }

    fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        use crate::event::Direction::{Inbound, Outbound};
        let now = Instant::now();
        let direction = if endpoint.is_dialer() { Outbound } else { Inbound };
        let address = endpoint.get_remote_address().clone();
        tracing::debug!(%peer, %address, direction = direction.label(), "connected");
        let connection = Connection { id, direction, address, since: now };
        let Some(known) = self.peers.get_mut(&peer) else {
            self.peers.insert(peer, Peer::new(connection, &self.limits));
            if direction == Outbound {
                self.ask_status(peer);
            }
            return;
        };
        // Nobody dials a peer it is connected to: the other end of what is older is gone, though
        // the system has not noticed yet, as with QUIC after a crash. What is about as old was
        // opened from both sides at once. All connections go: gossipsub tells its subscriptions on
        // the first one only, and the newcomer would never hear of ours.
        let dial_time_max = self.limits.handshake_timeout + DIAL_MARGIN;
        let is_old = |c: &Connection| now.saturating_duration_since(c.since) > dial_time_max;
        let replaced = known.connections.iter().any(is_old);
        known.connections.push(connection);
        if replaced {
            if !matches!(known.stage, Stage::Leaving { .. }) {
                known.stage = Stage::Leaving { reason: DisconnectReason::Replaced, at: now };
            }
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    fn on_disconnected(&mut self, peer: PeerId, id: ConnectionId, last: bool) {
        if !last {
            if let Some(known) = self.peers.get_mut(&peer) {
                known.connections.retain(|connection| connection.id != id);
            }
            return;
        }
        let Some(known) = self.peers.remove(&peer) else { return };
        let now = Instant::now();
        let reason = match known.stage {
            Stage::Leaving { reason, .. } => reason,
            Stage::New { .. } | Stage::Ready => DisconnectReason::Closed,
        };
        metrics::disconnected(reason);
        self.dialer.disconnected(&peer, now);
        if reason.is_refusal() {
            self.remember_refusal(peer, reason, now);
            self.outlets.inbox.push(NetworkEvent::PeerRefused { peer, reason });
        } else if known.announced {
            self.outlets.inbox.push(NetworkEvent::PeerDisconnected { peer, reason });
        }
        self.show_peers(now);
    }

    fn on_dial_failure(&mut self, peer: Option<PeerId>, error: &DialError) {
        let Some(peer) = peer else { return };
        let label = match error {
            DialError::DialPeerConditionFalse(_) => return,
            DialError::LocalPeerId { .. } => "local_peer",
            DialError::NoAddresses => "no_address",
            DialError::Aborted => "aborted",
            DialError::WrongPeerId { .. } => "wrong_peer",
            DialError::Denied { cause } => {
                count_denied(cause);
                "denied"
            }
            DialError::Transport(_) => "unreachable",
        };
        tracing::debug!(%peer, %error, "cannot reach a peer");
        metrics::dial_failed(label);
        if let DialError::WrongPeerId { obtained, address } = error {
            tracing::warn!(expected = %peer, %obtained, %address, "another peer answers there");
        }
        if matches!(error, DialError::NoAddresses) && self.pinned.contains(&peer) {
            self.search_for(peer);
        }
        self.dialer.failed(&peer, Instant::now());
    }

    fn on_ping(&mut self, event: &ping::Event) {
        match &event.result {
            Ok(time) => {
                if let Some(peer) = self.peers.get_mut(&event.peer) {
                    peer.latency = Some(*time);
                }
            }
            // Its status tells whether such a peer is alive.
            Err(ping::Failure::Unsupported) => {}
            Err(error) => {
                tracing::debug!(peer = %event.peer, %error, "no answer to a ping");
                if let Some(peer) = self.peers.get_mut(&event.peer)
                    && peer.connections.len() == 1
                    && !matches!(peer.stage, Stage::Leaving { .. })
                {
                    let reason = DisconnectReason::Ping;
                    peer.stage = Stage::Leaving { reason, at: Instant::now() };
                }
                self.swarm.close_connection(event.connection);
            }
        }
    }

    /// Disconnects a peer, and keeps it out for `time`, unless it is pinned.
    fn expel(&mut self, peer: PeerId, reason: DisconnectReason, time: Duration) {
        let now = Instant::now();
        if !self.pinned.contains(&peer) {
            self.swarm.behaviour_mut().gate.ban(peer, now + time);
        }
        if let Some(known) = self.peers.get_mut(&peer) {
            known.stage = Stage::Leaving { reason, at: now };
        }
        let _ = self.swarm.disconnect_peer_id(peer);
    }
}

fn count_denied(cause: &ConnectionDenied) {
    metrics::denied(cause.downcast_ref::<Denied>().map_or("other", |denied| denied.label()));
}
