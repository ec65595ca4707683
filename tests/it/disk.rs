//! A disk that fills up under the node.

use crate::{
    node::{Node, listening, verify},
    rpc::{CallError, Rpc},
    wallet::{STRANGER, account, sign, transfer},
};
use alloy_consensus::TxEip1559;
use alloy_primitives::Bytes;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Size of the disk.
const DISK_MIB: u64 = 512;
/// What the first ballast leaves: what the store holds in reserve, and some blocks.
const ROOM_MIB: u64 = 160;
/// Calldata of one transaction, so that a few hundred of them fill the room.
const CALLDATA_BYTES: usize = 100_000;

/// A file system of its own, unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where this user may not mount.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_MIB}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        let mounted = mount.stdin(Stdio::null()).stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// A file that takes all the disk but `room_mib`.
fn lay_ballast(path: &Path, room_mib: u64) {
    let mut file = File::create(path).unwrap();
    let block = vec![1; 1 << 20];
    while file.write_all(&block).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(room_mib << 20)).unwrap();
    file.sync_all().unwrap();
}

/// Sends large transactions until the node answers no more; the receipts it served.
fn fill(rpc: &Rpc) -> Vec<(Value, Value)> {
    let signer = account(0);
    let mut served = Vec::new();
    let large = |nonce| TxEip1559 {
        gas_limit: 5_000_000,
        input: Bytes::from(vec![nonce as u8 | 1; CALLDATA_BYTES]),
        ..transfer(nonce, STRANGER)
    };
    let first = rpc.quantity("eth_getTransactionCount", json!([signer.address(), "latest"]));
    for nonce in first..first + 10 * DISK_MIB {
        let Ok(hash) = rpc.call("eth_sendRawTransaction", json!([sign(&signer, large(nonce))]))
        else {
            return served;
        };
        let start = Instant::now();
        loop {
            match rpc.call("eth_getTransactionReceipt", json!([hash])) {
                Ok(Value::Null) if start.elapsed() > Duration::from_secs(20) => return served,
                Ok(Value::Null) => thread::sleep(Duration::from_millis(2)),
                Ok(receipt) => {
                    served.push((hash, receipt));
                    break;
                }
                Err(CallError::Io(_)) => return served,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    served
}

/// The node ends by itself and says why.
fn ends_for_want_of_room(node: Node) {
    let ended = node.wait(Duration::from_secs(30)).expect("the node ends when the disk is full");
    assert_eq!(ended.code, Some(1), "a reason, not a signal: {}", ended.stderr);
    assert!(ended.stderr.contains("no room for more data"), "{}", ended.stderr);
}

#[test]
fn a_full_disk_stops_the_node_and_loses_nothing() {
    let Some(disk) = Disk::mount() else {
        println!("SKIPPED: a file system of its own needs the right to mount one");
        return;
    };
    let (datadir, ballast) = (disk.path().join("data"), disk.path().join("ballast"));
    let node = Node::dev(Some(&datadir));
    // The node fills what is left by itself.
    lay_ballast(&ballast, ROOM_MIB);
    let served = fill(&node.rpc());
    assert!(!served.is_empty(), "the disk was full from the beginning");
    println!("{} receipts served before the disk was full", served.len());
    ends_for_want_of_room(node);

    // Somebody else takes all there is, to the last byte.
    std::fs::remove_file(&ballast).unwrap();
    let node = Node::dev(Some(&datadir));
    lay_ballast(&ballast, 0);
    let rpc = node.rpc();
    assert!(fill(&rpc).is_empty(), "a block was written to a full disk");
    ends_for_want_of_room(node);
    let mut again = listening(&["dev"]);
    let refused = again.arg("--datadir").arg(&datadir).output().unwrap();
    assert!(!refused.status.success() && refused.status.code().is_some(), "{refused:?}");

    std::fs::remove_file(&ballast).unwrap();
    let node = Node::dev(Some(&datadir));
    let rpc = node.rpc();
    for (hash, receipt) in &served {
        assert_eq!(&rpc.get("eth_getTransactionReceipt", json!([hash])), receipt);
    }
    assert_eq!(transfer_once(&rpc)["status"], "0x1", "the chain goes on");
    node.stop("TERM");
    verify(&datadir);
}

/// One plain transfer; its receipt.
fn transfer_once(rpc: &Rpc) -> Value {
    let signer = account(1);
    let nonce = rpc.quantity("eth_getTransactionCount", json!([signer.address(), "latest"]));
    let raw = sign(&signer, transfer(nonce, STRANGER));
    let hash = rpc.get("eth_sendRawTransaction", json!([raw]));
    crate::persistence::receipt(rpc, &hash)
}
