//! Ethereum's own chain through `mfenx import` and `mfenx serve`.
//!
//! `MFENX_FIXTURES` names a directory with `rpc-compat/{genesis.json,chain.rlp,headfcu.json}`: a
//! chain that begins before the merge and has a fork every three blocks.

use crate::node::{Node, mfenx, run, verify};
use serde_json::{Value, json};
use std::{ffi::OsStr, fs, path::PathBuf};

/// The directory of the chain, if the fixtures are there.
fn chain() -> Option<PathBuf> {
    let Some(fixtures) = std::env::var_os("MFENX_FIXTURES") else {
        println!("SKIPPED: MFENX_FIXTURES names no directory of fixtures");
        return None;
    };
    let chain = PathBuf::from(fixtures).join("rpc-compat");
    assert!(chain.join("chain.rlp").is_file(), "MFENX_FIXTURES has no rpc-compat/chain.rlp");
    Some(chain)
}

#[test]
fn a_chain_through_every_fork_is_imported_and_served() {
    let Some(chain) = chain() else { return };
    let dir = tempfile::tempdir().unwrap();
    let genesis = chain.join("genesis.json");
    let blocks = chain.join("chain.rlp");
    let import: [&OsStr; 7] = [
        "import".as_ref(),
        "--chain".as_ref(),
        genesis.as_ref(),
        "--datadir".as_ref(),
        dir.path().as_ref(),
        "--unsealed".as_ref(),
        blocks.as_ref(),
    ];
    let forkchoice = fs::read(chain.join("headfcu.json")).unwrap();
    let forkchoice: Value = serde_json::from_slice(&forkchoice).unwrap();
    let head = forkchoice["params"][0]["headBlockHash"].as_str().unwrap();
    // The second time every block is known already.
    for _ in 0..2 {
        let ended = run(&import);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(head), "{ended:?}");
    }
    verify(dir.path());

    let node = Node::serve(dir.path());
    let rpc = node.rpc();
    let latest = rpc.get("eth_getBlockByNumber", json!(["latest", false]));
    assert_eq!(latest["hash"], head);
    for tag in ["safe", "finalized"] {
        assert_eq!(rpc.get("eth_getBlockByNumber", json!([tag, false])), latest);
    }
    let genesis: Value = serde_json::from_slice(&fs::read(&genesis).unwrap()).unwrap();
    let chain_id = rpc.quantity("eth_chainId", json!([]));
    assert_eq!(json!(chain_id), genesis["config"]["chainId"]);
    node.stop("TERM");
}

#[test]
fn an_exported_chain_is_the_imported_one() {
    let Some(chain) = chain() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (datadir, copy) = (dir.path().join("data"), dir.path().join("copy.rlp"));
    let blocks = chain.join("chain.rlp");
    let mut import = mfenx(&["import", "--unsealed", "--chain"]);
    import.arg(chain.join("genesis.json")).arg("--datadir").arg(&datadir).arg(&blocks);
    assert!(import.status().unwrap().success());
    let mut export = mfenx(&["export", "--datadir"]);
    assert!(export.arg(&datadir).arg(&copy).status().unwrap().success());
    assert!(fs::read(copy).unwrap() == fs::read(blocks).unwrap(), "the files differ");
}

#[test]
fn a_damaged_block_ends_the_import_where_it_is() {
    let Some(chain) = chain() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(chain.join("chain.rlp")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = dir.path().join("damaged.rlp");
    fs::write(&damaged, &bytes).unwrap();
    let datadir = dir.path().join("data");
    let genesis = chain.join("genesis.json");
    let arguments: [&OsStr; 7] = [
        "import".as_ref(),
        "--unsealed".as_ref(),
        "--chain".as_ref(),
        genesis.as_ref(),
        "--datadir".as_ref(),
        datadir.as_ref(),
        damaged.as_ref(),
    ];
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("at byte") || ended.stderr.contains(": byte "), "{ended:?}");
    // What came before it is there, and the store is whole.
    verify(&datadir);
}
