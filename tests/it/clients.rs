//! Real client libraries against a real node.
//!
//! The scripts and their pinned versions are in `tests/clients`; `scripts/test` installs them and
//! sets `MFENX_REQUIRE_CLIENTS=1`, with which a missing client is a failure instead of a skip.

use crate::node::Node;
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

fn javascript(script: &str, package: &str) {
    let modules = directory().join("node_modules");
    if !available(script, node_is_installed(), "there is no node program")
        || !available(script, modules.join(package).is_dir(), "its packages are not installed")
    {
        return;
    }
    let node = Node::dev(None);
    let (http, ws) = (format!("http://{}", node.http()), format!("ws://{}", node.http()));
    succeeds(script, Command::new("node").args([script, &http, &ws]));
}

#[test]
fn ethers() {
    javascript("ethers.mjs", "ethers");
}

#[test]
fn viem() {
    javascript("viem.mjs", "viem");
}

#[test]
fn cast() {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        javascript("cast.mjs", "@foundry-rs/cast-linux-amd64");
    } else {
        println!("SKIPPED cast: tests/clients has its program for Linux on x86-64 alone");
    }
}

#[test]
fn web3_py() {
    let python = directory().join(".venv/bin/python");
    let modules = directory().join("node_modules/solc");
    if !available("web3.py", python.is_file(), "its virtual environment is not there")
        || !available("web3.py", modules.is_dir(), "the contract compiler is not installed")
    {
        return;
    }
    let artifact = Command::new("node").arg("artifact.mjs").current_dir(directory()).output();
    let artifact = artifact.expect("node runs");
    assert!(artifact.status.success(), "{}", String::from_utf8_lossy(&artifact.stderr));
    let artifact = String::from_utf8(artifact.stdout).expect("a path");
    let node = Node::dev(None);
    let http = format!("http://{}", node.http());
    succeeds("web3.py", Command::new(python).args(["web3_smoke.py", &http, artifact.trim()]));
}
