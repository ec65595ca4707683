//! How the application talks to the network. Nothing here waits for a peer, except a request for
//! its answer, which has a deadline.

use crate::{
    config::{Limits, REQUEST_BYTES_MAX},
    error::{RequestError, SendError},
    event::{PeerInfo, Receipt, Verdict},
    metrics,
    protocol::Protocol,
    status::Head,
    topic::Topic,
};
use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};

/// Whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This peer.
    Peer(PeerId),
    /// The peer that is likely to answer first, of those whose head is at least this high.
    Any {
        /// Height.
        head_min: u64,
    },
}

/// What a peer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Who.
    pub peer: PeerId,
    /// What; opaque to the network, at most the protocol's `response_bytes_max`.
    pub data: Bytes,
}

#[derive(Debug)]
pub(crate) enum Command {
    Publish { topic: Topic, data: Bytes },
    Report { receipt: Receipt, verdict: Verdict },
    Request { target: Target, protocol: Protocol, data: Bytes, reply: Waiter },
    SetHead(Head),
    SetPeerHead { peer: PeerId, head: Head },
    SetPinned(Vec<PeerId>),
    Dial(crate::address::PeerAddress),
    Ban { peer: PeerId, time: Duration },
}

pub(crate) type Waiter = oneshot::Sender<Result<Response, RequestError>>;

/// A handle to a running network; clones are cheap.
#[derive(Debug, Clone)]
pub struct NetworkHandle {
    pub(crate) local: PeerId,
    pub(crate) limits: Arc<Limits>,
    /// Addresses that the configuration says to listen on.
    pub(crate) listeners: usize,
    /// For consensus and verdicts, so that they never wait behind transactions.
    pub(crate) urgent: mpsc::Sender<Command>,
    pub(crate) bulk: mpsc::Sender<Command>,
    pub(crate) peers: watch::Receiver<Arc<[PeerInfo]>>,
    pub(crate) listening: watch::Receiver<Arc<[Multiaddr]>>,
}

impl NetworkHandle {
    /// What others call this node.
    #[must_use]
    pub const fn local_peer_id(&self) -> PeerId {
        self.local
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where the node listens, with the ports that the system chose.
    #[must_use]
    pub fn listen_addresses(&self) -> Arc<[Multiaddr]> {
        Arc::clone(&self.listening.borrow())
    }

    /// Waits until every listener is up, and says where; with the task stopped, what is known.
    pub async fn listening(&self) -> Arc<[Multiaddr]> {
        let mut listening = self.listening.clone();
        let listeners = self.listeners;
        let known = listening.wait_for(|addresses| addresses.len() >= listeners).await;
        known.map_or_else(|_| self.listen_addresses(), |addresses| Arc::clone(&addresses))
    }

    /// The connected peers that are on our chain, at most a second old.
    #[must_use]
    pub fn peers(&self) -> Arc<[PeerInfo]> {
        Arc::clone(&self.peers.borrow())
    }

    /// Gossips `data`. What is queued may still reach nobody, as gossip does.
    ///
    /// On [`Topic::Consensus`] the same bytes may be published again, to repeat a vote; on the
    /// other topics they are sent once within [`Limits::duplicate_window`].
    ///
    /// # Errors
    /// The message is too long, or the queue is full.
    pub fn publish(&self, topic: Topic, data: Bytes) -> Result<(), SendError> {
        let bytes_max = self.limits.topic(topic).message_bytes_max;
        if data.len() > bytes_max {
            return Err(SendError::TooLarge { topic, bytes: data.len(), bytes_max });
        }
        let queue = if topic == Topic::Consensus { &self.urgent } else { &self.bulk };
        send(queue, Command::Publish { topic, data })
    }

    /// Says what a message is worth. A verdict that finds the queue full is lost, which is as
    /// good as [`Verdict::Ignore`]; metrics count it.
    pub fn report(&self, receipt: Receipt, verdict: Verdict) {
        let _ = send(&self.urgent, Command::Report { receipt, verdict });
    }

    /// Asks a peer, and waits for its answer, at most the protocol's timeout.
    ///
    /// # Errors
    /// See [`RequestError`]; all of them may pass, with time or with another peer.
    pub async fn request(
        &self,
        target: Target,
        protocol: Protocol,
        data: Bytes,
    ) -> Result<Response, RequestError> {
        if data.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::TooLarge { bytes: data.len(), bytes_max: REQUEST_BYTES_MAX });
        }
        let (reply, answer) = oneshot::channel();
        match send(&self.bulk, Command::Request { target, protocol, data, reply }) {
            Ok(()) => answer.await.unwrap_or(Err(RequestError::Stopped)),
            Err(SendError::Stopped) => Err(RequestError::Stopped),
            Err(_) => Err(RequestError::Overloaded),
        }
    }

    /// Tells peers where our head is, from now on.
    ///
    /// # Errors
    /// The queue is full or closed; the next head makes up for it.
    pub fn set_head(&self, head: Head) -> Result<(), SendError> {
        send(&self.urgent, Command::SetHead(head))
    }

    /// Notes what the application learnt of a peer's head, for instance from [`Topic::Heads`].
    ///
    /// # Errors
    /// The queue is full or closed; the peer's next status makes up for it.
    pub fn set_peer_head(&self, peer: PeerId, head: Head) -> Result<(), SendError> {
        send(&self.bulk, Command::SetPeerHead { peer, head })
    }

    /// Replaces the set of authorities.
    ///
    /// # Errors
    /// The queue is full or closed: repeat it.
    pub fn set_pinned(&self, pinned: Vec<PeerId>) -> Result<(), SendError> {
        send(&self.urgent, Command::SetPinned(pinned))
    }

    /// Dials a peer, and dials it again whenever it is gone, until the network ends.
    ///
    /// # Errors
    /// The queue is full or closed.
    pub fn add_persistent(&self, peer: crate::PeerAddress) -> Result<(), SendError> {
        send(&self.bulk, Command::Dial(peer))
    }

    /// Disconnects a peer and keeps it out for `time`. Pinned peers are only disconnected.
    ///
    /// # Errors
    /// The queue is full or closed.
    pub fn ban(&self, peer: PeerId, time: Duration) -> Result<(), SendError> {
        send(&self.bulk, Command::Ban { peer, time })
    }
}

fn send(queue: &mpsc::Sender<Command>, command: Command) -> Result<(), SendError> {
    queue.try_send(command).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => {
            metrics::dropped("commands");
            SendError::Overloaded
        }
        mpsc::error::TrySendError::Closed(_) => SendError::Stopped,
    })
}
