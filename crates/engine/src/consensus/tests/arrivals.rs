//! Who comes when, and what that means for who may vote.

use super::support::{
    DEADLINE, Node, addresses, agree, authorities, authorities_without_the_last, directory, spec,
    spec_of_epochs,
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

/// Waits until all of these authorities are connected.
async fn see_each_other<'a>(nodes: impl IntoIterator<Item = &'a Node>) {
    let nodes: Vec<&Node> = nodes.into_iter().collect();
    let power = nodes.len() as u64;
    for node in nodes {
        let mut status = node.status.clone();
        let connected = status.wait_for(|status| status.connected_power == power);
        timeout(DEADLINE, connected).await.unwrap().unwrap();
    }
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
    see_each_other([&first, &third]).await;
    sleep(A_WHILE).await;
    assert_eq!((first.height(), third.height()), (0, 0), "they did not wait");
    let others = addresses([&first, &third]).await;
    let second = Node::start(directories[1].path(), &spec, Some(1), &others);
    third.reach(1).await;
    // Mostly from the first block on; on a machine that was busy from the third.
    println!("the second votes from {}", voting(&second).await);
    third.kill().await;
    second.reach(6).await;
    first.reach(6).await;
    agree([&first, &second], 6);
}

/// A chain whose last authority never comes begins without it, when the operators of the others say
/// that it is new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_chain_begins_without_one_when_it_is_told_to() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory()];
    let mut nodes = Vec::new();
    for index in 0..2 {
        let others = addresses(&nodes).await;
        let path = directories[usize::from(index)].path();
        nodes.push(Node::start_at_once(path, &spec, index, &others, false));
    }
    see_each_other(&nodes).await;
    sleep(A_WHILE).await;
    assert_eq!((nodes[0].height(), nodes[1].height()), (0, 0), "it could be any chain's");
    for node in nodes {
        node.kill().await;
    }
    let nodes = authorities_without_the_last(&directories, &spec).await;
    nodes[0].reach(3).await;
    nodes[1].reach(3).await;
}

/// A quorum that lost its directories does not begin the chain anew, and who has it left is followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quorum_with_empty_directories_is_no_new_chain() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let directories = [directory(), directory(), directory()];
    let nodes = authorities(&directories, &spec).await;
    for node in &nodes {
        node.reach(4).await;
    }
    for node in nodes {
        node.kill().await;
    }
    let empty = [directory(), directory()];
    let mut wiped = Vec::new();
    for index in 0..2 {
        let others = addresses(&wiped).await;
        let path = empty[usize::from(index)].path();
        wiped.push(Node::start_at_once(path, &spec, index, &others, false));
    }
    see_each_other(&wiped).await;
    sleep(A_WHILE).await;
    for node in &wiped {
        let status = node.status.borrow().clone();
        assert_eq!(
            (node.height(), status.participation),
            (0, Participation::Waiting),
            "{status:?}"
        );
    }
    let third = Node::start(directories[2].path(), &spec, Some(2), &addresses(&wiped).await);
    let kept = third.height();
    for node in &wiped {
        node.reach(kept).await;
    }
    // Both wait now for blocks that others decide, and there are no others: their operators know.
    agree(wiped.iter().chain([&third]), kept);
    for node in wiped {
        node.kill().await;
    }
    let mut back = vec![third];
    for index in 0..2 {
        let others = addresses(&back).await;
        let path = empty[usize::from(index)].path();
        back.push(Node::start_at_once(path, &spec, index, &others, true));
    }
    for node in &back {
        node.reach(kept + 3).await;
    }
    agree(&back, kept + 3);
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
    let before = nodes[0].status.clone();
    for node in nodes {
        node.kill().await;
    }
    let signed = before.borrow().height;
    let first = Node::start(directories[0].path(), &spec, Some(0), &[]);
    let wiped = directory();
    let wiped = Node::start(wiped.path(), &spec, Some(1), &addresses([&first]).await);
    sleep(A_WHILE).await;
    let third = addresses([&first, &wiped]).await;
    let third = Node::start(directories[2].path(), &spec, Some(2), &third);
    let height = voting(&wiped).await;
    assert!(height > signed, "voted at {height}, and its keys had signed at {signed} before");
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
