//! Proof-of-compute from end to end: a development chain, workers as their owners run them, and those
//! who would like to be paid for less.

use crate::{
    node::{Node, listening, mfenx},
    rpc::{Rpc, quantity},
    wallet::account,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use mfenx_client::{Client, Sender};
use mfenx_compute::{
    Backend, BackendError, CpuBackend, Hash, Reference, Round, Task, Watch, row_root,
};
use mfenx_worker::{
    Contract, Detected, ICompute, Limits, Registration, Worker, detect_cpu, register, status,
};
use std::{
    num::NonZeroUsize,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Results of the large order, and workers that share them.
const RESULTS: u32 = 1_000;
const WORKERS: u32 = 10;
/// Wei a result.
const REWARD: u128 = 1_000_000_000_000_000;
/// Longest wait for anything here, on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(240);

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
    let mut observer = mfenx(&["worker", "observe", "--poll", "20", "--dev-account", "0"]);
    observer.arg("--rpc").arg(url(&node)).arg("--dir").arg(directory.join("observer"));
    (node, Program::start(observer))
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

fn order(results: u32, samples: u16, commit_seconds: u32) -> ICompute::Order {
    ICompute::Order {
        buyer: Address::ZERO,
        m: 20,
        k: 64,
        p: 17,
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

/// How many slots of the order are done, and each is right: a worker's result is the root that the
/// scalar reference computes.
fn done(buyer: &Contract, id: U256, results: u32, check: bool) -> u32 {
    let order = buyer.view(&ICompute::orderCall { id }).unwrap();
    let finished = (0..results).filter(|slot| {
        let found = buyer.view(&ICompute::resultOfCall { order_: id, slot_: *slot }).unwrap();
        if found.state != ICompute::JobState::Verified {
            return false;
        }
        if check {
            let job = buyer.view(&ICompute::jobCall { id: found.job_ }).unwrap();
            let task = Task::new(job.seed.0, order.m, order.k, order.p, order.rounds).unwrap();
            let mut prover = mfenx_compute::Prover::new(task);
            prover.run(&Reference, &mfenx_compute::unwatched).unwrap();
            assert_eq!(found.result, B256::from(*prover.roots().last().unwrap()));
        }
        true
    });
    finished.count() as u32
}

/// What the contract says it holds is what it has.
fn books_balance(rpc: &Rpc, buyer: &Contract) {
    let totals = buyer.view(&ICompute::totalsCall {}).unwrap();
    let held = totals.escrow + totals.stakes + totals.dues + totals.burned;
    let params = serde_json::json!([mfenx_worker::COMPUTE_ADDRESS, "latest"]);
    let balance: U256 = serde_json::from_value(rpc.get("eth_getBalance", params)).unwrap();
    assert_eq!(balance, held, "{totals:?}");
}

/// Ten owners start the program as the documentation says; a buyer gets a thousand results, each of
/// which is what the reference computes; the tenth has a key of its own, which somebody funds.
#[test]
fn ten_workers_deliver_a_thousand_verified_results() {
    let directory = tempfile::tempdir().unwrap();
    let (node, _observer) = chain(directory.path());
    let buyer = contract(&node, 0);
    let _workers: Vec<Program> = (1..=WORKERS)
        .map(|index| {
            let mut command = mfenx(&["worker", "--backend", "cpu", "--threads", "1"]);
            command.args(["--capacity", "64", "--poll", "200", "--rpc", &url(&node)]);
            let own = directory.path().join(format!("worker-{index}"));
            command.arg("--dir").arg(&own);
            if index < WORKERS {
                command.args(["--dev-account", &index.to_string()]);
            } else {
                fund(&node, &buyer, &own);
            }
            Program::start(command)
        })
        .collect();
    let pool = || buyer.view(&ICompute::countsCall {}).unwrap().pool;
    until("all are measured", || pool() == U256::from(WORKERS));
    let start = Instant::now();
    let id = post(&buyer, order(RESULTS, 16, 120));
    let due = || buyer.view(&ICompute::totalsCall {}).unwrap();
    let all = U256::from(REWARD) * U256::from(RESULTS);
    until("everything is paid", || due().dues == all);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(done(&buyer, id, RESULTS, true), RESULTS);
    assert_eq!(due().burned, U256::ZERO, "nobody honest was slashed");
    books_balance(&node.rpc(), &buyer);
    println!(
        "{RESULTS} results by {WORKERS} workers in {seconds:.1} s, all as the reference has them"
    );
}

/// Sends what a worker with a key of its own needs to the account that it made for itself.
fn fund(node: &Node, buyer: &Contract, directory: &Path) {
    let mut command = mfenx(&["worker", "status", "--rpc", &url(node), "--dir"]);
    assert!(command.arg(directory).stdout(Stdio::null()).status().unwrap().success());
    let file = std::fs::read_to_string(directory.join("operator.key")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let operator: Address = file["public"].as_str().unwrap().parse().unwrap();
    let rpc = node.rpc();
    let params = serde_json::json!([buyer.account(), "pending"]);
    let nonce = quantity(&rpc.get("eth_getTransactionCount", params));
    let mut transaction = crate::wallet::transfer(nonce, operator);
    transaction.value = U256::from(20) * U256::from(10).pow(U256::from(18));
    let raw: Bytes = crate::wallet::sign(&account(0), transaction);
    let hash = rpc.get("eth_sendRawTransaction", serde_json::json!([raw]));
    until("the worker's account is funded", || {
        !rpc.get("eth_getTransactionReceipt", serde_json::json!([hash])).is_null()
    });
}

/// How a worker computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Manner {
    Honest,
    /// Leaves three of ten rows out.
    Skipping,
    /// Answers with the result of a task that somebody else was given.
    Copying,
    /// Never answers.
    Sleeping,
}

/// A backend that is honest until it is told otherwise.
struct Cheat {
    honest: CpuBackend,
    manner: Arc<AtomicU8>,
}

impl Cheat {
    fn is(&self, manner: Manner) -> bool {
        self.manner.load(Ordering::SeqCst) == manner as u8
    }

    /// The round that is computed in the place of this one.
    fn instead(&self, round: &Round) -> Round {
        if !self.is(Manner::Copying) {
            return *round;
        }
        let other = Task::new([7; 32], round.m(), round.k(), round.p(), 1).unwrap();
        other.round([7; 32])
    }

    fn is_left_out(&self, row: u32) -> bool {
        self.is(Manner::Skipping) && row % 10 < 3
    }
}

impl Backend for Cheat {
    fn name(&self) -> &str {
        "a cheat"
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError> {
        while self.is(Manner::Sleeping) {
            if watch(0).is_break() {
                return Err(BackendError::Interrupted);
            }
            thread::sleep(Duration::from_millis(50));
        }
        let mut roots = self.honest.row_roots(&self.instead(round), watch)?;
        for (index, root) in roots.iter_mut().enumerate() {
            if self.is_left_out(index as u32) {
                *root = row_root(&vec![0; round.p() as usize]);
            }
        }
        Ok(roots)
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let mut entries = self.honest.rows(&self.instead(round), rows, watch)?;
        for (row, entries) in rows.iter().zip(entries.chunks_mut(round.p() as usize)) {
            if self.is_left_out(*row) {
                entries.fill(0);
            }
        }
        Ok(entries)
    }
}

/// A worker in a thread of this process, whose manner can be changed.
struct Suspect {
    name: Address,
    manner: Arc<AtomicU8>,
    contract: Contract,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Suspect {
    fn start(node: &Node, index: u32, directory: &Path, device: &Detected) -> Self {
        let contract = contract(node, index);
        let key = ed25519_dalek::SigningKey::from_bytes(&keccak256([index as u8]).0);
        let registration = Registration {
            key: &key,
            agent: Address::ZERO,
            class: 0,
            capacity: 4,
            base: 0,
            price: 0,
            device,
            stake: None,
        };
        let name = register(&contract, &registration).unwrap();
        let manner = Arc::new(AtomicU8::new(Manner::Honest as u8));
        let honest = CpuBackend::new(NonZeroUsize::MIN).unwrap();
        let backend = Arc::new(Cheat { honest, manner: Arc::clone(&manner) });
        let limits = Limits { poll: Duration::from_millis(100), ..Limits::default() };
        let directory = directory.join(index.to_string());
        let mut worker = Worker::open(contract.clone(), name, &directory, backend, limits).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let its_stop = Arc::clone(&stop);
        let thread = thread::spawn(move || worker.run(&its_stop, |_| ()).unwrap());
        Self { name, manner, contract, stop, thread: Some(thread) }
    }

    fn becomes(&self, manner: Manner) {
        self.manner.store(manner as u8, Ordering::SeqCst);
    }

    fn status(&self) -> mfenx_worker::Status {
        status(&self.contract, self.name).unwrap().unwrap()
    }
}

impl Drop for Suspect {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whoever leaves out a third, copies, or does not answer loses stake or place; the buyer gets every
/// result all the same, from somebody honest.
#[test]
fn cheats_are_caught_and_buyers_served() {
    let (directory, cpu) = (tempfile::tempdir().unwrap(), detect_cpu().unwrap());
    let (node, _observer) = chain(directory.path());
    let buyer = contract(&node, 9);
    // Whoever claims a driver that nobody has listed lacks its 20 points, however fast the card is.
    let fake = Detected { driver: Some(keccak256("a driver of my own")), ..cpu.clone() };
    let fake = Suspect::start(&node, 4, directory.path(), &fake);
    let skipping = Suspect::start(&node, 1, directory.path(), &cpu);
    let copying = Suspect::start(&node, 2, directory.path(), &cpu);
    let sleeping = Suspect::start(&node, 3, directory.path(), &cpu);
    let all = [&skipping, &copying, &sleeping];
    until("three are measured", || all.iter().all(|it| it.status().eligible));
    until("the fourth is measured, too", || fake.status().measured);
    assert!(!fake.status().eligible && fake.status().score < 60, "{}", fake.status());

    skipping.becomes(Manner::Skipping);
    copying.becomes(Manner::Copying);
    sleeping.becomes(Manner::Sleeping);
    let stake = skipping.status().stake;
    let id = post(&buyer, order(12, 64, 30));
    let banned = |it: &Suspect| buyer.view(&ICompute::isBannedCall { worker_: it.name }).unwrap();
    let late = || done_late(&buyer, sleeping.name);
    until("two are banned and one was late", || banned(&skipping) && banned(&copying) && late());
    // Three strikes, a twentieth of the stake each.
    for cheat in [&skipping, &copying] {
        let status = cheat.status();
        assert!(!status.eligible && status.reputation == 0, "{status}");
        let lost = (0..3).fold(stake, |left, _| left - left / U256::from(20));
        assert!(status.stake <= lost, "{} of {stake}, at most {lost} is left", status.stake);
    }
    assert!(!banned(&sleeping), "who is late is no cheat");

    let honest = Suspect::start(&node, 5, directory.path(), &cpu);
    until("everything is done by the honest one", || done(&buyer, id, 12, false) == 12);
    assert_eq!(done(&buyer, id, 12, true), 12);
    assert_eq!(honest.status().reputation, 12, "{}", honest.status());
    books_balance(&node.rpc(), &buyer);
}

/// Whether the contract took the worker out for an answer that did not come.
fn done_late(buyer: &Contract, worker: Address) -> bool {
    let it = buyer.view(&ICompute::workerCall { worker_: worker }).unwrap();
    it.class != 0 || it.place == 0 || !it.measured
}
