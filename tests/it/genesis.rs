//! `mfenx genesis`: from registrations to a chain that other commands take.

use crate::keys::{keys, register, said};
use alloy_primitives::{Address, address};
use mfenx_chainspec::{ChainSpec, REGISTRY_ADDRESS};
use serde_json::Value;
use std::{fs, path::Path};

fn spec(path: &Path) -> ChainSpec {
    ChainSpec::from_genesis_json(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn everybody_at_a_ceremony_makes_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| register(dir.path(), name));
    let [first, second] = ["first.json", "second.json"].map(|name| dir.path().join(name));
    let account: Address = address!("00000000000000000000000000000000c0ffee00");
    let fund = format!("--fund {account}=12.5 --epoch-blocks 30");
    let command = "genesis --authority {} --authority {} --authority {} --out {}";
    let made = keys(&format!("{command} {fund}"), &[&a, &b, &c, &first]);
    let again = keys(&format!("{command} {fund}"), &[&c, &a, &b, &second]);
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let chain = spec(&first);
    let hash = chain.genesis_header().hash().to_string();
    assert!(said(&made).contains(&hash) && said(&again).contains(&hash), "{made:?}");
    assert!(said(&made).contains("Quorum         majority"), "{made:?}");
    let consensus = chain.consensus().unwrap();
    assert_eq!((consensus.authorities.len(), consensus.epoch_blocks), (3, 30));
    assert!(chain.alloc().contains_key(&REGISTRY_ADDRESS));
    assert_eq!(chain.alloc()[&account].balance.to_string(), "12500000000000000000");

    let taken = keys(&format!("{command} {fund}"), &[&a, &b, &c, &first]);
    assert_eq!(taken.code, Some(2), "{taken:?}");
    assert!(taken.stderr.contains("first.json"), "{taken:?}");

    // Another command takes the file.
    let (blocks, data) = (dir.path().join("none.rlp"), dir.path().join("data"));
    fs::write(&blocks, b"").unwrap();
    let imported = keys("import --unsealed --chain {} --datadir {} {}", &[&first, &data, &blocks]);
    assert!(said(&imported).contains(&hash), "{imported:?}");
}

#[test]
fn a_registration_that_was_tampered_with_makes_no_chain() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| register(dir.path(), name));
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let (good, other) = (read(&a), read(&b));
    let out = dir.path().join("chain.json");
    for field in ["operator", "consensusKey", "vrfKey", "peerId"] {
        let mut spoiled = good.clone();
        spoiled[field] = other[field].clone();
        fs::write(&a, spoiled.to_string()).unwrap();
        let refused = keys("genesis --authority {} --out {}", &[&a, &out]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        let words = ["a.json", "proofs.", "does not prove"];
        assert!(words.iter().all(|word| refused.stderr.contains(word)), "{refused:?}");
        assert!(!out.exists());
    }
}

#[test]
fn authorities_with_power_and_a_rule_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| register(dir.path(), name));
    let with_power = dir.path().join("a.json=5");
    let out = dir.path().join("chain.json");
    let command = "genesis --base dev --authority {} --authority {} --quorum bft --out {}";
    said(&keys(command, &[&with_power, &b, &out]));
    let consensus = spec(&out);
    let consensus = consensus.consensus().unwrap();
    let mut powers: Vec<_> =
        consensus.authorities.iter().map(|authority| authority.power).collect();
    powers.sort_unstable();
    assert_eq!((powers, consensus.quorum), (vec![1, 5], mfenx_node::Quorum::Bft));
    let twice = keys(command, &[&a, &a, &dir.path().join("twice.json")]);
    assert!(twice.stderr.contains("authorities[1].operator"), "{twice:?}");
    let based = dir.path().join("based.json");
    let again = keys("genesis --base {} --authority {} --out {}", &[&out, &b, &based]);
    assert!(again.stderr.contains("authorities already"), "{again:?}");
}
