//! The processes that are measured: a network of `mfenx localnet`, or one node.

use crate::http::ask;
use eyre::{Context, Result, bail, eyre};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const START_TIME_MAX: Duration = Duration::from_secs(60);
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

/// A process that answers JSON-RPC.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) http: SocketAddr,
    pub(crate) pid: u32,
}

/// A program that ends, with the nodes it started, when this is dropped.
#[derive(Debug)]
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Ok(Self(child.wrap_err_with(|| format!("cannot run {}", program.display()))?))
    }

    /// Lines of standard output, up to the one that `is_last`; the rest is read and thrown away.
    fn lines_to(&mut self, is_last: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let stdout = self.0.stdout.take().ok_or_else(|| eyre!("no standard output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let mut read = Vec::new();
        loop {
            let line =
                lines.next().ok_or_else(|| eyre!("ended before it was ready: {read:?}"))??;
            let done = is_last(&line);
            read.push(line);
            if done {
                thread::spawn(move || lines.for_each(drop));
                return Ok(read);
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.0);
        let _ = kill_process(pid, Signal::TERM);
        let start = Instant::now();
        while start.elapsed() < STOP_TIME_MAX {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Validators and followers, in this order.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) nodes: Vec<Node>,
    _program: Program,
}

impl Network {
    /// Starts a network in `directory`, or in one that it removes at its end, and waits for its
    /// second block.
    ///
    /// # Errors
    /// A node does not start, or the network makes no block.
    pub(crate) fn start(
        mfenx: &Path,
        directory: Option<&Path>,
        (validators, followers): (usize, usize),
        base_port: u16,
    ) -> Result<Self> {
        let mut command = Command::new(mfenx);
        command.args(["localnet", "--validators", &validators.to_string()]);
        command.args(["--followers", &followers.to_string()]);
        command.args(["--base-port", &base_port.to_string()]);
        if let Some(directory) = directory {
            command.arg("--datadir").arg(directory);
        }
        let mut program = Program::start(&mut command)?;
        let lines = program.lines_to(|line| line.starts_with("localnet ready"))?;
        let nodes: Vec<Node> = lines.iter().filter_map(|line| ready(line)).collect();
        if nodes.len() != validators + followers {
            bail!("{} of {} nodes are ready: {lines:?}", nodes.len(), validators + followers);
        }
        let network = Self { nodes, _program: program };
        for node in &network.nodes {
            node.wait_for_block(2)?;
        }
        Ok(network)
    }

    /// The last node, which is a follower where there is one.
    ///
    /// # Errors
    /// There are no nodes.
    pub(crate) fn last(&self) -> Result<&Node> {
        self.nodes.last().ok_or_else(|| eyre!("no nodes"))
    }
}

/// One node of its own: ours or the peer.
#[derive(Debug)]
pub(crate) struct Single {
    pub(crate) node: Node,
    _program: Program,
}

impl Single {
    /// `mfenx dev`: one authority, whose commits are durable.
    pub(crate) fn mfenx(mfenx: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(mfenx);
        command.args(["dev", "--admin", "127.0.0.1:0", "--http", &address.to_string()]);
        Self::start("mfenx", command, address)
    }

    /// anvil, which mines what comes at once, in memory. It has the same chain ID, and as much gas in
    /// a block as anything takes.
    pub(crate) fn anvil(anvil: &Path, chain_id: u64) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(anvil);
        command.args(["--silent", "--hardfork", "prague", "--order", "fifo"]);
        command.args(["--chain-id", &chain_id.to_string()]);
        command.args(["--port", &address.port().to_string(), "--gas-limit", "1000000000000"]);
        Self::start("anvil", command, address)
    }

    fn start(name: &str, mut command: Command, http: SocketAddr) -> Result<Self> {
        let mut program = Program::start(&mut command)?;
        let stdout = program.0.stdout.take();
        thread::spawn(move || stdout.map(|stdout| BufReader::new(stdout).lines().for_each(drop)));
        let pid = program.0.id();
        let node = Node { name: name.to_owned(), http, pid };
        node.wait_for_block(0)?;
        Ok(Self { node, _program: program })
    }
}

impl Node {
    /// The number of the head.
    ///
    /// # Errors
    /// The node does not answer.
    pub(crate) fn head(&self) -> Result<u64> {
        let answer = ask(self.http, &request("eth_blockNumber", "[]"))?;
        quantity(&answer).ok_or_else(|| eyre!("{}: {answer}", self.name))
    }

    fn wait_for_block(&self, number: u64) -> Result<()> {
        let start = Instant::now();
        while !self.head().is_ok_and(|head| head >= number) {
            if start.elapsed() > START_TIME_MAX {
                bail!("{} has no block {number} after {START_TIME_MAX:?}", self.name);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// The body of a request; `params` is an array in JSON.
pub(crate) fn request(method: &str, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}")
}

/// The number that an answer consists of.
pub(crate) fn quantity(answer: &str) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_str(answer).ok()?;
    u64::from_str_radix(value.get("result")?.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// Reads `NAME ready http=... pid=...`.
fn ready(line: &str) -> Option<Node> {
    let (name, fields) = line.split_once(" ready http=")?;
    let field = |name: &str| {
        let mut pairs = fields.split_whitespace().filter_map(|field| field.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    };
    let http = fields.split_whitespace().next()?.parse().ok()?;
    Some(Node { name: name.to_owned(), http, pid: field("pid")?.parse().ok()? })
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_line_names_a_node() {
        let node = ready("follower-1 ready http=127.0.0.1:8548 ws=127.0.0.1:8548 pid=47 log=/x");
        let node = node.unwrap();
        assert_eq!((node.name.as_str(), node.http.port(), node.pid), ("follower-1", 8548, 47));
        assert!(ready("localnet ready").is_none());
    }

    #[test]
    fn an_answer_is_a_number() {
        assert_eq!(quantity(r#"{"id":1,"result":"0x1f"}"#), Some(31));
        assert_eq!(quantity(r#"{"id":1,"error":{}}"#), None);
    }
}
