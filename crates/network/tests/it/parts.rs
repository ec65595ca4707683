//! Four authorities and a proposal of 8 MiB: how fast its parts are everywhere, pushed over the
//! consensus topic and pulled by requests. See the crate's documentation for what follows.

use crate::support::{DEADLINE, Node, config, peer_id, until};
use bytes::Bytes;
use mfenx_network::{NetworkEvent, PART_BYTES, PeerId, Protocol, Target, Topic, Verdict};
use std::time::Instant;
use tokio::time::timeout;

const PROPOSAL_BYTES: usize = 8 * 1024 * 1024;
/// What is said until everybody hears everybody; some of it comes late.
const WARM: &[u8] = b"warm";

/// Authorities that know each other.
async fn authorities(count: u8) -> Vec<Node> {
    let pinned: Vec<PeerId> = (1..=count).map(peer_id).collect();
    let mut nodes: Vec<Node> = Vec::new();
    for seed in 1..=count {
        let mut config = config(seed);
        config.pinned = pinned.clone();
        let known: Vec<&Node> = nodes.iter().collect();
        nodes.push(Node::start_knowing(config, &known).await);
    }
    let others = usize::from(count) - 1;
    for node in &nodes {
        until("all connected", || async { node.handle.peers().len() == others }).await;
    }
    nodes
}

/// Takes messages until there were as many as parts; accepts each, as an engine does.
async fn collect(node: &mut Node, parts: usize) {
    let mut collected = 0;
    while collected < parts {
        let message = node.message(Topic::Consensus).await;
        if message.data != WARM {
            assert_eq!(message.data.len(), PART_BYTES);
            collected += 1;
        }
        node.handle.report(message.receipt, Verdict::Accept);
    }
}

#[tokio::test]
async fn the_parts_of_a_proposal_reach_every_authority() {
    let mut nodes = authorities(4).await;
    // The meshes are there once everybody heard everybody.
    let (proposer, rest) = nodes.split_first_mut().unwrap();
    for other in rest.iter_mut() {
        proposer.publish_until_heard(Topic::Consensus, WARM, other).await;
    }
    for (round, parts) in [1, PROPOSAL_BYTES / PART_BYTES].repeat(3).into_iter().enumerate() {
        let start = Instant::now();
        for part in 0..parts {
            let mut data = vec![round as u8; PART_BYTES];
            data[..8].copy_from_slice(&(part as u64).to_be_bytes());
            proposer.handle.publish(Topic::Consensus, data.into()).unwrap();
        }
        let all = rest.iter_mut().map(|node| collect(node, parts));
        timeout(DEADLINE, libp2p::futures::future::join_all(all)).await.unwrap();
        println!("pushed {parts} parts to three in {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_proposal_can_be_pulled_instead() {
    let nodes = authorities(4).await;
    let proposer = nodes[0].id();
    let handles: Vec<_> = nodes[1..].iter().map(|node| node.handle.clone()).collect();
    let mut nodes = nodes.into_iter();
    let mut first = nodes.next().unwrap();
    let _rest: Vec<Node> = nodes.collect();
    tokio::spawn(async move {
        while let Some(event) = first.events.recv().await {
            if let NetworkEvent::Request(request) = event {
                let bytes = u32::from_be_bytes(request.data[..].try_into().unwrap());
                request.reply.send(vec![7; bytes as usize].into());
            }
        }
    });
    for bytes in [PART_BYTES, PROPOSAL_BYTES].repeat(3) {
        let what = Bytes::copy_from_slice(&(bytes as u32).to_be_bytes());
        let start = Instant::now();
        let pulls = handles
            .iter()
            .map(|handle| handle.request(Target::Peer(proposer), Protocol::Parts, what.clone()));
        for response in libp2p::futures::future::join_all(pulls).await {
            assert_eq!(response.unwrap().data.len(), bytes);
        }
        println!("pulled {bytes} bytes by three in {:?}", start.elapsed());
    }
}
