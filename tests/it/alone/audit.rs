//! Evidence and audit logs of real processes: found while somebody was dead, shown to strangers,
//! checked by the command line, and looked after by `kill -9` and by vandals.

use crate::{
    cluster::{Cluster, until},
    node::{Ended, run},
};
use alloy_primitives::{B256, hex};
use mfenx_consensus::{
    ConsensusKey, Domain, Evidence, Height, NilOrVal, Operator, Round, Vote, VoteType,
};
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

fn log_of(cluster: &Cluster, index: usize) -> PathBuf {
    cluster.members[index].data.join("consensus/audit.log")
}

/// `mfenx audit` with these words about a path.
fn audit(words: &[&str], path: &Path) -> Ended {
    let words = words.iter().map(OsStr::new);
    run(&["audit".as_ref()].into_iter().chain(words).chain([path.as_os_str()]).collect::<Vec<_>>())
}

/// How often a record stands in a log.
fn count(cluster: &Cluster, index: usize, event: &str) -> usize {
    let shown = audit(&["show"], &cluster.members[index].data);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let is_event = |line: &&str| line.split_whitespace().nth(2) == Some(event);
    shown.stdout.lines().filter(is_event).count()
}

/// The consensus key of an authority.
fn key(cluster: &Cluster, index: usize) -> ConsensusKey {
    let directory = cluster.members[index].data.with_file_name(format!("authority{index}"));
    let keys = mfenx_node::keys::load(&directory, None).unwrap();
    ConsensusKey::from_seed(keys.consensus_seed())
}

/// Two precommits of the second authority in block 1.
fn evidence(cluster: &Cluster) -> Evidence {
    let rpc = cluster.rpc(0);
    let genesis = rpc.get("eth_getBlockByNumber", json!(["0x0", false]));
    let genesis_hash = serde_json::from_value(genesis["hash"].clone()).unwrap();
    let domain = Domain { chain_id: rpc.quantity("eth_chainId", json!([])), genesis_hash };
    let operator = serde_json::from_value(cluster.status(1)["operator"].clone()).unwrap();
    let vote = |value| {
        let (kind, height, round) = (VoteType::Precommit, Height(1), Round::new(0));
        let vote = Vote { kind, height, round, value, operator: Operator(operator) };
        key(cluster, 1).sign_vote(&domain, vote)
    };
    Evidence::of_votes(vote(NilOrVal::Nil), vote(NilOrVal::Val(B256::repeat_byte(7)))).unwrap()
}

fn kept(cluster: &Cluster, index: usize) -> Vec<Value> {
    let kept = cluster.rpc(index).get("mfenx_getEvidence", json!([]));
    kept.as_array().unwrap_or_else(|| panic!("{kept}")).clone()
}

#[test]
fn evidence_reaches_whoever_was_dead_and_strangers_can_check_it() {
    let mut cluster = Cluster::started(3, 1, "majority");
    let found = evidence(&cluster);
    // One has heard of it, dies in the middle of a line of its audit log, and comes back.
    cluster.kill(2);
    let line = format!("{} {}\n", hex::encode(found.encode()), hex::encode(&found.digest()[..16]));
    fs::write(cluster.members[2].data.join("consensus/evidence"), line).unwrap();
    let mut torn = fs::OpenOptions::new().append(true).open(log_of(&cluster, 2)).unwrap();
    torn.write_all(br#"{"n":99,"time":17"#).unwrap();
    let unfinished = audit(&["verify"], &cluster.members[2].data);
    assert!(
        unfinished.code == Some(1) && unfinished.stderr.contains("unfinished"),
        "{unfinished:?}"
    );
    cluster.start(2);
    for index in 0..4 {
        until(&format!("node {index} has it"), || kept(&cluster, index).len() == 1);
    }
    let one = &kept(&cluster, 3)[0];
    assert_eq!((&one["kind"], &one["height"]), (&json!("precommit"), &json!("0x1")));
    assert_eq!(one["operator"], cluster.status(1)["operator"]);
    let url = format!("http://{}", cluster.node(3).http());
    let checked = run(&["authorities", "evidence", "--rpc", &url]);
    assert!(checked.code == Some(0), "{checked:?}");
    assert!(checked.stdout.contains("both signatures hold"), "{checked:?}");
    let programs = run(&["authorities", "evidence", "--rpc", &url, "--json"]);
    let programs: Value = serde_json::from_str(&programs.stdout).unwrap();
    assert_eq!(programs["evidence"][0]["fault"], Value::Null);
    let public = B256::from(key(&cluster, 1).public_key().to_bytes());
    assert_eq!(programs["evidence"][0]["consensusKey"], json!(public));
    // Whoever heard of it wrote that down; who was killed says that a line was cut off.
    for index in 0..2 {
        until(&format!("node {index} wrote it down"), || count(&cluster, index, "evidence") == 1);
    }
    assert_eq!((count(&cluster, 2, "cut"), count(&cluster, 2, "started")), (1, 2));
    assert!(!log_of(&cluster, 3).exists(), "a follower signs nothing");
    assert!(cluster.node(0).metric("mfenx_audit_records_total") >= 4.0);
    assert_eq!(cluster.node(0).metric("mfenx_audit_failures_total"), 0.0);
    cluster.stop();
}

#[test]
fn a_log_that_somebody_changed_is_found_and_refused() {
    let mut cluster = Cluster::started(3, 0, "majority");
    cluster.kill(2);
    cluster.start(2);
    cluster.advance(&[0, 2], 1);
    for index in 0..3 {
        let data = cluster.members[index].data.clone();
        let key = B256::from(key(&cluster, index).public_key().to_bytes()).to_string();
        let held = audit(&["verify", "--key", &key], &data);
        assert!(held.code == Some(0) && held.stdout.contains("records hold"), "{held:?}");
        let other = B256::ZERO.to_string();
        assert_eq!(audit(&["verify", "--key", &other], &data).code, Some(1));
        assert_eq!(audit(&["verify", "--contains", &other], &data).code, Some(1));
    }
    let (data, log) = (cluster.members[2].data.clone(), log_of(&cluster, 2));
    cluster.kill(2);
    let before = fs::read_to_string(&log).unwrap();
    let changed = before.replacen("\"started\"", "\"Started\"", 1);
    assert_ne!(changed, before);
    fs::write(&log, &changed).unwrap();
    let found = audit(&["verify"], &data);
    assert!(found.code == Some(1) && found.stderr.contains("line 2:"), "{found:?}");
    let command = cluster.command(2, &data, cluster.members[2].p2p);
    let refused = refused(command);
    assert!(refused.contains("damaged at line 3") && refused.contains("move the file away"));
    assert_eq!(fs::read_to_string(&log).unwrap(), changed, "it was left as it is");
    // As it was advised.
    fs::rename(&log, log.with_file_name("audit.log.changed")).unwrap();
    cluster.start(2);
    until("it votes again", || cluster.status(2)["authority"] == json!(true));
    assert_eq!(audit(&["verify"], &data).code, Some(0));
    cluster.assert_no_fork();
    cluster.stop();
    let empty = tempfile::tempdir().unwrap();
    let nothing = audit(&["verify"], empty.path());
    assert!(nothing.code == Some(2) && nothing.stderr.contains("no audit log"), "{nothing:?}");
}

/// The error line of a node that does not start.
fn refused(mut command: std::process::Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).trim_end().lines().last().unwrap_or_default().into()
}
