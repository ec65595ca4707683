//! The processes of a local network: `mfenx node` with a pipe at its standard input.

use super::{
    LocalnetConfig, LocalnetNode,
    layout::{Layout, Place},
};
use crate::{datadir::file_error, error::NodeError};
use std::{
    fs::{self, File},
    future::Future,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    pin::Pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// Longest time from start to the ready line, on a busy machine.
const READY_TIME_MAX: Duration = Duration::from_secs(60);
/// Metrics are this many ports above JSON-RPC, peers twice as many.
const PORT_STEP: u16 = 1_000;
/// Bytes at the end of a log in which the reason of a failed start is looked for.
const REASON_BYTES_MAX: usize = 4 << 10;

/// A node that is ready.
pub(super) struct Running {
    pub(super) node: LocalnetNode,
    /// The node stops when this is dropped.
    pub(super) pipe: ChildStdin,
    /// How it ended.
    pub(super) ended: Pin<Box<dyn Future<Output = String> + Send>>,
}

/// Starts nodes one after the other; each knows those before it.
pub(super) struct Launcher<'a> {
    program: PathBuf,
    config: &'a LocalnetConfig,
    chain: PathBuf,
    bootnodes: Vec<String>,
    started: u16,
}

impl<'a> Launcher<'a> {
    pub(super) fn new(config: &'a LocalnetConfig, layout: &Layout) -> Result<Self, NodeError> {
        let program = std::env::current_exe()
            .map_err(|source| NodeError::File { path: "/proc/self/exe".into(), source })?;
        Ok(Self { program, config, chain: layout.chain(), bootnodes: Vec::new(), started: 0 })
    }

    /// Starts a node and waits for its ready line.
    pub(super) async fn start(&mut self, place: Place) -> Result<Running, NodeError> {
        fs::create_dir_all(&place.directory)
            .map_err(|source| file_error(&place.directory, source))?;
        let log = place.log();
        let mut command = self.command(&place)?;
        let mut child = command.spawn().map_err(|source| file_error(&self.program, source))?;
        let failed = |reason: String| NodeError::Process { name: place.name.clone(), reason };
        let (Some(pipe), Some(stdout), Some(pid)) =
            (child.stdin.take(), child.stdout.take(), child.id())
        else {
            return Err(failed("it ended at once".into()));
        };
        let line = match tokio::time::timeout(READY_TIME_MAX, ready_line(stdout)).await {
            Ok(Some(line)) => line,
            Ok(None) => {
                let how = ended(&mut child).await;
                return Err(failed(last_line(&log).unwrap_or(how)));
            }
            Err(_) => return Err(failed(format!("no ready line in {READY_TIME_MAX:?}"))),
        };
        self.started += 1;
        if place.is_validator {
            self.bootnodes.extend(field(&line, "p2p").map(str::to_owned));
        }
        let node = LocalnetNode { name: place.name, pid, line, log };
        let ended = Box::pin(async move { ended(&mut child).await });
        Ok(Running { node, pipe, ended })
    }

    fn command(&self, place: &Place) -> Result<Command, NodeError> {
        let mut command = Command::new(&self.program);
        // What a developer's shell sets is not meant for the nodes.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("MFENX_")) {
                command.env_remove(name);
            }
        }
        command.args(["node", "--stop-with-stdin", "--log", &self.config.log]);
        command.arg("--chain").arg(&self.chain).arg("--datadir").arg(place.data());
        if place.is_validator {
            command.arg("--keys").arg(place.keys());
        }
        for bootnode in &self.bootnodes {
            command.args(["--bootnode", bootnode]);
        }
        command.args(["--api", &self.config.api]);
        for (option, step) in [("--http", 0), ("--admin", 1), ("--p2p", 2)] {
            command.args([option, &format!("127.0.0.1:{}", self.port(step)?)]);
        }
        let log = place.log();
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|source| file_error(&log, source))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        // Ctrl-C at a terminal goes to every process of a group; the nodes are stopped by us.
        command.process_group(0).kill_on_drop(true);
        Ok(command)
    }

    fn port(&self, step: u16) -> Result<u16, NodeError> {
        let base = self.config.base_port;
        if base == 0 {
            return Ok(0);
        }
        let port = (step * PORT_STEP).checked_add(self.started).and_then(|p| p.checked_add(base));
        port.ok_or_else(|| NodeError::Localnet {
            path: "--base-port".into(),
            reason: format!("{base} leaves no ports for so many nodes"),
        })
    }
}

/// Reads to the ready line, and leaves the rest to a task, so that the node never waits for a
/// reader.
async fn ready_line(stdout: ChildStdout) -> Option<String> {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("ready ") {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(line);
        }
    }
    None
}

async fn ended(child: &mut Child) -> String {
    match child.wait().await {
        Ok(status) => how(status),
        Err(error) => error.to_string(),
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// The value of a field of a ready line.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = line.split_whitespace().filter_map(|field| field.split_once('='));
    fields.find_map(|(key, value)| (key == name).then_some(value))
}

/// The last line of a log, without the word that begins it.
fn last_line(log: &Path) -> Option<String> {
    let bytes = fs::read(log).ok()?;
    let end = bytes.get(bytes.len().saturating_sub(REASON_BYTES_MAX)..)?;
    let text = String::from_utf8_lossy(end);
    let line = text.trim_end().lines().last()?;
    Some(line.strip_prefix("error: ").unwrap_or(line).to_owned())
}
