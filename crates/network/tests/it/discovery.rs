//! How nodes find each other, again and for the first time.

use crate::support::{Node, config, pair, peer_id, until};
use mfenx_network::{DisconnectReason, Network, NetworkError, PeerAddress, Topic};
use std::time::Duration;

#[tokio::test]
async fn a_peer_of_a_peer_is_found() {
    let third = Node::start(config(3));
    let second = Node::start_knowing(config(2), &[&third]).await;
    let mut newcomer = config(1);
    newcomer.bootnodes = vec![second.address().await];
    let mut first = Node::start(newcomer);
    let start = std::time::Instant::now();
    first.connected(third.id()).await;
    println!("found in {:?}", start.elapsed());
    assert_eq!(first.handle.peers().len(), 2);
}

#[tokio::test]
async fn an_authority_is_found_without_its_address() {
    let authority = Node::start(config(3));
    let second = Node::start_knowing(config(2), &[&authority]).await;
    let mut newcomer = config(1);
    newcomer.bootnodes = vec![second.address().await];
    newcomer.pinned = vec![authority.id()];
    // No search for peers in general.
    newcomer.limits.peers_target = 1;
    let mut first = Node::start(newcomer);
    first.connected(authority.id()).await;
}

#[tokio::test]
async fn a_node_that_comes_back_on_its_port_is_found_again() {
    let (mut first, mut second) = pair(config(1), config(2)).await;
    let address = first.listening().await;
    let id = first.id();
    for round in 0..2 {
        first.stop().await;
        assert_eq!(second.disconnected(id).await, DisconnectReason::Closed);
        let mut again = config(1);
        again.listen = vec![address.clone()];
        first = Node::start(again);
        second.connected(id).await;
        first.connected(second.id()).await;
        second.publish_until_heard(Topic::Heads, &[round], &mut first).await;
    }
}

/// The authority is only known from the connection it made: the node finds it there again.
#[tokio::test]
async fn an_authority_that_dialled_us_is_dialled_when_it_is_gone() {
    let mut host = config(1);
    host.pinned = vec![peer_id(2)];
    let (mut first, second) = pair(host, config(2)).await;
    let address = second.listening().await;
    until("it said where it listens", || async {
        first.handle.peers()[0].agent.starts_with("mfenx")
    })
    .await;
    second.stop().await;
    first.disconnected(peer_id(2)).await;
    let mut silent = config(2);
    silent.listen = vec![address];
    let _second = Node::start(silent);
    first.connected(peer_id(2)).await;
}

#[tokio::test]
async fn both_may_dial_at_once() {
    let (first, second) = (Node::start(config(1)), Node::start(config(2)));
    first.handle.add_persistent(second.address().await).unwrap();
    second.handle.add_persistent(first.address().await).unwrap();
    for node in [&first, &second] {
        until("connected", || async { node.handle.peers().len() == 1 }).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((first.handle.peers().len(), second.handle.peers().len()), (1, 1));
}

#[tokio::test]
async fn another_peer_at_a_known_address_is_not_mistaken_for_the_one() {
    let host = Node::start(config(1));
    let mut hopeful = config(2);
    hopeful.persistent =
        vec![PeerAddress { peer: peer_id(7), addresses: vec![host.listening().await] }];
    let second = Node::start(hopeful);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(second.handle.peers().is_empty() && host.handle.peers().is_empty());
}

#[tokio::test]
async fn an_address_in_use_is_an_error_at_the_start() {
    let first = Node::start(config(1));
    let mut second = config(2);
    second.listen = vec![first.listening().await];
    let error = Network::start(second).unwrap_err();
    assert!(matches!(error, NetworkError::Listen { .. }), "{error}");
    assert!(error.to_string().contains("cannot listen on /ip4/127.0.0.1/tcp/"), "{error}");
}

/// A node of which only the sockets are left, as after the loss of its machine: nothing closes its
/// connections. Its successor has the same key.
#[tokio::test]
async fn the_successor_of_a_frozen_node_takes_its_place() {
    for listen in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] {
        let mut host = config(1);
        host.listen = vec![listen.parse().unwrap()];
        host.limits.handshake_timeout = Duration::from_secs(1);
        let mut first = Node::start(host);
        let mut doomed = config(2);
        doomed.persistent = vec![first.address().await];
        let (freeze, frozen) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                let node = Node::start(doomed);
                frozen.await.unwrap();
                std::mem::forget(node);
            });
            std::mem::forget(runtime);
        });
        first.connected(peer_id(2)).await;
        tokio::time::sleep(Duration::from_millis(2100)).await;
        freeze.send(()).unwrap();

        let mut successor = Node::start_knowing(config(2), &[&first]).await;
        assert_eq!(first.disconnected(peer_id(2)).await, DisconnectReason::Replaced);
        first.connected(peer_id(2)).await;
        successor.publish_until_heard(Topic::Heads, b"to", &mut first).await;
        first.publish_until_heard(Topic::Heads, b"fro", &mut successor).await;
    }
}
