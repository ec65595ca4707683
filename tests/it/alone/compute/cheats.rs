//! Those who would like to be paid for less.

use super::{
    books_balance, chain, contract, done, order, post,
    suspect::{Manner, Suspect},
    until,
};
use alloy_primitives::{Address, U256, keccak256};
use mfenx_worker::{Contract, Detected, ICompute, Subject, detect_cpu};

/// Results of the order that everybody works on.
const RESULTS: u32 = 24;
const SIZES: [u32; 3] = [20, 24, 17];
/// From the draw to the commitment: enough for a machine that took a benchmark's time many times over.
const COMMIT_SECONDS: u32 = 60;

/// Whoever leaves out a twentieth, a tenth or three tenths, sends an old answer or another's, does not
/// answer, or makes up its attestation, loses stake or place. Nobody honest does, and the buyer gets
/// every result.
#[test]
fn cheats_are_caught_and_buyers_served() {
    let (directory, cpu) = (tempfile::tempdir().unwrap(), detect_cpu().unwrap());
    let (node, _observer) = chain(directory.path());
    let buyer = contract(&node, 9);
    let start = |index, device: &Detected, other| {
        Suspect::start(&node, index, directory.path(), device, other)
    };
    // Whoever claims a driver that nobody has listed lacks its 20 points, however fast the card is.
    let made_up = Detected { driver: Some(keccak256("a driver of my own")), ..cpu.clone() };
    let made_up = start(4, &made_up, None);
    let replaying = start(1, &cpu, None);
    let copying = start(2, &cpu, Some(&replaying));
    let skipping = [6, 7, 8].map(|index| start(index, &cpu, None));
    let sleeping = start(3, &cpu, None);
    let failing: Vec<_> = skipping.iter().chain([&replaying, &copying]).collect();
    until("all are measured", || {
        failing.iter().all(|it| it.status().eligible) && sleeping.status().eligible
    });
    until("the one with a driver of its own is measured, too", || made_up.status().measured);
    assert!(!made_up.status().eligible && made_up.status().score < 60, "{}", made_up.status());

    // Whoever sends an old answer must have given one.
    let give = || post(&buyer, order(SIZES, 6, 64, COMMIT_SECONDS));
    give();
    until("there is an answer to send again", || {
        let is_ready = replaying.status().reputation > 0;
        let totals = buyer.view(&ICompute::totalsCall {}).unwrap();
        if !is_ready && totals.escrow.is_zero() {
            give();
        }
        is_ready
    });

    let manners = [
        Manner::SkippingOneOf20,
        Manner::SkippingOneOf10,
        Manner::SkippingThreeOf10,
        Manner::Replaying,
        Manner::Copying,
    ];
    let stake = replaying.status().stake;
    failing.iter().zip(manners).for_each(|(cheat, manner)| cheat.becomes(manner));
    sleeping.becomes(Manner::Sleeping);
    let id = post(&buyer, order(SIZES, RESULTS, 64, COMMIT_SECONDS));
    let banned = |it: &Suspect| buyer.view(&ICompute::isBannedCall { worker_: it.name }).unwrap();
    until("all who failed are banned, and one was late", || {
        failing.iter().all(|it| banned(it)) && was_late(&buyer, sleeping.name)
    });
    // Three strikes, a twentieth of the stake each.
    for (cheat, manner) in failing.iter().zip(manners) {
        let status = cheat.status();
        assert!(!status.eligible, "{manner:?}: {status}");
        let lost = (0..3).fold(stake, |left, _| left - left / U256::from(20));
        assert!(status.stake <= lost, "{manner:?}: {} of {stake} is left", status.stake);
        let banned = &status.record.banned;
        assert_eq!(banned[..], [Subject::Key, Subject::Operator], "{manner:?}: {status}");
        assert!(status.to_string().contains("\nBANNED for good, its key and its operator"));
    }
    assert!(!banned(&sleeping), "who is late is no cheat");
    assert_eq!(sleeping.status().stake, stake, "and loses no stake");

    let honest = start(5, &cpu, None);
    until("everything is done", || done(&buyer, id, RESULTS, false) == RESULTS);
    assert_eq!(honest.status().stake, stake, "{}", honest.status());
    assert!(!banned(&honest) && honest.status().reputation > 0, "{}", honest.status());
    let (right, wrong) = rightness(&buyer, id);
    // Four of 64 rows left out pass 64 samples in one of sixty cases.
    assert!(wrong <= 4, "{wrong} wrong results were paid for, and {right} right ones");
    books_balance(&node.rpc(), &buyer);
}

/// Results of the order that are what the reference computes, and others.
fn rightness(buyer: &Contract, id: U256) -> (u32, u32) {
    let right = (0..RESULTS).filter(|slot| super::is_right(buyer, id, *slot)).count() as u32;
    (right, RESULTS - right)
}

/// Whether the contract took the worker out for an answer that did not come.
fn was_late(buyer: &Contract, worker: Address) -> bool {
    let it = buyer.view(&ICompute::workerCall { worker_: worker }).unwrap();
    it.class != 0 || it.place == 0 || !it.measured
}
