//! Peers that lie: raw networks without an engine behind them.

use super::support::{
    DEADLINE, Node, addresses, agree, all_vote, authorities, authorities_without_the_last, certify,
    directory, evidence_against, identity, keys, network, open_chain, spec,
};
use crate::{
    Chain, EngineError,
    candidate::payload,
    consensus::wire::{self, RangeRequest},
};
use bytes::Bytes;
use mfenx_chainspec::ChainSpec;
use mfenx_consensus::{Decision, Height, NilOrVal, Operator, Round, ValidatorSet, Vote, VoteType};
use mfenx_network::{
    Head, Identity, NetworkEvent, NetworkHandle, PeerAddress, Protocol, Target, Topic,
};
use mfenx_primitives::{B256, Quorum};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The head that liars claim.
const CLAIMED: u64 = 1_000_000;

/// What a liar does to the blocks it serves.
#[derive(Debug, Clone, Copy)]
enum Lie {
    Certificate,
    OtherCertificate,
    Proof,
    Root,
    Garbage,
    Silence,
    /// It says that it has nothing.
    Nothing,
}

/// Block 1 of `chain`, bent.
fn bent(chain: &Chain, lie: Lie) -> Bytes {
    let reader = chain.store().reader().unwrap();
    let load = |number: u64| {
        let decision = reader.certificate(number).unwrap().unwrap();
        let decision = Decision::decode(&decision).unwrap();
        (reader.block(number).unwrap().unwrap().into_block(), decision)
    };
    if matches!(lie, Lie::Garbage | Lie::Silence | Lie::Nothing) {
        return vec![0xff; 1000].into();
    }
    let (mut block, mut decision) = load(1);
    match lie {
        Lie::Certificate => decision.certificate.signatures[0].1.0[3] ^= 1,
        Lie::OtherCertificate => decision.certificate = load(2).1.certificate,
        Lie::Proof => decision.proof = load(2).1.proof,
        Lie::Root => {
            block.header.state_root = B256::repeat_byte(9);
            let spec = chain.spec();
            let params = spec.consensus().unwrap();
            let set = ValidatorSet::new(&params.authorities, params.quorum, decision.seed).unwrap();
            decision.certificate = certify(chain, &set, (1, 0), block.header.hash_slow());
        }
        Lie::Garbage | Lie::Silence | Lie::Nothing => {}
    }
    let mut answer = Vec::new();
    let payload = payload(&decision.proof, &block);
    wire::put_block(&mut answer, &payload, &decision.certificate.encode());
    answer.into()
}

/// A peer on the chain that claims a high head and answers with `lie`. Counts on `asked`.
async fn liar(
    chain: &Chain,
    lie: Lie,
    asked: tokio::sync::watch::Sender<u32>,
    stop: CancellationToken,
) -> PeerAddress {
    liar_as(Identity::generate(), chain, lie, asked, stop).await
}

async fn liar_as(
    identity: Identity,
    chain: &Chain,
    lie: Lie,
    asked: tokio::sync::watch::Sender<u32>,
    stop: CancellationToken,
) -> PeerAddress {
    let (handle, mut events, task) = network(chain, identity, false, &[]);
    tokio::spawn(task.run(stop));
    handle.set_head(Head { number: CLAIMED, hash: B256::repeat_byte(1) }).unwrap();
    let address =
        PeerAddress { peer: handle.local_peer_id(), addresses: handle.listening().await.to_vec() };
    let answer = bent(chain, lie);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Some(event) = events.recv().await {
            if let NetworkEvent::Request(request) = event
                && request.protocol == Protocol::Blocks
            {
                asked.send_modify(|count| *count += 1);
                match lie {
                    Lie::Silence => held.push(request),
                    Lie::Nothing => drop(request),
                    _ => request.reply.send(answer.clone()),
                }
            }
        }
        drop(handle);
    });
    address
}

async fn a_chain(
    spec: &Arc<ChainSpec>,
    directories: &[tempfile::TempDir],
    height: u64,
) -> Vec<Node> {
    let all = spec.consensus().unwrap().authorities.len() == directories.len();
    let nodes = if all {
        authorities(directories, spec).await
    } else {
        authorities_without_the_last(directories, spec).await
    };
    nodes[0].reach(height).await;
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lying_peer_is_refused_and_another_one_used() {
    let spec = spec(3, Quorum::Majority, 100);
    let directories = [directory(), directory(), directory()];
    let nodes = a_chain(&spec, &directories, 3).await;
    let lies = [
        Lie::Certificate,
        Lie::OtherCertificate,
        Lie::Proof,
        Lie::Root,
        Lie::Garbage,
        Lie::Silence,
    ];
    for lie in lies {
        let stop = CancellationToken::new();
        let (asked, mut seen) = tokio::sync::watch::channel(0);
        let liar = liar(&nodes[0].chain, lie, asked, stop.clone()).await;
        let followed = directory();
        let follower = Node::start(followed.path(), &spec, None, &[liar]);
        timeout(DEADLINE, seen.wait_for(|count| *count > 0)).await.unwrap().unwrap();
        sleep(Duration::from_millis(200)).await;
        assert_eq!(follower.height(), 0, "{lie:?}");
        for address in addresses(&nodes).await {
            follower.network.add_persistent(address).unwrap();
        }
        follower.reach(3).await;
        agree([&nodes[0], &follower], 3);
        stop.cancel();
        follower.stop().await;
    }
}

/// Bytes that look like something, or do not.
fn junk(rng: &mut ChaCha8Rng) -> Bytes {
    let mut bytes = vec![0; rng.random_range(0..600)];
    rng.fill_bytes(&mut bytes);
    // Reach the decoders behind the first byte.
    for byte in bytes.iter_mut().take(2) {
        *byte = rng.random_range(0..4);
    }
    bytes.into()
}

async fn make_noise(handle: &NetworkHandle, rng: &mut ChaCha8Rng, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        for topic in Topic::ALL {
            let _ = handle.publish(topic, junk(rng));
        }
        let peers = handle.peers();
        for peer in peers.iter() {
            for protocol in Protocol::ALL {
                let data = if rng.random() {
                    junk(rng)
                } else {
                    RangeRequest { first: rng.random(), count: 128 }.encode()
                };
                let target = Target::Peer(peer.peer);
                let request = handle.request(target, protocol, data);
                let _ = timeout(Duration::from_millis(20), request).await;
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_from_an_authority_and_from_a_stranger_does_no_harm() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let spec = spec(4, Quorum::Bft, 100);
    let directories = [directory(), directory(), directory()];
    let nodes = a_chain(&spec, &directories, 2).await;
    let stop = CancellationToken::new();
    let scratch = directory();
    let chain = open_chain(scratch.path(), &spec);
    let others = addresses(&nodes).await;
    for identity in [identity(3), Identity::generate()] {
        let (handle, events, task) = network(&chain, identity, true, &others);
        drop(events);
        tokio::spawn(task.run(stop.clone()));
        let mut peers = 0;
        while peers == 0 {
            sleep(Duration::from_millis(20)).await;
            peers = handle.peers().len();
        }
        make_noise(&handle, &mut rng, Duration::from_millis(1_500)).await;
    }
    stop.cancel();
    let height = nodes[0].height();
    for node in &nodes {
        node.reach(height + 3).await;
    }
    agree(&nodes, height + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_sign_elsewhere_stop_the_node() {
    let spec = spec(4, Quorum::Bft, 300);
    let directories = [directory(), directory(), directory()];
    let mut nodes = a_chain(&spec, &directories, 2).await;
    let scratch = directory();
    let chain = open_chain(scratch.path(), &spec);
    let stop = CancellationToken::new();
    let (handle, events, task) = network(&chain, identity(3), true, &addresses(&nodes).await);
    drop(events);
    tokio::spawn(task.run(stop.clone()));
    let victim = nodes.remove(0);
    let double = keys(0);
    let domain = chain.domain();
    let feed = victim.feed.clone();
    let signing = tokio::spawn(async move {
        loop {
            let next = feed.latest().borrow().number + 1;
            for height in next..next + 3 {
                let vote = Vote {
                    kind: VoteType::Prevote,
                    height: Height(height),
                    round: Round::new(0),
                    value: NilOrVal::Val(B256::repeat_byte(0xdd)),
                    operator: Operator(double.operator),
                };
                let vote = double.consensus.sign_vote(&domain, vote);
                let message = mfenx_consensus::Message::Vote(vote);
                let _ = handle.publish(Topic::Consensus, wire::encode_message(&message));
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let error = victim.outcome().await.unwrap_err();
    // Which of them it is depends on which vote the victim's machine saw first.
    let refused = matches!(error, EngineError::SecondNode { .. } | EngineError::Guard(_));
    assert!(refused, "{error}");
    assert!(error.to_string().contains("node"), "{error}");
    let events = super::accusations::audited(directories[0].path());
    let last: Vec<_> = events.iter().rev().take(2).map(String::as_str).collect();
    assert!(matches!(last[..], ["stopped", "signedElsewhere" | "refused"]), "{events:?}");
    signing.abort();
    stop.cancel();
}

/// A proof that one authority was sent reaches the others, is kept by each, and harms nobody; one
/// that proves nothing is kept by nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_reaches_every_authority() {
    let spec = spec(4, Quorum::Bft, 300);
    let directories = [directory(), directory(), directory()];
    let nodes = a_chain(&spec, &directories, 2).await;
    let scratch = directory();
    let chain = open_chain(scratch.path(), &spec);
    let stop = CancellationToken::new();
    let (handle, events, task) = network(&chain, identity(3), true, &addresses(&nodes[..1]).await);
    drop(events);
    tokio::spawn(task.run(stop.clone()));
    let real = evidence_against(&spec, &keys(1), 1);
    // Of keys that are no authority's.
    let false_one = evidence_against(&spec, &keys(9), 1);
    let lines = |index: usize| {
        let file = directories[index].path().join("consensus/evidence");
        std::fs::read_to_string(file).unwrap_or_default()
    };
    let everybody = async {
        while (0..3).any(|index| lines(index).is_empty()) {
            for found in [&real, &false_one] {
                let _ = handle.publish(Topic::Consensus, wire::encode_evidence(found));
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(DEADLINE, everybody).await.unwrap();
    let expected = alloy_primitives::hex::encode(real.encode());
    for index in 0..3 {
        assert_eq!(lines(index).split(' ').next(), Some(&*expected), "at node {index}");
        assert_eq!(lines(index).lines().count(), 1, "at node {index}");
    }
    let height = nodes[1].height();
    nodes[1].reach(height + 2).await;
    stop.cancel();
}

/// Nobody is less ready because of what a peer claims: neither a stranger, nor an authority alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_head_is_no_lag() {
    let spec = spec(4, Quorum::Bft, 100);
    let directories = [directory(), directory(), directory()];
    let nodes = a_chain(&spec, &directories, 2).await;
    let (stop, scratch) = (CancellationToken::new(), directory());
    let chain = open_chain(scratch.path(), &spec);
    let mut others = addresses(&nodes).await;
    let (asked, mut seen) = tokio::sync::watch::channel(0);
    for identity in [Identity::generate(), identity(3)] {
        let (asked, stop) = (asked.clone(), stop.clone());
        others.push(liar_as(identity, &chain, Lie::Nothing, asked, stop).await);
    }
    let followed = directory();
    let follower = Node::start(followed.path(), &spec, None, &others);
    let mut status = follower.status.clone();
    let mut lag = 0;
    let watched = async {
        let both = async { seen.wait_for(|count| *count >= 6).await.unwrap().to_owned() };
        tokio::pin!(both);
        loop {
            tokio::select! {
                _ = &mut both => break,
                changed = status.changed() => {
                    changed.unwrap();
                    let status = status.borrow_and_update();
                    lag = lag.max(status.lag_blocks());
                    assert!(status.sync_target.is_none_or(|target| target < CLAIMED), "{status:?}");
                }
            }
        }
    };
    timeout(DEADLINE, watched).await.unwrap();
    println!("{lag} blocks behind at most");
    assert!(lag < 100, "{lag}");
    follower.reach(nodes[0].height() + 2).await;
    stop.cancel();
}

/// Strangers who claim what they do not serve neither keep a new chain from beginning nor an
/// authority with an empty directory from voting, nor do they set when it votes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_head_keeps_nobody_from_voting() {
    let spec = spec(3, Quorum::Majority, 100);
    let (stop, scratch) = (CancellationToken::new(), directory());
    let chain = open_chain(scratch.path(), &spec);
    let (asked, mut seen) = tokio::sync::watch::channel(0);
    let liar = liar(&chain, Lie::Nothing, asked, stop.clone()).await;
    let directories = [directory(), directory(), directory()];
    let mut nodes: Vec<Node> = Vec::new();
    for (index, directory) in directories.iter().enumerate() {
        let mut others = addresses(&nodes).await;
        others.push(liar.clone());
        nodes.push(Node::start(directory.path(), &spec, Some(index as u8), &others));
    }
    all_vote(&nodes).await;
    nodes[0].reach(2).await;
    timeout(DEADLINE, seen.wait_for(|count| *count > 0)).await.unwrap().unwrap();
    nodes.pop().unwrap().kill().await;
    let mut others = addresses(&nodes).await;
    others.push(liar);
    let wiped = directory();
    let start = nodes[0].height();
    let wiped = Node::start(wiped.path(), &spec, Some(2), &others);
    let mut status = wiped.status.clone();
    let votes = status.wait_for(|status| status.participation == crate::Participation::Validator);
    let height = timeout(DEADLINE, votes).await.unwrap().unwrap().height;
    assert!((start + 3..CLAIMED).contains(&height), "voted at {height} after {start}");
    stop.cancel();
}

/// All authorities are there and have nothing; somebody says that there are blocks. Before they begin a
/// chain they look, for as long as that may be true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_knows_of_higher_heads_syncs_first() {
    let spec = spec(3, Quorum::Majority, 100);
    let (stop, scratch) = (CancellationToken::new(), directory());
    let chain = open_chain(scratch.path(), &spec);
    let (asked, _seen) = tokio::sync::watch::channel(0);
    let other = liar(&chain, Lie::Silence, asked, stop.clone()).await;
    let directories = [directory(), directory(), directory()];
    let mut nodes: Vec<Node> = Vec::new();
    for (index, directory) in directories.iter().enumerate() {
        let others = std::slice::from_ref(&other);
        let node = Node::start_at_once(directory.path(), &spec, index as u8, others, false);
        let mut status = node.status.clone();
        let connected = status.wait_for(|status| status.peers == 1);
        timeout(DEADLINE, connected).await.unwrap().unwrap();
        nodes.push(node);
    }
    for at in 1..nodes.len() {
        for address in addresses(&nodes[..at]).await {
            nodes[at].network.add_persistent(address).unwrap();
        }
    }
    for node in &nodes {
        let mut status = node.status.clone();
        let connected = status.wait_for(|status| status.connected_power == 3);
        timeout(DEADLINE, connected).await.unwrap().unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    assert!(nodes.iter().all(|node| node.height() == 0), "they began a chain");
    stop.cancel();
    for node in &nodes {
        node.reach(2).await;
    }
    agree(&nodes, 2);
}
