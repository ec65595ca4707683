//! Proof-of-compute from end to end: a development chain, workers as their owners run them, and those
//! who would like to be paid for less.

mod cheats;
mod delivery;
mod draws;
mod duties;
mod rates;
mod replay;
mod suspect;

use crate::{
    node::{Node, listening, mfenx},
    rpc::Rpc,
    wallet::account,
};
use alloy_primitives::{Address, B256, U256};
use mfenx_client::{Client, Sender};
use mfenx_compute::{Prover, Reference, Task, unwatched};
use mfenx_worker::{Contract, ICompute};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Wei a result.
const REWARD: u128 = 1_000_000_000_000_000;
/// Longest wait for anything here, on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(900);

/// A program that is killed with the test.
struct Program(Child);

impl Program {
    fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A development chain with a block a second, and the authority that reports times.
fn chain(directory: &Path) -> (Node, Program) {
    let node = Node::from_command(listening(&["dev", "--block-time", "1s"]));
    let observer = observer(&url(&node), directory);
    (node, observer)
}

/// The authority of a development chain, which reports times.
fn observer(url: &str, directory: &Path) -> Program {
    let mut observer = mfenx(&["worker", "observe", "--poll", "20", "--dev-account", "0"]);
    observer.arg("--rpc").arg(url).arg("--dir").arg(directory.join("observer"));
    Program::start(observer)
}

fn url(node: &Node) -> String {
    format!("http://{}", node.http())
}

/// The contract, called by account `index` of the development chain.
fn contract(node: &Node, index: u32) -> Contract {
    let client = Client::new(&url(node)).unwrap();
    Contract::connect(client, |client, id| Sender::new(client, id, account(index))).unwrap()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < TIME_MAX, "waited {TIME_MAX:?} until {what}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Of results with the sizes `[m, k, p]`, two rounds each.
fn order([m, k, p]: [u32; 3], results: u32, samples: u16, commit_seconds: u32) -> ICompute::Order {
    ICompute::Order {
        buyer: Address::ZERO,
        m,
        k,
        p,
        rounds: 2,
        samples,
        minClass: 0,
        minReputation: 0,
        commitSeconds: commit_seconds,
        results,
        reward: REWARD,
        height: 0,
    }
}

/// Posts an order; its number.
fn post(buyer: &Contract, order: ICompute::Order) -> U256 {
    let value = U256::from(order.reward) * U256::from(order.results);
    // Whoever reports times has the same account, and may take the nonce.
    until("the order is posted", || {
        let call = ICompute::postCall { order: order.clone() };
        buyer.send(&call, value).inspect_err(|error| println!("once more: {error}")).is_ok()
    });
    buyer.view(&ICompute::countsCall {}).unwrap().orders
}

/// How many slots of the order are done; with `check`, each is right.
fn done(buyer: &Contract, order: U256, results: u32, check: bool) -> u32 {
    let finished = (0..results).filter(|slot| {
        let call = ICompute::resultOfCall { order_: order, slot_: *slot };
        if buyer.view(&call).unwrap().state != ICompute::JobState::Verified {
            return false;
        }
        assert!(!check || is_right(buyer, order, *slot), "slot {slot}");
        true
    });
    finished.count() as u32
}

/// Whether a worker's result is the root that the scalar reference computes.
fn is_right(buyer: &Contract, order: U256, slot: u32) -> bool {
    let found = buyer.view(&ICompute::resultOfCall { order_: order, slot_: slot }).unwrap();
    let prover = computed(buyer, order, found.job_);
    found.result == B256::from(*prover.roots().last().unwrap())
}

/// The task of a job of the order, as the scalar reference does it.
fn computed(buyer: &Contract, order: U256, job: U256) -> Prover {
    let order = buyer.view(&ICompute::orderCall { id: order }).unwrap();
    let job = buyer.view(&ICompute::jobCall { id: job }).unwrap();
    let task = Task::new(job.seed.0, order.m, order.k, order.p, order.rounds).unwrap();
    let mut prover = Prover::new(task);
    prover.run(&Reference, &unwatched).unwrap();
    prover
}

/// What the contract says it holds is what it has.
fn books_balance(rpc: &Rpc, buyer: &Contract) {
    let totals = buyer.view(&ICompute::totalsCall {}).unwrap();
    let held = totals.escrow + totals.stakes + totals.dues + totals.burned;
    let params = serde_json::json!([mfenx_worker::COMPUTE_ADDRESS, "latest"]);
    let balance: U256 = serde_json::from_value(rpc.get("eth_getBalance", params)).unwrap();
    assert_eq!(balance, held, "{totals:?}");
}
