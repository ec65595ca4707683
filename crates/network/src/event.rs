//! What the network tells the application.

use crate::{inbox::Room, protocol::Protocol, status::Head, topic::Topic};
use bytes::Bytes;
use libp2p::{
    Multiaddr, PeerId,
    gossipsub::{MessageAcceptance, MessageId},
};
use std::time::Duration;
use tokio::sync::oneshot;

/// Something happened. Events of one peer and topic come in the order of their arrival.
///
/// [`crate::NetworkHandle::peers`] is the truth about who is connected; the events about peers
/// are lost when the queue is full.
///
/// When the application falls behind, messages are dropped and requests answered with "busy"
/// rather than queued without bound; transactions give way first and consensus last.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A message that was not seen before. It is passed on to others only when the application
    /// says so, with [`crate::NetworkHandle::report`], within about five seconds.
    Gossip(GossipMessage),
    /// A peer asks for something.
    Request(Request),
    /// A peer proved to be on our chain.
    PeerConnected {
        /// Who.
        peer: PeerId,
        /// Where its head is.
        head: Head,
    },
    /// The last connection to such a peer is gone.
    PeerDisconnected {
        /// Who.
        peer: PeerId,
        /// Why, as far as known.
        reason: DisconnectReason,
    },
    /// A peer is not on our chain, or did not say; it is left alone for a while.
    PeerRefused {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: DisconnectReason,
    },
}

/// A message of a topic. Its signature was checked, its size is within the topic's bound.
#[derive(Debug)]
pub struct GossipMessage {
    /// Where it was published.
    pub topic: Topic,
    /// Who published it: the holder of the key that signed it.
    pub source: PeerId,
    /// What it says; opaque to the network.
    pub data: Bytes,
    /// To be handed back with the verdict.
    pub receipt: Receipt,
    /// Gives the room in the queue back when the message is dropped.
    pub(crate) _room: Room,
}

/// Names a message, and the peer it came from, in a verdict.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub(crate) id: MessageId,
    pub(crate) from: PeerId,
    pub(crate) topic: Topic,
}

impl Receipt {
    /// The peer that passed the message to us, which need not be its source.
    #[must_use]
    pub const fn from(&self) -> PeerId {
        self.from
    }
}

/// What the application thinks of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Valid: pass it on.
    Accept,
    /// No honest peer would have passed it on: drop it, and count it against those who did.
    Reject,
    /// Of no use, but nobody's fault: drop it.
    Ignore,
}

impl Verdict {
    pub(crate) const fn acceptance(self) -> MessageAcceptance {
        match self {
            Self::Accept => MessageAcceptance::Accept,
            Self::Reject => MessageAcceptance::Reject,
            Self::Ignore => MessageAcceptance::Ignore,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Ignore => "ignored",
        }
    }
}

/// A request of a peer.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub peer: PeerId,
    /// What kind of thing it asks for.
    pub protocol: Protocol,
    /// What exactly, at most [`crate::REQUEST_BYTES_MAX`]; opaque to the network.
    pub data: Bytes,
    /// The way back. Dropping it answers "unavailable".
    pub reply: ReplyChannel,
}

/// Takes the answer to one request. It never blocks.
#[derive(Debug)]
pub struct ReplyChannel {
    pub(crate) sender: oneshot::Sender<Bytes>,
    pub(crate) bytes_max: usize,
}

impl ReplyChannel {
    /// Longest answer that can be sent, in bytes.
    #[must_use]
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Whether nobody waits for the answer any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends the answer. One above [`Self::bytes_max`] is not sent: the peer hears
    /// "unavailable", and so does the log.
    pub fn send(self, answer: Bytes) {
        if answer.len() > self.bytes_max {
            tracing::error!(bytes = answer.len(), "an answer above its bound was not sent");
            return;
        }
        // The peer may be gone; nobody misses the answer then.
        let _ = self.sender.send(answer);
    }
}

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The peer.
    Inbound,
    /// This node.
    Outbound,
}

impl Direction {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// A peer that is connected and on our chain.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerInfo {
    /// Who.
    pub peer: PeerId,
    /// Its end of the connection.
    pub address: Multiaddr,
    /// Who opened the connection.
    pub direction: Direction,
    /// Name and version that it gives itself; at most 64 printable characters.
    pub agent: String,
    /// Its head, as last heard.
    pub head: Head,
    /// Standing in gossip: below zero is bad.
    pub score: f64,
    /// Time of the last round trip.
    pub latency: Option<Duration>,
    /// Time since the connection was made.
    pub connected_for: Duration,
    /// Whether it is an authority.
    pub pinned: bool,
}

/// Why a peer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// It is on a chain with another ID.
    ChainId,
    /// It is on a chain with another genesis block.
    Genesis,
    /// It speaks another version of the protocol.
    Version,
    /// It did not say in time which chain it is on.
    HandshakeTimeout,
    /// It does not speak our handshake, or not correctly.
    Handshake,
    /// It sent more than it may, again and again.
    Flood,
    /// Its standing fell too low: invalid messages, broken promises.
    Score,
    /// The application banned it.
    Banned,
    /// It did not answer pings.
    Ping,
    /// It connected anew though it was connected: it had lost the old connection.
    Replaced,
    /// It takes part in no gossip.
    Silent,
    /// The connection ended, by its will or by the network's.
    Closed,
}

impl DisconnectReason {
    /// Whether the peer does not belong here.
    pub(crate) const fn is_refusal(self) -> bool {
        use DisconnectReason::{ChainId, Genesis, Handshake, HandshakeTimeout, Version};
        matches!(self, ChainId | Genesis | Version | HandshakeTimeout | Handshake)
    }

    /// A word of a bounded set, for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ChainId => "chain_id",
            Self::Genesis => "genesis",
            Self::Version => "version",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Handshake => "handshake",
            Self::Flood => "flood",
            Self::Score => "score",
            Self::Banned => "banned",
            Self::Ping => "ping",
            Self::Replaced => "replaced",
            Self::Silent => "silent",
            Self::Closed => "closed",
        }
    }
}
