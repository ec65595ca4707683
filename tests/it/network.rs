//! `mfenx node`: what it refuses, what it says, and how it is told to be ready.

use crate::{
    cluster::{Cluster, any_port, free, until},
    keys::{keys, register, said},
    node::{Ended, Node, field, mfenx},
    rpc::Rpc,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A chain of one authority in `dir`: its file, and the directory of the keys.
fn lone(dir: &Path) -> (PathBuf, PathBuf) {
    let registration = register(dir, "alice");
    let chain = dir.join("chain.json");
    said(&keys("genesis --base dev --authority {} --out {}", &[&registration, &chain]));
    (chain, dir.join("alice"))
}

/// `mfenx node` on free ports of this machine.
fn node(chain: &Path, data: &Path) -> Command {
    node_on(chain, data, "127.0.0.1:0", "127.0.0.1:0")
}

/// `mfenx node` with these addresses for callers and peers.
fn node_on(chain: &Path, data: &Path, http: &str, p2p: &str) -> Command {
    let mut command = mfenx(&["node", "--admin", "127.0.0.1:0", "--http", http, "--p2p", p2p]);
    command.arg("--chain").arg(chain).arg("--datadir").arg(data);
    command
}

fn ended(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Exit code 2 and one line with these words.
fn refused(command: Command, words: &[&str]) {
    let ended = ended(command);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!ended.stdout.contains("ready "), "{ended:?}");
    let said = ended.stderr.trim_end();
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

/// The status and the body of `GET path`.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let code = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = text.split("\r\n\r\n").nth(1).unwrap();
    (code, serde_json::from_str(body).unwrap())
}

#[test]
fn what_cannot_be_used_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, alice) = lone(dir.path());
    let data = dir.path().join("data");

    let mut command = mfenx(&["node", "--datadir"]);
    command.arg(dir.path().join("none"));
    refused(command, &["none"]);
    let mut dev = mfenx(&["node", "--chain", "dev", "--datadir"]);
    dev.arg(&data);
    refused(dev, &["names no authorities", "mfenx genesis"]);
    assert!(fs::read_dir(&data).map_or(true, |mut entries| entries.next().is_none()));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (any, taken) = ("127.0.0.1:0", address.to_string());
    refused(node_on(&chain, &data, any, &taken), &[&format!("/tcp/{}", address.port())]);
    refused(node_on(&chain, &data, &taken, any), &[&taken]);
    let mut command = node(&chain, &data);
    command.arg("--keys").arg(dir.path().join("nobody"));
    refused(command, &["nobody"]);

    // Keys of alice, but the identity of somebody else; the registry knows better.
    register(dir.path(), "mallory");
    let consensus = alice.join("p2p.key");
    fs::copy(dir.path().join("mallory/p2p.key"), &consensus).unwrap();
    let mut command = node(&chain, &data);
    command.arg("--keys").arg(&alice);
    refused(command, &["peer ID", "registered"]);

    for (option, value, word) in [
        ("--bootnode", "127.0.0.1:1", "names no peer"),
        ("--external", "localhost:1", "IP address"),
        ("--ready-head-age", "soon", "whole seconds"),
    ] {
        let mut command = node(&chain, &data);
        command.args([option, value]);
        let ended = ended(command);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(word), "{ended:?}");
    }
}

#[test]
fn encrypted_keys_want_their_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, alice) = lone(dir.path());
    let (data, passphrase) = (dir.path().join("data"), dir.path().join("passphrase"));
    fs::write(&passphrase, "open sesame").unwrap();
    said(&keys("keys encrypt {} --passphrase-file {}", &[&alice, &passphrase]));
    let with_keys = || {
        let mut command = node(&chain, &data);
        command.arg("--keys").arg(&alice);
        command
    };
    refused(with_keys(), &["encrypted", "--passphrase-file"]);
    let mut command = with_keys();
    command.arg("--passphrase-file").arg(&passphrase);
    let node = Node::from_command(command);
    let status = node.rpc().get("mfenx_consensusStatus", json!([]));
    assert!(status["operator"].is_string(), "{status}");
    node.stop("TERM");
}

/// One authority decides alone, a follower follows; both have an identity that stays.
#[test]
fn an_authority_alone_decides_and_a_follower_keeps_its_identity() {
    let _turn = crate::cluster::turn();
    let dir = tempfile::tempdir().unwrap();
    let (chain, alice) = lone(dir.path());
    let mut command = node(&chain, &dir.path().join("a"));
    command.arg("--keys").arg(&alice).args(["--ready-peers", "0"]);
    let authority = Node::from_command(command);
    let rpc = authority.rpc();
    until("a block", || rpc.quantity("eth_blockNumber", json!([])) >= 1);
    let said = authority.said();
    assert!(said.contains("tolerates crashes and no liars"), "{said}");

    let p2p = field(authority.line(), "p2p").to_owned();
    let follower_data = dir.path().join("f");
    let follow = || {
        let mut command = node(&chain, &follower_data);
        command.args(["--bootnode", &p2p]);
        Node::from_command(command)
    };
    let follower = follow();
    assert!(follower.said().contains("Follower"), "{}", follower.said());
    let id = |node: &Node| field(node.line(), "p2p").rsplit('/').next().unwrap().to_owned();
    let first = id(&follower);
    until("readiness", || get(follower.http(), "/health/ready").0 == 200);
    let (_, body) = get(follower.http(), "/health/ready");
    assert_eq!((&body["ready"], &body["peers"]), (&json!(true), &json!(1)), "{body}");
    let mode = fs::metadata(follower_data.join("p2p.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    follower.stop("TERM");

    // Without --chain it goes by what it holds.
    let mut command = mfenx(&["node", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.args(["--p2p", "127.0.0.1:0", "--datadir"]).arg(&follower_data);
    let follower = Node::from_command(command);
    assert_eq!(id(&follower), first);
    // Alone it is not ready, and says why.
    until("the reason", || {
        let (code, body) = get(follower.http(), "/health/ready");
        code == 503 && body["reasons"].to_string().contains("0 peers, fewer than 1")
    });
    follower.stop("TERM");

    // The head does not move any more: that is a reason, too.
    let mut command = node(&chain, &follower_data);
    command.args(["--ready-head-age", "1s", "--ready-peers", "0"]);
    let follower = Node::from_command(command);
    until("the head is old", || {
        let (code, body) = get(follower.http(), "/health/ready");
        code == 503 && body["reasons"].to_string().contains("s old, more than 1 s")
    });
    follower.stop("TERM");
    authority.stop("TERM");
}

/// A node of another chain is not let in, and goes on by itself.
#[test]
fn a_node_of_another_chain_gets_no_block() {
    let _turn = crate::cluster::turn();
    let dir = tempfile::tempdir().unwrap();
    let (chain, alice) = lone(dir.path());
    let mut command = node(&chain, &dir.path().join("a"));
    command.arg("--keys").arg(&alice);
    let authority = Node::from_command(command);
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    let (other_chain, _) = lone(&other);
    let mut command = node(&other_chain, &dir.path().join("b"));
    command.args(["--log", "info", "--bootnode", field(authority.line(), "p2p")]);
    let stranger = Node::from_command(command);
    until("the refusal", || stranger.log().contains("genesis"));
    assert_eq!(stranger.rpc().quantity("eth_blockNumber", json!([])), 0);
    assert_eq!(authority.rpc().quantity("net_peerCount", json!([])), 0);
    stranger.stop("TERM");
    authority.stop("TERM");
}

/// A follower that starts late has to say so while it catches up, and has everything afterwards.
#[test]
fn a_late_follower_syncs_and_serves() {
    let mut cluster = Cluster::new(3, 1, "majority", |_| (free(), any_port()));
    for index in 0..3 {
        cluster.start(index);
    }
    cluster.advance(&[0, 1, 2], 4);
    cluster.start(3);
    let goal = cluster.head(0);
    until("the follower's head", || cluster.head(3) >= goal);
    cluster.advance(&[3, 0], 1);
    let follower: Rpc = cluster.rpc(3);
    assert_eq!(follower.get("eth_syncing", json!([])), json!(false));
    cluster.assert_no_fork();
    cluster.stop();
}
