//! Seals of a store, verified anew.

use super::support::{Node, directory, open_chain, spec_of_epochs};
use crate::{Chain, SealReport, chain::head_of, check_seals};
use mfenx_consensus::{Decision, Signature};
use mfenx_primitives::Quorum;
use tokio::time::{Duration, sleep};

/// Copies a chain with the seals that `seal` makes of its own.
fn copied(from: &Chain, to: &Chain, mut seal: impl FnMut(u64, Vec<u8>) -> Option<Vec<u8>>) {
    let theirs = from.store().reader().unwrap();
    for number in 1..=theirs.head().unwrap().number {
        let block = theirs.block(number).unwrap().unwrap();
        let reader = to.store().reader().unwrap();
        let parent = head_of(&reader).unwrap();
        let (executed, outcome) = to.check_and_execute(&reader, &parent, &block).unwrap();
        drop(reader);
        let seal = seal(number, theirs.certificate(number).unwrap().unwrap());
        to.commit(block, executed, &outcome, seal.as_deref()).unwrap();
    }
}

fn checked(chain: &Chain) -> SealReport {
    check_seals(&chain.store().reader().unwrap(), chain.spec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_seal_of_a_store_is_verified() {
    let spec = spec_of_epochs(1, Quorum::Bft, 50, 4);
    let [ours, same, wrong] = [directory(), directory(), directory()];
    let node = Node::start(ours.path(), &spec, Some(0), &[]);
    // Into the third epoch.
    while node.chain.head().unwrap().number < 9 {
        sleep(Duration::from_millis(20)).await;
    }
    node.stop().await;
    let chain = open_chain(ours.path(), &spec);
    let head = chain.head().unwrap().number;
    let sound = SealReport { sealed: head, ..SealReport::default() };
    assert_eq!(checked(&chain), sound);

    let copy = open_chain(same.path(), &spec);
    copied(&chain, &copy, |_, seal| Some(seal));
    assert_eq!(checked(&copy), sound);

    let copy = open_chain(wrong.path(), &spec);
    copied(&chain, &copy, |number, seal| {
        let mut decision = Decision::decode(&seal).unwrap();
        match number {
            // Not its signature; not its round; not its block.
            3 => decision.certificate.signatures[0].1 = Signature([7; 64]),
            5 => decision.certificate.round += 1,
            6 => decision.certificate.block_hash.0[0] ^= 1,
            // No seal, and so the seed of the next block follows from nothing.
            8 => return None,
            _ => {}
        }
        Some(decision.encode())
    });
    let report = checked(&copy);
    assert_eq!((report.sealed, report.plain, report.fault_count), (head - 1, 1, 4), "{report:?}");
    let told = [(3, "signature"), (5, "certificate"), (6, "another block"), (9, "seed")];
    for (fault, (number, word)) in report.faults.iter().zip(told) {
        assert!(fault.starts_with(&format!("seal of block {number}: ")), "{fault}");
        assert!(fault.contains(word), "{fault}");
    }
}
