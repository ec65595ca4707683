//! Who may connect: limits on connections, and peers that are kept out for a while.
//!
//! One behaviour instead of libp2p's two: `connection-limits` keeps an entry for every peer it
//! ever saw and knows no IP addresses, `allow-block-list` has no end of a ban. Everything here is
//! bounded by the limits it enforces, and bans by [`BANS_MAX`].
//!
//! Before the handshake of a transport the peer is unknown, so that pinned peers share the bound
//! on inbound connections being set up; the connections this node opens to them do not.

use crate::{address::IpGroup, config::Limits};
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};
use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    task::{Context, Poll},
    time::Instant,
};

/// Peers that are kept out at the same time; the ban that ends first gives way.
const BANS_MAX: usize = 4096;

/// Why a connection was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("the peer is kept out")]
    Banned,
    #[error("too many inbound connections")]
    Inbound,
    #[error("too many outbound connections")]
    Outbound,
    #[error("too many connections to this peer")]
    PerPeer,
    #[error("too many inbound connections from this address")]
    PerIp,
    #[error("too many inbound connections are being set up")]
    Pending,
}

impl Denied {
    /// A word of a bounded set, for metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::PerPeer => "per_peer",
            Self::PerIp => "per_ip",
            Self::Pending => "pending",
        }
    }
}

#[derive(Debug)]
struct Connection {
    peer: PeerId,
    /// Of inbound connections only.
    ip: Option<IpGroup>,
    inbound: bool,
}

/// The behaviour that enforces it.
#[derive(Debug)]
pub(crate) struct Gate {
    inbound_max: usize,
    outbound_max: usize,
    per_peer_max: usize,
    per_ip_max: usize,
    pending_inbound_max: usize,
    pinned: HashSet<PeerId>,
    /// Inbound connections whose peer is not known yet.
    pending: HashMap<ConnectionId, Option<IpGroup>>,
    established: HashMap<ConnectionId, Connection>,
    bans: HashMap<PeerId, Instant>,
}

impl Gate {
    pub(crate) fn new(limits: &Limits, pinned: HashSet<PeerId>) -> Self {
        Self {
            inbound_max: limits.inbound_max,
            outbound_max: limits.outbound_max,
            per_peer_max: limits.per_peer_max,
            per_ip_max: limits.per_ip_max,
            pending_inbound_max: limits.pending_inbound_max,
            pinned,
            pending: HashMap::new(),
            established: HashMap::new(),
            bans: HashMap::new(),
        }
    }

    pub(crate) fn set_pinned(&mut self, pinned: HashSet<PeerId>) {
        self.pinned = pinned;
    }

    /// Keeps `peer` out until then. Its connections stay: close them.
    pub(crate) fn ban(&mut self, peer: PeerId, until: Instant) {
        if self.bans.len() >= BANS_MAX && !self.bans.contains_key(&peer) {
            let first = self.bans.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer);
            first.map(|first| self.bans.remove(&first));
        }
        let end = self.bans.entry(peer).or_insert(until);
        *end = until.max(*end);
    }

    pub(crate) fn is_banned(&self, peer: &PeerId, now: Instant) -> bool {
        self.bans.get(peer).is_some_and(|until| *until > now)
    }

    /// Forgets the bans that are over; the number of those that are not.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        self.bans.retain(|_, until| *until > now);
        self.bans.len()
    }

    /// Established connections that count against limits and satisfy `which`.
    fn count(&self, which: impl Fn(&Connection) -> bool) -> usize {
        let counted = |connection: &&Connection| !self.pinned.contains(&connection.peer);
        self.established.values().filter(counted).filter(|connection| which(connection)).count()
    }

    fn check_pending_inbound(&self, ip: Option<IpGroup>) -> Result<(), Denied> {
        let same = self.pending.values().filter(|other| ip.is_some() && **other == ip).count();
        if self.pending.len() >= self.pending_inbound_max {
            Err(Denied::Pending)
        } else if same >= self.per_ip_max {
            Err(Denied::PerIp)
        } else {
            Ok(())
        }
    }

    /// Bans hold for everybody, the limits for all but pinned peers.
    fn check_peer(&self, peer: &PeerId) -> Result<bool, Denied> {
        if self.is_banned(peer, Instant::now()) {
            return Err(Denied::Banned);
        }
        if self.pinned.contains(peer) {
            return Ok(true);
        }
        if self.count(|connection| connection.peer == *peer) >= self.per_peer_max {
            return Err(Denied::PerPeer);
        }
        Ok(false)
    }

    fn check_inbound(&self, peer: &PeerId, ip: Option<IpGroup>) -> Result<(), Denied> {
        if self.check_peer(peer)? {
            return Ok(());
        }
        if self.count(|connection| connection.inbound) >= self.inbound_max {
            return Err(Denied::Inbound);
        }
        if ip.is_some() && self.count(|connection| connection.ip == ip) >= self.per_ip_max {
            return Err(Denied::PerIp);
        }
        Ok(())
    }

    fn check_outbound(&self, peer: &PeerId) -> Result<(), Denied> {
        if !self.check_peer(peer)? && self.count(|c| !c.inbound) >= self.outbound_max {
            return Err(Denied::Outbound);
        }
        Ok(())
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let ip = IpGroup::of(remote);
        self.check_pending_inbound(ip).map_err(ConnectionDenied::new)?;
        self.pending.insert(id, ip);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&id);
        self.check_inbound(&peer, IpGroup::of(remote)).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if let Some(peer) = peer {
            self.check_outbound(&peer).map_err(ConnectionDenied::new)?;
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_outbound(&peer).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(new) => {
                let inbound = new.endpoint.is_listener();
                let ip = IpGroup::of(new.endpoint.get_remote_address()).filter(|_| inbound);
                let connection = Connection { peer: new.peer_id, ip, inbound };
                self.established.insert(new.connection_id, connection);
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.established.remove(&closed.connection_id);
            }
            FromSwarm::ListenFailure(failure) => {
                self.pending.remove(&failure.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn gate(limits: Limits) -> Gate {
        Gate::new(&limits, HashSet::new())
    }

    #[test]
    fn a_ban_ends_and_a_longer_one_wins() {
        let mut gate = gate(Limits::default());
        let (peer, now) = (PeerId::random(), Instant::now());
        gate.ban(peer, now + Duration::from_secs(60));
        gate.ban(peer, now + Duration::from_secs(1));
        assert!(gate.is_banned(&peer, now + Duration::from_secs(59)));
        assert!(!gate.is_banned(&peer, now + Duration::from_secs(60)));
        assert_eq!(gate.check_inbound(&peer, None), Err(Denied::Banned));
        assert_eq!(gate.check_outbound(&peer), Err(Denied::Banned));
        assert_eq!(gate.expire(now + Duration::from_secs(60)), 0);
    }

    #[test]
    fn bans_are_bounded() {
        let mut gate = gate(Limits::default());
        let now = Instant::now();
        let first = PeerId::random();
        gate.ban(first, now + Duration::from_secs(1));
        for _ in 0..BANS_MAX {
            gate.ban(PeerId::random(), now + Duration::from_secs(2));
        }
        assert_eq!(gate.expire(now), BANS_MAX);
        assert!(!gate.is_banned(&first, now));
    }

    #[test]
    fn connections_being_set_up_are_bounded_in_all_and_per_address() {
        let mut gate = gate(Limits { pending_inbound_max: 3, per_ip_max: 2, ..Limits::default() });
        let mut dial = |id: usize, from: &str| {
            let here = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
            let id = ConnectionId::new_unchecked(id);
            gate.handle_pending_inbound_connection(id, &here, &from.parse().unwrap())
                .map_err(|denied| denied.downcast::<Denied>().unwrap())
        };
        dial(1, "/ip6/2001:db8::1/tcp/1").unwrap();
        dial(2, "/ip6/2001:db8::2/tcp/1").unwrap();
        assert_eq!(dial(3, "/ip6/2001:db8::3/tcp/1"), Err(Denied::PerIp));
        dial(4, "/ip4/192.0.2.1/tcp/1").unwrap();
        assert_eq!(dial(5, "/ip4/192.0.2.2/tcp/1"), Err(Denied::Pending));
    }
}
