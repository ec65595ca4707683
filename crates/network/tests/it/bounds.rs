//! What peers may not do.

use crate::support::{DEADLINE, Node, config, pair, peer_id, until};
use bytes::Bytes;
use mfenx_network::{Direction, DisconnectReason, NetworkEvent, Topic, Verdict};
use std::time::{Duration, Instant};
use tokio::time::timeout;

#[tokio::test]
async fn a_message_above_the_bound_of_its_topic_is_refused() {
    let mut modest = config(1);
    modest.limits.heads.message_bytes_max = 1000;
    let (mut first, second) = pair(modest, config(2)).await;
    second.publish_until_heard(Topic::Heads, &[1; 1000], &mut first).await;
    second.handle.publish(Topic::Heads, vec![2; 1001].into()).unwrap();
    second.handle.publish(Topic::Heads, vec![3; 5000].into()).unwrap();
    // What is small enough still passes, and nothing else.
    let after = second.publish_until_heard(Topic::Heads, &[4; 10], &mut first).await;
    assert_eq!(after.data, vec![4; 10]);
    until("it counts against the sender", || async { first.handle.peers()[0].score < -10.0 }).await;
}

#[tokio::test]
async fn the_sender_of_invalid_messages_is_expelled_unless_it_is_pinned() {
    for pinned in [false, true] {
        let mut host = config(1);
        host.pinned = if pinned { vec![peer_id(2)] } else { Vec::new() };
        let (mut first, second) = pair(host, config(2)).await;
        for lie in 0..3_u8 {
            let message = second.publish_until_heard(Topic::Heads, &[lie], &mut first).await;
            first.handle.report(message.receipt, Verdict::Reject);
        }
        if pinned {
            second.publish_until_heard(Topic::Heads, b"truth", &mut first).await;
            assert!(first.handle.peers()[0].pinned);
        } else {
            assert_eq!(first.disconnected(second.id()).await, DisconnectReason::Score);
        }
    }
}

/// One peer floods transactions; consensus of another is heard all the while, and the flooder
/// goes.
#[tokio::test]
async fn a_flood_is_limited_while_others_are_served() {
    let mut host = config(1);
    host.limits.transactions.messages_burst = 50;
    host.limits.transactions.messages_per_second = 10;
    let mut first = Node::start(host);
    let flooder = Node::start_knowing(config(2), &[&first]).await;
    let honest = Node::start_knowing(config(3), &[&first]).await;
    flooder.publish_until_heard(Topic::Heads, b"hello", &mut first).await;
    honest.publish_until_heard(Topic::Heads, b"hello too", &mut first).await;

    let start = Instant::now();
    let handle = flooder.handle.clone();
    let flood = tokio::spawn(async move {
        for i in 0..u32::MAX {
            let _ = handle.publish(Topic::Transactions, Bytes::copy_from_slice(&i.to_be_bytes()));
            if i % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let (mut transactions, mut votes, mut gone) = (0, 0, false);
    while !(gone && votes > 20) {
        assert!(start.elapsed() < DEADLINE, "{votes} votes, gone: {gone}");
        honest.handle.publish(Topic::Consensus, Bytes::from_static(b"vote")).unwrap();
        let event = timeout(Duration::from_millis(100), first.events.recv()).await;
        match event.ok().flatten() {
            Some(NetworkEvent::Gossip(message)) if message.topic == Topic::Transactions => {
                transactions += 1;
            }
            Some(NetworkEvent::Gossip(message)) if message.topic == Topic::Consensus => votes += 1,
            Some(NetworkEvent::PeerDisconnected { peer, reason }) => {
                assert_eq!((peer, reason), (flooder.id(), DisconnectReason::Flood));
                gone = true;
            }
            _ => {}
        }
    }
    flood.abort();
    let allowed = 50 + 10 * (start.elapsed().as_secs() + 1);
    assert!((50..=allowed).contains(&transactions), "{transactions}, not 50 to {allowed}");
    let still = first.handle.peers();
    assert!(still.iter().any(|info| info.peer == honest.id()));
}

#[tokio::test]
async fn an_address_has_only_so_many_connections_and_authorities_are_exempt() {
    let mut host = config(1);
    host.limits.per_ip_max = 2;
    host.pinned = vec![peer_id(9)];
    let first = Node::start(host);
    let mut nodes = Vec::new();
    for seed in 2..6 {
        nodes.push(Node::start_knowing(config(seed), &[&first]).await);
    }
    let inbound = || async { first.handle.peers().len() };
    until("two are in", || async { inbound().await == 2 }).await;
    let authority = Node::start_knowing(config(9), &[&first]).await;
    let is_in = || async { first.handle.peers().iter().any(|info| info.peer == authority.id()) };
    until("the authority is in", is_in).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let peers = first.handle.peers();
    let others = peers.iter().filter(|info| !info.pinned).count();
    assert_eq!(others, 2, "{peers:?}");
    assert!(peers.iter().all(|info| info.direction == Direction::Inbound));
}

#[tokio::test]
async fn the_number_of_inbound_peers_is_bounded_and_a_free_place_is_taken() {
    let mut host = config(1);
    host.limits.inbound_max = 1;
    let mut first = Node::start(host);
    let mut nodes = Vec::new();
    for seed in 2..4 {
        nodes.push(Node::start_knowing(config(seed), &[&first]).await);
    }
    until("one is in", || async { first.handle.peers().len() == 1 }).await;
    let winner = first.handle.peers()[0].peer;
    let place = nodes.iter().position(|node| node.id() == winner).unwrap();
    nodes.remove(place).stop().await;
    first.connected(nodes[0].id()).await;
}

/// The application reads nothing: what is queued is bounded, and consensus has the most room.
#[tokio::test]
async fn an_application_that_sleeps_costs_bounded_memory() {
    let mut host = config(1);
    host.limits.event_bytes_max = 64 * 1024;
    let (mut first, second) = pair(host, config(2)).await;
    second.publish_until_heard(Topic::Transactions, b"warm", &mut first).await;
    for i in 0..100_u8 {
        second.handle.publish(Topic::Transactions, vec![i; 4096].into()).unwrap();
    }
    until("half of 64 KiB", || async { first.events.len() == 8 }).await;
    second.handle.publish(Topic::Consensus, vec![0; 4096].into()).unwrap();
    until("the vote", || async { first.events.len() == 9 }).await;
    let mut transactions = 0;
    loop {
        let message = first.next("a message", |event| match event {
            NetworkEvent::Gossip(message) => Some(message),
            _ => None,
        });
        match message.await.topic {
            Topic::Transactions => transactions += 1,
            _ => break,
        }
    }
    assert_eq!(transactions, 8);
}
