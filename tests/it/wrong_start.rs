//! What can be wrong before a node runs: arguments, ports, directories, files. Each gets exit
//! code 2 and words that name it, and nothing is touched.

use crate::{
    node::{Ended, Node, listening, mfenx, run},
    wallet::CHAIN_ID,
};
use serde_json::{Value, json};
use std::{ffi::OsStr, fs, net::TcpListener, path::Path};

/// Exit code 2, and one line on standard error that contains every one of `words`.
fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!ended.stdout.contains("ready "), "{ended:?}");
    let said = ended.stderr.trim_end();
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

fn dev(datadir: &Path) -> Ended {
    let arguments: [&OsStr; 7] = [
        "dev".as_ref(),
        "--http".as_ref(),
        "127.0.0.1:0".as_ref(),
        "--admin".as_ref(),
        "127.0.0.1:0".as_ref(),
        "--datadir".as_ref(),
        datadir.as_ref(),
    ];
    run(&arguments)
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&run(&["dev", "--http", &address, "--admin", "127.0.0.1:0"]), &[&address]);
    refused(&run(&["dev", "--admin", &address, "--http", "127.0.0.1:0"]), &[&address]);
}

#[test]
fn a_wrong_command_line_is_explained() {
    for (arguments, word) in [
        (&["dev", "--no-such-flag"][..], "--no-such-flag"),
        (&["no-such-command"], "no-such-command"),
        (&["dev", "--http", "localhost:port"], "localhost:port"),
        (&["dev", "--block-time", "0s"], "0s"),
        (&["dev", "--chain-id", "0"], "--chain-id"),
        (&["serve"], "--datadir"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(word), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn an_unknown_namespace_is_named() {
    let arguments =
        ["dev", "--api", "eth,nosuch", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    refused(&run(&arguments), &["nosuch"]);
}

#[test]
fn a_directory_of_something_else_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "chapter one").unwrap();
    refused(&dev(dir.path()), &["thesis.tex"]);
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn an_empty_or_missing_directory_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("missing")] {
        let arguments: [&OsStr; 3] = ["serve".as_ref(), "--datadir".as_ref(), path.as_ref()];
        let ended = run(&arguments);
        refused(&ended, &[path.to_str().unwrap()]);
    }
}

#[test]
fn a_second_node_on_one_directory_is_refused_and_the_first_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::dev(Some(dir.path()));
    refused(&dev(dir.path()), &["in use"]);
    assert_eq!(node.rpc().quantity("eth_chainId", json!([])), CHAIN_ID);
    node.stop("TERM");
}

#[test]
fn another_chain_id_for_an_existing_chain_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Node::dev(Some(dir.path())).stop("TERM");
    let mut command = listening(&["dev", "--chain-id", "31337"]);
    let output = command.arg("--datadir").arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("177155"), "{output:?}");
}

#[test]
fn a_genesis_file_is_read_strictly() {
    let dir = tempfile::tempdir().unwrap();
    let blocks = dir.path().join("blocks.rlp");
    fs::write(&blocks, b"").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let good: Value =
        serde_json::from_slice(&fs::read(root.join("chainspec/dev.json")).unwrap()).unwrap();
    let mut unknown_field = good.clone();
    unknown_field["gasLimmit"] = json!("0x1");
    let mut unknown_fork = good.clone();
    unknown_fork["config"]["praugeTime"] = json!(0);
    let texts = [
        (unknown_field.to_string(), "gasLimmit"),
        (unknown_fork.to_string(), "praugeTime"),
        ("{".repeat(100_000), "genesis.json"),
        ("not JSON".to_owned(), "genesis.json"),
        (String::new(), "genesis.json"),
    ];
    for (text, word) in texts {
        let genesis = dir.path().join("genesis.json");
        fs::write(&genesis, text).unwrap();
        let datadir = dir.path().join("data");
        let mut import = mfenx(&["import", "--unsealed", "--chain"]);
        let output = import.arg(genesis).arg("--datadir").arg(datadir).arg(&blocks).output();
        let output = output.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{word}: {stderr}");
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
}
