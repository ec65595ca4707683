//! Nodes that die, lose their memory, are copied, or have a wrong clock.

use crate::{
    cluster::{Cluster, Served, any_port, free, load, nothing_is_lost, until},
    node::Node,
};
use serde_json::json;
use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Longest time until a key that runs twice is noticed: each of its turns is a chance.
const TWICE_TIME_MAX: Duration = Duration::from_secs(40);

/// Runs `act` while account `index` sends to member `to`; what the member served.
fn under_load(cluster: &mut Cluster, to: usize, act: impl FnOnce(&mut Cluster)) -> Vec<Served> {
    let stop = AtomicBool::new(false);
    let rpc = cluster.rpc(to);
    thread::scope(|scope| {
        let sender = scope.spawn(|| load(&rpc, to as u32, &stop));
        act(cluster);
        stop.store(true, Ordering::SeqCst);
        sender.join().expect("the sender")
    })
}

/// One is killed while the network works, and comes back.
fn one_dies(authorities: usize, quorum: &str) {
    let mut cluster = Cluster::started(authorities, 0, quorum);
    let (victim, others) = (authorities - 1, (0..authorities - 1).collect::<Vec<_>>());
    let served = under_load(&mut cluster, 0, |cluster| {
        cluster.advance(&[0], 1);
        cluster.kill(victim);
        // Long enough that the dead one would have had a turn.
        cluster.advance(&others, authorities as u64 + 1);
        cluster.start(victim);
        let goal = cluster.head(0);
        until("the killed one is back", || cluster.head(victim) >= goal);
        until("it votes again", || cluster.status(victim)["authority"] == json!(true));
        cluster.advance(&[0, victim], 2);
    });
    for index in 0..authorities {
        until("everybody has everything", || cluster.head(index) >= cluster.head(0));
        nothing_is_lost(&cluster.rpc(index), &served);
    }
    cluster.assert_no_fork();
    let missed = cluster.rpc(0).get("mfenx_getMissedRounds", json!(["0x400"]));
    println!("{authorities} authorities, {quorum}: {} served; {missed}", served.len());
    cluster.stop();
}

#[test]
fn a_majority_of_three_loses_one_and_gets_it_back() {
    one_dies(3, "majority");
}

#[test]
fn four_lose_one_and_get_it_back() {
    one_dies(4, "bft");
}

#[test]
fn all_die_at_once_and_go_on_from_the_same_head() {
    let mut cluster = Cluster::started(3, 0, "majority");
    let served = under_load(&mut cluster, 1, |cluster| cluster.advance(&[0, 1, 2], 2));
    let before: Vec<_> = (0..3).map(|index| cluster.head(index)).collect();
    cluster.kill_all();
    for index in 0..3 {
        cluster.start(index);
    }
    for (index, before) in before.iter().enumerate() {
        assert!(cluster.head(index) >= *before, "node {index} went back");
    }
    cluster.advance(&[0, 1, 2], 3);
    for index in 0..3 {
        nothing_is_lost(&cluster.rpc(index), &served);
    }
    cluster.assert_no_fork();
    cluster.stop();
}

#[test]
fn a_wiped_authority_syncs_before_it_votes() {
    let mut cluster = Cluster::started(3, 0, "majority");
    cluster.kill(2);
    cluster.wipe(2);
    cluster.advance(&[0, 1], 2);
    cluster.start(2);
    let goal = cluster.head(0);
    // Whatever it says while it votes, it says of a height above what it has seen decided.
    until("it votes", || {
        let status = cluster.status(2);
        let votes = status["authority"] == json!(true);
        assert!(!votes || cluster.head(2) >= goal, "it votes behind: {status}");
        votes
    });
    cluster.advance(&[0, 1, 2], 3);
    cluster.assert_no_fork();
    cluster.stop();
}

/// From an old copy of its directory, while the others went on: it says so, and votes again by itself.
/// Nobody ever has evidence against it.
#[test]
fn an_authority_that_is_restored_signs_nothing_again() {
    let mut cluster = Cluster::started(3, 0, "majority");
    cluster.kill(2);
    let data = cluster.members[2].data.clone();
    let [backup, moved] = ["backup", "moved"].map(|name| data.with_file_name(name));
    let copied = Command::new("cp").arg("-a").args([&data, &backup]).status();
    assert!(copied.unwrap().success());
    // A directory that is renamed is the same one.
    fs::rename(&data, &moved).unwrap();
    cluster.members[2].data = moved.clone();
    cluster.start(2);
    cluster.all_vote();
    cluster.advance(&[2], 3);
    assert!(!cluster.node(2).log().contains("IS A COPY"));
    cluster.kill(2);
    fs::remove_dir_all(&moved).unwrap();
    cluster.members[2].data = backup.clone();
    let goal = cluster.head(0);
    cluster.start(2);
    until("it votes", || {
        let status = cluster.status(2);
        let votes = status["authority"] == json!(true);
        assert!(!votes || cluster.head(2) >= goal, "it votes behind: {status}");
        votes
    });
    assert!(cluster.node(2).log().contains("THIS DIRECTORY IS A COPY"));
    cluster.advance(&[0, 1, 2], 3);
    cluster.assert_no_fork();
    for index in 0..3 {
        assert_eq!(cluster.evidence(index), 0, "at node {index}");
    }
    cluster.stop();
}

/// Longer than it takes the others to notice, by their pings.
const FROZEN: Duration = Duration::from_secs(12);

/// A machine that sleeps hears nothing and says nothing, and then takes itself for awake all the
/// time: to the others a partition, to it a jump of the clock.
#[test]
fn one_that_froze_wakes_up_and_goes_on() {
    let cluster = Cluster::started(4, 0, "bft");
    cluster.signal(3, "STOP");
    let start = Instant::now();
    while start.elapsed() < FROZEN {
        cluster.advance(&[0, 1, 2], 1);
    }
    // Now nobody has more than two thirds.
    cluster.signal(2, "STOP");
    thread::sleep(Duration::from_secs(1));
    let before = cluster.head(0);
    thread::sleep(Duration::from_secs(4));
    assert_eq!(cluster.head(0), before, "two of four decided");
    cluster.signal(2, "CONT");
    cluster.signal(3, "CONT");
    cluster.advance(&[0, 1, 2, 3], 3);
    cluster.assert_no_fork();
    cluster.stop();
}

/// The same keys on a second machine that has nothing of the first one's record: one of the two finds
/// blocks that its keys signed elsewhere and stops, or somebody has evidence; the others go on.
#[test]
fn keys_that_run_twice_are_noticed_and_do_not_fork_four() {
    let mut cluster = Cluster::started(4, 0, "bft");
    let scratch = tempfile::tempdir().unwrap();
    let command = cluster.command(3, &scratch.path().join("clone"), free());
    let mut clone = Node::from_command(command);
    let mut noticed = String::new();
    // Both build a block when it is their turn, with different transactions in it.
    let served = under_load(&mut cluster, 0, |cluster| {
        let start = Instant::now();
        while noticed.is_empty() && start.elapsed() < TWICE_TIME_MAX {
            thread::sleep(Duration::from_millis(200));
            let evidence: usize = (0..3).map(|index| cluster.evidence(index)).sum();
            if !clone.is_running() {
                noticed = format!("the clone: {}", last_line(&clone.log()));
            } else if !cluster.is_running(3) {
                noticed = format!("the original: {}", last_line(&cluster.node(3).log()));
            } else if evidence > 0 {
                noticed = format!("{evidence} pieces of evidence");
            }
        }
    });
    println!("block {}, noticed by {noticed}", cluster.head(0));
    assert!(!noticed.is_empty(), "a key ran twice and nobody noticed");
    assert!(!noticed.starts_with("the ") || noticed.contains("node"), "{noticed}");
    cluster.kill(3);
    drop(clone);
    cluster.advance(&[0, 1, 2], 2);
    nothing_is_lost(&cluster.rpc(1), &served);
    cluster.assert_no_fork();
    cluster.stop();
}

fn last_line(log: &str) -> String {
    log.trim_end().lines().last().unwrap_or_default().to_owned()
}

/// What makes `libfaketime` part of a process: the value of `LD_PRELOAD` that `faketime` sets. The
/// program itself would stand between the node and its signals.
fn preload() -> Option<String> {
    let output = Command::new("faketime").args(["-f", "+0s", "env"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).map(str::to_owned)
}

#[test]
fn a_clock_an_hour_off_is_survived() {
    let Some(preload) = preload() else {
        println!("SKIPPED a_clock_an_hour_off_is_survived: faketime is not installed");
        return;
    };
    for offset in ["+3600s", "-3600s"] {
        let mut cluster = Cluster::new(3, 0, "majority", |_| (free(), any_port()));
        let preload = preload.clone();
        cluster.wrap(2, move |mut command| {
            command.env("LD_PRELOAD", &preload).env("FAKETIME", offset);
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
            command
        });
        for index in 0..3 {
            cluster.start(index);
        }
        cluster.advance(&[0, 1, 2], 5);
        cluster.assert_no_fork();
        // A clock that is behind has its way until another one has proposed; one that is ahead would
        // have it for ever, since timestamps grow.
        until("the chain has the time of the others", || {
            let latest = cluster.rpc(0).get("eth_getBlockByNumber", json!(["latest", false]));
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            crate::rpc::quantity(&latest["timestamp"]).abs_diff(now) < 60
        });
        let missed = cluster.rpc(0).get("mfenx_getMissedRounds", json!([]));
        println!("{offset}: block {}, {missed}", cluster.head(0));
        cluster.stop();
    }
}
