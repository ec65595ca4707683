//! What the application and the metrics see of peers and listeners.

use super::Driver;
use crate::{
    event::{Direction, PeerInfo},
    metrics,
};
use std::time::Instant;

impl Driver {
    /// Gives the application its list of peers.
    pub(super) fn show_peers(&self, now: Instant) {
        let gossip = &self.swarm.behaviour().gossip;
        let shown = self.peers.iter().filter(|(_, peer)| peer.is_ready());
        let shown = shown.filter_map(|(id, peer)| {
            let connection = peer.connections.last()?;
            Some(PeerInfo {
                peer: *id,
                address: connection.address.clone(),
                direction: connection.direction,
                agent: peer.agent.clone(),
                head: peer.head,
                score: gossip.peer_score(id).unwrap_or(0.0),
                latency: peer.latency,
                connected_for: now.saturating_duration_since(connection.since),
                pinned: self.pinned.contains(id),
            })
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by_key(|info| info.peer);
        for direction in [Direction::Inbound, Direction::Outbound] {
            let count = shown.iter().filter(|info| info.direction == direction).count();
            metrics::peers(direction, count);
        }
        metrics::pinned(shown.iter().filter(|info| info.pinned).count());
        self.outlets.peers.send_replace(shown.into());
    }

    pub(super) fn show_listeners(&self) {
        self.outlets.listening.send_replace(self.swarm.listeners().cloned().collect());
    }
}
