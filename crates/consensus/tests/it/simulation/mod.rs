//! Networks of production machines on a virtual clock and a virtual network.
//!
//! A seed decides everything: size, powers, quorum rule, who lies, what is lost, delayed, doubled,
//! reordered and partitioned, who crashes when and how much of its log's tail is torn off. Nodes talk
//! in encoded messages. What is checked, at every event:
//!
//! - no two blocks are decided at a height, and every decision has a certificate that verifies;
//! - no honest node ever signs two messages for one height, round and kind, over restarts;
//! - no honest node votes against its lock without a later polka, or precommits without a polka;
//! - nothing an honest node sends is held against it, and nobody honest is accused;
//! - after the network heals, every honest node goes on deciding.
//!
//! `MFENX_SIM_SEED=N` replays one seed with a trace, `MFENX_SIM_SEEDS=N` runs N seeds.

mod application;
mod checks;
mod liar;
mod network;
mod node;
mod scenario;
mod world;

use scenario::Scenario;
use std::{
    num::NonZero,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};
use world::World;

/// Seeds of an ordinary run of the tests.
const SEEDS: u64 = 200;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a seed variable is a number"))
}

fn run(seed: u64, trace: bool) -> world::Summary {
    World::new(Scenario::from_seed(seed), trace).run()
}

/// Runs the seeds below `seeds` on every core: each run is a function of its seed.
fn run_all(seeds: u64) -> world::Summary {
    let next = AtomicU64::new(0);
    let work = || {
        let mut total = world::Summary::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return total;
            }
            match std::panic::catch_unwind(|| run(seed, false)) {
                Ok(summary) => total.add(&summary),
                Err(cause) => {
                    println!("repeat with MFENX_SIM_SEED={seed}: {:?}", Scenario::from_seed(seed));
                    // The others need not go on.
                    next.store(seeds, Ordering::Relaxed);
                    std::panic::resume_unwind(cause);
                }
            }
            if seed % 1000 == 999 {
                println!("seed {seed}");
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let mut total = world::Summary::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(summary) => total.add(&summary),
                Err(cause) => std::panic::resume_unwind(cause),
            }
        }
    });
    total
}

#[test]
fn networks_agree_and_go_on() {
    if let Some(seed) = from_environment("MFENX_SIM_SEED") {
        println!("{:?}", run(seed, true));
        return;
    }
    let seeds = from_environment("MFENX_SIM_SEEDS").unwrap_or(SEEDS);
    let total = run_all(seeds);
    println!("{seeds} seeds: {total:?}");
    // A simulation in which nothing goes wrong tests nothing.
    if seeds >= SEEDS {
        assert!(total.later_rounds > 0 && total.crashes > 0 && total.torn_records > 0);
        assert!(total.accused > 0 && total.carried_over > 0 && total.synced > 0);
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [3, 17] {
        assert_eq!(run(seed, false), run(seed, false), "seed {seed}");
    }
}

/// The checks are worth something only if they see what they are there for.
#[test]
fn a_liar_forks_a_majority_and_the_checks_see_it() {
    let forked = (0..60).find(|seed| {
        let run = || World::new(Scenario::hopeless(*seed), false).run();
        let cause = std::panic::catch_unwind(run).err();
        let words = cause.as_ref().and_then(|cause| cause.downcast_ref::<String>());
        words.is_some_and(|words| words.contains("two blocks decided"))
    });
    println!("seed {forked:?} forked");
    assert!(forked.is_some(), "one liar of three never forked a majority");
}
