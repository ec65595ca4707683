//! `bench compute`: verification, the CPU backend, and the stages of a round.

use clap::Args;
use eyre::{Result, eyre};
use mfenx_compute::{
    Backend as _, CpuBackend, Prover, Stages, Task, positions, proof_bytes, unwatched, verify,
};
use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

/// Sizes of the benchmark.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Runs of each figure; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

/// Entries that a standard proof opens.
const SAMPLES: u32 = 64;

/// What AVX2 multiplies in a cycle where it starts two byte products of 32 a cycle.
const AVX2_A_CYCLE: f64 = 64.0;

pub(crate) fn run(options: &Options) -> Result<()> {
    let runs = options.runs.max(1);
    println!("verification on one core, {SAMPLES} samples");
    println!("{:>7} {:>9} {:>12} {:>24}", "k", "ms", "proof bytes", "bytes at m = p = 32,768");
    for k in [1_024, 2_048, 4_096, 8_192, 16_384, 32_768] {
        verification(runs, k)?;
    }
    kernels(runs)?;
    rounds(runs)?;
    stages(runs)
}

/// A proof of a 1,024 x k x 1,024 round.
fn verification(runs: usize, k: u32) -> Result<()> {
    let backend = CpuBackend::new(NonZeroUsize::MIN)?;
    let mut prover = Prover::new(Task::new([1; 32], 1_024, k, 1_024, 1)?);
    prover.run(&backend, &unwatched)?;
    let beacon = [3; 32];
    let proof = prover.open(&backend, &beacon, SAMPLES, &unwatched)?;
    verify(prover.task(), prover.roots(), &beacon, SAMPLES, &proof)?;
    let times = 20;
    let time = median(runs, || {
        for _ in 0..times {
            let verdict = verify(prover.task(), prover.roots(), &beacon, SAMPLES, &proof);
            assert!(verdict.is_ok(), "the proof holds");
        }
    });
    // The length follows from the positions, and those from roots that may be any.
    let largest = Task::new([1; 32], 32_768, k, 32_768, 1)?;
    let bytes = proof_bytes(&largest, &positions(&largest, prover.roots(), &beacon, SAMPLES)?);
    let milliseconds = time.as_secs_f64() * 1e3 / f64::from(times);
    println!("{k:>7} {milliseconds:>9.3} {:>12} {bytes:>24}", proof.len());
    Ok(())
}

/// The product alone, in the nearest cache, against a plain loop and what the clock allows.
fn kernels(runs: usize) -> Result<()> {
    let clock = clock(runs);
    let limit = 2.0 * AVX2_A_CYCLE * clock;
    println!(
        "\nkernels on one core; the clock runs at {clock:.2} GHz: {limit:.0} GOPS are AVX2's limit"
    );
    let round = Task::new([1; 32], 16, 1_024, 16, 1)?.round([2; 32]);
    let mut plain = None;
    for (name, stages) in Stages::all(&round) {
        let plain = *plain.get_or_insert_with(|| {
            let times = 20_000;
            gops(u64::from(times) * 1_024, median(runs, || stages.multiply_plainly(times)))
        });
        let times = 4_000;
        let rate = gops(
            u64::from(times) * round.multiply_adds(),
            median(runs, || stages.multiply_near(times)),
        );
        println!(
            "{name:<14} {rate:>7.1} GOPS, {:>5.1} times the plain loop's {plain:.1}, {:.2} of the limit",
            rate / plain,
            rate / limit
        );
    }
    Ok(())
}

/// Whole rounds: expansion, product and commitment.
fn rounds(runs: usize) -> Result<()> {
    println!("\nwhole rounds, GOPS");
    println!("{:>24} {:>9} {:>10}", "m x k x p", "one core", "two cores");
    for (m, k, p) in [
        (1_024, 1_024, 1_024),
        (2_048, 2_048, 2_048),
        (4_096, 4_096, 4_096),
        (1_024, 32_768, 1_024),
    ] {
        let round = Task::new([1; 32], m, k, p, 1)?.round([2; 32]);
        let mut rates = Vec::new();
        for threads in [1, 2] {
            let threads = NonZeroUsize::new(threads).ok_or_else(|| eyre!("no threads"))?;
            let backend = CpuBackend::new(threads)?;
            let time = median(runs, || {
                let _ = std::hint::black_box(backend.row_roots(&round, &unwatched));
            });
            rates.push(format!("{:.0}", gops(round.multiply_adds(), time)));
        }
        println!("{:>24} {:>9} {:>10}", format!("{m} x {k} x {p}"), rates[0], rates[1]);
    }
    Ok(())
}

/// Where a round's time goes, on one core.
fn stages(runs: usize) -> Result<()> {
    println!("\nstages on one core, ms");
    println!(
        "{:>24} {:<14} {:>10} {:>9} {:>11}",
        "m x k x p", "instructions", "expansion", "product", "commitment"
    );
    for (m, k, p) in [(1_024, 1_024, 1_024), (2_048, 2_048, 2_048), (1_024, 32_768, 1_024)] {
        let round = Task::new([1; 32], m, k, p, 1)?.round([2; 32]);
        for (name, stages) in
            Stages::all(&round).into_iter().filter(|(name, _)| *name != "portable")
        {
            let milliseconds =
                |stage: &dyn Fn(&Stages)| median(runs, || stage(&stages)).as_secs_f64() * 1e3;
            println!(
                "{:>24} {name:<14} {:>10.1} {:>9.1} {:>11.1}",
                format!("{m} x {k} x {p}"),
                milliseconds(&Stages::expand),
                milliseconds(&Stages::multiply),
                milliseconds(&Stages::commit),
            );
        }
    }
    Ok(())
}

/// GHz, from a chain of steps of four cycles each: a multiplication takes three, an addition one.
fn clock(runs: usize) -> f64 {
    let steps = 50_000_000_u64;
    let time = median(runs, || {
        let mut value = std::hint::black_box(3_u64);
        for step in 0..steps {
            value = value.wrapping_mul(value).wrapping_add(step);
        }
        std::hint::black_box(value);
    });
    4.0 * steps as f64 / time.as_secs_f64() / 1e9
}

/// Operations are twice the multiply-adds.
fn gops(multiply_adds: u64, time: Duration) -> f64 {
    2.0 * multiply_adds as f64 / time.as_secs_f64() / 1e9
}

fn median(runs: usize, mut job: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            job();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}
