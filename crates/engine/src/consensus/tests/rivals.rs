//! Two chains from one genesis: noticed, and who made it possible is named.

use super::support::{
    DEADLINE, Node, addresses, authorities, certify, directory, network, open_chain, operator, spec,
};
use alloy_primitives::hex;
use mfenx_consensus::{Decision, Evidence, ValidatorSet};
use mfenx_network::{Identity, Topic};
use mfenx_primitives::{B256, Quorum};
use std::{collections::BTreeMap, fs, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Two chains from one genesis, which one key that signs for two directories can make alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_block_at_our_height_is_noticed() {
    let spec = spec(1, Quorum::Majority, 100);
    let (here, there) = (directory(), directory());
    let mut followers = Vec::new();
    let followed = [directory(), directory()];
    for (directory, followed) in [&here, &there].into_iter().zip(&followed) {
        let node = Node::start(directory.path(), &spec, Some(0), &[]);
        let follower = Node::start(followed.path(), &spec, None, &addresses([&node]).await);
        follower.reach(3).await;
        node.kill().await;
        followers.push(follower);
        // Blocks of different seconds are different blocks.
        sleep(Duration::from_millis(1_100)).await;
    }
    assert_ne!(followers[0].hash(1), followers[1].hash(1));
    let other = followers[1].address().await;
    followers[0].network.add_persistent(other).unwrap();
    // Whoever notices first may leave the other before that one has looked.
    let [mut one, mut two] = [followers[0].status.clone(), followers[1].status.clone()];
    let noticed = async {
        tokio::select! {
            met = one.wait_for(|status| status.rivals > 0) => drop(met.unwrap()),
            met = two.wait_for(|status| status.rivals > 0) => drop(met.unwrap()),
        }
    };
    timeout(DEADLINE, noticed).await.unwrap();
    // Whoever asked the other for its certificates knows who signed both, and tells.
    let kept = |directory: &tempfile::TempDir| {
        fs::read_to_string(directory.path().join("consensus/evidence")).unwrap_or_default()
    };
    let accused = async {
        while followed.iter().all(|directory| kept(directory).is_empty()) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, accused).await.unwrap();
    let lines = followed.iter().map(kept).collect::<String>();
    let line = lines.split_whitespace().next().unwrap();
    let found = Evidence::decode(&hex::decode(line).unwrap()).unwrap();
    assert_eq!((found.operator().0, found.kind()), (operator(0), "precommit"));
    let params = spec.consensus().unwrap();
    let set = ValidatorSet::new(&params.authorities, params.quorum, B256::ZERO).unwrap();
    found.verify(&followers[0].chain.domain(), &set).unwrap();
}

/// A certificate of another block is announced at a height that is long decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signed_two_certificates_of_a_round_is_accused_by_all() {
    let spec = spec(3, Quorum::Majority, 100);
    let directories = [directory(), directory(), directory()];
    let nodes = authorities(&directories, &spec).await;
    nodes[0].reach(2).await;
    for node in &nodes {
        node.reach(2).await;
    }
    let params = spec.consensus().unwrap();
    let set = ValidatorSet::new(&params.authorities, params.quorum, B256::ZERO).unwrap();
    // Each has its own certificate of the block, of those that it heard first.
    let certificates: Vec<_> = nodes
        .iter()
        .map(|node| {
            let reader = node.chain.store().reader().unwrap();
            let bytes = reader.certificate(1).unwrap().unwrap();
            Decision::decode(&bytes).unwrap().certificate
        })
        .collect();
    let round = certificates[0].round;
    let other = certify(&nodes[0].chain, &set, (1, round), B256::repeat_byte(9));
    let last_round = certificates.iter().map(|one| one.round).max().unwrap();
    let later = certify(&nodes[0].chain, &set, (1, last_round + 1), B256::repeat_byte(8));
    let (stop, scratch) = (CancellationToken::new(), directory());
    let chain = open_chain(scratch.path(), &spec);
    let (handle, events, task) =
        network(&chain, Identity::generate(), false, &addresses(&nodes[..1]).await);
    drop(events);
    tokio::spawn(task.run(stop.clone()));
    let kept = |index: usize| {
        let file = directories[index].path().join("consensus/evidence");
        let text = fs::read_to_string(file).unwrap_or_default();
        let found = text.lines().map(|line| {
            let bytes = hex::decode(line.split(' ').next().unwrap()).unwrap();
            let found = Evidence::decode(&bytes).unwrap();
            found.verify(&chain.domain(), &set).unwrap();
            found
        });
        found.collect::<Vec<_>>()
    };
    let mut expected = BTreeMap::new();
    for certificate in certificates.iter().filter(|one| one.round == round) {
        let found = Evidence::of_certificates(&set, certificate, &other);
        assert!(found.len() >= 2, "a quorum signed the block that there is");
        expected.extend(found.into_iter().map(|found| (found.digest(), found)));
    }
    let told = async {
        while (0..3).any(|index| kept(index).len() < expected.len()) {
            for certificate in [&later, &other] {
                let _ = handle.publish(Topic::Heads, certificate.encode().into());
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(DEADLINE, told).await.unwrap();
    for index in 0..3 {
        let found = kept(index).into_iter().map(|found| (found.digest(), found));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected, "at node {index}");
    }
    // What was signed in two rounds proves nothing, and none of it stops anybody.
    let height = nodes[1].height();
    nodes[1].reach(height + 2).await;
    stop.cancel();
}
