//! Chains that move as files, with what is kept beside their blocks.

use crate::{
    node::{Ended, Node, run, verify},
    persistence::receipt,
    rpc::Rpc,
    wallet::{STRANGER, account, sign, transfer},
};
use alloy_consensus::TxEip1559;
use alloy_primitives::{B256, TxKind, hex};
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// Asks the precompile for the beacon of block 1 and keeps, in slot 0, whether it answered, and in
/// slot 1 the seed.
const READS_A_BEACON: [u8; 54] = hex!(
    "631d21c66960e01b5f526001600452"
    "60405f60245f7300000000000000000000000000000002b40300045afa"
    "5f555f516001555f5ff3"
);

fn os<const N: usize>(arguments: [&dyn AsRef<OsStr>; N]) -> Ended {
    let arguments: Vec<_> = arguments.iter().map(|one| one.as_ref().to_owned()).collect();
    run(&arguments)
}

fn export(datadir: &Path, options: &[&str], blocks: &Path) -> Ended {
    let mut arguments: Vec<&OsStr> = vec!["export".as_ref(), "--datadir".as_ref()];
    arguments.push(datadir.as_ref());
    arguments.extend(options.iter().map(OsStr::new));
    arguments.push(blocks.as_ref());
    run(&arguments)
}

fn import(chain: &Path, datadir: &Path, blocks: &Path) -> Ended {
    os([&"import", &"--chain", &chain, &"--datadir", &datadir, &blocks])
}

/// Exports a stopped node's chain with its seals into `dir` and makes it again from that file: the
/// new data directory. What was changed in the file is noticed.
pub(crate) fn made_again(chain: &Path, datadir: &Path, dir: &Path) -> PathBuf {
    let file = dir.join("sealed");
    let exported = export(datadir, &["--sealed"], &file);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    assert!(exported.stdout.contains("sealed blocks"), "{exported:?}");
    let again = dir.join("again");
    let imported = import(chain, &again, &file);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(!imported.stderr.contains("seals are not checked"), "{imported:?}");
    verify(&again);
    let second = dir.join("second");
    assert_eq!(export(&again, &["--sealed"], &second).code, Some(0));
    assert!(fs::read(&second).unwrap() == fs::read(&file).unwrap(), "the files differ");

    // The last byte belongs to the last seal.
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let (spoiled, data) = (dir.join("spoiled"), dir.join("spoiled-data"));
    fs::write(&spoiled, bytes).unwrap();
    let refused = import(chain, &data, &spoiled);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("block at byte"), "{refused:?}");
    again
}

/// Plain blocks make no chain of authorities that anybody could go on from.
pub(crate) fn plain_blocks_are_refused(chain: &Path, datadir: &Path, dir: &Path) {
    let (file, data) = (dir.join("plain"), dir.join("plain-data"));
    assert_eq!(export(datadir, &[], &file).code, Some(0));
    let refused = import(chain, &data, &file);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("export --sealed"), "{refused:?}");
    assert_eq!(
        os([&"import", &"--unsealed", &"--chain", &chain, &"--datadir", &data, &file]).code,
        Some(0)
    );
    let node = os([
        &"node",
        &"--datadir",
        &data,
        &"--http",
        &"127.0.0.1:0",
        &"--admin",
        &"127.0.0.1:0",
        &"--p2p",
        &"127.0.0.1:0",
    ]);
    assert_eq!(node.code, Some(2), "{node:?}");
    assert!(node.stderr.contains("imported without its seal"), "{node:?}");
}

fn send(rpc: &Rpc, transaction: TxEip1559) -> Value {
    let sent = rpc.get("eth_sendRawTransaction", json!([sign(&account(0), transaction)]));
    let receipt = receipt(rpc, &sent);
    assert_eq!(receipt["status"], "0x1");
    receipt
}

#[test]
fn a_chain_of_which_blocks_read_beacons_is_made_again_from_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let datadir = dir.path().join("data");
    let node = Node::dev(Some(&datadir));
    send(&node.rpc(), transfer(0, STRANGER));
    let creation = TxEip1559 {
        gas_limit: 200_000,
        to: TxKind::Create,
        input: READS_A_BEACON.into(),
        value: Default::default(),
        ..transfer(1, STRANGER)
    };
    let contract = send(&node.rpc(), creation)["contractAddress"].clone();
    let slot = |node: &Node, slot: &str| {
        node.rpc().get("eth_getStorageAt", json!([contract, slot, "latest"]))
    };
    assert!(slot(&node, "0x0").as_str().unwrap().ends_with('1'), "the precompile answered");
    let seed = slot(&node, "0x1");
    assert_ne!(seed, json!(B256::ZERO), "{seed}");
    node.stop("TERM");

    let chain = datadir.join("genesis.json");
    let again = made_again(&chain, &datadir, dir.path());
    let node = Node::serve(&again);
    assert_eq!(slot(&node, "0x1"), seed);
    node.stop("TERM");

    // Blocks alone are not enough, and both ends say so.
    let plain = dir.path().join("plain");
    let exported = export(&datadir, &[], &plain);
    assert!(exported.code == Some(0) && exported.stderr.contains("--sealed"), "{exported:?}");
    let data = dir.path().join("plain-data");
    let refused = import(&chain, &data, &plain);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("seals are not checked"), "{refused:?}");
    let unsealed = export(&data, &["--sealed"], &dir.path().join("none"));
    assert_eq!(unsealed.code, Some(2), "{unsealed:?}");
    assert!(unsealed.stderr.contains("block 1 has no seal"), "{unsealed:?}");
}
