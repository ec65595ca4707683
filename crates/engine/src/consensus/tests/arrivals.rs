//! Who comes when, and what that means for who may vote.

use super::support::{
    DEADLINE, Node, addresses, agree, authorities, directory, spec, spec_of_epochs,
};
use crate::Participation;
use mfenx_primitives::Quorum;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const BLOCK_MS: u64 = 100;
/// Long enough for a quorum that is not held back to decide several blocks.
const A_WHILE: Duration = Duration::from_secs(3);

async fn voting(node: &Node) -> u64 {
    let mut status = node.status.clone();
    let votes = status.wait_for(|status| status.participation == Participation::Validator);
    timeout(DEADLINE, votes).await.unwrap().unwrap().height
}

/// Two of three could begin a new chain. The third would then come to blocks it had no part in, wait
/// as one that was wiped, and be of no help if one of the two died in the meantime: nothing would
/// ever be decided again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_chain_waits_for_the_last_of_its_authorities() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let first = Node::start(directories[0].path(), &spec, Some(0), &[]);
    let third = Node::start(directories[2].path(), &spec, Some(2), &addresses([&first]).await);
    sleep(A_WHILE).await;
    assert_eq!(third.status.borrow().peers, 1);
    assert_eq!((first.height(), third.height()), (0, 0), "they did not wait");
    let others = addresses([&first, &third]).await;
    let second = Node::start(directories[1].path(), &spec, Some(1), &others);
    third.reach(1).await;
    third.kill().await;
    second.reach(6).await;
    first.reach(6).await;
    agree([&first, &second], 6);
}

/// A chain whose last authority never comes begins without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_chain_does_not_wait_for_ever() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory()];
    let nodes = authorities(&directories, &spec).await;
    nodes[0].reach(3).await;
    nodes[1].reach(3).await;
}

/// What a wiped authority signed last may be known only to the one that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_authority_asks_a_quorum_of_others() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let mut nodes = authorities(&directories, &spec).await;
    for node in &nodes {
        node.reach(2).await;
    }
    // The first falls behind; the other two go on, and then die.
    nodes.remove(0).kill().await;
    let behind = nodes[0].height();
    nodes[0].reach(behind + 6).await;
    let signed = nodes[0].height();
    for node in nodes {
        node.kill().await;
    }
    let first = Node::start(directories[0].path(), &spec, Some(0), &[]);
    let wiped = directory();
    let wiped = Node::start(wiped.path(), &spec, Some(1), &addresses([&first]).await);
    sleep(A_WHILE).await;
    let third = addresses([&first, &wiped]).await;
    let third = Node::start(directories[2].path(), &spec, Some(2), &third);
    let height = voting(&wiped).await;
    assert!(height >= signed + 3, "voted at {height}, and its keys had signed at {signed} before");
    third.reach(height + 2).await;
    agree([&first, &wiped, &third], height);
}

/// Epochs begin while the engines run, also for who comes in a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engines_go_from_epoch_to_epoch() {
    let spec = spec_of_epochs(3, Quorum::Majority, BLOCK_MS, 4);
    let directories = [directory(), directory(), directory()];
    let mut nodes = authorities(&directories, &spec).await;
    nodes[0].reach(6).await;
    nodes.pop().unwrap().kill().await;
    nodes[0].reach(13).await;
    let others = addresses(&nodes).await;
    let followed = directory();
    let follower = Node::start(followed.path(), &spec, None, &others);
    let back = Node::start(directories[2].path(), &spec, Some(2), &others);
    voting(&back).await;
    let height = back.height() + 9;
    for node in nodes.iter().chain([&back, &follower]) {
        node.reach(height).await;
    }
    agree(nodes.iter().chain([&back, &follower]), height);
}
