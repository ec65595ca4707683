//! Nodes for tests, and how to wait for what they say.

use bytes::Bytes;
use libp2p::Multiaddr;
use mfenx_network::{
    ChainIdentity, DisconnectReason, GossipMessage, Identity, Network, NetworkConfig, NetworkEvent,
    NetworkHandle, PeerAddress, PeerId, Topic, Verdict,
};
use mfenx_primitives::B256;
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Nothing here takes that long; a busy machine may.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn chain() -> ChainIdentity {
    ChainIdentity::new(177_155, B256::repeat_byte(0x11))
}

pub(crate) fn identity(seed: u8) -> Identity {
    Identity::from_seed(&mut [seed; 32]).unwrap()
}

pub(crate) fn peer_id(seed: u8) -> PeerId {
    identity(seed).peer_id()
}

/// A node with the key of `seed` that listens for TCP on a port of the system's choice.
pub(crate) fn config(seed: u8) -> NetworkConfig {
    let mut config = NetworkConfig::new(identity(seed), chain());
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    config
}

pub(crate) struct Node {
    pub(crate) handle: NetworkHandle,
    pub(crate) events: mpsc::Receiver<NetworkEvent>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Node {
    pub(crate) fn start(config: NetworkConfig) -> Self {
        let (handle, events, task) = Network::start(config).unwrap();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let task = tokio::spawn(async move { task.run(token).await.unwrap() });
        Self { handle, events, stop, task }
    }

    /// Starts a node that always dials `others`.
    pub(crate) async fn start_knowing(mut config: NetworkConfig, others: &[&Self]) -> Self {
        for other in others {
            config.persistent.push(other.address().await);
        }
        Self::start(config)
    }

    pub(crate) fn id(&self) -> PeerId {
        self.handle.local_peer_id()
    }

    pub(crate) async fn listening(&self) -> Multiaddr {
        let addresses = timeout(DEADLINE, self.handle.listening()).await.unwrap();
        addresses[0].clone()
    }

    pub(crate) async fn address(&self) -> PeerAddress {
        PeerAddress { peer: self.id(), addresses: vec![self.listening().await] }
    }

    /// The first event that `wanted` makes something of; others are dropped.
    pub(crate) async fn next<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(NetworkEvent) -> Option<T>,
    ) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        timeout(DEADLINE, search).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    pub(crate) async fn connected(&mut self, to: PeerId) {
        self.next("connected", |event| match event {
            NetworkEvent::PeerConnected { peer, .. } => (peer == to).then_some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn disconnected(&mut self, from: PeerId) -> DisconnectReason {
        self.next("disconnected", |event| match event {
            NetworkEvent::PeerDisconnected { peer, reason } => (peer == from).then_some(reason),
            _ => None,
        })
        .await
    }

    pub(crate) async fn refused(&mut self, whom: PeerId) -> DisconnectReason {
        self.next("refused", |event| match event {
            NetworkEvent::PeerRefused { peer, reason } => (peer == whom).then_some(reason),
            _ => None,
        })
        .await
    }

    pub(crate) async fn message(&mut self, topic: Topic) -> GossipMessage {
        self.next("a message", |event| match event {
            NetworkEvent::Gossip(message) => (message.topic == topic).then_some(message),
            _ => None,
        })
        .await
    }

    /// Publishes `data` until `to` has it: gossip says nothing when nobody is subscribed yet.
    pub(crate) async fn publish_until_heard(
        &self,
        topic: Topic,
        data: &[u8],
        to: &mut Self,
    ) -> GossipMessage {
        let start = Instant::now();
        loop {
            self.handle.publish(topic, Bytes::copy_from_slice(data)).unwrap();
            if let Ok(message) = timeout(Duration::from_millis(200), to.message(topic)).await
                && message.data == data
            {
                return message;
            }
            assert!(start.elapsed() < DEADLINE, "nobody heard it on {topic}");
        }
    }

    /// Answers every event in the way of an application that has nothing against anything.
    pub(crate) fn accept_everything(self) -> JoinHandle<()> {
        let Self { handle, mut events, stop, task } = self;
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    NetworkEvent::Gossip(message) => {
                        handle.report(message.receipt, Verdict::Accept);
                    }
                    NetworkEvent::Request(request) => request.reply.send(request.data),
                    _ => {}
                }
            }
            drop((stop, task));
        })
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(DEADLINE, self.task).await.unwrap().unwrap();
    }
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut question: impl FnMut() -> F) {
    let start = Instant::now();
    while !question().await {
        assert!(start.elapsed() < DEADLINE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Two nodes that are connected; the second dialled the first.
pub(crate) async fn pair(first: NetworkConfig, second: NetworkConfig) -> (Node, Node) {
    let mut first = Node::start(first);
    let mut second = Node::start_knowing(second, &[&first]).await;
    second.connected(first.id()).await;
    first.connected(second.id()).await;
    (first, second)
}
