//! Old answers and others' answers, sent to the contract by hand.

use super::{REWARD, chain, computed, contract, order, post, suspect::Suspect, until};
use alloy_primitives::{B256, Bytes, U256, keccak256};
use mfenx_client::ClientError;
use mfenx_compute::{Prover, Reference, beacon_of, unwatched};
use mfenx_worker::{
    Contract,
    ICompute::{self, JobState},
    WorkerError, detect_cpu,
};

const SAMPLES: u32 = 64;

/// An answer: what was committed to, and the proof of what a beacon drew.
#[derive(Clone)]
struct Answer {
    roots: Vec<B256>,
    proof: Bytes,
}

impl Answer {
    fn of(prover: &Prover, beacon_height: u64, caller: &Contract) -> Self {
        let output = caller.vrf_output(beacon_height).unwrap();
        let beacon = beacon_of(output.as_ref().try_into().unwrap());
        let proof = prover.open(&Reference, &beacon, SAMPLES, &unwatched).unwrap();
        Self { roots: roots(prover), proof: proof.into() }
    }

    fn commitment(&self) -> B256 {
        keccak256(self.roots.concat())
    }
}

fn roots(prover: &Prover) -> Vec<B256> {
    prover.roots().iter().map(|root| B256::from(*root)).collect()
}

/// Commits by hand and waits for the block after the beacon's; the beacon's height.
fn commit(caller: &Contract, job: U256, commitment: B256) -> u64 {
    caller.send(&ICompute::commitCall { job, commitment }, U256::ZERO).unwrap();
    let height = caller.view(&ICompute::jobCall { id: job }).unwrap().height.to::<u64>() + 2;
    until("the beacon is there", || caller.head().unwrap().number > height);
    height
}

fn open(caller: &Contract, job: U256, answer: &Answer) -> Result<JobState, String> {
    let Answer { roots, proof } = answer.clone();
    match caller.send(&ICompute::openCall { job, roots, proof }, U256::ZERO) {
        Ok(_) => Ok(caller.view(&ICompute::jobCall { id: job }).unwrap().state),
        Err(WorkerError::Refused(reason)) => Err(reason),
        Err(error) => panic!("{error}"),
    }
}

/// Draws workers for the slots of an order until all are taken; their jobs.
fn drawn(caller: &Contract, order: U256, results: u32) -> Vec<U256> {
    let slot = |slot| caller.view(&ICompute::slotCall { order_: order, slot_: slot }).unwrap();
    (0..results)
        .map(|index| {
            until("a worker is drawn", || {
                if slot(index).state == ICompute::SlotState::Taken {
                    return true;
                }
                // Too early is no failure here, nor a draw that found nobody.
                match caller.send(&ICompute::drawCall { order, slot: index }, U256::ZERO) {
                    Ok(_) | Err(WorkerError::Refused(_) | WorkerError::Reverted) => false,
                    Err(WorkerError::Client(ClientError::Rpc { .. })) => false,
                    Err(error) => panic!("{error}"),
                }
            });
            let call = ICompute::resultOfCall { order_: order, slot_: index };
            caller.view(&call).unwrap().job_
        })
        .collect()
}

/// One worker does a job as it should. Its answer is then sent for its next job, by another worker for
/// a job of that one, and once more for the job that it belongs to; each is refused or a failure.
#[test]
fn an_old_answer_and_anothers_are_refused() {
    let (directory, cpu) = (tempfile::tempdir().unwrap(), detect_cpu().unwrap());
    let (node, _observer) = chain(directory.path());
    let buyer = contract(&node, 9);
    let mut first = Suspect::start(&node, 1, directory.path(), &cpu, None);
    until("the first is measured", || first.status().eligible);
    first.stop();
    let sizes = [20, 64, 17];
    let id = post(&buyer, order(sizes, 2, SAMPLES as u16, 600));
    let jobs = drawn(&first.contract, id, 2);

    let honest = computed(&buyer, id, jobs[0]);
    let commitment = keccak256(roots(&honest).concat());
    let height = commit(&first.contract, jobs[0], commitment);
    let answer = Answer::of(&honest, height, &first.contract);
    // The right proof, of roots that were not committed to, and by somebody else.
    let mut others = answer.clone();
    others.roots.reverse();
    let refused = open(&first.contract, jobs[0], &others).unwrap_err();
    assert!(refused.contains("not the roots"), "{refused}");
    let refused = open(&buyer, jobs[0], &answer).unwrap_err();
    assert!(refused.contains("only its operator"), "{refused}");
    assert_eq!(open(&first.contract, jobs[0], &answer), Ok(JobState::Verified));
    assert_eq!(first.status().due, U256::from(REWARD));
    // Once more for the same job: nobody is paid twice.
    let refused = open(&first.contract, jobs[0], &answer).unwrap_err();
    assert!(refused.contains("verified already"), "{refused}");
    assert_eq!(first.status().due, U256::from(REWARD));

    // Its own old answer for the next job of the same order: committed to, and then not what is drawn.
    let stake = first.status().stake;
    let height = commit(&first.contract, jobs[1], answer.commitment());
    assert_eq!(open(&first.contract, jobs[1], &answer), Ok(JobState::Failed));
    assert_eq!(first.status().stake, stake - stake / U256::from(20));
    // Nor would a proof of the same roots for the right beacon have been one.
    let call = ICompute::jobCall { id: jobs[1] };
    assert!(height > 0 && buyer.view(&call).unwrap().seed.0 != *honest.task().seed());

    // Another worker copies the first one's roots and proves them for its own beacon.
    let exit = ICompute::exitCall { worker: first.name };
    first.contract.send(&exit, U256::ZERO).unwrap();
    let mut second = Suspect::start(&node, 2, directory.path(), &cpu, None);
    until("the second is measured", || second.status().eligible);
    second.stop();
    let id = post(&buyer, order(sizes, 2, SAMPLES as u16, 600));
    let jobs = drawn(&second.contract, id, 2);
    let stake = second.status().stake;
    let height = commit(&second.contract, jobs[0], answer.commitment());
    let copied = Answer::of(&honest, height, &second.contract);
    assert_eq!(open(&second.contract, jobs[0], &copied), Ok(JobState::Failed));
    assert_eq!(second.status().stake, stake - stake / U256::from(20));
    assert_eq!(second.status().due, U256::ZERO);
    // And its own answer, right and committed to, but opened for the beacon of another block.
    let own = computed(&buyer, id, jobs[1]);
    let height = commit(&second.contract, jobs[1], keccak256(roots(&own).concat()));
    let early = Answer::of(&own, height - 1, &second.contract);
    assert_eq!(open(&second.contract, jobs[1], &early), Ok(JobState::Failed));
}
