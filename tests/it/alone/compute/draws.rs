//! What workers pay for draws, and what becomes of jobs whose worker has lost its book.

use super::{
    books_balance, chain, contract, done, order, post,
    suspect::{Suspect, directory_of},
    until,
};
use alloy_primitives::U256;
use mfenx_worker::{Contract, ICompute, detect_cpu};
use std::fs;

const SIZES: [u32; 3] = [20, 24, 17];
const RESULTS: u32 = 6;

fn slot(buyer: &Contract, order: U256, slot: u32) -> ICompute::Slot {
    buyer.view(&ICompute::slotCall { order_: order, slot_: slot }).unwrap()
}

/// Nobody pays for the draws of an order that fits nobody, nor for those that would find everybody busy;
/// and a worker that comes after an order gets it all the same, for which it has to draw in vain once.
#[test]
fn draws_in_vain_are_paid_for_by_whoever_gains_by_them() {
    let (directory, cpu) = (tempfile::tempdir().unwrap(), detect_cpu().unwrap());
    let (node, _observer) = chain(directory.path());
    let buyer = contract(&node, 9);
    let mut first = Suspect::start(&node, 1, directory.path(), &cpu, None);
    until("the first is measured", || first.status().eligible);
    let hopeless = ICompute::Order { minReputation: u32::MAX, ..order(SIZES, RESULTS, 16, 120) };
    let hopeless = post(&buyer, hopeless);
    // More results than it takes at a time.
    assert!(first.status().capacity < RESULTS);
    let id = post(&buyer, order(SIZES, RESULTS, 16, 120));
    until("everything is done", || done(&buyer, id, RESULTS, true) == RESULTS);
    // From the first draw on it has had time to look at the other order as well.
    let posted = buyer.view(&ICompute::orderCall { id: hopeless }).unwrap().height;
    until("it has looked for long", || buyer.head().unwrap().number > posted + 20);
    for index in 0..RESULTS {
        assert_eq!(slot(&buyer, id, index).attempt, 0, "slot {index} was drawn in vain");
        let it = slot(&buyer, hopeless, index);
        assert!(it.state == ICompute::SlotState::Open && it.attempt == 0, "slot {index}: {it:?}");
    }

    first.stop();
    let late = post(&buyer, order(SIZES, 1, 16, 120));
    let height = buyer.view(&ICompute::orderCall { id: late }).unwrap().height;
    until("the order can be drawn", || buyer.head().unwrap().number > height);
    let exit = ICompute::exitCall { worker: first.name };
    first.contract.send(&exit, U256::ZERO).unwrap();
    let second = Suspect::start(&node, 2, directory.path(), &cpu, None);
    until("who came later has done it", || done(&buyer, late, 1, true) == 1);
    let entered = buyer.view(&ICompute::workerCall { worker_: second.name }).unwrap().enteredAt;
    assert!(entered.to::<u64>() > height && slot(&buyer, late, 0).attempt > 0);
    assert_eq!(slot(&buyer, hopeless, 0).attempt, 0);
    books_balance(&node.rpc(), &buyer);
}

/// Somebody loses book and row roots between commitment and opening, and nothing else.
#[test]
fn a_lost_book_costs_no_job() {
    let (directory, cpu) = (tempfile::tempdir().unwrap(), detect_cpu().unwrap());
    let (node, _observer) = chain(directory.path());
    let buyer = contract(&node, 9);
    let mut worker = Suspect::start(&node, 1, directory.path(), &cpu, None);
    until("it is measured", || worker.status().eligible);
    let stake = worker.status().stake;
    // Until it is stopped after a commitment and before the opening, on whatever machine.
    let id = (0..)
        .find_map(|_| {
            let id = post(&buyer, order(SIZES, 1, 16, 600));
            let state = || {
                let call = ICompute::resultOfCall { order_: id, slot_: 0 };
                buyer.view(&call).unwrap().state
            };
            use ICompute::JobState::{Committed, Verified};
            until("it is committed to", || matches!(state(), Committed | Verified));
            worker.stop();
            if state() == Committed {
                return Some(id);
            }
            worker = Suspect::start(&node, 1, directory.path(), &cpu, None);
            None
        })
        .unwrap();
    let files = directory_of(directory.path(), 1);
    fs::remove_file(files.join("book.json")).unwrap();
    fs::remove_dir_all(files.join("jobs")).unwrap();
    let worker = Suspect::start(&node, 1, directory.path(), &cpu, None);
    until("it is computed once more and opened", || done(&buyer, id, 1, true) == 1);
    let status = worker.status();
    assert_eq!((status.stake, status.record), (stake, mfenx_worker::Record::default()));
}
