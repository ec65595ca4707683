//! Peers that are not on our chain.

use crate::support::{Node, chain, config, until};
use mfenx_network::{ChainIdentity, DisconnectReason, NetworkEvent};
use mfenx_primitives::B256;
use std::time::Duration;
use tokio::time::timeout;

/// Starts two nodes, the second on `other`, and returns them after both refused each other.
async fn refused(other: ChainIdentity, reason: DisconnectReason) -> (Node, Node) {
    let mut first = Node::start(config(1));
    let mut stranger = config(2);
    stranger.chain = other;
    let mut second = Node::start_knowing(stranger, &[&first]).await;
    assert_eq!(first.refused(second.id()).await, reason);
    assert_eq!(second.refused(first.id()).await, reason);
    assert!(first.handle.peers().is_empty() && second.handle.peers().is_empty());
    (first, second)
}

#[tokio::test]
async fn both_sides_refuse_another_genesis_and_do_not_try_again_soon() {
    let other = ChainIdentity { genesis_hash: B256::repeat_byte(0x22), ..chain() };
    let (mut first, mut second) = refused(other, DisconnectReason::Genesis).await;
    // The second dials the first for ever, but for now it remembers.
    let again = timeout(Duration::from_secs(2), async {
        tokio::select! {
            event = first.events.recv() => event,
            event = second.events.recv() => event,
        }
    });
    let again: Option<NetworkEvent> = again.await.ok().flatten();
    assert!(again.is_none(), "{again:?}");
}

#[tokio::test]
async fn both_sides_refuse_another_chain_id_and_version() {
    let other = ChainIdentity { chain_id: 1, ..chain() };
    refused(other, DisconnectReason::ChainId).await;
    let other = ChainIdentity { version: 99, ..chain() };
    refused(other, DisconnectReason::Version).await;
}

#[tokio::test]
async fn quic_peers_refuse_each_other_too() {
    let quic = |seed| {
        let mut config = config(seed);
        config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
        config
    };
    let mut first = Node::start(quic(1));
    let mut stranger = quic(2);
    stranger.chain.genesis_hash = B256::ZERO;
    let mut second = Node::start_knowing(stranger, &[&first]).await;
    assert_eq!(first.refused(second.id()).await, DisconnectReason::Genesis);
    assert_eq!(second.refused(first.id()).await, DisconnectReason::Genesis);
}

#[tokio::test]
async fn a_refusal_is_forgotten_in_time() {
    let mut host = config(1);
    host.limits.refusal_memory = Duration::from_millis(300);
    let mut first = Node::start(host);
    let mut stranger = config(2);
    stranger.chain.version = 99;
    stranger.limits.refusal_memory = Duration::from_millis(300);
    let mut second = Node::start_knowing(stranger, &[&first]).await;
    for _ in 0..2 {
        assert_eq!(first.refused(second.id()).await, DisconnectReason::Version);
        assert_eq!(second.refused(first.id()).await, DisconnectReason::Version);
    }
}

#[tokio::test]
async fn the_application_can_ban() {
    let (mut first, mut second) = crate::support::pair(config(1), config(2)).await;
    first.handle.ban(second.id(), Duration::from_secs(5)).unwrap();
    assert_eq!(first.disconnected(second.id()).await, DisconnectReason::Banned);
    assert_eq!(second.disconnected(first.id()).await, DisconnectReason::Closed);
    let soon = timeout(Duration::from_millis(800), second.connected(first.id())).await;
    assert!(soon.is_err(), "it is kept out");
    second.connected(first.id()).await;
    until("back", || async { first.handle.peers().len() == 1 }).await;
}
