//! Whole networks.

use super::support::{Node, addresses, agree, authorities, directory, spec};
use mfenx_primitives::Quorum;
use std::time::Duration;

const BLOCK_MS: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_authorities_and_a_follower_agree_on_blocks_with_transactions() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let nodes = authorities(&directories, &spec).await;
    let followed = directory();
    let follower = Node::start(followed.path(), &spec, None, &addresses(&nodes).await);
    nodes[0].reach(1).await;
    follower.reach(1).await;
    for nonce in 0..5 {
        // Through the follower and through authorities alike.
        let ours = follower.send(0, nonce);
        let theirs = nodes[nonce as usize % 3].send(1, nonce);
        for node in nodes.iter().chain([&follower]) {
            node.mined(ours).await;
            node.mined(theirs).await;
        }
    }
    nodes[0].reach(10).await;
    for node in nodes.iter().chain([&follower]) {
        node.reach(10).await;
    }
    agree(nodes.iter().chain([&follower]), 10);
    for node in nodes {
        node.stop().await;
    }
    follower.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_may_stop_and_comes_back() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let mut nodes = authorities(&directories, &spec).await;
    nodes[2].reach(3).await;
    nodes.pop().unwrap().kill().await;
    let height = nodes[0].height();
    nodes[0].reach(height + 4).await;
    let others = addresses(&nodes).await;
    let back = Node::start(directories[2].path(), &spec, Some(2), &others);
    let mut status = back.status.clone();
    back.reach(nodes[0].height()).await;
    let votes = status.wait_for(|status| {
        status.participation == crate::Participation::Validator
            && status.step != crate::Step::Propose
    });
    tokio::time::timeout(Duration::from_secs(30), votes).await.unwrap().unwrap();
    let height = back.height();
    back.reach(height + 2).await;
    agree(nodes.iter().chain([&back]), height);
}
