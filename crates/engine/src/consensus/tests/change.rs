//! Authorities that join and leave while the others go on.

use super::super::wire::encode_evidence;
use super::support::{
    DEADLINE, Node, addresses, agree, authority, directory, evidence_against, identity,
    keys_of_signer, spec_of,
};
use crate::{Epochs, IAuthorities, Participation};
use alloy_sol_types::SolCall;
use mfenx_chainspec::peer_key;
use mfenx_network::Topic;
use mfenx_primitives::{Quorum, U256};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const BLOCK_MS: u64 = 100;
const EPOCH_BLOCKS: u64 = 5;
/// How often the fourth joins and leaves.
const CYCLES: u64 = 3;

/// Proposes `call` as the first operator and votes as the others; the first block with its effect.
async fn pass(nodes: &[Node], id: u64, call: Vec<u8>) -> u64 {
    // Each of the three sends one transaction for each proposal.
    let nonce = id;
    let proposed = nodes[0].send_to_registry(0, nonce, call);
    nodes[0].mined(proposed).await;
    let vote = IAuthorities::voteCall { id: U256::from(id) }.abi_encode();
    let mut height = 0;
    // Three of four are a majority; of three, the last vote comes too late and reverts.
    for voter in [1, 2] {
        let hash = nodes[0].send_to_registry(voter, nonce, vote.clone());
        let mined = nodes[0].mined(hash).await;
        height = if height == 0 || id % 2 == 1 { mined } else { height };
    }
    let epochs = Epochs::of_chain(nodes[0].chain.spec()).unwrap();
    epochs.first_block(epochs.effective(height))
}

/// Waits for a node to work on `height`; what part it took there from the beginning.
async fn participation_at(node: &Node, height: u64) -> Participation {
    let mut status = node.status.clone();
    let seen = status.wait_for(|status| status.height >= height);
    timeout(DEADLINE, seen).await.unwrap().unwrap().participation
}

/// Whoever has left is accused of what it signed while it was an authority, and of nothing else.
async fn accuse_one_who_left(nodes: &[Node], directories: &[TempDir], heights: [u64; 2]) {
    let spec = nodes[0].chain.spec();
    let [before, then] = heights.map(|height| evidence_against(spec, &keys_of_signer(3), height));
    let kept = |index: usize| {
        let file = directories[index].path().join("consensus/evidence");
        std::fs::read_to_string(file).unwrap_or_default()
    };
    let everybody = async {
        while (1..3).any(|index| kept(index).is_empty()) {
            for found in [&before, &then] {
                let _ = nodes[0].network.publish(Topic::Consensus, encode_evidence(found));
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(DEADLINE, everybody).await.unwrap();
    let expected = alloy_primitives::hex::encode(then.encode());
    for index in 1..3 {
        assert_eq!(kept(index).split(' ').next(), Some(&*expected), "at node {index}");
        assert_eq!(kept(index).lines().count(), 1, "at node {index}");
    }
}

/// The first height of an epoch is any authority's turn, so a newcomer has to be ready for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_votes_from_the_first_height_of_its_epoch() {
    let founders = (0..3).map(|index| authority(index, &keys_of_signer(index))).collect();
    let spec = spec_of(founders, Quorum::Majority, BLOCK_MS, EPOCH_BLOCKS);
    let directories: Vec<_> = (0..4).map(|_| directory()).collect();
    let mut nodes = Vec::new();
    for index in 0..4_u8 {
        let others = addresses(&nodes).await;
        let path = directories[usize::from(index)].path();
        let keys = Some(keys_of_signer(index));
        nodes.push(Node::try_start(path, &spec, keys, identity(index), &others).unwrap());
    }
    nodes[3].reach(1).await;
    let newcomer = authority(3, &keys_of_signer(3));
    let join = IAuthorities::proposeAdditionCall {
        operator: newcomer.operator,
        power: 1,
        consensusKey: newcomer.consensus_key.into(),
        vrfKey: newcomer.vrf_key.into(),
        peerKey: peer_key(&newcomer.peer_id).unwrap().into(),
    };
    let leave = IAuthorities::proposeRemovalCall { operator: newcomer.operator };
    let mut voted = 0;
    for cycle in 0..CYCLES {
        assert_eq!(nodes[3].status.borrow().participation, Participation::Follower);
        let first = pass(&nodes, 2 * cycle, join.abi_encode()).await;
        assert_eq!(participation_at(&nodes[3], first).await, Participation::Validator, "{first}");
        nodes[3].reach(first + 2).await;
        voted = first + 1;
        let first = pass(&nodes, 2 * cycle + 1, leave.abi_encode()).await;
        assert_eq!(participation_at(&nodes[3], first).await, Participation::Follower, "{first}");
        nodes[3].reach(first + 1).await;
    }
    let height = nodes[3].height();
    nodes[0].reach(height).await;
    agree(&nodes, height);
    accuse_one_who_left(&nodes, &directories, [1, voted]).await;
    println!("{height} blocks, missed: {:?}", nodes[0].status.borrow().missed_rounds);
    for node in nodes {
        node.stop().await;
    }
}
