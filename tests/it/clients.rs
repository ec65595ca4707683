//! Real client libraries against a real node.
//!
//! The scripts and their pinned versions are in `tests/clients`; `scripts/test` installs them and
//! sets `MFENX_REQUIRE_CLIENTS=1`, with which a missing client is a failure instead of a skip.

use crate::node::{Node, listening};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Whether `present` holds; says so when it does not, and fails when it has to.
fn available(client: &str, present: bool, missing: &str) -> bool {
    if present {
        return true;
    }
    let required = std::env::var("MFENX_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
    assert!(!required, "{client} is required and {missing}");
    println!("SKIPPED {client}: {missing} (scripts/test installs it)");
    false
}

fn node_is_installed() -> bool {
    let version = Command::new("node").arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|output| output.status.success())
}

fn succeeds(client: &str, command: &mut Command) {
    let output = command.current_dir(directory()).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{client}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    println!("{stdout}");
    assert!(output.status.success(), "{client}: {}\n{stdout}\n{stderr}", output.status);
}

/// Whether `package` and the program that runs it are there.
fn has_package(client: &str, package: &str) -> bool {
    let modules = directory().join("node_modules");
    available(client, node_is_installed(), "there is no node program")
        && available(client, modules.join(package).is_dir(), "its packages are not installed")
}

fn javascript_on(node: &Node, script: &str) {
    let (http, ws) = (format!("http://{}", node.http()), format!("ws://{}", node.http()));
    succeeds(script, Command::new("node").args([script, &http, &ws]));
}

fn javascript(script: &str, package: &str) {
    if has_package(script, package) {
        javascript_on(&Node::dev(None), script);
    }
}

/// The description of the methods, of every namespace.
#[test]
fn openrpc() {
    if has_package("openrpc.mjs", "@open-rpc/meta-schema") {
        let command = listening(&["dev", "--api", "all,testing"]);
        javascript_on(&Node::from_command(command), "openrpc.mjs");
    }
}

/// A program of Foundry's, which `tests/clients` has for one kind of machine.
fn foundry(script: &str, package: &str) {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        javascript(script, package);
    } else {
        println!("SKIPPED {script}: tests/clients has its program for Linux on x86-64 alone");
    }
}

/// A script on a node of its own that needs `package`, cast and a file.
pub(crate) fn with_cast(script: &str, package: &str, file: &Path) {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("SKIPPED {script}: tests/clients has cast for Linux on x86-64 alone");
        return;
    }
    if has_package(script, package) && has_package(script, "@foundry-rs/cast-linux-amd64") {
        let node = Node::dev(None);
        let (http, ws) = (format!("http://{}", node.http()), format!("ws://{}", node.http()));
        succeeds(script, Command::new("node").args([script, &http, &ws]).arg(file));
    }
}

#[test]
fn ethers() {
    javascript("ethers.mjs", "ethers");
}

#[test]
fn ethers_on_every_transport() {
    javascript("ethers_transports.mjs", "ethers");
}

#[test]
fn viem() {
    javascript("viem.mjs", "viem");
}

#[test]
fn viem_on_every_transport() {
    javascript("viem_transports.mjs", "viem");
}

/// The node's refusals, as both libraries understand them.
#[test]
fn typed_errors() {
    javascript("errors.mjs", "ethers");
}

#[test]
fn cast() {
    foundry("cast.mjs", "@foundry-rs/cast-linux-amd64");
}

#[test]
fn forge() {
    foundry("forge.mjs", "@foundry-rs/forge-linux-amd64");
}

#[test]
fn metamask() {
    javascript("metamask.mjs", "@metamask/transaction-controller");
}

/// `hardhat test --network mfenx`, with a home and an output of its own.
fn hardhat_on(node: &Node) {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let program = "node_modules/hardhat/internal/cli/bootstrap.js";
    let mut hardhat = Command::new("node");
    hardhat.args([program, "test", "--network", "mfenx"]);
    hardhat.env("MFENX_HTTP", format!("http://{}", node.http()));
    hardhat.env("MFENX_HARDHAT_OUT", scratch.path());
    hardhat.env("HOME", scratch.path()).env("HARDHAT_DISABLE_TELEMETRY_PROMPT", "true");
    succeeds("hardhat", &mut hardhat);
}

#[test]
fn hardhat() {
    if has_package("hardhat", "hardhat") {
        hardhat_on(&Node::dev(None));
    }
}

/// What was written through `dev` reads the same from `serve`, on every transport.
#[test]
fn reads_from_serve() {
    if !has_package("serve", "hardhat") {
        return;
    }
    let datadir = tempfile::tempdir().expect("a temporary directory");
    let node = Node::dev(Some(datadir.path()));
    hardhat_on(&node);
    node.stop("TERM");
    javascript_on(&Node::serve(datadir.path()), "serve.mjs");
}

/// The Python of the clients' virtual environment, when it is there.
fn python(client: &str) -> Option<Command> {
    let python = directory().join(".venv/bin/python");
    available(client, python.is_file(), "its virtual environment is not there")
        .then(|| Command::new(python))
}

#[test]
fn web3_py() {
    let Some(mut python) = python("web3.py") else { return };
    if !has_package("web3.py", "solc") {
        return;
    }
    let artifact = Command::new("node").arg("artifact.mjs").current_dir(directory()).output();
    let artifact = artifact.expect("node runs");
    assert!(artifact.status.success(), "{}", String::from_utf8_lossy(&artifact.stderr));
    let artifact = String::from_utf8(artifact.stdout).expect("a path");
    let node = Node::dev(None);
    let http = format!("http://{}", node.http());
    succeeds("web3.py", python.args(["web3_smoke.py", &http, artifact.trim()]));
}

/// web3.py's own integration suite, as far as `module` of `tests/clients/web3py` takes it.
fn web3_py_suite(module: &str) {
    let Some(mut python) = python("web3.py's suite") else { return };
    // The suite has its chain in it, and wants transactions that wait for the next block.
    let chain = ["dev", "--chain-id", "131277322940537", "--block-time", "2s"];
    let node = Node::from_command(listening(&chain));
    python.args(["-m", "pytest", "--quiet", "--rootdir", "web3py", "-c", "web3py/pytest.ini"]);
    python.arg(format!("web3py/{module}")).env("PYTHONDONTWRITEBYTECODE", "1");
    python.env("MFENX_HTTP", format!("http://{}", node.http()));
    python.env("MFENX_WS", format!("ws://{}", node.http()));
    succeeds("web3.py's suite", &mut python);
}

#[test]
fn web3_py_suite_over_http() {
    web3_py_suite("test_http.py");
}

#[test]
fn web3_py_suite_over_http_asynchronously() {
    web3_py_suite("test_http_async.py");
}

#[test]
fn web3_py_suite_over_websocket() {
    web3_py_suite("test_ws.py");
}
