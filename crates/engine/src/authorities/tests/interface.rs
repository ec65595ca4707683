//! The interface in Rust is the one that the compiler published.

use super::super::IAuthorities::{IAuthoritiesCalls, IAuthoritiesErrors, IAuthoritiesEvents};
use serde_json::Value;
use std::collections::BTreeSet;

const ABI: &str = include_str!("../../../../../chainspec/contracts/artifacts/Authorities.abi.json");

/// `(address,uint64)` and the like.
fn canonical(parameter: &Value) -> String {
    let kind = parameter["type"].as_str().unwrap();
    match kind.strip_prefix("tuple") {
        Some(array) => format!("{}{array}", list(&parameter["components"])),
        None => kind.to_owned(),
    }
}

fn list(parameters: &Value) -> String {
    let types: Vec<_> = parameters.as_array().unwrap().iter().map(canonical).collect();
    format!("({})", types.join(","))
}

fn published(kind: &str) -> BTreeSet<String> {
    let abi: Vec<Value> = serde_json::from_str(ABI).unwrap();
    let entries = abi.iter().filter(|entry| entry["type"] == kind);
    entries
        .map(|entry| format!("{}{}", entry["name"].as_str().unwrap(), list(&entry["inputs"])))
        .collect()
}

fn ours(signatures: &[&str]) -> BTreeSet<String> {
    signatures.iter().map(ToString::to_string).collect()
}

#[test]
fn functions_events_and_errors_are_those_of_the_artifact() {
    assert_eq!(ours(IAuthoritiesCalls::SIGNATURES), published("function"));
    assert_eq!(ours(IAuthoritiesEvents::SIGNATURES), published("event"));
    assert_eq!(ours(IAuthoritiesErrors::SIGNATURES), published("error"));
}
