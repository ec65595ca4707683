//! Authorities and certificates that a test makes up, and the methods that show them.

use crate::chain::{TestChain, account};
use alloy_primitives::{Address, B256};
use mfenx_primitives::{Authority, Quorum};
use mfenx_rpc::{
    ConsensusRecords, ConsensusStatus, DecisionRecord, EvidenceRecord, Health, HealthLimits,
    RpcError, SignedMessage, Validators,
};
use mfenx_storage::Reader;
use serde_json::{Value, json};
use std::time::Duration;

/// Three authorities; block 3 took three rounds, every other block one. Signatures and proofs are
/// only bytes.
#[derive(Debug)]
pub(crate) struct FixedRecords;

fn authority(index: u8) -> Authority {
    Authority {
        operator: Address::repeat_byte(0xa0 + index),
        consensus_key: [0x10 + index; 32],
        vrf_key: [0x20 + index; 32],
        peer_id: mfenx_chainspec::peer_id_of_key([0x30 + index; 32]),
        power: 1,
    }
}

impl ConsensusRecords for FixedRecords {
    fn validators(&self, _: &Reader, number: u64) -> Result<Validators, RpcError> {
        let turns = if number == 0 { Vec::new() } else { vec![2, 0, 1] };
        Ok(Validators {
            epoch: number / 100,
            first_block: 0,
            last_block: 99,
            quorum: Quorum::Majority,
            authorities: (0..3).map(authority).collect(),
            turns,
        })
    }

    fn record(&self, reader: &Reader, number: u64) -> Result<Option<DecisionRecord>, RpcError> {
        if number == 0 {
            return Ok(None);
        }
        let round = if number == 3 { 2 } else { 0 };
        Ok(Some(DecisionRecord {
            round,
            block_hash: reader.block_hash(number)?.unwrap_or_default(),
            signatures: vec![(0, [0x40; 64]), (2, [0x42; 64])],
            built_round: round,
            builder: if round == 0 { 2 } else { 1 },
            seed: B256::repeat_byte(0x50),
            alpha: b"mfenx/vrf/v1".to_vec(),
            proof: vec![0x60; 80],
            output: [0x70; 64],
            next_seed: B256::repeat_byte(0x51),
        }))
    }
}

/// What a driver would say.
pub(crate) fn status() -> ConsensusStatus {
    ConsensusStatus {
        operator: Some(authority(1).operator),
        is_authority: true,
        height: 5,
        round: 1,
        step: "prevote",
        proposer: Some(authority(0).operator),
        missed_rounds: vec![(authority(2).operator, 1)],
        last_commit: Some(Duration::from_millis(12)),
    }
}

/// Two votes of the third authority.
pub(crate) fn evidence(height: u64, index: u8) -> EvidenceRecord {
    let message = |byte: u8| SignedMessage {
        block_hash: (byte > 0).then(|| B256::repeat_byte(byte)),
        signed: [b"mfenx/consensus/v1".as_slice(), &[1, byte]].concat(),
        signature: [0x80 + byte; 64],
    };
    EvidenceRecord {
        operator: authority(index).operator,
        epoch: height / 100,
        height,
        round: 1,
        kind: "prevote",
        messages: [message(0), message(1)],
        proof: vec![1, 1, index, height as u8],
    }
}

async fn four_blocks() -> TestChain {
    let chain = TestChain::new();
    for _ in 0..4 {
        chain.mine(Vec::new());
    }
    chain
}

#[tokio::test]
async fn a_certificate_names_the_block_and_its_signers() {
    let chain = four_blocks().await;
    let certificate = chain.ask("mfenx_getCertificate", json!(["0x3"])).await;
    let block = chain.ask("eth_getBlockByNumber", json!(["0x3", false])).await;
    assert_eq!(certificate["blockHash"], block["hash"]);
    assert_eq!((&certificate["height"], &certificate["round"]), (&json!("0x3"), &json!("0x2")));
    let operators: Vec<_> = certificate["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["operator"].clone())
        .collect();
    assert_eq!(operators, [json!(authority(0).operator), json!(authority(2).operator)]);
    assert_eq!(chain.ask("mfenx_getCertificate", json!(["0x0"])).await, Value::Null);
    let by_hash = chain.ask("mfenx_getCertificate", json!([block["hash"]])).await;
    assert_eq!(by_hash, certificate);
    assert_eq!(chain.refusal("mfenx_getCertificate", json!(["0x5"])).await.0, -32000);
}

#[tokio::test]
async fn a_proof_is_that_of_the_builder() {
    let chain = four_blocks().await;
    let proof = chain.ask("mfenx_getVrfProof", json!([])).await;
    assert_eq!(proof["operator"], json!(authority(2).operator));
    assert_eq!(proof["vrfKey"], json!(B256::repeat_byte(0x22)));
    assert_eq!(proof["prevRandao"], json!(B256::repeat_byte(1)));
    let late = chain.ask("mfenx_getVrfProof", json!(["0x3"])).await;
    assert_eq!((&late["index"], &late["builtRound"]), (&json!("0x1"), &json!("0x2")));
}

#[tokio::test]
async fn missed_rounds_are_counted_for_whoever_missed_them() {
    let chain = four_blocks().await;
    let missed = chain.ask("mfenx_getMissedRounds", json!(["0x64"])).await;
    assert_eq!((&missed["firstBlock"], &missed["lastBlock"]), (&json!("0x1"), &json!("0x4")));
    assert_eq!(missed["missed"], "0x2");
    // Turns go 2, 0, 1: in block 3 the first two of them passed.
    let turns = |index: u8| {
        let operator = json!(authority(index).operator);
        let all = missed["validators"].as_array().unwrap();
        let one = all.iter().find(|one| one["operator"] == operator).unwrap();
        (one["proposed"].clone(), one["missed"].clone())
    };
    assert_eq!(turns(0), (json!("0x0"), json!("0x1")));
    assert_eq!(turns(1), (json!("0x1"), json!("0x0")));
    assert_eq!(turns(2), (json!("0x3"), json!("0x1")));
    let one = chain.ask("mfenx_getMissedRounds", json!(["0x1", "0x4"])).await;
    assert_eq!(one["missed"], "0x0");
    for count in ["0x0", "0x401"] {
        assert_eq!(chain.refusal("mfenx_getMissedRounds", json!([count])).await.0, -32602);
    }
}

#[tokio::test]
async fn authorities_come_with_the_order_of_their_turns() {
    let chain = four_blocks().await;
    let set = chain.ask("mfenx_getValidators", json!([])).await;
    assert_eq!((&set["quorum"], &set["totalPower"]), (&json!("majority"), &json!("0x3")));
    assert_eq!(set["turns"], json!(["0x2", "0x0", "0x1"]));
    let peer = set["validators"][1]["peerId"].as_str().unwrap();
    assert!(peer.starts_with("12D3KooW"), "{peer}");
    let genesis = chain.ask("mfenx_getValidators", json!(["earliest"])).await;
    assert_eq!(genesis["turns"], json!([]));
}

#[tokio::test]
async fn evidence_is_what_the_node_keeps_newest_first_and_bounded() {
    let chain = TestChain::new();
    assert_eq!(chain.ask("mfenx_getEvidence", json!([])).await, Value::Null);
    chain.status.set_evidence(Vec::new());
    assert_eq!(chain.ask("mfenx_getEvidence", json!([])).await, json!([]));
    chain
        .status
        .set_evidence((0..300).map(|height| evidence(height, (height % 2) as u8)).collect());
    let all = chain.ask("mfenx_getEvidence", json!([])).await;
    let all = all.as_array().unwrap();
    assert_eq!((all.len(), &all[0]["height"]), (256, &json!("0x12b")));
    assert_eq!(all[0]["epoch"], "0x2");
    let messages = all[0]["messages"].as_array().unwrap();
    assert_eq!(messages[0]["blockHash"], Value::Null);
    assert_eq!(messages[1]["blockHash"], json!(B256::repeat_byte(1)));
    let of_one = json!([authority(1).operator]);
    let of_one = chain.ask("mfenx_getEvidence", of_one).await;
    assert!(of_one.as_array().unwrap().iter().all(|it| it["operator"] == all[0]["operator"]));
    assert_eq!(of_one.as_array().unwrap().len(), 150);
    let nobody = chain.ask("mfenx_getEvidence", json!([account(0)])).await;
    assert_eq!(nobody, json!([]));
    for wrong in [json!(["0x12"]), json!([7]), json!([account(0), account(0)])] {
        assert_eq!(chain.refusal("mfenx_getEvidence", wrong).await.0, -32602);
    }
}

#[tokio::test]
async fn the_status_is_what_the_driver_said_last() {
    let chain = TestChain::new();
    assert_eq!(chain.ask("mfenx_consensusStatus", json!([])).await, Value::Null);
    chain.status.set_consensus(status());
    chain.status.set_peers(2);
    let limits = HealthLimits { head_age_max: Duration::MAX, lag_blocks_max: 0, peers_min: 0 };
    chain.status.set_health(Health { head_age: Duration::ZERO, lag_blocks: 0, peers: 2, limits });
    let said = chain.ask("mfenx_consensusStatus", json!([])).await;
    assert_eq!((&said["step"], &said["authority"]), (&json!("prevote"), &json!(true)));
    assert_eq!((&said["peers"], &said["lastCommitMs"]), (&json!("0x2"), &json!("0xc")));
    assert_ne!(said["operator"], json!(account(0)));
}
