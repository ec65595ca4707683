//! `mfenx` as a child process.

use crate::rpc::Rpc;
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{LazyLock, mpsc},
    thread,
    time::{Duration, Instant},
};
use tempfile::NamedTempFile;

/// Longest time from start to the ready line, on a busy machine and without optimisation.
const READY_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest time a command that must fail, or a stopping node, may take.
const EXIT_TIME_MAX: Duration = Duration::from_secs(60);

/// Lines of a node's log that a failed test shows.
const LOG_LINES_SHOWN: usize = 60;

/// Settings that a developer's shell may have and a test must not.
const ENVIRONMENT: [&str; 21] = [
    "MFENX_ADMIN",
    "MFENX_API",
    "MFENX_BACKEND",
    "MFENX_BASE_PORT",
    "MFENX_BLOCK_TIME",
    "MFENX_BOOTNODE",
    "MFENX_CHAIN",
    "MFENX_CHAIN_ID",
    "MFENX_DATADIR",
    "MFENX_EXTERNAL",
    "MFENX_HTTP",
    "MFENX_KEYS",
    "MFENX_LOG",
    "MFENX_OPERATOR_KEY",
    "MFENX_P2P",
    "MFENX_PASSPHRASE_FILE",
    "MFENX_READY_HEAD_AGE",
    "MFENX_READY_LAG",
    "MFENX_READY_PEERS",
    "MFENX_RPC",
    "MFENX_WORKER_DIR",
];

/// The program: `MFENX_BIN`, or the one in this test's target directory.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    if let Some(program) = std::env::var_os("MFENX_BIN") {
        return program.into();
    }
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/it");
    let program = profile.join("mfenx");
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--package", "mfenx"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo").success(), "mfenx does not build");
    }
    program
});

/// A command of `mfenx` with a clean environment and no standard input.
pub(crate) fn mfenx<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(&*PROGRAM);
    command.args(arguments).stdin(Stdio::null());
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    command
}

/// A command that listens, on free ports.
pub(crate) fn listening<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = mfenx(arguments);
    command.args(["--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command
}

/// What a command that ended has said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command of `mfenx` to its end.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Ended {
    let (stdout, stderr) = (log_file(), log_file());
    let mut command = mfenx(arguments);
    command.stdout(file(&stdout)).stderr(file(&stderr));
    let mut child = command.spawn().expect("mfenx starts");
    let status = wait(&mut child, EXIT_TIME_MAX).expect("the command ends by itself");
    Ended { code: status.code(), stdout: text(&stdout), stderr: text(&stderr) }
}

/// The whole store of a stopped node recomputes: every root, link and index.
pub(crate) fn verify(datadir: &Path) {
    let ended = run(&["db".as_ref(), "verify".as_ref(), "--datadir".as_ref(), datadir.as_os_str()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("ok: head"), "{ended:?}");
}

/// A running node. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Node {
    child: Child,
    stderr: NamedTempFile,
    http: SocketAddr,
    admin: SocketAddr,
    /// What it printed up to its ready line, which is the last of it.
    said: String,
}

impl Node {
    /// `mfenx dev` on free ports, over `datadir` or a temporary directory.
    pub(crate) fn dev(datadir: Option<&Path>) -> Self {
        let mut arguments = vec!["dev".as_ref()];
        if let Some(datadir) = datadir {
            arguments.extend(["--datadir".as_ref(), datadir.as_os_str()]);
        }
        Self::from_command(listening(&arguments))
    }

    /// `mfenx serve` over `datadir` on free ports.
    pub(crate) fn serve(datadir: &Path) -> Self {
        let arguments = ["serve".as_ref(), "--datadir".as_ref(), datadir.as_os_str()];
        Self::from_command(listening(&arguments))
    }

    /// Starts `command` and waits for its ready line.
    pub(crate) fn from_command(mut command: Command) -> Self {
        let stderr = log_file();
        command.stdout(Stdio::piped()).stderr(file(&stderr));
        let mut child = command.spawn().expect("mfenx starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (ready, said) = mpsc::channel();
        // Reads to the end, so that the node never waits for somebody to read its output.
        thread::spawn(move || {
            let mut said = String::new();
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                said.push_str(&line);
                if line.starts_with("ready ") {
                    let _ = ready.send(said.clone());
                }
                said.push('\n');
            }
        });
        let Ok(said) = said.recv_timeout(READY_TIME_MAX) else {
            let _ = child.kill();
            let status = child.wait();
            panic!("no ready line from {command:?}: {status:?}\n{}", text(&stderr));
        };
        let line = said.lines().last().unwrap_or_default();
        let http = field(line, "http").parse().expect("an address");
        let admin = field(line, "admin").parse().expect("an address");
        assert!(!field(line, "ws").is_empty(), "{line}");
        Self { child, stderr, http, admin, said }
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed up to its ready line.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// Its ready line.
    pub(crate) fn line(&self) -> &str {
        self.said.lines().last().unwrap_or_default()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        text(&self.stderr)
    }

    /// Where JSON-RPC answers.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// The value of a metric, whose name and labels are as in Prometheus' text format; 0 when there
    /// is none yet.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = metrics(self.admin);
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.next().map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// A client with a connection of its own.
    pub(crate) fn rpc(&self) -> Rpc {
        Rpc::new(self.http)
    }

    /// Ends the process as a power failure would: at once, wherever it is.
    pub(crate) fn kill(mut self) {
        self.kill_and_reap();
    }

    /// Sends SIGTERM or SIGINT, which must end the node with exit code 0; the time it took.
    pub(crate) fn stop(mut self, signal: &str) -> Duration {
        let start = Instant::now();
        // The shell's own `kill`: a minimal system has no program of that name.
        let command = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().expect("sh").success());
        let status = wait(&mut self.child, EXIT_TIME_MAX);
        let taken = start.elapsed();
        let code = status.and_then(|status| status.code());
        assert_eq!(code, Some(0), "SIG{signal}: {}", text(&self.stderr));
        taken
    }

    /// Waits for a node that is expected to end by itself; `None` after `time_max`.
    pub(crate) fn wait(mut self, time_max: Duration) -> Option<Ended> {
        let status = wait(&mut self.child, time_max)?;
        let (stdout, stderr) = (String::new(), text(&self.stderr));
        Some(Ended { code: status.code(), stdout, stderr })
    }

    /// Whether the process still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn kill_and_reap(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill_and_reap();
        if thread::panicking() {
            // What it logged says more than the assertion that failed.
            let log = text(&self.stderr);
            let lines: Vec<_> = log.lines().collect();
            let last = lines.len().saturating_sub(LOG_LINES_SHOWN);
            println!("the log of the node at {} ends:\n{}", self.http, lines[last..].join("\n"));
        }
    }
}

/// Starts `mfenx dev` over `datadir` and kills it after `life`, ready or not.
pub(crate) fn die_young(datadir: &Path, life: Duration) {
    let arguments = ["dev".as_ref(), "--datadir".as_ref(), datadir.as_os_str()];
    let mut command = listening(&arguments);
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("mfenx starts");
    thread::sleep(life);
    let _ = child.kill();
    let _ = child.wait();
}

/// What the admin port of a node serves to Prometheus.
pub(crate) fn metrics(admin: SocketAddr) -> String {
    let mut connection = TcpStream::connect(admin).expect("the admin port");
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).expect("the admin port");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("the admin port");
    text
}

fn wait(child: &mut Child, time_max: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < time_max {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

pub(crate) fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let mut fields = line.split_whitespace().filter_map(|field| field.split_once('='));
    fields.find_map(|(key, value)| (key == name).then_some(value)).unwrap_or_default()
}

fn log_file() -> NamedTempFile {
    NamedTempFile::new().expect("a temporary file")
}

fn file(log: &NamedTempFile) -> Stdio {
    log.reopen().expect("a temporary file").into()
}

fn text(log: &NamedTempFile) -> String {
    fs::read_to_string(log.path()).unwrap_or_default()
}
