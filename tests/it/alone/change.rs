//! The authorities of a running network change: somebody joins, somebody leaves, nobody waits.

use crate::{
    cluster::{StopWhenDropped, blocks, load, until},
    keys::{keys, register, said},
    localnet::{Localnet, is_alive},
    node::{Node, metrics, mfenx, run},
    rpc::{Rpc, quantity},
    wallet::{account, sign, transfer},
};
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

const EPOCH_BLOCKS: u64 = 8;
/// The pace of a chain with transactions, in the middle: a block a second.
const MEDIAN_MAX: Duration = Duration::from_millis(1_500);
/// Networks that are tried until one has missed nothing.
const NETWORKS_MAX: usize = 3;

/// The network, its newcomer, and what operators do to it.
struct Change {
    net: Localnet,
    newcomer: Node,
    directory: PathBuf,
    validators: usize,
    /// The first block that everybody was there for: nodes start one after the other, and a quorum
    /// of them has rounds while it waits for the last.
    from: u64,
}

impl Change {
    /// A network of `validators`, and a node with keys that nobody knows yet.
    fn new(directory: &Path, validators: usize, quorum: &str) -> Self {
        let datadir = directory.join("net");
        let (count, epoch) = (validators.to_string(), EPOCH_BLOCKS.to_string());
        let options = ["--validators", &count, "--epoch-blocks", &epoch, "--quorum", quorum];
        let net = Localnet::start(&datadir, &options);
        register(directory, "newcomer");
        let mut command = mfenx(&["node", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--p2p", "127.0.0.1:0", "--log", "info", "--api", "all"]);
        command.arg("--chain").arg(datadir.join("chain.json"));
        command.arg("--datadir").arg(directory.join("data"));
        command.arg("--keys").arg(directory.join("newcomer"));
        command.args(["--bootnode", &net.nodes[0].p2p]);
        let newcomer = Node::from_command(command);
        let rpc = newcomer.rpc();
        let head = || rpc.quantity("eth_blockNumber", json!([]));
        until("the newcomer follows", || head() >= 2);
        // One above the head may be in a round that began before.
        let from = head() + 2;
        Self { net, newcomer, directory: directory.into(), validators, from }
    }

    /// The operator's key of an authority, or of the newcomer behind the last.
    fn key(&self, index: usize) -> PathBuf {
        match index == self.validators {
            true => self.directory.join("newcomer/operator.key"),
            false => self.directory.join(format!("net/validator-{}/keys/operator.key", index + 1)),
        }
    }

    fn operator(&self, index: usize) -> Address {
        let shown = keys("keys show {}", &[self.key(index).parent().unwrap()]);
        let line = said(&shown).lines().next().unwrap().to_owned();
        line.split_whitespace().last().unwrap().parse().unwrap()
    }

    /// Runs `mfenx authorities` with the key of an operator, over the follower; its one line.
    fn authorities(&self, index: usize, arguments: &[&str]) -> String {
        let (key, url) = (self.key(index), self.url());
        let mut all = vec!["authorities"];
        all.extend(arguments);
        all.extend(["--operator-key", key.to_str().unwrap(), "--rpc", &url]);
        let line = said(&run(&all)).to_owned();
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        println!("block {}: {}", self.head(), line.trim_end());
        line
    }

    fn url(&self) -> String {
        format!("http://{}", self.net.nodes.last().unwrap().http)
    }

    fn follower(&self) -> &Rpc {
        &self.net.nodes.last().unwrap().rpc
    }

    fn head(&self) -> u64 {
        self.follower().quantity("eth_blockNumber", json!([]))
    }

    /// Votes of these operators for proposal `id`; the first block of the epoch it takes effect with.
    fn pass(&self, id: &str, voters: &[usize], options: &[&str]) -> u64 {
        for voter in voters {
            let mut arguments = vec!["vote", id];
            arguments.extend(options);
            let line = self.authorities(*voter, &arguments);
            if let Some((_, rest)) = line.split_once("takes effect with epoch ") {
                let block = rest.split_once("block ").unwrap().1;
                return block.split([' ', ',']).next().unwrap().parse().unwrap();
            }
        }
        panic!("the votes of {voters:?} do not pass proposal {id}");
    }

    /// Whether the certificate of a block has a signature of `operator`.
    fn has_signed(&self, operator: Address, block: u64) -> bool {
        let certificate = self.certificate(block);
        let signatures = certificate["signatures"].as_array().expect("signatures");
        signatures.iter().any(|one| one["operator"].as_str().unwrap().parse() == Ok(operator))
    }

    fn certificate(&self, block: u64) -> Value {
        self.follower().get("mfenx_getCertificate", json!([format!("{block:#x}")]))
    }

    /// The same blocks at every node, and no turn missed since all were there: how many blocks, or
    /// what was missed.
    fn nothing_was_missed(&self) -> Result<u64, String> {
        let newcomer = self.newcomer.rpc();
        let mut all: Vec<_> = self.net.nodes.iter().map(|node| &node.rpc).collect();
        all.push(&newcomer);
        let last = all.iter().map(|rpc| rpc.quantity("eth_blockNumber", json!([]))).min().unwrap();
        let chains: Vec<_> = all.iter().map(|rpc| blocks(rpc, last)).collect();
        assert!(chains.iter().all(|chain| *chain == chains[0]), "the nodes' chains differ");
        let rounds: Vec<_> = (self.from..=last)
            .map(|block| (block, quantity(&self.certificate(block)["round"])))
            .filter(|(_, round)| *round > 0)
            .collect();
        let count = format!("{:#x}", last + 1 - self.from);
        let params = json!([count, format!("{last:#x}")]);
        let missed = self.follower().get("mfenx_getMissedRounds", params);
        assert_eq!(rounds.is_empty(), quantity(&missed["missed"]) == 0, "{rounds:?}, but {missed}");
        match rounds.is_empty() {
            true => Ok(last + 1 - self.from),
            false => Err(format!("blocks with rounds above 0: {rounds:?}; {missed}")),
        }
    }
}

/// Times between heads as the follower's caller sees them, until it is told to stop.
fn watch(follower: &Rpc, stop: &AtomicBool) -> Vec<Duration> {
    let head = || follower.quantity("eth_blockNumber", json!([]));
    let (mut number, mut since, mut intervals) = (head(), None::<Instant>, Vec::new());
    while !stop.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(10));
        let now = head();
        if now > number {
            // The first interval began before anybody looked.
            intervals.extend(since.map(|since| since.elapsed()));
            (number, since) = (now, Some(Instant::now()));
        }
    }
    intervals
}

/// A change costs no turn. A machine that does something else for seconds does, so one of several
/// networks has to go through it without one.
fn nothing_is_missed_while_one_joins_and_one_leaves(validators: usize, quorum: &str) {
    let _turn = crate::cluster::turn();
    let clean = (0..NETWORKS_MAX).any(|_| match one_joins_and_one_leaves(validators, quorum) {
        Ok(()) => true,
        Err(missed) => {
            println!("not without a missed turn: {missed}");
            false
        }
    });
    assert!(clean, "each of {NETWORKS_MAX} networks missed turns");
}

/// Somebody joins at the epoch but one, votes a founder out with the others, who leaves likewise.
fn one_joins_and_one_leaves(validators: usize, quorum: &str) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let mut change = Change::new(dir.path(), validators, quorum);
    let (newcomer, leaver) = (change.operator(validators), change.operator(1));
    let stop = AtomicBool::new(false);
    let (loaded, watched) =
        (Rpc::new(change.net.nodes[0].http), Rpc::new(change.net.nodes[0].http));
    let (served, mut intervals) = thread::scope(|scope| {
        let served = scope.spawn(|| load(&loaded, 0, &stop));
        let intervals = scope.spawn(|| watch(&watched, &stop));
        let stopped = StopWhenDropped(&stop);
        joins(&change, newcomer);
        leaves(&change, newcomer, leaver);
        drop(stopped);
        (served.join().expect("the load"), intervals.join().expect("the watch"))
    });
    let missed = change.nothing_was_missed();
    intervals.sort_unstable();
    let median = intervals[intervals.len() / 2];
    println!(
        "{validators} authorities, {quorum}: {missed:?} blocks without a missed turn, {} transactions; \
         between heads {:.3?} to {:.3?}, median {median:.3?}",
        served.len(),
        intervals[0],
        intervals[intervals.len() - 1],
    );
    assert!(change.newcomer.is_running());
    for node in &change.net.nodes {
        assert!(is_alive(node.pid), "{} ended", node.name);
    }
    change.newcomer.stop("TERM");
    assert_eq!(change.net.end("INT"), Some(0));
    if median > MEDIAN_MAX {
        return Err(format!("half of the blocks took {median:?} and more"));
    }
    missed.map(|_| ())
}

fn joins(change: &Change, newcomer: Address) {
    let registration = change.directory.join("newcomer.json");
    let registration = registration.to_str().unwrap();
    let rpc = change.newcomer.rpc();
    assert_eq!(rpc.get("mfenx_consensusStatus", json!([]))["authority"], false);

    let line = change.authorities(0, &["propose", "add", registration]);
    assert!(line.starts_with("proposal 0: proposed and voted for, 1 of "), "{line}");
    // Whom nobody has voted in has no vote.
    let (key, url) = (change.key(change.validators), change.url());
    let mut vote = vec!["authorities", "vote", "0", "--registration", registration, "--rpc", &url];
    vote.extend(["--operator-key", key.to_str().unwrap()]);
    let refused = run(&vote);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("no authority of this epoch"), "{refused:?}");
    let first = change.pass("0", &[1, 2], &["--registration", registration]);
    assert!(first.is_multiple_of(EPOCH_BLOCKS) && first > change.head() + EPOCH_BLOCKS / 2);

    until("its first epoch", || change.head() >= first);
    let of_block = |block: u64| {
        let set = change.follower().get("mfenx_getValidators", json!([format!("{block:#x}")]));
        set["validators"].as_array().unwrap().len()
    };
    assert_eq!(of_block(first - 1), change.validators);
    assert_eq!(of_block(first), change.validators + 1);
    until("it signs", || {
        let head = change.head();
        (first..=head).any(|block| change.has_signed(newcomer, block))
    });
    let signed = (first..).find(|block| change.has_signed(newcomer, *block)).unwrap();
    println!("authority from block {first}, signed block {signed}");
    assert_eq!(rpc.get("mfenx_consensusStatus", json!([]))["authority"], true);
    until("it proposes", || {
        let turns = rpc.get("mfenx_getMissedRounds", json!(["0x400"]));
        let of = |turn: &&Value| turn["operator"].as_str().unwrap().parse() == Ok(newcomer);
        let turn = turns["validators"].as_array().unwrap().iter().find(of).cloned();
        turn.is_some_and(|turn| quantity(&turn["proposed"]) > 0)
    });
}

fn leaves(change: &Change, newcomer: Address, leaver: Address) {
    // The newcomer has nothing to pay with yet.
    let signer = account(1);
    let nonce =
        change.follower().quantity("eth_getTransactionCount", json!([signer.address(), "latest"]));
    let mut gift = transfer(nonce, newcomer);
    gift.value = U256::from(10).pow(U256::from(18));
    change.follower().get("eth_sendRawTransaction", json!([sign(&signer, gift)]));
    until("the gift", || {
        let balance = change.follower().get("eth_getBalance", json!([newcomer, "latest"]));
        balance.as_str().unwrap().len() > "0x0de0b6b3a7640000".len() - 2
    });
    let leaver_text = leaver.to_string();
    let line = change.authorities(change.validators, &["propose", "remove", &leaver_text]);
    assert!(line.starts_with("proposal 1: proposed and voted for, 1 of "), "{line}");
    let first = change.pass("1", &[0, 2, 3], &[]);
    until("the epoch without it", || change.head() >= first + 3);
    for block in first..first + 3 {
        assert!(!change.has_signed(leaver, block), "who left signed block {block}");
    }
    // It keeps following, as any node.
    let left = &change.net.nodes[1];
    until("who left follows", || left.rpc.quantity("eth_blockNumber", json!([])) >= first + 3);
    let status = left.rpc.get("mfenx_consensusStatus", json!([]));
    assert_eq!((&status["authority"], &status["step"]), (&json!(false), &json!("follower")));
    assert!(metrics(left.admin).contains("\nmfenx_consensus_voting 0\n"));
    assert_eq!(left.rpc.get("eth_syncing", json!([])), json!(false));
}

#[test]
fn a_fourth_joins_three_and_a_founder_leaves() {
    nothing_is_missed_while_one_joins_and_one_leaves(3, "majority");
}

#[test]
fn a_fifth_joins_four_and_a_founder_leaves() {
    nothing_is_missed_while_one_joins_and_one_leaves(4, "bft");
}

/// What goes wrong costs nothing and says what to do.
#[test]
fn an_operator_is_told_what_is_wrong() {
    let refused = |arguments: &[&str], words: &[&str]| {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!((ended.stdout.as_str(), ended.stderr.trim_end().lines().count()), ("", 1));
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{words:?}: {ended:?}");
    };
    refused(&["authorities", "list", "--rpc", "localhost:8545"], &["http://127.0.0.1:8545"]);
    refused(&["authorities", "list", "--rpc", "http://127.0.0.1:1"], &["is the node running"]);
    let dev = Node::dev(None);
    let url = format!("http://{}", dev.http());
    refused(&["authorities", "list", "--rpc", &url], &["no registry", "mfenx genesis"]);

    let dir = tempfile::tempdir().unwrap();
    register(dir.path(), "alice");
    let alice = dir.path().join("alice");
    let alice = alice.to_str().unwrap();
    let vote = |key: &str, words: &[&str]| {
        refused(&["authorities", "vote", "0", "--rpc", &url, "--operator-key", key], words);
    };
    vote("nokey", &["nokey", "No such file"]);
    vote(&format!("{alice}/vrf.key"), &["holds the vrf key, not the operator key"]);
    let passphrase = dir.path().join("passphrase");
    std::fs::write(&passphrase, "right").unwrap();
    said(&keys("keys encrypt {} --passphrase-file {}", &[alice.as_ref(), &passphrase]));
    vote(alice, &["encrypted", "--passphrase-file"]);
    std::fs::write(&passphrase, "wrong").unwrap();
    let passphrase = passphrase.to_str().unwrap();
    refused(
        &["authorities", "execute", "0", "--operator-key", alice, "--passphrase-file", passphrase],
        &["passphrase does not open", "operator.key"],
    );
    dev.stop("TERM");
}
