//! What is known of the peers that are connected. Bounded by the gate, which bounds connections.

use crate::{
    bucket::{Bucket, GossipBucket},
    config::Limits,
    event::{Direction, DisconnectReason},
    protocol::Protocol,
    status::Head,
    topic::Topic,
};
use libp2p::{Multiaddr, swarm::ConnectionId};
use std::time::{Duration, Instant};

/// Characters of a peer's name for itself that are kept.
const AGENT_CHARS_MAX: usize = 64;
/// Statuses that a peer may ask for: a second, and at once.
const STATUS_RATE: (u32, u32) = (2, 10);

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) direction: Direction,
    /// The peer's end.
    pub(crate) address: Multiaddr,
    pub(crate) since: Instant,
}

/// How far the handshake with a peer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has not said yet which chain it is on; it must before then.
    New { deadline: Instant },
    /// It is on our chain.
    Ready,
    /// It is not wanted. It is disconnected then, so that what we answered still reaches it.
    Leaving { reason: DisconnectReason, at: Instant },
}

#[derive(Debug)]
pub(crate) struct Peer {
    /// Never empty.
    pub(crate) connections: Vec<Connection>,
    pub(crate) stage: Stage,
    /// Whether it was ever ready, so that the application knows of it.
    pub(crate) announced: bool,
    pub(crate) head: Head,
    pub(crate) agent: String,
    /// When it last said who it is.
    pub(crate) identified: Option<Instant>,
    /// Where it says that it listens, as far as that is plausible.
    pub(crate) listens: Vec<Multiaddr>,
    pub(crate) latency: Option<Duration>,
    /// When it was last asked for its status.
    pub(crate) asked: Instant,
    pub(crate) gossip: [GossipBucket; 3],
    pub(crate) status_requests: Bucket,
    pub(crate) requests: [Bucket; 2],
    /// Requests of it that are being answered, by protocol.
    pub(crate) answering: [usize; 2],
    /// Requests to it that are under way.
    pub(crate) asking: usize,
}

impl Peer {
    pub(crate) fn new(connection: Connection, limits: &Limits) -> Self {
        let now = connection.since;
        let requests = |protocol| {
            let per_second = limits.protocol(protocol).inbound_per_second;
            Bucket::new(per_second, per_second.saturating_mul(2), now)
        };
        Self {
            connections: vec![connection],
            stage: Stage::New { deadline: now + limits.handshake_timeout },
            announced: false,
            head: Head::default(),
            agent: String::new(),
            identified: None,
            listens: Vec::new(),
            latency: None,
            asked: now,
            gossip: Topic::ALL.map(|topic| GossipBucket::new(limits.topic(topic), now)),
            status_requests: Bucket::new(STATUS_RATE.0, STATUS_RATE.1, now),
            requests: Protocol::ALL.map(requests),
            answering: [0; 2],
            asking: 0,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Keeps of a name what can be shown in a log or a terminal.
    pub(crate) fn set_agent(&mut self, agent: &str) {
        let shown = |c: &char| c.is_ascii_graphic() || *c == ' ';
        self.agent = agent.chars().filter(shown).take(AGENT_CHARS_MAX).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_peer_cannot_paint_the_terminal() {
        let connection = Connection {
            id: ConnectionId::new_unchecked(1),
            direction: Direction::Inbound,
            address: "/ip4/192.0.2.1/tcp/1".parse().unwrap(),
            since: Instant::now(),
        };
        let mut peer = Peer::new(connection, &Limits::default());
        peer.set_agent("mfenx/0.1\u{1b}[31m\n\u{202e}evil");
        assert_eq!(peer.agent, "mfenx/0.1[31mevil");
        peer.set_agent(&"x".repeat(4000));
        assert_eq!(peer.agent.len(), AGENT_CHARS_MAX);
    }
}
