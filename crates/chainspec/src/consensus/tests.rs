use super::*;
use crate::{ChainSpec, ChainSpecError, REGISTRY_ADDRESS, peer_id::peer_id_of_key};
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};

fn authorities(count: u8) -> Vec<Authority> {
    let key = |index, role| {
        let mut key = [role; 32];
        key[0] = index;
        key
    };
    (0..count)
        .map(|index| Authority {
            operator: Address::repeat_byte(index + 1),
            consensus_key: key(index, 0xc0),
            vrf_key: key(index, 0xf0),
            peer_id: peer_id_of_key(key(index, 0x90)),
            power: 1,
        })
        .collect()
}

fn params(count: u8) -> ConsensusParams {
    ConsensusParams {
        quorum: default_quorum(count.into()),
        epoch_blocks: 100,
        authorities: authorities(count),
        timeouts: ConsensusTimeouts::default(),
    }
}

/// The error for a section that `change` spoiled.
fn spoiled(change: impl FnOnce(&mut Value)) -> String {
    let mut section = params(3).to_json();
    change(&mut section);
    ConsensusParams::from_json(&section).unwrap_err().to_string()
}

#[test]
fn a_section_is_read_as_it_was_written() {
    for count in [1, 3, 4, 128] {
        let mut params = params(count);
        assert_eq!(ConsensusParams::from_json(&params.to_json()).unwrap(), params);
        params.quorum = Quorum::Bft;
        params.authorities[0].power = 7;
        params.timeouts.delta_ms = 11;
        assert_eq!(ConsensusParams::from_json(&params.to_json()).unwrap(), params);
    }
}

#[test]
fn quorum_and_timeouts_have_defaults() {
    for (count, quorum) in [(1, Quorum::Majority), (3, Quorum::Majority), (4, Quorum::Bft)] {
        let mut section = params(count).to_json();
        section.as_object_mut().unwrap().remove("quorum");
        section.as_object_mut().unwrap().remove("timeoutsMs");
        let read = ConsensusParams::from_json(&section).unwrap();
        assert_eq!((read.quorum, read.timeouts), (quorum, ConsensusTimeouts::default()));
    }
}

#[test]
fn errors_name_the_field() {
    let cases: [(&str, &str, Value); 12] = [
        ("/quorum", "consensus.quorum", json!("most")),
        ("/epochBlocks", "consensus.epochBlocks", json!(0)),
        ("/epochBlocks", "consensus", json!(-1)),
        ("/timeoutsMs/propose", "consensus.timeoutsMs.propose", json!(0)),
        ("/authorities", "consensus.authorities", json!([])),
        ("/authorities/1/power", "consensus.authorities[1].power", json!(0)),
        ("/authorities/1/operator", "consensus.authorities[1].operator", json!("0x01")),
        ("/authorities/2/consensusKey", "consensus.authorities[2].consensusKey", json!("0x01")),
        ("/authorities/2/vrfKey", "consensus.authorities[2].vrfKey", json!(format!("0x{:064}", 0))),
        ("/authorities/0/peerId", "consensus.authorities[0].peerId", json!("12D3Koo")),
        ("/authorities/0/power", "consensus.authorities[0]", json!(1.5)),
        ("/authorities/1/operator", "consensus.authorities[1].operator", json!("11".repeat(20))),
    ];
    for (pointer, field, value) in cases {
        let error = spoiled(|section| *section.pointer_mut(pointer).unwrap() = value);
        assert!(error.contains(&format!("`config.mfenx.{field}`")), "{error}");
    }
}

#[test]
fn unknown_and_missing_fields_are_refused() {
    assert!(spoiled(|section| section["epoch"] = json!(1)).contains("epoch"));
    assert!(spoiled(|section| section["timeoutsMs"]["vote"] = json!(1)).contains("vote"));
    let error = spoiled(|section| section["authorities"][1]["name"] = json!("x"));
    assert!(error.contains("authorities[1]") && error.contains("name"), "{error}");
    for field in ["operator", "consensusKey", "vrfKey", "peerId", "power"] {
        let error = spoiled(|section| {
            section["authorities"][0].as_object_mut().unwrap().remove(field);
        });
        assert!(error.contains("authorities[0]") && error.contains(field), "{error}");
    }
}

#[test]
fn nothing_stands_twice() {
    let keys = [("consensusKey", "consensusKey"), ("vrfKey", "consensusKey"), ("vrfKey", "vrfKey")];
    for (first, second) in keys {
        let error = spoiled(|section| {
            section["authorities"][2][second] = section["authorities"][0][first].clone();
        });
        let names = [format!("authorities[2].{second}"), format!("authorities[0].{first}")];
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
    }
    for field in ["operator", "peerId"] {
        let error = spoiled(|section| {
            section["authorities"][2][field] = section["authorities"][1][field].clone();
        });
        assert!(error.contains(&format!("authorities[2].{field}")), "{error}");
    }
    // One identity for consensus and for the network.
    let mut params = params(2);
    params.authorities[1].peer_id = peer_id_of_key(params.authorities[1].consensus_key);
    let error = params.check().unwrap_err().to_string();
    assert!(error.contains("authorities[1].peerId"), "{error}");
}

#[test]
fn number_and_power_are_bounded() {
    let mut many = params(129);
    assert!(many.check().unwrap_err().to_string().contains("129 authorities"));
    many.authorities.truncate(128);
    many.check().unwrap();
    let mut strong = params(2);
    strong.authorities[0].power = TOTAL_POWER_MAX;
    assert!(strong.check().unwrap_err().to_string().contains("2^63"));
    strong.authorities[0].power -= 1;
    strong.check().unwrap();
    strong.authorities[0].power = u64::MAX;
    strong.authorities[1].power = u64::MAX;
    assert!(strong.check().unwrap_err().to_string().contains("2^63"));
}

#[test]
fn a_chain_file_with_authorities_agrees_with_its_registry() {
    let params = params(3);
    let mut genesis = ChainSpec::mfenx().unwrap().genesis().clone();
    params.install(&mut genesis).unwrap();
    let json = serde_json::to_string(&genesis).unwrap();
    let spec = ChainSpec::from_genesis_json(&json).unwrap();
    assert_eq!(spec.consensus(), Some(&params));
    assert_eq!(spec.params(), ChainSpec::mfenx().unwrap().params());

    let refused = |genesis| {
        let error = ChainSpec::from_genesis(genesis).unwrap_err();
        assert!(matches!(error, ChainSpecError::Consensus { .. }), "{error}");
        assert!(error.to_string().contains("mfenx genesis"), "{error}");
    };
    let mut without = genesis.clone();
    without.alloc.remove(&REGISTRY_ADDRESS);
    refused(without);
    let mut other_code = genesis.clone();
    other_code.alloc.get_mut(&REGISTRY_ADDRESS).unwrap().code = Some([0xfe].into());
    refused(other_code);
    let mut other_set = genesis.clone();
    let storage = other_set.alloc.get_mut(&REGISTRY_ADDRESS).unwrap().storage.as_mut().unwrap();
    storage.insert(U256::from(9).into(), U256::ONE.into());
    refused(other_set);
    let mut other_rule = genesis;
    let section = other_rule.config.extra_fields.get_mut("mfenx").unwrap();
    section["consensus"]["quorum"] = json!("bft");
    refused(other_rule);
}

#[test]
fn the_genesis_hash_commits_to_the_authorities() {
    let hash = |change: &dyn Fn(&mut ConsensusParams)| {
        let mut params = params(4);
        change(&mut params);
        let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
        params.install(&mut genesis).unwrap();
        ChainSpec::from_genesis(genesis).unwrap().genesis_header().hash()
    };
    let all = [
        hash(&|_| {}),
        hash(&|params| params.epoch_blocks += 1),
        hash(&|params| params.quorum = Quorum::Majority),
        hash(&|params| params.authorities[3].power += 1),
        hash(&|params| params.authorities[3].vrf_key[5] ^= 1),
        hash(&|params| params.authorities.swap(0, 1)),
    ];
    for (index, hash) in all.iter().enumerate() {
        assert!(!all[..index].contains(hash), "{index}");
    }
}

#[test]
fn chains_without_authorities_have_no_consensus() {
    assert!(ChainSpec::dev().unwrap().consensus().is_none());
    assert!(ChainSpec::mfenx().unwrap().consensus().is_none());
}
