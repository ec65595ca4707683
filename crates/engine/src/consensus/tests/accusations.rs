//! Evidence that was found while somebody was not there, and what authorities write down.

use super::super::wire::{encode_evidence, encode_proofs};
use super::support::{
    DEADLINE, Node, addresses, authorities, directory, evidence_against, identity, keys, network,
    open_chain, spec, spec_of_epochs,
};
use crate::audit;
use mfenx_consensus::Evidence;
use mfenx_network::{Identity, NetworkEvent, PeerAddress, Protocol, Topic};
use mfenx_primitives::Quorum;
use std::{fs, future::Future, path::Path, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What a node keeps, oldest first.
fn kept(directory: &tempfile::TempDir) -> Vec<String> {
    let text = fs::read_to_string(directory.path().join("consensus/evidence")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Its line in the file.
fn line(found: &Evidence) -> String {
    let [bytes, digest] =
        [found.encode().as_slice(), &found.digest()[..16]].map(alloy_primitives::hex::encode);
    format!("{bytes} {digest}")
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(DEADLINE, wait).await.is_ok(), "never: {what}");
}

/// Repeats `act` until `condition` holds: gossip may be lost.
async fn repeat<F: Future<Output = ()>>(act: impl Fn() -> F, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            act().await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, wait).await.expect("it never happened");
}

/// The names of the records in an authority's audit log, which must hold.
pub(super) fn audited(directory: &Path) -> Vec<String> {
    let files = audit::files(directory).unwrap();
    audit::verify(&files, audit::Demands::default()).unwrap();
    let mut events = Vec::new();
    audit::show(&files, |_, line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        events.push(value["event"].as_str().unwrap().to_owned());
    })
    .unwrap();
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_not_there_is_told_and_it_is_written_down() {
    let spec = spec(3, Quorum::Majority, 100);
    let directories = [directory(), directory(), directory()];
    let old = evidence_against(&spec, &keys(1), 1);
    let path = directories[0].path().join("consensus");
    fs::create_dir_all(&path).unwrap();
    // Found by an earlier run, when nobody else was there to hear of it.
    fs::write(path.join("evidence"), line(&old) + "\n").unwrap();
    let nodes = authorities(&directories, &spec).await;
    until("the authorities know", || (1..3).all(|one| kept(&directories[one]) == [line(&old)]))
        .await;
    nodes[0].reach(2).await;
    let followed = directory();
    // Whoever it is connected to can tell.
    let follower = Node::start(followed.path(), &spec, None, &addresses(&nodes[2..]).await);
    until("a follower knows", || kept(&followed) == [line(&old)]).await;
    follower.stop().await;
    for node in nodes {
        node.stop().await;
    }
    for (index, directory) in directories.iter().enumerate() {
        let events = audited(directory.path());
        assert_eq!(events.first().map(String::as_str), Some("opened"), "{index}: {events:?}");
        assert_eq!(events.last().map(String::as_str), Some("stopped"), "{index}: {events:?}");
        for event in ["started", "votingFrom", "epoch", "participation"] {
            assert!(events.iter().any(|one| one == event), "{index}: no {event} in {events:?}");
        }
        let told = events.iter().filter(|event| *event == "evidence").count();
        assert_eq!(told, usize::from(index > 0), "{index}: {events:?}");
    }
    assert!(!followed.path().join("consensus/audit.log").exists(), "a follower has no key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_of_an_earlier_epoch_is_taken_and_that_of_strangers_is_not() {
    let spec = spec_of_epochs(3, Quorum::Majority, 100, 3);
    let directories = [directory(), directory(), directory()];
    let nodes = authorities(&directories, &spec).await;
    // Epoch 3.
    nodes[0].reach(9).await;
    let real = evidence_against(&spec, &keys(1), 1);
    let false_one = evidence_against(&spec, &keys(9), 1);
    let later = evidence_against(&spec, &keys(1), 1_000_000);
    let say = || async {
        for found in [&false_one, &later, &real] {
            let _ = nodes[2].network.publish(Topic::Consensus, encode_evidence(found));
        }
    };
    repeat(say, || (0..2).all(|index| !kept(&directories[index]).is_empty())).await;
    for directory in &directories[..2] {
        assert_eq!(kept(directory), [line(&real)]);
    }
}

/// Restarted in the middle of whatever it did: the log goes on, and says that nobody stopped it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_survives_a_crash() {
    let spec = spec(3, Quorum::Majority, 100);
    let directories = [directory(), directory(), directory()];
    let mut nodes = authorities(&directories, &spec).await;
    nodes[2].reach(2).await;
    nodes.pop().unwrap().kill().await;
    let before = audited(directories[2].path());
    let back = Node::start(directories[2].path(), &spec, Some(2), &addresses(&nodes).await);
    back.reach(nodes[0].height()).await;
    back.stop().await;
    let after = audited(directories[2].path());
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.iter().filter(|event| *event == "started").count(), 2);
    assert_eq!(after.iter().filter(|event| *event == "stopped").count(), 1);
}

/// A peer that answers with evidence that proves nothing is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_accuses_falsely_is_banned() {
    let spec = spec(3, Quorum::Majority, 300);
    let scratch = directory();
    let chain = open_chain(scratch.path(), &spec);
    let stop = CancellationToken::new();
    let liar = Identity::generate();
    let (handle, mut events, task) = network(&chain, liar, false, &[]);
    tokio::spawn(task.run(stop.clone()));
    let addresses = handle.listening().await.to_vec();
    let address = PeerAddress { peer: handle.local_peer_id(), addresses };
    let false_one = evidence_against(&spec, &keys(9), 1);
    let (asked, mut seen) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let NetworkEvent::Request(request) = event
                && request.protocol == Protocol::Parts
            {
                asked.send_replace(true);
                request.reply.send(encode_proofs(std::slice::from_ref(&false_one), 0, 10_000));
            }
        }
    });
    let victim = directory();
    let node =
        Node::try_start(victim.path(), &spec, Some(keys(0)), identity(0), &[address]).unwrap();
    timeout(DEADLINE, seen.wait_for(|asked| *asked)).await.unwrap().unwrap();
    until("the liar is gone", || node.network.peers().is_empty()).await;
    assert!(kept(&victim).is_empty());
    stop.cancel();
    node.stop().await;
}
