//! The script that keeps the layers apart finds what it should find.

use serde_json::Value;
use std::{path::Path, process::Command};

/// Runs `scripts/layers` over the workspace's metadata after `change`; whether it passed, and what
/// it said.
fn layers(change: impl FnOnce(&mut Vec<Value>)) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let output = command.current_dir(root).output().expect("cargo");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    change(metadata["packages"].as_array_mut().expect("a list"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), metadata.to_string()).unwrap();
    let mut script = Command::new("python3");
    let output = script.arg(root.join("scripts/layers")).arg("--metadata").arg(file.path());
    let output = output.output().expect("python3");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Gives `from` a dependency on `to`, modelled on one it has.
fn add_edge(packages: &mut [Value], from: &str, to: &str, kind: Option<&str>) {
    let package = packages.iter_mut().find(|package| package["name"] == from).expect(from);
    let dependencies = package["dependencies"].as_array_mut().expect("a list");
    let mut dependency = dependencies.first().expect("every crate has a dependency").clone();
    dependency["name"] = to.into();
    dependency["kind"] = kind.into();
    dependencies.push(dependency);
}

#[test]
fn the_workspace_keeps_its_layers() {
    let (passed, said) = layers(|_| {});
    assert!(passed, "{said}");
}

#[test]
fn an_edge_that_is_not_in_the_table_is_named() {
    for (from, to, kind) in [
        ("mfenx-rpc", "mfenx-engine", None),
        ("mfenx-storage", "mfenx-chainspec", None),
        ("mfenx-gateway", "mfenx-storage", Some("build")),
        ("mfenx-primitives", "mfenx-storage", Some("dev")),
        ("mfenx", "mfenx-rpc", None),
    ] {
        let (passed, said) = layers(|packages| add_edge(packages, from, to, kind));
        assert!(!passed, "{from} -> {to} passed");
        let named = said.lines().any(|line| line.contains(from) && line.contains(to));
        assert!(named, "{from} -> {to}: {said}");
    }
}

#[test]
fn a_test_may_look_at_its_own_layer() {
    let edge = ("mfenx-storage", "mfenx-chainspec", Some("dev"));
    let (passed, said) = layers(|packages| add_edge(packages, edge.0, edge.1, edge.2));
    assert!(passed, "{said}");
}

#[test]
fn an_unknown_crate_is_named() {
    let (passed, said) = layers(|packages| {
        let mut stranger = packages[0].clone();
        stranger["name"] = "mfenx-utils".into();
        packages.push(stranger);
    });
    assert!(!passed && said.contains("mfenx-utils"), "{said}");
}
