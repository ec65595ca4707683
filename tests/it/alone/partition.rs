//! A network that falls apart and heals: each node in a network namespace of its own, joined by a
//! bridge. A cut is a pair of blackhole routes, so that the test still reaches every node.
//!
//! Making namespaces needs a privilege; without it the test says `SKIPPED`.

use crate::cluster::{Cluster, until};
use serde_json::json;
use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

const P2P_PORT: u16 = 7177;
const HTTP_PORT: u16 = 8545;

/// A bridge and namespaces behind it; removed when it is dropped.
struct Namespaces {
    prefix: String,
    subnet: u32,
    count: usize,
}

fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Namespaces {
    /// None where the system does not permit it.
    fn new(count: usize) -> Option<Self> {
        let id = std::process::id();
        // An interface's name has at most 15 characters.
        let this = Self { prefix: format!("mfx{}", id % 100_000), subnet: id % 250, count };
        let Self { prefix, subnet, .. } = &this;
        let bridge = format!("{prefix}b");
        let mut fine = ip(&format!("link add {bridge} type bridge"))
            && ip(&format!("addr add 10.213.{subnet}.254/24 dev {bridge}"))
            && ip(&format!("link set {bridge} up"));
        for index in 0..count {
            let (space, host, inner) =
                (this.name(index), format!("{prefix}h{index}"), format!("{prefix}n{index}"));
            fine = fine
                && ip(&format!("netns add {space}"))
                && ip(&format!("link add {host} type veth peer name {inner}"))
                && ip(&format!("link set {inner} netns {space}"))
                && ip(&format!("link set {host} master {bridge}"))
                && ip(&format!("link set {host} up"))
                && ip(&format!("-n {space} addr add {}/24 dev {inner}", this.address(index)))
                && ip(&format!("-n {space} link set {inner} up"))
                && ip(&format!("-n {space} link set lo up"));
        }
        fine.then_some(this)
    }

    fn name(&self, index: usize) -> String {
        format!("{}s{index}", self.prefix)
    }

    fn address(&self, index: usize) -> String {
        format!("10.213.{}.{}", self.subnet, index + 1)
    }

    fn socket(&self, index: usize, port: u16) -> SocketAddr {
        format!("{}:{port}", self.address(index)).parse().unwrap()
    }

    /// Adds or removes the cut between every node of one side and every node of the other.
    fn cut(&self, action: &str, one: &[usize], other: &[usize]) {
        for (from, to) in one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))) {
            for (here, there) in [(from, to), (to, from)] {
                let (space, address) = (self.name(here), self.address(there));
                assert!(ip(&format!("-n {space} route {action} blackhole {address}/32")));
            }
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for index in 0..self.count {
            ip(&format!("netns del {}", self.name(index)));
            ip(&format!("link del {}h{index}", self.prefix));
        }
        ip(&format!("link del {}b", self.prefix));
    }
}

/// A cluster whose nodes live in the namespaces.
fn apart(spaces: &Namespaces, authorities: usize, quorum: &str) -> Cluster {
    let address = |index| (spaces.socket(index, P2P_PORT), spaces.socket(index, HTTP_PORT));
    let mut cluster = Cluster::new(authorities, 0, quorum, address);
    for index in 0..authorities {
        let space = spaces.name(index);
        cluster.wrap(index, move |command| {
            let mut wrapped = Command::new("ip");
            wrapped.args(["netns", "exec", &space]);
            wrapped.arg(command.get_program()).args(command.get_args());
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => wrapped.env(name, value),
                    None => wrapped.env_remove(name),
                };
            }
            wrapped.stdin(Stdio::null());
            wrapped
        });
        cluster.start(index);
    }
    cluster.all_vote();
    cluster.advance(&(0..authorities).collect::<Vec<_>>(), 2);
    cluster
}

/// The heads of these nodes do not move, but for a block that was under way.
fn stands_still(cluster: &Cluster, indices: &[usize]) {
    thread::sleep(Duration::from_millis(1_500));
    let heads = || indices.iter().map(|index| cluster.head(*index)).collect::<Vec<_>>();
    let before = heads();
    thread::sleep(Duration::from_secs(4));
    assert_eq!(heads(), before, "a side without a quorum decided");
}

fn healed(cluster: &Cluster, all: &[usize]) {
    let goal = all.iter().map(|index| cluster.head(*index)).max().unwrap();
    for index in all {
        until(&format!("node {index} has block {goal}"), || cluster.head(*index) >= goal);
    }
    cluster.advance(all, 2);
    cluster.assert_no_fork();
    for index in all {
        let peers = || cluster.rpc(*index).quantity("net_peerCount", json!([]));
        until("everybody is connected", || peers() as usize == all.len() - 1);
    }
}

#[test]
fn a_partition_heals_without_a_fork() {
    let Some(spaces) = Namespaces::new(4) else {
        println!("SKIPPED a_partition_heals_without_a_fork: no permission for network namespaces");
        return;
    };
    let cluster = apart(&spaces, 4, "bft");
    // One is alone: the others go on, it stops.
    spaces.cut("add", &[0, 1, 2], &[3]);
    cluster.advance(&[0, 1, 2], 2);
    stands_still(&cluster, &[3]);
    spaces.cut("del", &[0, 1, 2], &[3]);
    healed(&cluster, &[0, 1, 2, 3]);
    // Two and two: nobody has more than two thirds.
    spaces.cut("add", &[0, 1], &[2, 3]);
    stands_still(&cluster, &[0, 1, 2, 3]);
    spaces.cut("del", &[0, 1], &[2, 3]);
    healed(&cluster, &[0, 1, 2, 3]);
    cluster.stop();

    // Under `majority` two of three go on.
    let cluster = apart(&spaces, 3, "majority");
    spaces.cut("add", &[0, 1], &[2]);
    cluster.advance(&[0, 1], 2);
    stands_still(&cluster, &[2]);
    spaces.cut("del", &[0, 1], &[2]);
    healed(&cluster, &[0, 1, 2]);
    cluster.stop();
}
