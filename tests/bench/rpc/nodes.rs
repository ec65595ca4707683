//! The nodes that are measured, as processes of their own.

use super::cases;
use crate::{http::ask, workload::Workload};
use alloy_primitives::hex;
use eyre::{Result, bail, eyre};
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A node that has all blocks of the workload; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    process: Child,
    _directory: TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const START_TIME_MAX: Duration = Duration::from_secs(30);

impl Node {
    /// Ours: blocks are imported, then served.
    pub(crate) fn mfenx(program: &Path, workload: &Workload) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let genesis = directory.path().join("genesis.json");
        let (blocks, data) = (directory.path().join("blocks.rlp"), directory.path().join("data"));
        std::fs::write(&genesis, serde_json::to_vec(workload.spec.genesis())?)?;
        std::fs::write(&blocks, workload.blocks.concat())?;
        let imported = Command::new(program)
            .args(["import", "--unsealed", "--chain"])
            .arg(&genesis)
            .arg("--datadir")
            .arg(&data)
            .arg(&blocks)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| eyre!("cannot run {}: {error}", program.display()))?;
        if !imported.success() {
            bail!("{} import failed: {imported}", program.display());
        }
        let address = free_address()?;
        let process = Command::new(program)
            .args(["serve", "--api", "all", "--admin", "127.0.0.1:0", "--http"])
            .arg(address.to_string())
            .arg("--datadir")
            .arg(&data)
            .stdout(Stdio::null())
            .spawn()?;
        Self { address, process, _directory: directory }.ready(workload)
    }

    /// The peer: the same transactions are sent, and blocks made of the same ones.
    pub(crate) fn anvil(program: &Path, workload: &Workload) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let genesis = directory.path().join("genesis.json");
        std::fs::write(&genesis, serde_json::to_vec(workload.spec.genesis())?)?;
        let address = free_address()?;
        let process = Command::new(program)
            .args(["--no-mining", "--order", "fifo", "--silent", "--hardfork", "prague"])
            .args(["--chain-id", &workload.spec.chain_id().to_string()])
            .args(["--port", &address.port().to_string(), "--init"])
            .arg(&genesis)
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| eyre!("cannot run {}: {error}", program.display()))?;
        let node = Self { address, process, _directory: directory };
        node.wait()?;
        for transactions in cases::transactions(workload)? {
            for some in transactions.chunks(100) {
                let send = |raw| request("eth_sendRawTransaction", &hex::encode_prefixed(raw));
                let batch: Vec<String> = some.iter().map(send).collect();
                node.must(&format!("[{}]", batch.join(",")))?;
            }
            node.must("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"evm_mine\",\"params\":[]}")?;
        }
        node.ready(workload)
    }

    fn must(&self, body: &str) -> Result<()> {
        let answer = ask(self.address, body)?;
        if answer.contains("\"error\"") {
            let start: String = answer.chars().take(300).collect();
            bail!("the peer refused to be filled: {start}");
        }
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        let start = Instant::now();
        while ask(self.address, &request("eth_chainId", "")).is_err() {
            if start.elapsed() > START_TIME_MAX {
                bail!("the node at {} did not start", self.address);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until it answers, and checks that it has all blocks and all their transactions.
    fn ready(self, workload: &Workload) -> Result<Self> {
        self.wait()?;
        let number = workload.blocks.len();
        let head = ask(self.address, &request("eth_blockNumber", ""))?;
        if !head.contains(&format!("\"{number:#x}\"")) {
            bail!("the head should be {number:#x}: {head}");
        }
        let last =
            cases::transactions(workload)?.pop().map_or(0, |transactions| transactions.len());
        let count = ask(self.address, &request("eth_getBlockTransactionCountByNumber", "latest"))?;
        if !count.contains(&format!("\"{last:#x}\"")) {
            bail!("the last block should have {last:#x} transactions: {count}");
        }
        Ok(self)
    }
}

/// A request with at most one parameter, a string.
fn request(method: &str, param: &str) -> String {
    let params = if param.is_empty() { String::new() } else { format!("\"{param}\"") };
    format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":[{params}]}}")
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
