//! Finding peers: those that are wanted are dialled, others are found through Kademlia.

use super::Driver;
use crate::{address::is_plausible, peers::Stage};
use libp2p::{
    PeerId, identify,
    kad::{self, GetClosestPeersError, QueryResult},
    swarm::dial_opts::{DialOpts, PeerCondition},
};
use std::time::{Duration, Instant};

/// Addresses of one peer that are remembered.
const LISTENS_MAX: usize = 8;
/// Between searches at the start, until the first peers are found.
const EAGER_INTERVAL: Duration = Duration::from_secs(1);
/// A peer that says who it is more often is not listened to.
const IDENTIFY_INTERVAL: Duration = Duration::from_secs(10);
/// Searches that may be under way.
const SEARCHES_MAX: usize = 4;

/// When to search next, and for what.
#[derive(Debug)]
pub(super) struct Search {
    next: Instant,
    count: u64,
}

impl Search {
    pub(super) const fn new(now: Instant) -> Self {
        Self { next: now, count: 0 }
    }
}

impl Driver {
    pub(super) fn dial_due(&mut self, now: Instant) {
        let few = self.ready_peers() < self.limits.peers_target;
        for (peer, addresses) in self.dialer.due(now, few) {
            if self.peers.contains_key(&peer) {
                continue;
            }
            if self.swarm.behaviour().gate.is_banned(&peer, now) {
                self.dialer.failed(&peer, now);
                continue;
            }
            let options = DialOpts::peer_id(peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(addresses)
                .extend_addresses_through_behaviour()
                // A port of its own: the old pair of ports may still be remembered by the system
                // after a peer came back.
                .allocate_new_port()
                .build();
            if let Err(error) = self.swarm.dial(options) {
                self.on_dial_failure(Some(peer), &error);
            }
        }
    }

    fn ready_peers(&self) -> usize {
        self.peers.values().filter(|peer| peer.is_ready()).count()
    }

    /// Looks for random places in the network while peers are missing; whoever is met on the way
    /// stays connected.
    pub(super) fn search(&mut self, now: Instant) {
        let ready = self.ready_peers();
        if now < self.search.next || ready == 0 || ready >= self.limits.peers_target {
            return;
        }
        let interval = self.limits.discovery_interval;
        let pause = if self.search.count < 5 { interval.min(EAGER_INTERVAL) } else { interval };
        self.search.next = now + pause;
        self.search.count += 1;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.swarm.local_peer_id().to_bytes());
        hasher.update(&self.search.count.to_be_bytes());
        let place = hasher.finalize().as_bytes().to_vec();
        self.search_at(place);
    }

    /// Looks for the address of an authority.
    pub(super) fn search_for(&mut self, peer: PeerId) {
        self.search_at(peer.to_bytes());
    }

    fn search_at(&mut self, place: Vec<u8>) {
        let kad = &mut self.swarm.behaviour_mut().kad;
        if kad.iter_queries().count() < SEARCHES_MAX {
            kad.get_closest_peers(place);
        }
    }

    pub(super) fn on_kad(&mut self, event: kad::Event) {
        let kad::Event::OutboundQueryProgressed { result, .. } = event else { return };
        let QueryResult::GetClosestPeers(result) = result else { return };
        let found = match result {
            Ok(found) => found.peers,
            Err(GetClosestPeersError::Timeout { peers, .. }) => peers,
        };
        for info in found {
            self.dialer.learn(&info.peer_id, &info.addrs);
        }
    }

    pub(super) fn on_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id, info, .. } = event else { return };
        let Some(peer) = self.peers.get_mut(&peer_id) else { return };
        if peer.identified.is_some_and(|last| last.elapsed() < IDENTIFY_INTERVAL) {
            return;
        }
        peer.identified = Some(Instant::now());
        peer.set_agent(&info.agent_version);
        let Some(connection) = peer.connections.last() else { return };
        let observed = &connection.address;
        peer.listens = info
            .listen_addrs
            .into_iter()
            .map(|address| without_peer(&address))
            .filter(|address| is_plausible(address, observed))
            .take(LISTENS_MAX)
            .collect();
        if peer.stage == Stage::Ready {
            self.learn_addresses(peer_id);
        }
    }

    /// Remembers where a peer of our chain listens, for ourselves and for those who search.
    pub(super) fn learn_addresses(&mut self, peer: PeerId) {
        let Some(known) = self.peers.get(&peer) else { return };
        if known.listens.is_empty() {
            return;
        }
        self.dialer.learn(&peer, &known.listens);
        // Kademlia has no bound on the addresses of one peer: they are replaced, not added.
        self.swarm.behaviour_mut().kad.remove_peer(&peer);
        for address in &known.listens {
            self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
        }
    }
}

/// An address without the peer that it may name at its end.
fn without_peer(address: &libp2p::Multiaddr) -> libp2p::Multiaddr {
    use libp2p::multiaddr::Protocol;
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}
