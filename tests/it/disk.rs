//! A disk that fills up under the node.

use crate::{
    node::{Node, run},
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

/// Room for a young store with what it reserves ahead, and little more.
const DISK_MIB: u64 = 512;
/// What is left once the ballast lies on the disk.
const ROOM_BYTES: u64 = 2 << 20;
/// Calldata of one transaction, so that a few dozen of them fill the room.
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

/// A file that takes all the disk but [`ROOM_BYTES`].
fn lay_ballast(path: &Path) {
    let mut file = File::create(path).unwrap();
    let block = vec![1; 1 << 20];
    while file.write_all(&block).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(ROOM_BYTES)).unwrap();
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

#[test]
fn a_full_disk_stops_the_node_and_loses_nothing() {
    let Some(disk) = Disk::mount() else {
        println!("SKIPPED: a file system of its own needs the right to mount one");
        return;
    };
    let (datadir, ballast) = (disk.path().join("data"), disk.path().join("ballast"));
    let node = Node::dev(Some(&datadir));
    lay_ballast(&ballast);
    let served = fill(&node.rpc());
    println!("{} receipts served before the disk was full", served.len());
    let ended = node.wait(Duration::from_secs(30)).expect("the node ends when the disk is full");
    assert_eq!(ended.code, Some(1), "a reason, not a signal: {}", ended.stderr);
    let said = ended.stderr.to_lowercase();
    assert!(said.contains("no room") || said.contains("disk"), "{}", ended.stderr);
    println!("{}", ended.stderr);

    std::fs::remove_file(&ballast).unwrap();
    let node = Node::dev(Some(&datadir));
    let rpc = node.rpc();
    for (hash, receipt) in &served {
        assert_eq!(&rpc.get("eth_getTransactionReceipt", json!([hash])), receipt);
    }
    assert!(!transfer_once(&rpc).is_null(), "the chain goes on");
    node.stop("TERM");
    let verify =
        run(&["db".as_ref(), "verify".as_ref(), "--datadir".as_ref(), datadir.as_os_str()]);
    assert_eq!(verify.code, Some(0), "{verify:?}");
}

/// One plain transfer; its receipt.
fn transfer_once(rpc: &Rpc) -> Value {
    let signer = account(1);
    let nonce = rpc.quantity("eth_getTransactionCount", json!([signer.address(), "latest"]));
    let raw = sign(&signer, transfer(nonce, STRANGER));
    let hash = rpc.get("eth_sendRawTransaction", json!([raw]));
    crate::persistence::receipt(rpc, &hash)
}
