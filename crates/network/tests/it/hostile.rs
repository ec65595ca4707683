//! A peer that speaks our protocols and means no good.

use crate::support::{DEADLINE, Node, chain, config, until};
use bytes::Bytes;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder,
    futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt},
    noise,
    request_response::{self, Behaviour, Codec, Event, Message, ProtocolSupport},
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use mfenx_network::{DisconnectReason, NetworkEvent, Protocol, RequestError, Target, Topic};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{io, time::Duration};
use tokio::time::timeout;

/// Writes whatever it is given, and reads whatever comes.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut some = vec![0; 4];
        io.read_exact(&mut some).await?;
        Ok(some)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        io.read_to_end(&mut all).await?;
        Ok(all)
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }
}

#[derive(NetworkBehaviour)]
struct Liar {
    status: Behaviour<Raw>,
    blocks: Behaviour<Raw>,
    gossip: Behaviour<Raw>,
}

fn raw(name: &'static str) -> Behaviour<Raw> {
    let config = request_response::Config::default().with_request_timeout(Duration::from_secs(3));
    Behaviour::new([(StreamProtocol::new(name), ProtocolSupport::Full)], config)
}

fn liar() -> Swarm<Liar> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| Liar {
            status: raw("/mfenx/status/1"),
            blocks: raw("/mfenx/blocks/1"),
            gossip: raw("/meshsub/1.2.0"),
        })
        .unwrap()
        .with_swarm_config(|c| c.with_idle_connection_timeout(DEADLINE))
        .build()
}

/// A status of our chain, as on the wire: a length and 85 bytes.
fn status() -> Vec<u8> {
    let mut status = vec![0, 0, 0, 85, 1];
    status.extend(chain().chain_id.to_be_bytes());
    status.extend(chain().genesis_hash);
    status.extend(chain().version.to_be_bytes());
    status.extend([0; 40]);
    status
}

/// Connects to `node` and passes the handshake.
async fn introduced(node: &mut Node) -> Swarm<Liar> {
    let mut liar = liar();
    liar.dial(node.listening().await).unwrap();
    let (id, target) = (*liar.local_peer_id(), node.id());
    let introduce = async {
        loop {
            match liar.select_next_some().await {
                SwarmEvent::ConnectionEstablished { .. } => {
                    liar.behaviour_mut().status.send_request(&target, status());
                }
                SwarmEvent::Behaviour(LiarEvent::Status(Event::Message {
                    message: Message::Response { response, .. },
                    ..
                })) => {
                    assert_eq!(response.len(), 1 + 4 + 85);
                    break;
                }
                _ => {}
            }
        }
    };
    timeout(DEADLINE, introduce).await.unwrap();
    node.connected(id).await;
    liar
}

/// Drives the liar for ever.
async fn lie(mut liar: Swarm<Liar>) {
    loop {
        liar.select_next_some().await;
    }
}

/// The node still serves an honest peer.
async fn is_well(node: &mut Node, seed: u8) {
    let honest = Node::start_knowing(config(seed), &[node]).await;
    honest.publish_until_heard(Topic::Heads, &[seed], node).await;
    let target = Target::Peer(node.id());
    let asking = honest.handle.request(target, Protocol::Blocks, Bytes::from_static(b"?"));
    let answering = node.next("a request", |event| match event {
        NetworkEvent::Request(request) => {
            request.reply.send(request.data);
            Some(())
        }
        _ => None,
    });
    let (response, ()) = tokio::join!(asking, answering);
    assert_eq!(response.unwrap().data, Bytes::from_static(b"?"));
}

#[tokio::test]
async fn garbage_on_every_stream_does_no_harm() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut node = Node::start(config(1));
    let mut liar = introduced(&mut node).await;
    let target = node.id();
    for _ in 0..30 {
        let mut garbage = vec![0; random.random_range(0..3000)];
        random.fill(&mut garbage[..]);
        let behaviour = liar.behaviour_mut();
        behaviour.blocks.send_request(&target, garbage.clone());
        behaviour.gossip.send_request(&target, garbage.clone());
        // A length that promises four gigabytes.
        behaviour.blocks.send_request(&target, vec![0xff; 5]);
    }
    let lying = tokio::spawn(lie(liar));
    is_well(&mut node, 2).await;
    lying.abort();
    is_well(&mut node, 3).await;
}

#[tokio::test]
async fn whoever_says_nothing_or_nonsense_first_is_refused() {
    let mut host = config(1);
    host.limits.handshake_timeout = Duration::from_millis(700);
    let mut node = Node::start(host);
    let mut silent = liar();
    let silent_id = *silent.local_peer_id();
    silent.dial(node.listening().await).unwrap();
    let silent = tokio::spawn(lie(silent));
    assert_eq!(node.refused(silent_id).await, DisconnectReason::HandshakeTimeout);
    silent.abort();

    let mut babbler = liar();
    let babbler_id = *babbler.local_peer_id();
    babbler.dial(node.listening().await).unwrap();
    let target = node.id();
    let babble = async move {
        loop {
            if let SwarmEvent::ConnectionEstablished { .. } = babbler.select_next_some().await {
                babbler.behaviour_mut().status.send_request(&target, vec![0, 0, 0, 3, 1, 2, 3]);
            }
        }
    };
    let babble = tokio::spawn(babble);
    assert_eq!(node.refused(babbler_id).await, DisconnectReason::Handshake);
    babble.abort();
    is_well(&mut node, 2).await;
}

#[tokio::test]
async fn whoever_takes_part_in_no_gossip_is_asked_to_connect_anew() {
    let mut host = config(1);
    host.limits.handshake_timeout = Duration::from_secs(1);
    let mut node = Node::start(host);
    let liar = introduced(&mut node).await;
    let id = *liar.local_peer_id();
    let honest = Node::start_knowing(config(2), &[&node]).await;
    let lying = tokio::spawn(lie(liar));
    assert_eq!(node.disconnected(id).await, DisconnectReason::Silent);
    lying.abort();
    assert_eq!(node.handle.peers()[0].peer, honest.id());
}

/// Listens, passes the handshake, and answers requests for blocks with `answer`.
async fn answering(answer: Vec<u8>) -> (PeerId, Multiaddr) {
    let mut liar = liar();
    let id = *liar.local_peer_id();
    liar.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = liar.select_next_some().await {
            break address;
        }
    };
    tokio::spawn(async move {
        loop {
            let event = liar.select_next_some().await;
            let behaviour = liar.behaviour_mut();
            match event {
                SwarmEvent::Behaviour(LiarEvent::Status(Event::Message {
                    message: Message::Request { channel, .. },
                    ..
                })) => {
                    let mut framed = vec![0];
                    framed.extend(status());
                    let _ = behaviour.status.send_response(channel, framed);
                }
                SwarmEvent::Behaviour(LiarEvent::Blocks(Event::Message {
                    message: Message::Request { channel, .. },
                    ..
                })) => {
                    let _ = behaviour.blocks.send_response(channel, answer.clone());
                }
                _ => {}
            }
        }
    });
    (id, address)
}

#[tokio::test]
async fn answers_that_lie_about_themselves_are_errors() {
    // Four gigabytes announced; cut short; of no kind.
    let lies: [(Vec<u8>, &str); 3] = [
        (vec![0, 0xff, 0xff, 0xff, 0xff, 1, 2], "4294967295 bytes announced"),
        (vec![0, 0, 0, 0, 9, 1, 2], "end of file"),
        (vec![77], "unknown kind 77"),
    ];
    for (lie, expected) in lies {
        let (id, address) = answering(lie).await;
        let node = Node::start(config(1));
        let target = mfenx_network::PeerAddress { peer: id, addresses: vec![address] };
        node.handle.add_persistent(target).unwrap();
        until("connected", || async { node.handle.peers().len() == 1 }).await;
        let result = node.handle.request(Target::Peer(id), Protocol::Blocks, Bytes::new()).await;
        match result {
            Err(RequestError::Failed { reason, .. }) => {
                assert!(reason.contains(expected), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
