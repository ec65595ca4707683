use super::*;
use crate::interface::ICompute::{Device, Terms as Asked};

const JULIAN: u128 = 1_000_000_000_000_000_000;

/// What the development chain counts, and time enough for an opening.
fn terms() -> Terms {
    let market = Market { base: 10_000, price: 1, perRound: 10_000, perEntry: 400, perByte: 150 };
    Terms { market, open_blocks: 4_096 }
}

/// An order of 161 * 10^9 units of work.
fn order() -> Order {
    Order {
        buyer: Address::ZERO,
        m: 4_096,
        k: 4_096,
        p: 4_096,
        rounds: 2,
        samples: 64,
        minClass: 0,
        minReputation: 0,
        commitSeconds: 600,
        results: 1,
        reward: JULIAN / 10,
        height: 0,
    }
}

/// A worker with 10^9 multiply-adds a second and the least stake of that chain.
fn worker() -> Worker {
    Worker {
        stake: 10 * JULIAN,
        rate: 1_000_000_000,
        class: 1,
        terms: Asked { capacity: 4, base: 0, price: 0 },
        device: Device::default(),
        ..Worker::default()
    }
}

#[test]
fn who_fits_is_who_the_contract_would_draw() {
    let is = |change: &dyn Fn(&mut Worker, &mut Order)| {
        let (mut worker, mut order) = (worker(), order());
        change(&mut worker, &mut order);
        fits(&worker, &order, &terms())
    };
    assert_eq!(work_of(&order(), &terms().market), 160_927_075_872);
    assert!(is(&|_, _| ()));
    assert!(!is(&|_, order| order.minClass = 2));
    assert!(!is(&|_, order| order.minReputation = u32::MAX));
    assert!(
        !is(&|worker, _| worker.stake = 2 * JULIAN - 1)
            && is(&|worker, _| worker.stake = 2 * JULIAN)
    );
    // Twice the work in 580 seconds: a benchmark of class 0 takes a block's time and shows far less.
    assert!(
        !is(&|worker, _| worker.rate = 554_920_951) && is(&|worker, _| worker.rate = 554_920_952)
    );
    // What it has to do now keeps it from a result, and does not make it one that never fits.
    assert!(is(&|worker, _| worker.load = 300_000_000_000));
    let has_time = |load| super::has_time(&worker(), &order(), &terms().market, load);
    assert!(has_time(129_000_000_000) && !has_time(130_000_000_000));
    assert!(!is(&|_, order| order.commitSeconds = 30));
    // Half of the blocks for what is opened: both rounds, or as many as there are samples.
    let opening = |open_blocks, samples| {
        fits(&worker(), &Order { samples, ..order() }, &Terms { open_blocks, ..terms() })
    };
    assert!(opening(322, 64) && !opening(321, 64) && opening(161, 1) && !opening(160, 1));
    let asking =
        |base, price| is(&move |worker, _| (worker.terms.base, worker.terms.price) = (base, price));
    assert!(asking(100_000_000, 0) && !asking(100_000_001, 0));
    assert!(asking(0, 600_000_000) && !asking(0, 700_000_000) && !asking(u64::MAX, u64::MAX));
}

#[test]
fn draws_in_vain_are_for_whoever_may_be_drawn_next() {
    let (ours, others) = (U256::from(1), U256::from(2));
    let word = |number: u8| Some(Bytes::from(U256::from(number).to_be_bytes::<32>()));
    let open: Vec<_> = [ours, others, ours, ours, ours, ours].into_iter().zip(0..).collect();
    // One is drawn, one refused, and nobody said anything of the last.
    let answers = [word(1), word(0), word(0), None, word(0)];
    let advise = |free: usize| {
        let wants = |order, drawn| Ok((order == ours).then(|| free.saturating_sub(drawn)));
        advice(&open, &answers, wants).unwrap()
    };
    use Advice::{Draw, LeaveOut, Soon, Wait};
    assert_eq!(advise(0), [Draw, LeaveOut, Soon, Wait, Soon, Wait]);
    // No more than it could take.
    assert_eq!(advise(2), [Draw, LeaveOut, Draw, Wait, Soon, Wait]);
    assert_eq!(advise(9), [Draw, LeaveOut, Draw, Wait, Draw, Wait]);
    let fails = advice(&open, &answers, |_, _| Err(WorkerError::Reverted));
    assert!(fails.is_err());
}
