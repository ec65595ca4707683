//! The runner itself: that it plays the fork choice, and that it does not let a wrong node pass.

use super::{
    Options, Report,
    chains::{Chains, Refused},
    network, run,
};
use alloy_consensus::{EMPTY_ROOT_HASH, Header};
use alloy_primitives::{Address, B256, Bytes};
use mfenx_engine::ImportError;
use mfenx_execution::expected_difficulty;
use mfenx_primitives::{Block, BlockBody, SealedHeader};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A test without blocks on the chain of `network`, whose genesis block has this hash.
fn test_json(network: &str, genesis: B256) -> Value {
    json!({
        "network": network,
        "pre": {"0x00000000000000000000000000000000000000aa": {
            "balance": "0x01", "nonce": "0x00", "code": "0x", "storage": {"0x01": "0x02"},
        }},
        "genesisBlockHeader": {
            "hash": genesis, "coinbase": Address::ZERO, "difficulty": "0x020000",
            "extraData": "0x", "gasLimit": "0x1388", "mixHash": B256::ZERO,
            "nonce": "0x0000000000000000", "timestamp": "0x03e8",
        },
        "blocks": [],
        "postState": {"0x00000000000000000000000000000000000000aa": {
            "balance": "0x01", "nonce": "0x00", "code": "0x", "storage": {"0x01": "0x02"},
        }},
        "lastblockhash": genesis,
    })
}

/// The hash of the genesis block of [`test_json`], which the node reports as a mismatch.
fn genesis_hash(network: &str) -> B256 {
    let test = serde_json::from_value(test_json(network, B256::ZERO)).expect("a test");
    let error = network::chain_spec(&test).expect_err("the hash is wrong").to_string();
    let hash = error.strip_prefix("the genesis block is ").expect("the right hash");
    hash[..66].parse().expect("a hash")
}

fn chains(network: &str) -> (Chains, SealedHeader) {
    let test = serde_json::from_value(test_json(network, genesis_hash(network))).expect("a test");
    let spec = network::chain_spec(&test).expect("a specification");
    let genesis = spec.genesis_header().clone();
    (Chains::new(spec, &std::env::temp_dir()).expect("a chain"), genesis)
}

/// Imports an empty child of `parent`; its state root is the one that the node computes.
fn mine(chains: &mut Chains, parent: &SealedHeader, miner: u8, seconds: u64) -> SealedHeader {
    let test = serde_json::from_value(test_json("Homestead", genesis_hash("Homestead")));
    let spec = network::chain_spec(&test.expect("a test")).expect("a specification");
    let timestamp = parent.timestamp + seconds;
    let mut header = Header {
        parent_hash: parent.hash(),
        number: parent.number + 1,
        beneficiary: Address::repeat_byte(miner),
        timestamp,
        gas_limit: parent.gas_limit,
        difficulty: expected_difficulty(&*spec, parent, timestamp),
        receipts_root: EMPTY_ROOT_HASH,
        ..Default::default()
    };
    match chains.import(&encoded(&header)) {
        Err(Refused::Import(error)) => match *error {
            ImportError::StateRoot { got, .. } => header.state_root = got,
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
    let header = SealedHeader::new(header);
    assert_eq!(chains.import(&encoded(&header)).expect("a valid block"), header.hash());
    header
}

fn encoded(header: &Header) -> Bytes {
    let block = Block { header: header.clone(), body: BlockBody::default() };
    alloy_rlp::encode(block).into()
}

#[test]
fn the_branch_of_greater_total_difficulty_wins() {
    let (mut chains, genesis) = chains("Homestead");
    let a1 = mine(&mut chains, &genesis, 1, 13);
    let b1 = mine(&mut chains, &genesis, 2, 13);
    assert_eq!(chains.head().expect("a head").hash(), a1.hash(), "the first of equals stays");
    let b2 = mine(&mut chains, &b1, 2, 13);
    assert_eq!(chains.head().expect("a head").hash(), b2.hash());
    let a2 = mine(&mut chains, &a1, 1, 13);
    let a3 = mine(&mut chains, &a2, 1, 13);
    assert_eq!(chains.head().expect("a head").hash(), a3.hash());
    // Seen already, and of unknown origin.
    assert_eq!(chains.import(&encoded(&b2)).expect("a known block"), b2.hash());
    let orphan = Header { parent_hash: B256::repeat_byte(9), ..a3.inner().clone() };
    assert!(matches!(chains.import(&encoded(&orphan)), Err(Refused::UnknownParent(_))));
    // A branch is judged like any block.
    let invalid = Header { gas_used: 1, ..b2.inner().clone() };
    assert!(matches!(chains.import(&encoded(&invalid)), Err(Refused::Import(_))));
    assert_eq!(chains.head().expect("a head").hash(), a3.hash());
}

fn run_json(dir: &Path, test: &Value, filter: Option<&str>) -> Report {
    let file = dir.join("test.json");
    fs::write(&file, json!({"the test": test}).to_string()).expect("a file");
    let options = Options {
        threads: None,
        filter: filter.map(str::to_owned),
        scratch: dir.to_owned(),
        strict_exceptions: true,
    };
    run(&[file], &options).expect("a report")
}

#[test]
fn what_differs_is_a_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    let good = test_json("Homestead", genesis_hash("Homestead"));
    let report = run_json(dir.path(), &good, None);
    assert_eq!((report.passed, report.failures.len()), (1, 0), "{:?}", report.failures);
    assert_eq!(run_json(dir.path(), &good, Some("the test")).passed, 1);
    assert_eq!(run_json(dir.path(), &good, Some("another")).passed, 0);

    let account = "/postState/0x00000000000000000000000000000000000000aa";
    for (field, value, reason) in [
        ("/lastblockhash", json!(B256::ZERO), "the head is"),
        ("/genesisBlockHeader/hash", json!(B256::ZERO), "the genesis block is"),
        ("/network", json!("Atlantis"), "unknown network"),
        ("/network", json!("Constantinople"), "not supported"),
        (account, json!({}), "the state root is"),
        ("/blocks", json!([{"rlp": "0xc0"}, {"rlp": "0xzz"}]), ""),
        ("/blocks", json!([{"rlp": "0xc0", "blockHeader": {"hash": B256::ZERO}}]), "refused"),
        ("/pre", json!(7), "not a blockchain test"),
    ] {
        let mut test = good.clone();
        *test.pointer_mut(field).expect("a field") = value;
        let report = run_json(dir.path(), &test, None);
        match (reason, &report.failures[..]) {
            ("", []) => assert_eq!(report.passed, 1),
            (_, [failure]) => assert!(failure.reason.contains(reason), "{}", failure.reason),
            (_, failures) => panic!("{field}: {failures:?}"),
        }
    }
}

#[test]
fn files_that_cannot_be_read_are_failures_and_nothing_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options {
        threads: None,
        filter: None,
        scratch: dir.path().to_owned(),
        strict_exceptions: false,
    };
    assert!(run(&[dir.path().to_owned()], &options).is_err());
    assert!(run(&[dir.path().join("absent")], &options).is_err());
    fs::write(dir.path().join("bad.json"), "{").expect("a file");
    let report = run(&[dir.path().to_owned()], &options).expect("a report");
    assert_eq!((report.passed, report.failures.len()), (0, 1));
}
