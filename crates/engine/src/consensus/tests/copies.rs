//! Directories that come back from a backup: nothing is signed again, and votes come back.

use super::{
    super::{
        guard::{Guard, Signed},
        slots::{Record, roll_back},
        wire::Frame,
    },
    support::{DEADLINE, Node, Sieve, addresses, all_vote, directory, operator, spec},
};
use crate::Participation;
use mfenx_chainspec::ChainSpec;
use mfenx_consensus::{Decision, Message, Operator, ValidatorSet, WalEntry};
use mfenx_network::Topic;
use mfenx_primitives::{B256, Quorum};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};
use tokio::time::{sleep, timeout};

const BLOCK_MS: u64 = 100;
/// Who is restored.
const RESTORED: u8 = 2;

/// What the restored authority signed, by place; and places that it signed twice.
#[derive(Debug, Default)]
struct Heard {
    signed: BTreeMap<(u64, u32, u8), [u8; 32]>,
    twice: Vec<Signed>,
}

impl Heard {
    fn hear(&mut self, signed: Signed) {
        let place = (signed.height, signed.round, signed.step);
        if *self.signed.entry(place).or_insert(signed.digest) != signed.digest {
            self.twice.push(signed);
        }
    }
}

/// Listens to what the restored authority says.
fn listener(heard: &Arc<Mutex<Heard>>) -> Sieve {
    let heard = Arc::clone(heard);
    Box::new(move |message| {
        if message.topic == Topic::Consensus
            && let Ok(Frame::Message(inner)) = Frame::decode(message.data.clone())
        {
            let (operator, entry) = match inner {
                Message::Vote(vote) => (vote.operator, WalEntry::Vote(vote)),
                Message::Proposal(one) => (one.operator, WalEntry::Proposal(one)),
                Message::Polka(_) | Message::Round(_) => return true,
            };
            if operator.0 == self::operator(RESTORED) {
                heard.lock().hear(Signed::of(&entry).unwrap());
            }
        }
        true
    })
}

/// A network of three, and what the others hear of the third.
struct Scene {
    spec: Arc<ChainSpec>,
    heard: Arc<Mutex<Heard>>,
    others: Vec<Node>,
    _directories: [tempfile::TempDir; 2],
    scratch: tempfile::TempDir,
}

impl Scene {
    /// Runs until a few blocks are there, and stops the third, whose directory is at [`Self::path`].
    async fn new() -> Self {
        let spec = spec(3, Quorum::Majority, BLOCK_MS);
        let directories = [directory(), directory()];
        let heard = Arc::default();
        let first = Node::start_behind(directories[0].path(), &spec, 0, &[], listener(&heard));
        let address = addresses([&first]).await;
        let second =
            Node::start_behind(directories[1].path(), &spec, 1, &address, listener(&heard));
        let scene = Self {
            spec,
            heard,
            others: vec![first, second],
            _directories: directories,
            scratch: directory(),
        };
        let third = scene.start("data").await;
        all_vote(&scene.others).await;
        all_vote(std::slice::from_ref(&third)).await;
        third.reach(3).await;
        third.stop().await;
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// `cp -a`.
    fn copy(&self, from: &str, to: &str) {
        let mut command = Command::new("cp");
        command.arg("-a").args([self.path(from), self.path(to)]);
        assert!(command.status().unwrap().success());
    }

    async fn start(&self, name: &str) -> Node {
        let others = addresses(&self.others).await;
        fs::create_dir_all(self.path(name)).unwrap();
        Node::start(&self.path(name), &self.spec, Some(RESTORED), &others)
    }

    /// The last that a directory knows to be signed. Its guard is made anew, as by a start.
    fn last_signed(&self, name: &str) -> Signed {
        *Guard::open(&self.path(name).join("consensus/signed")).unwrap().last()
    }

    /// Waits until the others have heard the third say something at a height.
    async fn heard_at(&self, height: u64) {
        let wait = async {
            while self.heard.lock().signed.keys().all(|place| place.0 < height) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(DEADLINE, wait).await.expect("it says nothing");
    }

    /// Waits until an old copy votes again, and checks that it signed nothing up to `last` that was
    /// not signed before.
    async fn votes_again(&self, node: &Node, last: Signed) {
        let mut status = node.status.clone();
        let votes = status.wait_for(|status| status.participation == Participation::Validator);
        let height = timeout(DEADLINE, votes).await.unwrap().unwrap().height;
        assert!(height > last.height, "it votes at {height}, and signed at {last:?} before");
        self.heard_at(height).await;
        let heard = self.heard.lock();
        assert!(heard.twice.is_empty(), "{:?}", heard.twice);
        // What the first life said may be heard late.
        let since = |place: &&(u64, u32, u8)| {
            place.0 <= last.height && **place > (last.height, last.round, last.step)
        };
        assert_eq!(heard.signed.keys().filter(since).count(), 0, "{last:?}, and then {heard:?}");
    }

    /// Waits until a node has a block above `height`, and not far below its head, that was decided
    /// with the signature of the third.
    async fn has_block_signed_since(&self, node: &Node, height: u64) {
        let params = self.spec.consensus().unwrap();
        let set = ValidatorSet::new(&params.authorities, params.quorum, B256::ZERO).unwrap();
        let third = set.index_of(&Operator(operator(RESTORED))).unwrap();
        let is_signed = |number: u64| {
            let reader = node.chain.store().reader().unwrap();
            let bytes = reader.certificate(number).unwrap().unwrap();
            let signatures = Decision::decode(&bytes).unwrap().certificate.signatures;
            signatures.iter().any(|(index, _)| *index == third)
        };
        let wait = async {
            let any = |recent: RangeInclusive<u64>| {
                recent.into_iter().any(|number| number > height && is_signed(number))
            };
            while !any(node.height().saturating_sub(4)..=node.height()) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(DEADLINE, wait).await.expect("it signs no block");
    }
}

/// Why the record of a directory was doubted, each time.
fn doubts(directory: &Path) -> Vec<String> {
    let files = crate::audit::files(directory).unwrap();
    crate::audit::verify(&files, crate::audit::Demands::default()).unwrap();
    let mut reasons = Vec::new();
    crate::audit::show(&files, |_, line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        if value["event"] == "doubted" {
            reasons.push(value["reason"].as_str().unwrap().to_owned());
        }
    })
    .unwrap();
    reasons
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_copy_signs_nothing_that_was_signed_since() {
    let scene = Scene::new().await;
    scene.copy("data", "backup");
    // A directory that is only renamed is the same one.
    fs::rename(scene.path("data"), scene.path("moved")).unwrap();
    let third = scene.start("moved").await;
    assert_eq!(third.status.borrow().participation, Participation::Validator);
    scene.heard_at(third.height() + 4).await;
    third.kill().await;
    assert!(doubts(&scene.path("moved")).is_empty());
    let last = scene.last_signed("moved");
    fs::remove_dir_all(scene.path("moved")).unwrap();
    let third = scene.start("backup").await;
    assert_eq!(third.status.borrow().participation, Participation::Waiting);
    scene.votes_again(&third, last).await;
    third.stop().await;
    assert_eq!(doubts(&scene.path("backup")), ["copied"]);
    // It has a record again, which is its own.
    let third = scene.start("backup").await;
    assert_eq!(third.status.borrow().participation, Participation::Validator);
    let height = third.height();
    third.reach(height + 2).await;
    third.stop().await;
    assert_eq!(doubts(&scene.path("backup")), ["copied"]);
}

/// A file system that was rolled back has the very same files, as they were: only blocks can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_it_signed_prove_a_record_old() {
    let scene = Scene::new().await;
    scene.copy("data/store", "store");
    let third = scene.start("data").await;
    // It had begun the next block as it was stopped, and knows of nothing later.
    let begun = third.height() + 1;
    let old = Signed { height: begun, round: 0, step: 0, digest: [7; 32] };
    let old = Record { doubt: None, votes_from: 0, last: old };
    for node in &scene.others {
        scene.has_block_signed_since(node, begun).await;
    }
    third.stop().await;
    let last = scene.last_signed("data");
    // The store as well, so that nothing is known before the blocks are synced.
    fs::remove_dir_all(scene.path("data/store")).unwrap();
    fs::rename(scene.path("store"), scene.path("data/store")).unwrap();
    fs::remove_file(scene.path("data/consensus/consensus.log")).unwrap();
    let signed = scene.path("data/consensus/signed");
    roll_back(&signed, old);
    let third = scene.start("data").await;
    scene.votes_again(&third, last).await;
    assert_eq!(doubts(&scene.path("data")), ["outdated"]);
    scene.has_block_signed_since(&third, last.height).await;
    third.stop().await;
    // The record alone, beside a store that knows better.
    let last = scene.last_signed("data");
    roll_back(&signed, old);
    let third = scene.start("data").await;
    assert_eq!(third.status.borrow().participation, Participation::Waiting);
    scene.votes_again(&third, last).await;
    third.stop().await;
    assert_eq!(doubts(&scene.path("data")), ["outdated", "outdated"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_authority_goes_on_from_a_copy_at_once() {
    let spec = spec(1, Quorum::Majority, BLOCK_MS);
    let scratch = directory();
    let (data, backup) = (scratch.path().join("data"), scratch.path().join("backup"));
    fs::create_dir_all(&data).unwrap();
    let node = Node::start(&data, &spec, Some(0), &[]);
    node.reach(3).await;
    node.stop().await;
    let copied = Command::new("cp").arg("-a").args([&data, &backup]).status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(&data).unwrap();
    let node = Node::start(&backup, &spec, Some(0), &[]);
    assert_eq!(node.status.borrow().participation, Participation::Validator);
    let height = node.height();
    node.reach(height + 3).await;
    node.stop().await;
    assert_eq!(doubts(&backup), ["copied"]);
}

/// The operator's word: the directory was moved to another disk, and nothing ran since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_directory_votes_at_once_when_it_is_trusted() {
    let scene = Scene::new().await;
    scene.copy("data", "backup");
    let others = addresses(&scene.others).await;
    let third = Node::start_at_once(&scene.path("backup"), &scene.spec, RESTORED, &others, true);
    assert_eq!(third.status.borrow().participation, Participation::Validator);
    let height = third.height();
    third.reach(height + 4).await;
    assert_eq!(third.status.borrow().participation, Participation::Validator);
    third.stop().await;
    assert_eq!(doubts(&scene.path("backup")), ["copied"]);
    assert!(scene.heard.lock().twice.is_empty());
}

/// Two of three are a quorum, and both are old. Without the third nobody knows what they decided since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_majority_of_old_copies_does_not_decide_anew() {
    let spec = spec(3, Quorum::Majority, BLOCK_MS);
    let scratch = directory();
    let path = |name: &str, index: u8| scratch.path().join(format!("{name}{index}"));
    for index in 0..3 {
        fs::create_dir_all(path("data", index)).unwrap();
    }
    let start = async |names: [&str; 3]| {
        let mut nodes: Vec<Node> = Vec::new();
        for (index, name) in (0..).zip(names).filter(|(_, name)| !name.is_empty()) {
            let others = addresses(&nodes).await;
            nodes.push(Node::start(&path(name, index), &spec, Some(index), &others));
        }
        nodes
    };
    let nodes = start(["data"; 3]).await;
    all_vote(&nodes).await;
    nodes[0].reach(3).await;
    for node in nodes {
        node.stop().await;
    }
    for index in 1..3 {
        let mut command = Command::new("cp");
        command.arg("-a").args([path("data", index), path("backup", index)]);
        assert!(command.status().unwrap().success());
    }
    let nodes = start(["data"; 3]).await;
    let height = nodes[0].height() + 4;
    nodes[0].reach(height).await;
    let hash = nodes[0].hash(height);
    for node in nodes {
        node.stop().await;
    }
    let mut nodes = start(["", "backup", "backup"]).await;
    let before: Vec<_> = nodes.iter().map(Node::height).collect();
    for node in &nodes {
        let mut status = node.status.clone();
        let connected = status.wait_for(|status| status.connected_power == 2);
        timeout(DEADLINE, connected).await.unwrap().unwrap();
    }
    // Time for a round, had they begun one.
    sleep(Duration::from_secs(3)).await;
    for (node, before) in nodes.iter().zip(before) {
        assert_eq!(node.status.borrow().participation, Participation::Waiting);
        assert!(node.height() == before && before < height, "they decided something");
    }
    // The third tells them what was decided. None of them knows what was signed after it.
    let others = addresses(&nodes).await;
    nodes.push(Node::start(&path("data", 0), &spec, Some(0), &others));
    for node in &nodes {
        node.reach(height).await;
        assert_eq!(node.hash(height), hash);
    }
    for node in &nodes[..2] {
        assert_eq!(node.status.borrow().participation, Participation::Waiting);
    }
}
