//! Messages on the three topics.

use crate::support::{Node, config, identity, pair, peer_id, until};
use bytes::Bytes;
use mfenx_network::{Direction, Head, NetworkEvent, SendError, Topic, Verdict};
use mfenx_primitives::B256;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn two_nodes_exchange_messages_on_every_topic() {
    let (mut first, mut second) = pair(config(1), config(2)).await;
    for topic in Topic::ALL {
        let there = second.publish_until_heard(topic, b"there", &mut first).await;
        assert_eq!((there.source, there.receipt.from()), (second.id(), second.id()));
        let back = first.publish_until_heard(topic, b"back", &mut second).await;
        assert_eq!(back.source, first.id());
    }
}

#[tokio::test]
async fn quic_carries_it_too() {
    let quic = |seed| {
        let mut config = config(seed);
        config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
        config
    };
    let (mut first, second) = pair(quic(1), quic(2)).await;
    second.publish_until_heard(Topic::Heads, b"over QUIC", &mut first).await;
    let info = first.handle.peers()[0].clone();
    assert!(info.address.to_string().contains("quic-v1"), "{}", info.address);
}

/// First and third know only the second: what arrives went through it.
#[tokio::test]
async fn a_message_is_passed_on_when_it_was_accepted_and_not_before() {
    let mut second = Node::start(config(2));
    let mut first = Node::start_knowing(config(1), &[&second]).await;
    let mut lonely = config(3);
    lonely.listen.clear();
    lonely.limits.peers_target = 1;
    let mut third = Node::start_knowing(lonely, &[&second]).await;
    first.connected(second.id()).await;
    third.connected(second.id()).await;

    for (round, verdict) in [Verdict::Ignore, Verdict::Accept].into_iter().enumerate() {
        let data = [round as u8; 100];
        let topic = Topic::Transactions;
        let message = first.publish_until_heard(topic, &data, &mut second).await;
        second.handle.report(message.receipt, verdict);
        match verdict {
            Verdict::Accept => assert_eq!(third.message(topic).await.source, first.id()),
            _ => {
                let heard = timeout(Duration::from_millis(700), third.message(topic)).await;
                assert!(heard.is_err());
            }
        }
    }
}

#[tokio::test]
async fn votes_may_be_repeated_and_transactions_not() {
    let (mut first, second) = pair(config(1), config(2)).await;
    second.publish_until_heard(Topic::Consensus, b"vote", &mut first).await;
    second.publish_until_heard(Topic::Transactions, b"transaction", &mut first).await;
    second.handle.publish(Topic::Transactions, Bytes::from_static(b"transaction")).unwrap();
    second.handle.publish(Topic::Consensus, Bytes::from_static(b"vote")).unwrap();
    let mut repeated = Vec::new();
    while !repeated.contains(&Topic::Consensus) {
        let message = first.next("repeated", |event| match event {
            NetworkEvent::Gossip(message) => Some(message.topic),
            _ => None,
        });
        repeated.push(message.await);
    }
    let more = timeout(Duration::from_millis(300), first.message(Topic::Transactions)).await;
    assert!(more.is_err() && !repeated.contains(&Topic::Transactions), "{repeated:?}");
}

#[tokio::test]
async fn only_authorities_originate_consensus_messages() {
    let mut strict = config(1);
    strict.pinned = vec![peer_id(3)];
    let mut first = Node::start(strict);
    let stranger = Node::start_knowing(config(2), &[&first]).await;
    let authority = Node::start_knowing(config(3), &[&first]).await;
    stranger.publish_until_heard(Topic::Heads, b"head", &mut first).await;
    stranger.handle.publish(Topic::Consensus, Bytes::from_static(b"stranger")).unwrap();
    let heard = authority.publish_until_heard(Topic::Consensus, b"vote", &mut first).await;
    assert_eq!(heard.source, authority.id());
    let more = timeout(Duration::from_millis(300), async {
        loop {
            let message = first.message(Topic::Consensus).await;
            assert_eq!(message.source, authority.id());
        }
    });
    assert!(more.await.is_err());
    // The set changes.
    first.handle.set_pinned(vec![peer_id(2)]).unwrap();
    stranger.publish_until_heard(Topic::Consensus, b"no longer", &mut first).await;
}

#[tokio::test]
async fn a_follower_hears_no_consensus() {
    let mut follower = config(1);
    follower.consensus = false;
    let (mut first, second) = pair(follower, config(2)).await;
    second.publish_until_heard(Topic::Heads, b"head", &mut first).await;
    second.handle.publish(Topic::Consensus, Bytes::from_static(b"vote")).unwrap();
    let heard = timeout(Duration::from_millis(300), first.message(Topic::Consensus)).await;
    assert!(heard.is_err());
}

#[tokio::test]
async fn a_message_above_the_bound_is_not_taken_for_sending() {
    let node = Node::start(config(1));
    let bytes_max = node.handle.limits().topic(Topic::Heads).message_bytes_max;
    let error = node.handle.publish(Topic::Heads, vec![0; bytes_max + 1].into()).unwrap_err();
    let bytes = bytes_max + 1;
    assert_eq!(error, SendError::TooLarge { topic: Topic::Heads, bytes, bytes_max });
    node.handle.publish(Topic::Heads, vec![0; bytes_max].into()).unwrap();
    let handle = node.handle.clone();
    node.stop().await;
    let error = handle.publish(Topic::Heads, Bytes::from_static(b"late"));
    assert_eq!(error, Err(SendError::Stopped));
}

#[tokio::test]
async fn what_is_known_of_peers_is_shown() {
    let mut named = config(2);
    named.agent = "tester/9".into();
    named.head = Head { number: 5, hash: B256::repeat_byte(5) };
    named.limits.status_interval = Duration::from_millis(200);
    let mut first = config(1);
    first.limits.status_interval = Duration::from_millis(200);
    first.limits.ping_interval = Duration::from_millis(500);
    let (first, second) = pair(first, named).await;
    let shown = || async {
        let peers = first.handle.peers();
        let peer = &peers[0];
        peer.agent == "tester/9" && peer.latency.is_some() && peer.head.number == 5
    };
    until("agent, latency and head", shown).await;
    assert_eq!(first.handle.peers()[0].direction, Direction::Inbound);
    assert_eq!(second.handle.peers()[0].direction, Direction::Outbound);
    assert_eq!(second.handle.peers()[0].peer, identity(1).peer_id());
    second.handle.set_head(Head { number: 6, hash: B256::repeat_byte(6) }).unwrap();
    until("the new head", || async { first.handle.peers()[0].head.number == 6 }).await;
}
