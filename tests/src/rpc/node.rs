//! A node of our own over the chain of the fixtures.

use eyre::{WrapErr, bail, ensure, eyre};
use mfenx_node::{Listen, NodeError, ServeConfig};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::Value;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use tempfile::TempDir;

/// Every method there is.
const NAMESPACES: &str = "all,testing";

/// A node that serves on a thread of this process until it is stopped.
#[derive(Debug)]
pub(crate) struct Node {
    address: SocketAddr,
    serving: JoinHandle<Result<(), NodeError>>,
    /// Removed when it is dropped, after the node has ended.
    _directory: TempDir,
}

impl Node {
    /// Imports `genesis.json` and `chain.rlp` into a temporary store and serves it.
    ///
    /// # Errors
    /// The chain is invalid or ends elsewhere than `headfcu.json` says, or it cannot be served.
    pub(crate) fn start(fixtures: &Path, scratch: &Path) -> eyre::Result<Self> {
        let directory =
            tempfile::Builder::new()
                .prefix("mfenx-conformance-")
                .tempdir_in(scratch)
                .wrap_err_with(|| format!("cannot make a directory in {}", scratch.display()))?;
        let datadir = directory.path().join("data");
        let spec = Arc::new(mfenx_node::read_chain(&fixtures.join("genesis.json"))?);
        let blocks = fixtures.join("chain.rlp");
        let report = mfenx_node::import(spec, &datadir, &blocks, &mut |_| {})
            .wrap_err("the chain cannot be imported")?;
        if let Some(head) = expected_head(fixtures)? {
            let hash = report.head.hash().to_string();
            ensure!(hash == head, "the chain ends at block {hash}; headfcu.json expects {head}");
        }
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = Listen { http: any, admin: any, api: NAMESPACES.into() };
        let config = ServeConfig { datadir, listen };
        let (ready, address) = mpsc::channel();
        let serving = std::thread::Builder::new().name("node".into()).spawn(move || {
            mfenx_node::run_serve(config, |node| {
                let _ = ready.send(node.http);
            })
        })?;
        match address.recv() {
            Ok(address) => Ok(Self { address, serving, _directory: directory }),
            // The sender is dropped when the node ends before it is ready.
            Err(_) => match joined(serving) {
                Ok(()) => bail!("the node ended before it served"),
                Err(error) => Err(error.wrap_err("the chain cannot be served")),
            },
        }
    }

    /// Where it answers.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// # Errors
    /// It has ended, by itself or by a signal.
    pub(crate) fn ensure_running(&self) -> eyre::Result<()> {
        ensure!(!self.serving.is_finished(), "the node has ended");
        Ok(())
    }

    /// Stops it as an operator would and waits for it.
    ///
    /// # Errors
    /// It failed.
    pub(crate) fn stop(self) -> eyre::Result<()> {
        // The node has taken the signal over: it ends the node, not this process.
        kill_process(getpid(), Signal::TERM)?;
        joined(self.serving).wrap_err("the node did not end well")
    }
}

fn joined(serving: JoinHandle<Result<(), NodeError>>) -> eyre::Result<()> {
    serving.join().map_err(|_| eyre!("the node panicked"))?.map_err(Into::into)
}

/// The head that hive announces to a client before the tests.
fn expected_head(fixtures: &Path) -> eyre::Result<Option<String>> {
    let path = fixtures.join("headfcu.json");
    if !path.is_file() {
        return Ok(None);
    }
    let shown = path.display();
    let text = fs::read_to_string(&path).wrap_err_with(|| format!("cannot read {shown}"))?;
    let json: Value = serde_json::from_str(&text).wrap_err_with(|| format!("in {shown}"))?;
    let head = json.pointer("/params/0/headBlockHash").and_then(Value::as_str);
    Ok(Some(head.ok_or_else(|| eyre!("{shown} names no headBlockHash"))?.to_owned()))
}
