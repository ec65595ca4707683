//! Whole networks.

use super::super::wire::CHUNK_BYTES;
use super::support::{
    DEADLINE, Node, addresses, agree, authorities, directory, identity, keys, spec,
};
use crate::{Participation, Step, ValidatorKeys};
use mfenx_primitives::{Address, Bytes, Quorum};
use tokio::time::timeout;

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
        status.participation == Participation::Validator && status.step != Step::Propose
    });
    timeout(DEADLINE, votes).await.unwrap().unwrap();
    let height = back.height();
    back.reach(height + 2).await;
    agree(nodes.iter().chain([&back]), height);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_go_on_without_one_and_a_late_follower_catches_up() {
    let spec = spec(4, Quorum::Bft, BLOCK_MS);
    let directories = [directory(), directory(), directory(), directory()];
    let mut nodes = authorities(&directories, &spec).await;
    let hash = nodes[1].send(0, 0);
    nodes[0].mined(hash).await;
    nodes.pop().unwrap().kill().await;
    let height = nodes[0].height();
    nodes[0].reach(height + 4).await;
    let late = directory();
    let follower = Node::start(late.path(), &spec, None, &addresses(&nodes).await);
    follower.reach(height + 4).await;
    // From here on it follows the announcements.
    let height = nodes[0].height();
    follower.reach(height + 3).await;
    agree(nodes.iter().chain([&follower]), height);
    assert!(follower.height() + 3 >= nodes[0].height());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_were_killed_go_on_from_the_same_head() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let mut height = 0;
    for life in 0..3 {
        let nodes = authorities(&directories, &spec).await;
        assert!(nodes.iter().any(|node| node.height() >= height), "life {life} lost blocks");
        for node in &nodes {
            node.reach(height + 3).await;
        }
        height = nodes.iter().map(Node::height).max().unwrap();
        for node in nodes {
            node.kill().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_authority_syncs_before_it_votes() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let mut nodes = authorities(&directories, &spec).await;
    nodes[2].reach(4).await;
    nodes.pop().unwrap().kill().await;
    let others = addresses(&nodes).await;
    let wiped = directory();
    let start = nodes[0].height();
    let back = Node::start(wiped.path(), &spec, Some(2), &others);
    let mut status = back.status.clone();
    let waiting = status.borrow_and_update().participation;
    assert_eq!(waiting, Participation::Waiting);
    let votes = status.wait_for(|status| status.participation == Participation::Validator);
    let height = timeout(DEADLINE, votes).await.unwrap().unwrap().height;
    assert!(height >= start + 3, "voted at {height} after {start}");
    back.reach(height + 2).await;
    agree(nodes.iter().chain([&back]), height);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_authority_alone_decides() {
    let spec = spec(1, Quorum::Majority, BLOCK_MS);
    let only = directory();
    let node = Node::start(only.path(), &spec, Some(0), &[]);
    let hash = node.send(0, 0);
    node.mined(hash).await;
    node.stop().await;
    let node = Node::start(only.path(), &spec, Some(0), &[]);
    node.reach(4).await;
    assert!(node.status.borrow().missed_rounds.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_not_the_registered_ones_are_refused() {
    let spec = spec(2, Quorum::Majority, BLOCK_MS);
    let error = |keys: ValidatorKeys, identity| {
        let path = directory();
        Node::try_start(path.path(), &spec, Some(keys), identity, &[]).err().unwrap().to_string()
    };
    let mut wrong = keys(0);
    wrong.consensus = mfenx_consensus::ConsensusKey::from_seed(&[0xee; 32]);
    assert!(error(wrong, identity(0)).contains("another consensus key"));
    let mut wrong = keys(0);
    wrong.vrf = mfenx_vrf::SecretKey::from_seed([0xee; 32]);
    assert!(error(wrong, identity(0)).contains("another VRF key"));
    assert!(error(keys(0), identity(1)).contains("another peer ID"));
    let mut wrong = keys(0);
    wrong.operator = Address::repeat_byte(0xee);
    assert!(error(wrong, identity(0)).contains("registered for operator"));
    // Keys that nobody registered follow.
    let path = directory();
    let (stranger, identity) = (keys(7), identity(7));
    let node = Node::try_start(path.path(), &spec, Some(stranger), identity, &[]).unwrap();
    assert_eq!(node.status.borrow().participation, Participation::Follower);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_of_many_parts_is_decided() {
    let spec = spec(3, Quorum::Majority, 300);
    let directories = [directory(), directory(), directory()];
    let nodes = authorities(&directories, &spec).await;
    nodes[0].reach(1).await;
    let input = Bytes::from(vec![0; 100_000]);
    // More than enough, should a slow machine spread them over several blocks.
    let hashes: Vec<_> = (0..32)
        .map(|index| nodes[0].send_input(index % 8, u64::from(index / 8), input.clone(), 2_000_000))
        .collect();
    let mut largest = 0;
    for hash in hashes {
        let number = nodes[2].mined(hash).await;
        let block = nodes[2].chain.store().reader().unwrap().block(number).unwrap().unwrap();
        largest = largest.max(alloy_rlp::encode(block.block()).len());
    }
    assert!(largest > 2 * CHUNK_BYTES, "{largest}");
    let height = nodes[2].height();
    nodes[1].reach(height).await;
    agree(&nodes[1..], height);
}
