//! Networks of `mfenx node` processes whose members can be killed, wiped and started again.

use crate::{
    keys::{keys, register, said},
    node::{Node, mfenx},
    rpc::{CallError, Rpc, quantity},
    wallet::{STRANGER, account, sign, transfer},
};
use serde_json::{Value, json};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longest time for anything that takes a few blocks, on a busy machine.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(120);
/// Transactions a sender sends at once before it waits for their receipts.
const WINDOW: u64 = 8;

/// Networks run one after the other: each has three or four nodes, and timeouts.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A turn of a network that is not a [`Cluster`].
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `condition` holds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < TIME_MAX, "not within {TIME_MAX:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// One node of a network.
pub(crate) struct Member {
    keys: Option<PathBuf>,
    pub(crate) data: PathBuf,
    /// Where its peers find it, now and after every start.
    pub(crate) p2p: SocketAddr,
    http: SocketAddr,
    peer_id: String,
    node: Option<Node>,
    wrap: Option<Box<dyn Fn(Command) -> Command>>,
}

/// Authorities, and followers behind them.
pub(crate) struct Cluster {
    chain: PathBuf,
    pub(crate) members: Vec<Member>,
    _dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Makes keys and a chain of `authorities` authorities; nothing runs yet. Member `i` has the
    /// addresses that `address` gives for it.
    pub(crate) fn new(
        authorities: usize,
        followers: usize,
        quorum: &str,
        address: impl Fn(usize) -> (SocketAddr, SocketAddr),
    ) -> Self {
        let turn = turn();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let names: Vec<_> = (0..authorities).map(|index| format!("authority{index}")).collect();
        let registrations: Vec<_> = names.iter().map(|name| register(path, name)).collect();
        let chain = path.join("chain.json");
        let base = lively_base(path);
        let mut command = format!("genesis --base {{}} --quorum {quorum} --out {{}}");
        let mut paths: Vec<&Path> = vec![&base, &chain];
        for registration in &registrations {
            command.push_str(" --authority {}");
            paths.push(registration);
        }
        said(&keys(&command, &paths));
        let member = |index: usize| {
            let keys = names.get(index).map(|name| path.join(name));
            let peer_id = keys.as_deref().map(peer_id).unwrap_or_default();
            let (p2p, http) = address(index);
            let data = path.join(format!("data{index}"));
            Member { keys, data, p2p, http, peer_id, node: None, wrap: None }
        };
        let members = (0..authorities + followers).map(member).collect();
        Self { chain, members, _dir: dir, _turn: turn }
    }

    /// The same on this machine, with every node started, and every authority voting: one that
    /// does not is down, and a test that ends another has two of them.
    pub(crate) fn started(authorities: usize, followers: usize, quorum: &str) -> Self {
        let mut cluster = Self::new(authorities, followers, quorum, |_| (free(), any_port()));
        for index in 0..authorities + followers {
            cluster.start(index);
        }
        cluster.all_vote();
        until("three blocks", || cluster.head(0) >= 3);
        cluster
    }

    /// Waits until every authority that runs votes.
    pub(crate) fn all_vote(&self) {
        let runs = |member: &Member| member.keys.is_some() && member.node.is_some();
        for index in (0..self.members.len()).filter(|index| runs(&self.members[*index])) {
            let votes = || self.status(index)["authority"] == json!(true);
            until(&format!("node {index} votes"), votes);
        }
    }

    /// Starts the process of a member through another program from now on.
    pub(crate) fn wrap(&mut self, index: usize, wrap: impl Fn(Command) -> Command + 'static) {
        self.members[index].wrap = Some(Box::new(wrap));
    }

    /// The command that starts a member, with a data directory of its own or another one.
    pub(crate) fn command(&self, index: usize, data: &Path, p2p: SocketAddr) -> Command {
        let member = &self.members[index];
        let mut command = mfenx(&["node", "--log", "info", "--api", "all"]);
        command.arg("--chain").arg(&self.chain).arg("--datadir").arg(data);
        if let Some(keys) = &member.keys {
            command.arg("--keys").arg(keys);
        }
        command.args(["--http", &member.http.to_string(), "--admin", "127.0.0.1:0"]);
        command.args(["--p2p", &p2p.to_string()]);
        for (other, peer) in self.members.iter().enumerate() {
            if other != index && peer.keys.is_some() {
                command.args(["--bootnode", &format!("{}/p2p/{}", peer.p2p, peer.peer_id)]);
            }
        }
        match &member.wrap {
            Some(wrap) => wrap(command),
            None => command,
        }
    }

    /// Starts a member that does not run.
    pub(crate) fn start(&mut self, index: usize) {
        let command = self.command(index, &self.members[index].data, self.members[index].p2p);
        self.members[index].node = Some(Node::from_command(command));
    }

    /// Ends a member as a power failure would.
    pub(crate) fn kill(&mut self, index: usize) {
        self.members[index].node.take().expect("a running node").kill();
    }

    /// Stops the clock of a member's process (`STOP`), or lets it go on (`CONT`).
    pub(crate) fn signal(&self, index: usize, signal: &str) {
        let pid = self.node(index).pid().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends the members all at once.
    pub(crate) fn kill_all(&mut self) {
        let pids: Vec<_> = self
            .members
            .iter()
            .flat_map(|one| &one.node)
            .map(|node| node.pid().to_string())
            .collect();
        let command = format!("kill -KILL {}", pids.join(" "));
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        for member in &mut self.members {
            member.node.take().expect("a running node").kill();
        }
    }

    /// Removes everything a member has but its keys.
    pub(crate) fn wipe(&self, index: usize) {
        fs::remove_dir_all(&self.members[index].data).unwrap();
    }

    pub(crate) fn node(&self, index: usize) -> &Node {
        self.members[index].node.as_ref().expect("a running node")
    }

    /// Whether the process of a member has not ended by itself.
    pub(crate) fn is_running(&mut self, index: usize) -> bool {
        self.members[index].node.as_mut().is_some_and(Node::is_running)
    }

    pub(crate) fn rpc(&self, index: usize) -> Rpc {
        self.node(index).rpc()
    }

    pub(crate) fn head(&self, index: usize) -> u64 {
        self.rpc(index).quantity("eth_blockNumber", json!([]))
    }

    /// What a member says of consensus.
    pub(crate) fn status(&self, index: usize) -> Value {
        self.rpc(index).get("mfenx_consensusStatus", json!([]))
    }

    /// Pieces of evidence against somebody that a member keeps.
    pub(crate) fn evidence(&self, index: usize) -> usize {
        let file = self.members[index].data.join("consensus/evidence");
        fs::read_to_string(file).map_or(0, |text| text.lines().count())
    }

    /// Waits until the members with these indices have `count` more blocks than the first has now.
    pub(crate) fn advance(&self, indices: &[usize], count: u64) {
        let goal = self.head(indices[0]) + count;
        for index in indices {
            until(&format!("block {goal} at node {index}"), || self.head(*index) >= goal);
        }
    }

    /// Every block that all running members have is the same at all of them.
    pub(crate) fn assert_no_fork(&self) {
        let running: Vec<_> =
            (0..self.members.len()).filter(|index| self.members[*index].node.is_some()).collect();
        let common = running.iter().map(|index| self.head(*index)).min().unwrap();
        let chains: Vec<_> =
            running.iter().map(|index| blocks(&self.rpc(*index), common)).collect();
        for (chain, index) in chains.iter().zip(&running) {
            assert_eq!(chain, &chains[0], "nodes {} and {index} differ", running[0]);
        }
    }

    /// Stops all that run; each must end well.
    pub(crate) fn stop(mut self) {
        for member in &mut self.members {
            if let Some(node) = member.node.take() {
                node.stop("TERM");
            }
        }
    }
}

/// The development chain, with a block each second also when there is nothing to put into it.
fn lively_base(dir: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let dev = fs::read(root.join("chainspec/dev.json")).unwrap();
    let mut chain: Value = serde_json::from_slice(&dev).unwrap();
    chain["config"]["mfenx"]["idleBlockTimeMs"] = json!(1_000);
    let path = dir.join("base.json");
    fs::write(&path, chain.to_string()).unwrap();
    path
}

/// Hash and state root of every block up to `last`.
pub(crate) fn blocks(rpc: &Rpc, last: u64) -> Vec<(Value, Value)> {
    let params: Vec<_> = (0..=last).map(|number| json!([format!("{number:#x}"), false])).collect();
    let mut all = Vec::new();
    for chunk in params.chunks(100) {
        for block in rpc.batch("eth_getBlockByNumber", chunk).expect("an answer") {
            let block = block.expect("a block");
            all.push((block["hash"].clone(), block["stateRoot"].clone()));
        }
    }
    all
}

fn peer_id(keys_dir: &Path) -> String {
    let shown = keys("keys show {}", &[keys_dir]);
    let line = said(&shown).lines().find(|line| line.starts_with("Peer ID")).unwrap().to_owned();
    line.split_whitespace().last().unwrap().to_owned()
}

/// An address of this machine that nobody listens on just now, for TCP and QUIC.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A transaction whose receipt was served: the parameters that ask for it, and the answer.
pub(crate) type Served = (Value, Value);

/// Ends the threads of a scope also when a check fails, which would wait for them else.
pub(crate) struct StopWhenDropped<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sends transfers of account `index` until it is told to stop; the receipts it was served.
pub(crate) fn load(rpc: &Rpc, index: u32, stop: &AtomicBool) -> Vec<Served> {
    let mut served = Vec::new();
    let signer = account(index);
    let mut nonce = rpc.quantity("eth_getTransactionCount", json!([signer.address(), "latest"]));
    while !stop.load(Ordering::SeqCst) {
        for nonce in nonce..nonce + WINDOW {
            let raw = sign(&signer, transfer(nonce, STRANGER));
            match rpc.call("eth_sendRawTransaction", json!([raw])) {
                Ok(hash) => served.push((json!([hash]), Value::Null)),
                Err(CallError::Rpc { message, .. }) => panic!("nonce {nonce}: {message}"),
                Err(CallError::Io(error)) => panic!("nonce {nonce}: {error}"),
            }
        }
        nonce += WINDOW;
        let from = served.len() - WINDOW as usize;
        for (hash, receipt) in &mut served[from..] {
            until(&format!("the receipt of {hash}"), || {
                *receipt = rpc.get("eth_getTransactionReceipt", hash.clone());
                !receipt.is_null()
            });
        }
    }
    served
}

/// Every receipt that was served is served by `rpc`, and is the same.
pub(crate) fn nothing_is_lost(rpc: &Rpc, served: &[Served]) {
    assert!(!served.is_empty(), "the load was no load");
    for (hash, before) in served {
        assert_eq!(&rpc.get("eth_getTransactionReceipt", hash.clone()), before, "{hash}");
    }
    let highest = served.iter().map(|(_, receipt)| quantity(&receipt["blockNumber"])).max();
    assert!(rpc.quantity("eth_blockNumber", json!([])) >= highest.unwrap_or(0));
}
