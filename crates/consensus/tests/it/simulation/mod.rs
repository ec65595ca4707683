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
use world::World;

/// Seeds of an ordinary run of the tests.
const SEEDS: u64 = 200;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a seed variable is a number"))
}

fn run(seed: u64, trace: bool) -> world::Summary {
    World::new(Scenario::from_seed(seed), trace).run()
}

#[test]
fn networks_agree_and_go_on() {
    if let Some(seed) = from_environment("MFENX_SIM_SEED") {
        println!("{:?}", run(seed, true));
        return;
    }
    let seeds = from_environment("MFENX_SIM_SEEDS").unwrap_or(SEEDS);
    let mut total = world::Summary::default();
    for seed in 0..seeds {
        match std::panic::catch_unwind(|| run(seed, false)) {
            Ok(summary) => total.add(&summary),
            Err(cause) => {
                println!("repeat with MFENX_SIM_SEED={seed}: {:?}", Scenario::from_seed(seed));
                std::panic::resume_unwind(cause);
            }
        }
        if seed % 1000 == 999 {
            println!("{} seeds: {total:?}", seed + 1);
        }
    }
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
