//! What workers owe, and who sees to it.

use super::{
    contract, observer, order, post,
    suspect::{Manner, Suspect},
    until, url,
};
use crate::node::{Node, listening};
use alloy_primitives::{Address, U256};
use mfenx_worker::{Contract, ICompute, detect_cpu};

fn worker(contract: &Contract, name: Address) -> ICompute::Worker {
    contract.view(&ICompute::workerCall { worker_: name }).unwrap()
}

/// Benchmarks of a worker in rounds since its measurement was void, which are in this state.
fn benchmarks(contract: &Contract, name: Address, state: ICompute::JobState) -> Vec<U256> {
    let rounds = contract.view(&ICompute::countsCall {}).unwrap().rounds.to::<u64>();
    let since = u64::from(worker(contract, name).duties.decidedBy);
    let ids = (since..rounds).map(|round| {
        let call = ICompute::benchmarkIdCall { round_: U256::from(round), worker_: name };
        contract.view(&call).unwrap()
    });
    ids.filter(|id| contract.view(&ICompute::jobCall { id: *id }).unwrap().state == state).collect()
}

/// Waits for a benchmark of the worker that its authority can report.
fn benchmark(authority: &Contract, name: Address) -> U256 {
    let mut found = None;
    until("a benchmark waits for its report", || {
        found = benchmarks(authority, name, ICompute::JobState::Verified).pop();
        found.is_some()
    });
    found.unwrap()
}

fn report(authority: &Contract, job: U256, milliseconds: u32) {
    let call = ICompute::reportCall { jobs: vec![job], milliseconds: vec![milliseconds] };
    until("the report is taken", || authority.send(&call, U256::ZERO).is_ok());
}

/// Lets the only worker be late with a result, so that it has to be measured anew; its record stays.
fn late(it: &Suspect, authority: &Contract, buyer: &Contract) {
    it.becomes(Manner::Sleeping);
    let id = post(buyer, order([20, 24, 17], 1, 16, 60));
    until("it is late", || {
        let call = ICompute::resultOfCall { order_: id, slot_: 0 };
        let job = authority.view(&call).unwrap().job_;
        // Either is refused when it is not the time for it.
        let _ = authority.send(&ICompute::drawCall { order: id, slot: 0 }, U256::ZERO);
        let _ = authority.send(&ICompute::lapseCall { job }, U256::ZERO);
        !worker(authority, it.name).measured
    });
    let cancel = ICompute::cancelCall { order: id, slots: vec![0] };
    until("the order is no more", || buyer.send(&cancel, U256::ZERO).is_ok());
}

/// One does not answer a round that asks it, and another is eligible no more. Nobody but an authority's
/// observer says so.
#[test]
fn an_observer_keeps_workers_to_their_duties() {
    let (directory, cpu) = (tempfile::tempdir().unwrap(), detect_cpu().unwrap());
    let node = Node::from_command(listening(&["dev", "--block-time", "1s"]));
    let authority = contract(&node, 0);
    let start = |index| Suspect::start(&node, index, directory.path(), &cpu, None);
    let measured = |it: &Suspect| {
        report(&authority, benchmark(&authority, it.name), 1_000);
        until("it is in the pool", || it.status().eligible);
    };
    let sleeping = start(1);
    measured(&sleeping);
    late(&sleeping, &authority, &contract(&node, 9));
    let mut gone = start(2);
    measured(&gone);
    // It does nothing for itself from now on.
    gone.stop();
    // Measured anew and a thousand times faster, it is flagged: every spot check asks it.
    sleeping.becomes(Manner::Honest);
    let again = benchmark(&authority, sleeping.name);
    sleeping.becomes(Manner::Sleeping);
    report(&authority, again, 1);
    until("it is flagged", || worker(&authority, sleeping.name).flagged);

    let stake = sleeping.status().stake;
    let _observer = observer(&url(&node), directory.path());
    let driver = cpu.driver.unwrap();
    let delist =
        ICompute::supportCall { kind: ICompute::ListKind::Driver, value: driver, listed: false };
    // The observer has the same account, and may take the nonce.
    until("the driver is on no list", || {
        let call = ICompute::isListedCall { kind: ICompute::ListKind::Driver, value: driver };
        authority.send(&delist, U256::ZERO).is_ok() || !authority.view(&call).unwrap()
    });
    assert_ne!(worker(&authority, gone.name).place, 0, "a seat is stale until somebody looks");
    until("who is eligible no more has lost its seat", || worker(&authority, gone.name).place == 0);
    until("who sleeps has lost its measurement", || !worker(&authority, sleeping.name).measured);
    let rounds = authority.view(&ICompute::countsCall {}).unwrap().rounds.to::<u64>();
    let missed = (0..rounds).any(|round| {
        let call = ICompute::benchmarkIdCall { round_: U256::from(round), worker_: sleeping.name };
        let id = authority.view(&call).unwrap();
        authority.view(&ICompute::jobCall { id }).unwrap().state == ICompute::JobState::Late
    });
    assert!(missed, "by `miss`, and nothing else");
    let it = worker(&authority, sleeping.name);
    assert!(it.place == 0 && U256::from(it.stake) == stake, "no stake is lost by it: {it:?}");
}
